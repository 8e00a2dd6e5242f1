// The gradient of the selective scan for devices with shuffles. On drivers that compute on a CPU a subgroup is a vector
// register and what counts is the number of gathers: a lane is a state (with PAIRS two neighbours, read as one 64-bit
// word). Compared with a lane per channel, dB and dC become plain additions, and only du and ddelta are sums over lanes:
// two for each token, done for a register's width of tokens at once by a transposing tree of constant shuffles. A GPU
// gains that it needs no shared memory, no barrier, and B and C but once.
//
// The scheme is that of selective_scan_gradient.comp: a workgroup (one subgroup) takes a group of channels of one sample
// after another and goes backwards through a range of chunks. All of a chunk is unrolled, so that what the way back needs
// lives in registers and on the stack; tokens past the end have step = g = 0 and change nothing. What belongs to tokens
// is read and written with a lane for each of them, with PAIRS two neighbouring channels at once. SINGLE: there is but
// one chunk.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/exponential.glsl"
#include "common/transposed_sum.glsl"

const uint PER_WORD = PAIRS == 1 ? 2 : 1;
const uint WORDS = (STATES_COUNT + WORKGROUP * PER_WORD - 1) / (WORKGROUP * PER_WORD);
const uint STATES = WORDS * PER_WORD; // of a lane
const bool FULL = STATES_COUNT % (WORKGROUP * PER_WORD) == 0;
const uint TOKEN_WORDS = (TOKENS + WORKGROUP - 1) / WORKGROUP; // registers with a token in each lane

// Word w of a lane covers the states from first_state(w); its elements are those at w * PER_WORD of the lane's arrays.
uint first_state(uint w) {
    return (w * WORKGROUP + gl_SubgroupInvocationID) * PER_WORD;
}
bool holds(uint w) {
    return FULL || first_state(w) < STATES_COUNT;
}
uint place(uint w) {
    return FULL ? first_state(w) : min(first_state(w), STATES_COUNT - PER_WORD);
}
#if PAIRS
#define LOAD(array, w, pointer, i)                                                             \
    {                                                                                          \
        const vec2 pair = uintBitsToFloat(unpackUint2x32(arguments.pointer.at[(i) / 2]));      \
        array[(w) * 2] = pair.x;                                                               \
        array[(w) * 2 + 1] = pair.y;                                                           \
    }
#define STORE(pointer, i, array, w) \
    arguments.pointer.at[(i) / 2] = packUint2x32(floatBitsToUint(vec2(array[(w) * 2], array[(w) * 2 + 1])))
#else
#define LOAD(array, w, pointer, i) array[w] = arguments.pointer.at[i];
#define STORE(pointer, i, array, w) arguments.pointer.at[i] = array[w]
#endif

// What a lane reads and writes of a token: one channel, or with PAIRS two.
#if PAIRS
const uint SIDES = 2;
#define TOKEN_VALUE vec2
#define READ_TOKEN(pointer, i) uintBitsToFloat(unpackUint2x32(arguments.pointer.at[(i) / 2]))
#define WRITE_TOKEN(pointer, i, value) arguments.pointer.at[(i) / 2] = packUint2x32(floatBitsToUint(value))
#define SIDE_OF(value, side) ((side) == 0 ? (value).x : (value).y)
#define SET_SIDE(value, side, part) value = (side) == 0 ? vec2(part, (value).y) : vec2((value).x, part)
TOKEN_VALUE sigmoids(TOKEN_VALUE x) { return vec2(sigmoid(x.x), sigmoid(x.y)); }
TOKEN_VALUE steps_of(TOKEN_VALUE x) { return SOFTPLUS ? vec2(softplus(x.x), softplus(x.y)) : x; }
TOKEN_VALUE slopes_of(TOKEN_VALUE x) {
    return SOFTPLUS ? vec2(x.x <= 20.0 ? sigmoid(x.x) : 1.0, x.y <= 20.0 ? sigmoid(x.y) : 1.0) : vec2(1.0);
}
#else
const uint SIDES = 1;
#define TOKEN_VALUE float
#define READ_TOKEN(pointer, i) arguments.pointer.at[i]
#define WRITE_TOKEN(pointer, i, value) arguments.pointer.at[i] = value
#define SIDE_OF(value, side) value
#define SET_SIDE(value, side, part) value = part
TOKEN_VALUE sigmoids(TOKEN_VALUE x) { return sigmoid(x); }
TOKEN_VALUE steps_of(TOKEN_VALUE x) { return SOFTPLUS ? softplus(x) : x; }
TOKEN_VALUE slopes_of(TOKEN_VALUE x) { return SOFTPLUS && x <= 20.0 ? sigmoid(x) : 1.0; }
#endif

