// Causal depthwise convolution along time with optional SiLU. An invocation takes one channel and block_tokens tokens, so
// each input is read once (the TAPS - 1 before the block twice) and the window moves through registers.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/exponential.glsl"

void main() {
    const uint channel = gl_GlobalInvocationID.x;
    if (channel >= arguments.channels) return;
    const uint first_row = gl_WorkGroupID.z * arguments.tokens;
    const uint start = gl_WorkGroupID.y * arguments.block_tokens;
    const uint end = min(start + arguments.block_tokens, arguments.tokens);
    const float bias = HAS_BIAS ? arguments.bias.at[channel] : 0.0;

    float weight[TAPS], window[TAPS]; // window[k] is x[t - TAPS + 1 + k]
    [[unroll]] for (uint k = 0; k < TAPS; k++) {
        weight[k] = arguments.weight.at[channel * TAPS + k];
        window[k] = 0.0;
        const uint before = TAPS - 1 - k;
        if (before > 0 && start >= before)
            window[k] = arguments.x.at[(first_row + start - before) * arguments.x_pitch + channel];
    }
    for (uint t = start; t < end; t++) {
        window[TAPS - 1] = arguments.x.at[(first_row + t) * arguments.x_pitch + channel];
        float sum = bias;
        [[unroll]] for (uint k = 0; k < TAPS; k++) sum += weight[k] * window[k];
        [[unroll]] for (uint k = 0; k + 1 < TAPS; k++) window[k] = window[k + 1];
        if (SILU) sum *= sigmoid(sum);
        arguments.y.at[(first_row + t) * arguments.channels + channel] = sum;
    }
}
