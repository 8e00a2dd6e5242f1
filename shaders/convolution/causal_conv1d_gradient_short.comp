// The gradient of causal_conv1d_short.comp, by the same division of the work. dweight and dbias collect in the lane
// from sample to sample and go out once per workgroup, to be added by sum_partials.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/quad.glsl"
#include "convolution/causal_short.glsl"

void main() {
    const uint own = gl_GlobalInvocationID.x, channel_quads = arguments.channel_quads, samples = arguments.samples;
    const uint quad = min(own, channel_quads - 1);
    const uint dy_first = arguments.dy_first + quad, x_first = arguments.x_first + quad;
    const uint x_pitch = arguments.x_pitch, dx_pitch = arguments.dx_pitch;
    uint64_pointer8 dx_to = arguments.dx;
    vec4 weight[TAPS], bias, dweight[TAPS], dbias = vec4(0.0);
    LOAD_PARAMETERS(weight, bias, quad)
    [[unroll]] for (uint k = 0; k < TAPS; k++) dweight[k] = vec4(0.0);
    if (own >= channel_quads) return;
    [[dont_unroll]] for (uint item = gl_WorkGroupID.y; item < samples; item += gl_NumWorkGroups.y) {
        vec4 x[TOKENS], dx[TOKENS];
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            x[t] = texelFetch(x_texels, int(x_first + (item * TOKENS + t) * x_pitch));
            dx[t] = vec4(0.0);
        }
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            vec4 g = texelFetch(dy_texels, int(dy_first + (item * TOKENS + t) * channel_quads));
            if (SILU) {
                vec4 sum = bias;
                [[unroll]] for (uint k = 0; k < TAPS; k++)
                    if (t + k + 1 >= TAPS) sum += weight[k] * x[t + k + 1 - TAPS];
                const vec4 s = sigmoids(sum);
                g *= s * (1.0 + sum * (1.0 - s));
            }
            dbias += g;
            [[unroll]] for (uint k = 0; k < TAPS; k++) {
                if (t + k + 1 >= TAPS) {
                    dweight[k] += g * x[t + k + 1 - TAPS];
                    dx[t + k + 1 - TAPS] += g * weight[k];
                }
            }
        }
        [[unroll]] for (uint t = 0; t < TOKENS; t++) STORE_QUAD(dx_to, (item * TOKENS + t) * dx_pitch + quad, dx[t])
    }
    const uint first = 4 * (gl_WorkGroupID.y * channel_quads + quad);
    [[unroll]] for (uint i = 0; i < 4; i++) {
        [[unroll]] for (uint k = 0; k < TAPS; k++) arguments.dweight.at[(first + i) * TAPS + k] = dweight[k][i];
        if (HAS_BIAS) arguments.dbias.at[first + i] = dbias[i];
    }
}