void main() {
    const uint lane = gl_SubgroupInvocationID;
    const uint first_channel = gl_WorkGroupID.x * arguments.group_channels;
    const uint last_channel = min(first_channel + arguments.group_channels, arguments.channels);
    const uint chunks = SINGLE ? 1 : (arguments.tokens + TOKENS - 1) / TOKENS;

    for (uint item = gl_WorkGroupID.y; item < arguments.samples; item += gl_NumWorkGroups.y) {
        const uint first_row = item * arguments.tokens;
        for (uint chunk = arguments.end_chunk; chunk-- > arguments.first_chunk;) {
            const uint start = SINGLE ? 0 : chunk * TOKENS;
            const bool last = SINGLE || chunk == chunks - 1;
            const bool fresh = last && item == gl_WorkGroupID.y; // nothing of dA has been summed yet
            float b[TOKENS * STATES], c[TOKENS * STATES], db[TOKENS * STATES], dc[TOKENS * STATES];
            [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                const uint row = first_row + min(start + t, arguments.tokens - 1);
                [[unroll]] for (uint w = 0; w < WORDS; w++) {
                    LOAD(b, t * WORDS + w, b, row * arguments.b_pitch + place(w))
                    LOAD(c, t * WORDS + w, c, row * arguments.c_pitch + place(w))
                    if (!FULL) {
                        [[unroll]] for (uint j = 0; j < PER_WORD; j++) {
                            const uint i = (t * WORDS + w) * PER_WORD + j;
                            b[i] = holds(w) ? b[i] : 0.0;
                            c[i] = holds(w) ? c[i] : 0.0;
                        }
                    }
                }
            }
            [[unroll]] for (uint i = 0; i < TOKENS * STATES; i++) {
                db[i] = 0.0;
                dc[i] = 0.0;
            }

            for (uint channel = first_channel; channel < last_channel; channel += SIDES) {
                // Lane = token.
                TOKEN_VALUE step_values[TOKEN_WORDS], u_values[TOKEN_WORDS], g_values[TOKEN_WORDS];
                TOKEN_VALUE slope_values[TOKEN_WORDS], du_values[TOKEN_WORDS], ddelta_values[TOKEN_WORDS];
                TOKEN_VALUE bias = TOKEN_VALUE(0.0), d = TOKEN_VALUE(0.0);
                if (HAS_BIAS) bias = READ_TOKEN(bias, channel);
                if (HAS_D) d = READ_TOKEN(d, channel);
                [[unroll]] for (uint v = 0; v < TOKEN_WORDS; v++) {
                    const uint token = start + v * WORKGROUP + lane;
                    const bool inside = v * WORKGROUP + lane < TOKENS && token < arguments.tokens;
                    const uint row = first_row + min(token, arguments.tokens - 1);
                    const uint element = row * arguments.channels + channel;
                    const TOKEN_VALUE x = READ_TOKEN(delta, element) + bias;
                    TOKEN_VALUE g = READ_TOKEN(dy, element);
                    if (HAS_Z) {
                        const TOKEN_VALUE z = READ_TOKEN(z, row * arguments.z_pitch + channel);
                        const TOKEN_VALUE y = READ_TOKEN(ungated, element);
                        const TOKEN_VALUE s = sigmoids(z);
                        if (inside)
                            WRITE_TOKEN(dz, row * arguments.dz_pitch + channel, g * y * s * (1.0 + z * (1.0 - s)));
                        g *= z * s;
                    }
                    u_values[v] = READ_TOKEN(u, element);
                    step_values[v] = inside ? steps_of(x) : TOKEN_VALUE(0.0);
                    g_values[v] = inside ? g : TOKEN_VALUE(0.0);
                    slope_values[v] = slopes_of(x);
                    du_values[v] = TOKEN_VALUE(0.0);
                    ddelta_values[v] = TOKEN_VALUE(0.0);
                }

                [[dont_unroll]] for (uint side = 0; side < SIDES; side++) {
                    float steps[TOKEN_WORDS], us[TOKEN_WORDS], gs[TOKEN_WORDS];
                    [[unroll]] for (uint v = 0; v < TOKEN_WORDS; v++) {
                        steps[v] = SIDE_OF(step_values[v], side);
                        us[v] = SIDE_OF(u_values[v], side);
                        gs[v] = SIDE_OF(g_values[v], side);
                    }

                    // Lane = state.
                    const uint parameter = (channel + side) * STATES_COUNT;
                    const uint carried = item * arguments.channels * STATES_COUNT + parameter;
                    const uint summed = gl_WorkGroupID.y * arguments.channels * STATES_COUNT + parameter;
                    // A place that exists even behind the loop's last round, where chunk has wrapped: Mesa 26 loads from
                    // uniform addresses whether an invocation is active or not.
                    const uint border = item * (chunks - 1) + min(max(chunk, 1) - 1, max(chunks, 2) - 2);
                    const uint saved = border * arguments.channels * STATES_COUNT + parameter;
                    float a[STATES], h[STATES], lambda[STATES], da[STATES];
                    [[unroll]] for (uint k = 0; k < STATES; k++) {
                        h[k] = 0.0;
                        lambda[k] = 0.0;
                    }
                    [[unroll]] for (uint w = 0; w < WORDS; w++) {
                        LOAD(a, w, a, parameter + place(w))
                        LOAD(da, w, da, summed + place(w))
                        if (!SINGLE) {
                            LOAD(h, w, states, saved + place(w))
                            LOAD(lambda, w, carry, carried + place(w))
                        }
                        [[unroll]] for (uint j = 0; j < PER_WORD; j++) {
                            const uint k = w * PER_WORD + j;
                            a[k] *= LOG2_E;
                            h[k] = chunk == 0 ? 0.0 : h[k];
                            lambda[k] = last || !holds(w) ? 0.0 : lambda[k];
                            da[k] = fresh || !holds(w) ? 0.0 : da[k];
                        }
                    }
                    // What the way back needs: exp(step a), and exp(step a) h before the token.
                    float decays[TOKENS * STATES], decayed[TOKENS * STATES];
                    [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                        const float step = subgroupShuffle(steps[t / WORKGROUP], t % WORKGROUP);
                        const float increment =
                            subgroupShuffle(steps[t / WORKGROUP] * us[t / WORKGROUP], t % WORKGROUP);
                        [[unroll]] for (uint k = 0; k < STATES; k++) {
                            const uint i = t * STATES + k;
                            const float power = a[k] * step;
                            decays[i] = SOFTPLUS ? exponential2_of_negative(power) : exponential2(power);
                            decayed[i] = decays[i] * h[k];
                            h[k] = decayed[i] + increment * b[i];
                        }
                    }
                    [[unroll]] for (uint reversed_v = 0; reversed_v < TOKEN_WORDS; reversed_v++) {
                        const uint v = TOKEN_WORDS - 1 - reversed_v;
                        float sums_b[WORKGROUP], sums_a[WORKGROUP];
                        [[unroll]] for (uint reversed_l = 0; reversed_l < WORKGROUP; reversed_l++) {
                            const uint l = WORKGROUP - 1 - reversed_l;
                            const uint t = v * WORKGROUP + l;
                            sums_b[l] = 0.0;
                            sums_a[l] = 0.0;
                            if (t < TOKENS) {
                                const float step = subgroupShuffle(steps[v], l);
                                const float increment = subgroupShuffle(steps[v] * us[v], l);
                                const float g = subgroupShuffle(gs[v], l);
                                [[unroll]] for (uint k = 0; k < STATES; k++) {
                                    const uint i = t * STATES + k;
                                    lambda[k] += g * c[i];
                                    dc[i] += g * (decayed[i] + increment * b[i]);
                                    db[i] += lambda[k] * increment;
                                    const float slope = lambda[k] * decayed[i];
                                    sums_b[l] += lambda[k] * b[i];
                                    sums_a[l] += slope * a[k];
                                    da[k] += slope * step;
                                    lambda[k] *= decays[i];
                                }
                            }
                        }
                        float sum_b, sum_a;
                        if (2 * TOKENS <= WORKGROUP) {
                            // Both by one tree, which has as many lanes to spare.
                            [[unroll]] for (uint l = 0; l < TOKENS; l++) sums_b[l + TOKENS] = sums_a[l];
                            sum_b = transposed_sum(sums_b);
                            sum_a = LN_2 * subgroupShuffle(sum_b, (lane + TOKENS) % WORKGROUP);
                        } else {
                            sum_b = transposed_sum(sums_b);
                            sum_a = LN_2 * transposed_sum(sums_a);
                        }
                        SET_SIDE(du_values[v], side, steps[v] * sum_b);
                        SET_SIDE(ddelta_values[v], side, us[v] * sum_b + sum_a);
                    }
                    [[unroll]] for (uint w = 0; w < WORDS; w++) {
                        if (holds(w)) {
                            if (!SINGLE) STORE(carry, carried + place(w), lambda, w);
                            STORE(da, summed + place(w), da, w);
                        }
                    }
                }

                // Lane = token.
                [[unroll]] for (uint v = 0; v < TOKEN_WORDS; v++) {
                    const uint token = start + v * WORKGROUP + lane;
                    if (v * WORKGROUP + lane < TOKENS && token < arguments.tokens) {
                        const uint element = (first_row + token) * arguments.channels + channel;
                        WRITE_TOKEN(du, element, du_values[v] + d * g_values[v]);
                        WRITE_TOKEN(ddelta, element, slope_values[v] * ddelta_values[v]);
                    }
                }
            }
            [[unroll]] for (uint t = 0; t < TOKENS; t++) {
                const uint row = gl_WorkGroupID.x * arguments.rows + first_row + start + t;
                [[unroll]] for (uint w = 0; w < WORDS; w++) {
                    if (start + t < arguments.tokens && holds(w)) {
                        STORE(db, row * arguments.db_pitch + place(w), db, t * WORDS + w);
                        STORE(dc, row * arguments.dc_pitch + place(w), dc, t * WORDS + w);
                    }
                }
            }
        }
    }
}
