// The gradient of selective_scan_short.comp, by the same division of the work. The states of all tokens are computed
// again and stay in registers and on the stack, then lambda (the gradient of the state) runs backwards. dA, dD and
// dbias collect in the lane from sample to sample; dA rests in memory meanwhile when there are more than four states.
// dB and dC are sums over channels: of a lane's four in registers, of the workgroup's by a transposing tree, of all by
// sum_partials from db_dc, which holds first the dB and then the dC [workgroups along x, rows, states].
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/transposed_sum.glsl"
#include "scan/short.glsl"

const uint SUMS = 8 * TOKENS; // of dB and dC for four states

#define LOAD_QUAD(pointer, index)                                       \
    uintBitsToFloat(uvec4(unpackUint2x32(pointer.at[2 * (index)]),      \
                          unpackUint2x32(pointer.at[2 * (index) + 1])))

vec4 slopes_of(vec4 x) {
    return SOFTPLUS ? mix(sigmoids(x), vec4(1.0), greaterThan(x, vec4(20.0))) : vec4(1.0);
}

void main() {
    const uint own = gl_GlobalInvocationID.x, channel_quads = arguments.channel_quads, samples = arguments.samples;
    const bool inside = own < channel_quads;
    const uint quad = min(own, channel_quads - 1);
    const uint dy_first = arguments.dy_first + quad, u_first = arguments.u_first + quad;
    const uint delta_first = arguments.delta_first + quad, ungated_first = arguments.ungated_first + quad;
    const uint z_first = arguments.z_first + quad, z_pitch = arguments.z_pitch, dz_pitch = arguments.dz_pitch;
    const uint b_first = arguments.b_first, b_pitch = arguments.b_pitch;
    const uint c_first = arguments.c_first, c_pitch = arguments.c_pitch;
    const uint a_first = arguments.a_first + 4 * quad * QUADS;
    const uint da_first = 4 * (gl_WorkGroupID.y * channel_quads + quad) * QUADS;
    const uint rows = samples * TOKENS, kinds = gl_NumWorkGroups.x * rows * 4 * QUADS;
    uint64_pointer8 du_to = arguments.du, ddelta_to = arguments.ddelta, dz_to = arguments.dz, da_to = arguments.da;
    float_pointer4 sums_to = arguments.db_dc;
    vec4 bias = vec4(0.0), d = vec4(0.0);
    if (HAS_BIAS) bias = FLOATS(arguments.bias, quad);
    if (HAS_D) d = FLOATS(arguments.d, quad);

    vec4 dd = vec4(0.0), dbias = vec4(0.0), da[4];
    [[unroll]] for (uint k = 0; k < 4; k++) da[k] = vec4(0.0);
    [[dont_unroll]] for (uint item = gl_WorkGroupID.y; item < samples; item += gl_NumWorkGroups.y) {
        const uint first_row = item * TOKENS;
        vec4 steps[TOKENS], u[TOKENS], g[TOKENS], slopes[TOKENS], du[TOKENS], ddelta[TOKENS];
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            const uint row = first_row + t, element = row * channel_quads;
            const vec4 x = texelFetch(activation_texels, int(delta_first + element)) + bias;
            u[t] = texelFetch(activation_texels, int(u_first + element));
            g[t] = texelFetch(activation_texels, int(dy_first + element));
            if (HAS_Z) {
                const vec4 z = texelFetch(activation_texels, int(z_first + row * z_pitch));
                const vec4 ungated = texelFetch(activation_texels, int(ungated_first + element));
                const vec4 s = sigmoids(z);
                const vec4 dz = g[t] * ungated * s * (1.0 + z * (1.0 - s));
                if (inside) STORE_QUAD(dz_to, row * dz_pitch + quad, dz)
                g[t] *= z * s;
            }
            // Lanes past the last channel must add nothing to dB and dC.
            steps[t] = inside ? steps_of(x) : vec4(0.0);
            g[t] = inside ? g[t] : vec4(0.0);
            slopes[t] = slopes_of(x);
            if (HAS_D) dd += g[t] * u[t];
            du[t] = vec4(0.0);
            ddelta[t] = vec4(0.0);
        }

        [[dont_unroll]] for (uint q = 0; q < QUADS; q++) {
            vec4 b[TOKENS], c[TOKENS], db[TOKENS], dc[TOKENS];
            [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                const uint row = first_row + t;
                b[t] = texelFetch(activation_texels, int(b_first + row * b_pitch + q));
                c[t] = texelFetch(activation_texels, int(c_first + row * c_pitch + q));
                db[t] = vec4(0.0);
                dc[t] = vec4(0.0);
            }
            [[unroll]] for (uint k = 0; k < 4; k++) {
                const uint parameter = k * QUADS + q;
                const vec4 a = texelFetch(activation_texels, int(a_first + parameter));
                if (QUADS > 1) {
                    const vec4 before = LOAD_QUAD(da_to, da_first + parameter);
                    da[k] = item == gl_WorkGroupID.y ? vec4(0.0) : before;
                }
                // What the way back needs: exp(step a), exp(step a) h before the token.
                vec4 decays[TOKENS], decayed[TOKENS], h = vec4(0.0), lambda = vec4(0.0);
                [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                    decays[t] = t == 0 ? vec4(0.0) : decay(steps[t][k] * (LOG2_E * a));
                    decayed[t] = t == 0 ? vec4(0.0) : decays[t] * h;
                    h = decayed[t] + steps[t][k] * u[t][k] * b[t];
                    dc[t] += g[t][k] * h;
                }
                [[unroll]] for (uint reversed_t = 0; reversed_t < TOKENS; reversed_t++) {
                    const uint t = TOKENS - 1 - reversed_t;
                    lambda += g[t][k] * c[t];
                    db[t] += lambda * (steps[t][k] * u[t][k]);
                    const float sum_b = dot(lambda, b[t]);
                    du[t][k] += steps[t][k] * sum_b;
                    ddelta[t][k] += u[t][k] * sum_b;
                    if (t > 0) {
                        const vec4 slope = lambda * decayed[t];
                        ddelta[t][k] += dot(slope, a);
                        da[k] += slope * steps[t][k];
                        lambda *= decays[t];
                    }
                }
                if (QUADS > 1 && inside) STORE_QUAD(da_to, da_first + parameter, da[k])
            }
            [[unroll]] for (uint first = 0; first < SUMS; first += WORKGROUP) {
                float sums[WORKGROUP];
                [[unroll]] for (uint l = 0; l < WORKGROUP; l++) {
                    const uint i = first + l, t = min(i / 8, TOKENS - 1);
                    sums[l] = i >= SUMS ? 0.0 : i % 8 < 4 ? db[t][i % 4] : dc[t][i % 4];
                }
                const float sum = transposed_sum(sums);
                const uint i = first + gl_SubgroupInvocationID;
                const uint row = gl_WorkGroupID.x * rows + first_row + i / 8;
                if (i < SUMS) sums_to.at[(i % 8 < 4 ? 0 : kinds) + (row * QUADS + q) * 4 + i % 4] = sum;
            }
        }
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            const uint element = (first_row + t) * channel_quads + quad;
            ddelta[t] *= slopes[t];
            if (HAS_BIAS) dbias += ddelta[t];
            if (HAS_D) du[t] += d * g[t];
            if (inside) {
                STORE_QUAD(du_to, element, du[t])
                STORE_QUAD(ddelta_to, element, ddelta[t])
            }
        }
    }
    if (!inside) return;
    if (QUADS == 1) {
        [[unroll]] for (uint k = 0; k < 4; k++) STORE_QUAD(da_to, da_first + k, da[k])
    }
    const uint place = gl_WorkGroupID.y * channel_quads + quad;
    if (HAS_D) STORE_QUAD(arguments.dd, place, dd)
    if (HAS_BIAS) STORE_QUAD(arguments.dbias, place, dbias)
}
