// Causal depthwise convolution of many short sequences, for software drivers (common/quad.glsl): a lane is four
// neighbouring channels, which it reads and writes as texels and 64-bit words, all tokens of a sample in straight-line
// code, one sample after another. Pitches (in quads), channels and addresses are multiples of four floats.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/quad.glsl"
#include "convolution/causal_short.glsl"

void main() {
    const uint own = gl_GlobalInvocationID.x, channel_quads = arguments.channel_quads, samples = arguments.samples;
    const uint quad = min(own, channel_quads - 1);
    const uint x_first = arguments.x_first + quad, x_pitch = arguments.x_pitch;
    uint64_pointer8 y_to = arguments.y;
    vec4 weight[TAPS], bias;
    LOAD_PARAMETERS(weight, bias, quad)
    if (own >= channel_quads) return;
    [[dont_unroll]] for (uint item = gl_WorkGroupID.y; item < samples; item += gl_NumWorkGroups.y) {
        vec4 x[TOKENS];
        [[unroll]] for (uint t = 0; t < TOKENS; t++)
            x[t] = texelFetch(x_texels, int(x_first + (item * TOKENS + t) * x_pitch));
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            vec4 sum = bias;
            [[unroll]] for (uint k = 0; k < TAPS; k++)
                if (t + k + 1 >= TAPS) sum += weight[k] * x[t + k + 1 - TAPS];
            if (SILU) sum *= sigmoids(sum);
            STORE_QUAD(y_to, (item * TOKENS + t) * channel_quads + quad, sum)
        }
    }
}
