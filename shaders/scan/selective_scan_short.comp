// The selective scan of many short sequences with few states, for software drivers (common/quad.glsl): a lane is four
// neighbouring channels of one sample, which it reads and writes as texels and 64-bit words; B and C of a token are
// the same texel in every lane. Four states of a channel are taken at a time, through all tokens in straight-line
// code, so that they stay in registers and a loop over tokens has nothing to blend with its mask. A workgroup (one
// subgroup) takes one sample after another. Sizes, pitches (in quads) and addresses are multiples of four floats.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "scan/short.glsl"

void main() {
    const uint own = gl_GlobalInvocationID.x, channel_quads = arguments.channel_quads, samples = arguments.samples;
    const bool inside = own < channel_quads;
    const uint quad = min(own, channel_quads - 1);
    const uint u_first = arguments.u_first + quad, delta_first = arguments.delta_first + quad;
    const uint z_first = arguments.z_first + quad, z_pitch = arguments.z_pitch;
    const uint b_first = arguments.b_first, b_pitch = arguments.b_pitch;
    const uint c_first = arguments.c_first, c_pitch = arguments.c_pitch;
    const uint a_first = arguments.a_first + 4 * quad * QUADS;
    uint64_pointer8 y_to = arguments.y, ungated_to = arguments.ungated;
    vec4 bias = vec4(0.0), d = vec4(0.0);
    if (HAS_BIAS) bias = FLOATS(arguments.bias, quad);
    if (HAS_D) d = FLOATS(arguments.d, quad);

    [[dont_unroll]] for (uint item = gl_WorkGroupID.y; item < samples; item += gl_NumWorkGroups.y) {
        const uint first_row = item * TOKENS;
        vec4 steps[TOKENS], u[TOKENS], y[TOKENS];
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            const uint element = (first_row + t) * channel_quads;
            u[t] = texelFetch(activation_texels, int(u_first + element));
            steps[t] = steps_of(texelFetch(activation_texels, int(delta_first + element)) + bias);
            y[t] = HAS_D ? d * u[t] : vec4(0.0);
        }
        [[dont_unroll]] for (uint q = 0; q < QUADS; q++) {
            vec4 a[4], h[4]; // of the four channels
            [[unroll]] for (uint k = 0; k < 4; k++) {
                a[k] = LOG2_E * texelFetch(activation_texels, int(a_first + k * QUADS + q));
                h[k] = vec4(0.0);
            }
            [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                const uint row = first_row + t;
                const vec4 b = texelFetch(activation_texels, int(b_first + row * b_pitch + q));
                const vec4 c = texelFetch(activation_texels, int(c_first + row * c_pitch + q));
                [[unroll]] for (uint k = 0; k < 4; k++) {
                    const float increment = steps[t][k] * u[t][k];
                    h[k] = t == 0 ? increment * b : decay(steps[t][k] * a[k]) * h[k] + increment * b;
                    y[t][k] += dot(c, h[k]);
                }
            }
        }
        if (inside) {
            [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                const uint element = (first_row + t) * channel_quads + quad;
                if (SAVE_UNGATED) STORE_QUAD(ungated_to, element, y[t])
                if (HAS_Z) {
                    const vec4 z = texelFetch(activation_texels, int(z_first + (first_row + t) * z_pitch));
                    y[t] *= z * sigmoids(z);
                }
                STORE_QUAD(y_to, element, y[t])
            }
        }
    }
}
