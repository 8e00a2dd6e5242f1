// Layer normalisation over the last axis. Per subgroup one row at a time, where the device can add across a subgroup
// (SUBGROUP), else one row per invocation; no shared memory, no barrier. The second pass, over rows that the cache still
// holds, corrects the mean by what the first one's rounding left, so that rows far from zero keep their digits.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "normalisation/rows.glsl"

void main() {
    const row_share share = share_rows();
    const float count = float(arguments.channels);
    for (uint row = share.row; row < arguments.rows; row += share.row_step) {
        const uint start = row * arguments.channels;
        float sum = 0.0;
        for (uint c = share.lane; c < arguments.channels; c += share.lanes) sum += arguments.x.at[start + c];
        const float rough = add_lanes(sum) / count;
        float shift = 0.0, squares = 0.0;
        for (uint c = share.lane; c < arguments.channels; c += share.lanes) {
            const float distance = arguments.x.at[start + c] - rough;
            shift += distance;
            squares += distance * distance;
        }
        shift = add_lanes(shift) / count;
        const float mean = rough + shift;
        const float variance = max(add_lanes(squares) / count - shift * shift, 0.0);
        const float factor = 1.0 / sqrt(variance + arguments.epsilon);
        for (uint c = share.lane; c < arguments.channels; c += share.lanes)
            arguments.y.at[start + c] =
                (arguments.x.at[start + c] - mean) * factor * arguments.gamma.at[c] + arguments.beta.at[c];
        if (share.lane == 0) {
            arguments.stats.at[2 * row] = mean;
            arguments.stats.at[2 * row + 1] = factor;
        }
    }
}
