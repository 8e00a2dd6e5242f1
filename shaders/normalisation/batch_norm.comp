// y = (x - mean) * factor * gamma + beta with the statistics of each channel, optionally through ReLU. An invocation
// takes one channel and block_rows rows. y may be x.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint channel = gl_GlobalInvocationID.x;
    if (channel >= arguments.channels) return;
    const uint start = gl_WorkGroupID.y * arguments.block_rows;
    const uint end = min(start + arguments.block_rows, arguments.rows);
    const float mean = arguments.stats.at[channel];
    const float factor = arguments.stats.at[arguments.channels + channel] * arguments.gamma.at[channel];
    const float beta = arguments.beta.at[channel];
    for (uint row = start; row < end; row++) {
        const uint i = row * arguments.channels + channel;
        const float y = (arguments.x.at[i] - mean) * factor + beta;
        arguments.y.at[i] = RELU ? max(y, 0.0) : y;
    }
}
