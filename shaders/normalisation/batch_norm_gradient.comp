// dx = factor * gamma * (dy - (dbeta + n * dgamma) / rows), n = (x - mean) * factor, from the finished sums; where the
// statistics are constants (no TRAINING) only factor * gamma * dy is left. RELU: dy counts where y > 0. dx may be dy or
// x.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint channel = gl_GlobalInvocationID.x;
    if (channel >= arguments.channels) return;
    const uint start = gl_WorkGroupID.y * arguments.block_rows;
    const uint end = min(start + arguments.block_rows, arguments.rows);
    const float mean = arguments.stats.at[channel], factor = arguments.stats.at[arguments.channels + channel];
    const float gamma = arguments.gamma.at[channel], rows = float(arguments.rows);
    const float dgamma = TRAINING ? arguments.dgamma.at[channel] / rows : 0.0;
    const float dbeta = TRAINING ? arguments.dbeta.at[channel] / rows : 0.0;
    for (uint row = start; row < end; row++) {
        const uint i = row * arguments.channels + channel;
        const float n = (arguments.x.at[i] - mean) * factor;
        float arrived = arguments.dy.at[i];
        if (RELU) {
            const float y = arguments.y.at[i];
            arrived = y > 0.0 ? arrived : 0.0;
        }
        arguments.dx.at[i] = factor * gamma * (arrived - dbeta - n * dgamma);
    }
}
