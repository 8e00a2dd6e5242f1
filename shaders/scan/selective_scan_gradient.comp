// The gradient of the selective scan for any device: shared memory and barriers, no subgroup operations.
//
// A workgroup takes a group of channels of one sample after another, a channel at a time; an invocation holds STATES
// states, so that dB and dC, sums over channels, collect in its registers. Chunks of TOKENS go backwards: the states
// inside a chunk are computed again from those saved at its start, then lambda (the gradient of the state) runs through
// it in reverse. All of a chunk is unrolled: an array indexed by anything else is no register but memory, or a chain of
// comparisons; tokens past the end have step = g = 0 and change nothing. Only du and ddelta need sums over states, through `sums`. Between chunks a channel's lambda rests in
// `carry`, and its share of dA in `da`, which also sums over the samples, so that a dispatch may take any range of
// chunks, the last ones first. dB and dC go out once per group of channels, to be added by sum_partials.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/exponential.glsl"

const uint SUM_PITCH = WORKGROUP + 1;
shared float step_tile[TOKENS];
shared float u_tile[TOKENS];
shared float g_tile[TOKENS];
shared float sums[2 * TOKENS * SUM_PITCH];

void main() {
    const uint self = gl_LocalInvocationID.x;
    const uint n_count = arguments.states_count;
    const uint first_channel = gl_WorkGroupID.x * arguments.group_channels;
    const uint last_channel = min(first_channel + arguments.group_channels, arguments.channels);
    const uint chunks = (arguments.tokens + TOKENS - 1) / TOKENS;

    for (uint item = gl_WorkGroupID.y; item < arguments.samples; item += gl_NumWorkGroups.y) {
        const uint first_row = item * arguments.tokens;
        for (uint chunk = arguments.end_chunk; chunk-- > arguments.first_chunk;) {
            const uint start = chunk * TOKENS;
            const uint tokens = min(TOKENS, arguments.tokens - start);
            const bool last = chunk == chunks - 1;
            const bool fresh = last && item == gl_WorkGroupID.y; // nothing of dA has been summed yet
            float db[TOKENS * STATES], dc[TOKENS * STATES];
            [[unroll]] for (uint i = 0; i < TOKENS * STATES; i++) {
                db[i] = 0.0;
                dc[i] = 0.0;
            }

            for (uint channel = first_channel; channel < last_channel; channel++) {
                barrier();
                for (uint t = self; t < TOKENS; t += WORKGROUP) {
                    float step = 0.0, u = 0.0, g = 0.0;
                    if (t < tokens) {
                        const uint row = first_row + start + t;
                        const uint element = row * arguments.channels + channel;
                        step = arguments.delta.at[element];
                        if (HAS_BIAS) step += arguments.bias.at[channel];
                        if (SOFTPLUS) step = softplus(step);
                        u = arguments.u.at[element];
                        g = arguments.dy.at[element];
                        if (HAS_Z) {
                            const float z = arguments.z.at[row * arguments.z_pitch + channel];
                            const float s = sigmoid(z);
                            arguments.dz.at[row * arguments.dz_pitch + channel] =
                                g * arguments.ungated.at[element] * s * (1.0 + z * (1.0 - s));
                            g *= z * s;
                        }
                    }
                    step_tile[t] = step;
                    u_tile[t] = u;
                    g_tile[t] = g;
                }
                barrier();

                const uint parameter = channel * n_count;
                const uint carried = (item * arguments.channels + channel) * n_count;
                const uint summed = (gl_WorkGroupID.y * arguments.channels + channel) * n_count;
                const uint saved = ((item * (chunks - 1) + chunk - 1) * arguments.channels + channel) * n_count;
                float a[STATES], h[STATES], lambda[STATES], da[STATES];
                [[unroll]] for (uint k = 0; k < STATES; k++) {
                    const uint n = k * WORKGROUP + self;
                    const bool inside = n < n_count;
                    a[k] = inside ? arguments.a.at[parameter + n] : 0.0;
                    h[k] = inside && chunk > 0 ? arguments.states.at[saved + n] : 0.0;
                    lambda[k] = inside && !last ? arguments.carry.at[carried + n] : 0.0;
                    da[k] = inside && !fresh ? arguments.da.at[summed + n] : 0.0;
                }
                // What the way back needs: exp(step a), and exp(step a) h before the token.
                float decays[TOKENS * STATES], decayed[TOKENS * STATES];
                [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                    const float step = step_tile[t];
                    const float increment = step * u_tile[t];
                    const uint row = first_row + start + min(t, tokens - 1);
                    [[unroll]] for (uint k = 0; k < STATES; k++) {
                        const uint n = k * WORKGROUP + self;
                        const float power = LOG2_E * a[k] * step;
                        const float decay = SOFTPLUS ? exponential2_of_negative(power) : exponential2(power);
                        const float b = arguments.b.at[row * arguments.b_pitch + min(n, n_count - 1)];
                        decays[t * STATES + k] = decay;
                        decayed[t * STATES + k] = decay * h[k];
                        h[k] = decay * h[k] + increment * b;
                    }
                }
                [[unroll]] for (uint reversed = 0; reversed < TOKENS; reversed++) {
                    const uint t = TOKENS - 1 - reversed;
                    const float step = step_tile[t];
                    const float increment = step * u_tile[t];
                    const float g = g_tile[t];
                    const uint row = first_row + start + min(t, tokens - 1);
                    float sum_b = 0.0, sum_a = 0.0;
                    [[unroll]] for (uint k = 0; k < STATES; k++) {
                        const uint n = k * WORKGROUP + self;
                        const uint i = t * STATES + k;
                        // A state that is not there has lambda 0, so that it counts nowhere.
                        const float b = arguments.b.at[row * arguments.b_pitch + min(n, n_count - 1)];
                        float c = arguments.c.at[row * arguments.c_pitch + min(n, n_count - 1)];
                        c = n < n_count ? c : 0.0;
                        lambda[k] += g * c;
                        dc[i] += g * (decayed[i] + increment * b);
                        db[i] += lambda[k] * increment;
                        const float slope = lambda[k] * decayed[i];
                        sum_b += lambda[k] * b;
                        sum_a += slope * a[k];
                        da[k] += slope * step;
                        lambda[k] *= decays[i];
                    }
                    sums[(2 * t) * SUM_PITCH + self] = sum_b;
                    sums[(2 * t + 1) * SUM_PITCH + self] = sum_a;
                }
                [[unroll]] for (uint k = 0; k < STATES; k++) {
                    const uint n = k * WORKGROUP + self;
                    if (n < n_count) {
                        if (chunk > 0) arguments.carry.at[carried + n] = lambda[k];
                        arguments.da.at[summed + n] = da[k];
                    }
                }
                barrier();
                for (uint t = self; t < tokens; t += WORKGROUP) {
                    float sum_b = 0.0, sum_a = 0.0;
                    for (uint i = 0; i < WORKGROUP; i++) {
                        sum_b += sums[(2 * t) * SUM_PITCH + i];
                        sum_a += sums[(2 * t + 1) * SUM_PITCH + i];
                    }
                    const uint element = (first_row + start + t) * arguments.channels + channel;
                    const float u = u_tile[t];
                    float slope = u * sum_b + sum_a;
                    float x = arguments.delta.at[element];
                    if (HAS_BIAS) x += arguments.bias.at[channel];
                    if (SOFTPLUS && x <= 20.0) slope *= sigmoid(x);
                    arguments.ddelta.at[element] = slope;
                    float du = step_tile[t] * sum_b;
                    if (HAS_D) du += arguments.d.at[channel] * g_tile[t];
                    arguments.du.at[element] = du;
                }
            }
            [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                [[unroll]] for (uint k = 0; k < STATES; k++) {
                    const uint n = k * WORKGROUP + self;
                    if (n >= n_count || t >= tokens) continue;
                    const uint row = gl_WorkGroupID.x * arguments.rows + first_row + start + t;
                    arguments.db.at[row * arguments.db_pitch + n] = db[t * STATES + k];
                    arguments.dc.at[row * arguments.dc_pitch + n] = dc[t * STATES + k];
                }
            }
        }
    }
}
