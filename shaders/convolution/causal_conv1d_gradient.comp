// Gradient of the causal depthwise convolution. An invocation takes one channel and block_tokens tokens, walks them
// forwards with the inputs in a window and computes the argument of the activation again. The gradient with respect to
// that argument touches the TAPS last inputs: `later` collects their dx, which is complete when it leaves the window.
// The TAPS - 1 tokens after the block are walked as well, for their share in the block's dx, but not counted in dweight
// and dbias, which go out per block, to be added by sum_partials.
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

    float weight[TAPS], window[TAPS], later[TAPS], dweight[TAPS];
    float dbias = 0.0;
    [[unroll]] for (uint k = 0; k < TAPS; k++) {
        weight[k] = arguments.weight.at[channel * TAPS + k];
        dweight[k] = 0.0;
        later[k] = 0.0;
        window[k] = 0.0;
        const uint before = TAPS - 1 - k;
        if (before > 0 && start >= before)
            window[k] = arguments.x.at[(first_row + start - before) * arguments.x_pitch + channel];
    }
    for (uint t = start; t < end + TAPS - 1; t++) {
        float g = 0.0;
        if (t < arguments.tokens) {
            window[TAPS - 1] = arguments.x.at[(first_row + t) * arguments.x_pitch + channel];
            g = arguments.dy.at[(first_row + t) * arguments.channels + channel];
            if (SILU) {
                float sum = bias;
                [[unroll]] for (uint k = 0; k < TAPS; k++) sum += weight[k] * window[k];
                const float s = sigmoid(sum);
                g *= s * (1.0 + sum * (1.0 - s));
            }
        }
        if (t < end) {
            dbias += g;
            [[unroll]] for (uint k = 0; k < TAPS; k++) dweight[k] += g * window[k];
        }
        [[unroll]] for (uint k = 0; k < TAPS; k++) later[k] += weight[k] * g;
        if (t >= start + TAPS - 1)
            arguments.dx.at[(first_row + t - (TAPS - 1)) * arguments.dx_pitch + channel] = later[0];
        [[unroll]] for (uint k = 0; k + 1 < TAPS; k++) {
            window[k] = window[k + 1];
            later[k] = later[k + 1];
        }
        later[TAPS - 1] = 0.0;
    }
    const uint block = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;
    [[unroll]] for (uint k = 0; k < TAPS; k++)
        arguments.dweight.at[(block * arguments.channels + channel) * TAPS + k] = dweight[k];
    if (HAS_BIAS) arguments.dbias.at[block * arguments.channels + channel] = dbias;
}
