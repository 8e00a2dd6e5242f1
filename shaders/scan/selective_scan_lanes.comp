// The selective scan for drivers that compute on a CPU, where a subgroup is a vector register and what counts is the
// number of gathers: a lane is two neighbouring channels and holds all their states, in registers and on the stack.
// A row of B and C is loaded once, spread over the lanes, and handed out by shuffles with constant lanes, which cost one
// instruction (subgroupBroadcast: ten times more). With PAIRS everything is read and written as 64-bit words, two
// floats for the price of one; then the sizes, pitches and addresses are multiples of two floats. Workgroup = subgroup.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/exponential.glsl"

#if PAIRS
#define LOAD(pointer, i) uintBitsToFloat(unpackUint2x32(arguments.pointer.at[(i) / 2]))
#define STORE(pointer, i, value) arguments.pointer.at[(i) / 2] = packUint2x32(floatBitsToUint(value))
#define LOAD_CHANNELS(pointer, row, pitch) LOAD(pointer, (row) * (pitch) + channel)
#define STORE_CHANNELS(pointer, row, pitch, value) \
    if (inside_0) STORE(pointer, (row) * (pitch) + channel, value)
#else
#define LOAD_CHANNELS(pointer, row, pitch) \
    vec2(arguments.pointer.at[(row) * (pitch) + channel_0], arguments.pointer.at[(row) * (pitch) + channel_1])
#define STORE_CHANNELS(pointer, row, pitch, value)                                \
    if (inside_0) arguments.pointer.at[(row) * (pitch) + channel] = (value).x;     \
    if (inside_1) arguments.pointer.at[(row) * (pitch) + channel + 1] = (value).y
#endif

// Pairs of states that a lane loads to cover a row of B or C.
const uint ROW_LOADS = (STATES + 2 * WORKGROUP - 1) / (2 * WORKGROUP);

vec2 decay(vec2 power) {
    return SOFTPLUS ? vec2(exponential2_of_negative(power.x), exponential2_of_negative(power.y))
                    : vec2(exponential2(power.x), exponential2(power.y));
}

void main() {
    const uint lane = gl_SubgroupInvocationID;
    const uint last_channel = arguments.channels - 1;
#if PAIRS
    const uint wanted = (gl_WorkGroupID.x * WORKGROUP + lane) * 2;
    const bool inside_0 = wanted < arguments.channels, inside_1 = inside_0;
    const uint channel = min(wanted, last_channel - 1);
    const uint channel_0 = channel, channel_1 = channel + 1;
#else
    const uint channel = (gl_WorkGroupID.x * WORKGROUP + lane) * 2;
    const uint channel_0 = min(channel, last_channel), channel_1 = min(channel + 1, last_channel);
    const bool inside_0 = channel <= last_channel, inside_1 = channel < last_channel;
#endif
    const uint first_row = gl_WorkGroupID.y * arguments.tokens;
    const uint chunks = (arguments.tokens + arguments.chunk - 1) / arguments.chunk;

    vec2 h[STATES], a[STATES]; // of both channels
    [[unroll]] for (uint n = 0; n < STATES; n++) h[n] = vec2(0.0);
    // A single token has nothing to decay.
    if (!SINGLE) {
#if PAIRS
        [[unroll]] for (uint n = 0; n < STATES; n += 2) {
            const vec2 first = LOG2_E * LOAD(a, channel_0 * STATES + n);
            const vec2 second = LOG2_E * LOAD(a, channel_1 * STATES + n);
            a[n] = vec2(first.x, second.x);
            a[n + 1] = vec2(first.y, second.y);
        }
#else
        [[unroll]] for (uint n = 0; n < STATES; n++)
            a[n] = LOG2_E * vec2(arguments.a.at[channel_0 * STATES + n], arguments.a.at[channel_1 * STATES + n]);
#endif
    }
    vec2 bias = vec2(0.0), d = vec2(0.0);
    if (HAS_BIAS) bias = LOAD_CHANNELS(bias, 0, 0);
    if (HAS_D) d = LOAD_CHANNELS(d, 0, 0);

    for (uint chunk = 0; chunk < chunks; chunk++) {
        if (SAVE_STATES) {
            const uint place = (gl_WorkGroupID.y * (chunks - 1) + chunk - 1) * arguments.channels;
            const bool saves_0 = inside_0 && chunk > 0, saves_1 = inside_1 && chunk > 0;
#if PAIRS
            if (saves_0) {
                [[unroll]] for (uint n = 0; n < STATES; n += 2) {
                    STORE(states, (place + channel_0) * STATES + n, vec2(h[n].x, h[n + 1].x));
                    STORE(states, (place + channel_1) * STATES + n, vec2(h[n].y, h[n + 1].y));
                }
            }
#else
            [[unroll]] for (uint n = 0; n < STATES; n++) {
                if (saves_0) arguments.states.at[(place + channel) * STATES + n] = h[n].x;
                if (saves_1) arguments.states.at[(place + channel + 1) * STATES + n] = h[n].y;
            }
#endif
        }
        const uint end = min((chunk + 1) * arguments.chunk, arguments.tokens);
        for (uint token = chunk * arguments.chunk; token < end; token++) {
            const uint row = first_row + token;
            vec2 step = LOAD_CHANNELS(delta, row, arguments.channels) + bias;
            if (SOFTPLUS) step = vec2(softplus(step.x), softplus(step.y));
            const vec2 u = LOAD_CHANNELS(u, row, arguments.channels);
            const vec2 increment = step * u;
            vec2 y = vec2(0.0);
            [[unroll]] for (uint q = 0; q < ROW_LOADS; q++) {
                const uint n = 2 * (q * WORKGROUP + lane);
#if PAIRS
                const uint at = min(n, STATES - 2);
                const vec2 b = LOAD(b, row * arguments.b_pitch + at);
                const vec2 c = LOAD(c, row * arguments.c_pitch + at);
#else
                const uint at_0 = min(n, STATES - 1), at_1 = min(n + 1, STATES - 1);
                const vec2 b = vec2(arguments.b.at[row * arguments.b_pitch + at_0],
                                    arguments.b.at[row * arguments.b_pitch + at_1]);
                const vec2 c = vec2(arguments.c.at[row * arguments.c_pitch + at_0],
                                    arguments.c.at[row * arguments.c_pitch + at_1]);
#endif
                [[unroll]] for (uint i = 0; i < 2 * WORKGROUP; i++) {
                    const uint k = q * 2 * WORKGROUP + i;
                    if (k < STATES) {
                        const float b_k = subgroupShuffle(i % 2 == 0 ? b.x : b.y, i / 2);
                        const float c_k = subgroupShuffle(i % 2 == 0 ? c.x : c.y, i / 2);
                        h[k] = SINGLE ? increment * b_k : decay(step * a[k]) * h[k] + increment * b_k;
                        y += c_k * h[k];
                    }
                }
            }
            if (HAS_D) y += d * u;
            if (SAVE_UNGATED) {
                STORE_CHANNELS(ungated, row, arguments.channels, y);
            }
            if (HAS_Z) {
                const vec2 z = LOAD_CHANNELS(z, row, arguments.z_pitch);
                y *= z * vec2(sigmoid(z.x), sigmoid(z.y));
            }
            STORE_CHANNELS(y, row, arguments.channels, y);
        }
    }
}
