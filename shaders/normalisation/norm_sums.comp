// First stage of dgamma = sum of dy n and dbeta = sum of dy over rows, n = (x - mean) * factor: an invocation takes one
// channel and block_rows rows; sum_partials adds the blocks. BATCH: mean and factor belong to channels, not rows.
// RELU: dy counts where y > 0 only.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint channel = gl_GlobalInvocationID.x;
    if (channel >= arguments.channels) return;
    const uint start = gl_WorkGroupID.y * arguments.block_rows;
    const uint end = min(start + arguments.block_rows, arguments.rows);
    float mean = 0.0, factor = 0.0;
    if (BATCH) {
        mean = arguments.stats.at[channel];
        factor = arguments.stats.at[arguments.channels + channel];
    }
    float dgamma = 0.0, dbeta = 0.0;
    for (uint row = start; row < end; row++) {
        const uint i = row * arguments.channels + channel;
        float arrived = arguments.dy.at[i];
        if (RELU) {
            const float y = arguments.y.at[i];
            arrived = y > 0.0 ? arrived : 0.0;
        }
        if (!BATCH) {
            mean = arguments.stats.at[2 * row];
            factor = arguments.stats.at[2 * row + 1];
        }
        dgamma += arrived * (arguments.x.at[i] - mean) * factor;
        dbeta += arrived;
    }
    const uint part = gl_WorkGroupID.y * arguments.channels + channel;
    arguments.dgamma.at[part] = dgamma;
    arguments.dbeta.at[part] = dbeta;
}
