// The gradient of layer normalisation with respect to its input. With n = (x - mean) * factor and g = dy * gamma:
// dx = addend + factor * (g - mean(g) - n * mean(g n)). Rows are shared out as in layer_norm.comp.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "normalisation/rows.glsl"

void main() {
    const row_share share = share_rows();
    const float count = float(arguments.channels);
    for (uint row = share.row; row < arguments.rows; row += share.row_step) {
        const uint start = row * arguments.channels;
        const float mean = arguments.stats.at[2 * row], factor = arguments.stats.at[2 * row + 1];
        float g_sum = 0.0, gn_sum = 0.0;
        for (uint c = share.lane; c < arguments.channels; c += share.lanes) {
            const float g = arguments.dy.at[start + c] * arguments.gamma.at[c];
            g_sum += g;
            gn_sum += g * (arguments.x.at[start + c] - mean) * factor;
        }
        const float g_mean = add_lanes(g_sum) / count;
        const float gn_mean = add_lanes(gn_sum) / count;
        for (uint c = share.lane; c < arguments.channels; c += share.lanes) {
            const float g = arguments.dy.at[start + c] * arguments.gamma.at[c];
            const float n = (arguments.x.at[start + c] - mean) * factor;
            float dx = factor * (g - g_mean - n * gn_mean);
            if (HAS_ADDEND) dx += arguments.addend.at[start + c];
            arguments.dx.at[start + c] = dx;
        }
    }
}
