// The selective scan for any device: shared memory and barriers, no subgroup operations.
//
// A workgroup takes WORKGROUP / SLICES channels of one sample; SLICES invocations share a channel and hold STATES of
// its states each, in groups of four neighbours. Time advances in tiles of TOKENS: the tile's B and C are read once for
// all channels, every invocation sums its own states into `partial`, and the slices' sums are added in a fixed order
// with the D skip and the gate. States beyond the real number have a = b = 0 and stay zero.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/exponential.glsl"

const uint CHANNELS = WORKGROUP / SLICES;
const uint PADDED = STATES * SLICES;
shared float b_tile[TOKENS * PADDED];
shared float c_tile[TOKENS * PADDED];
shared float step_tile[TOKENS * CHANNELS];
shared float input_tile[TOKENS * CHANNELS];
shared float partial[TOKENS * WORKGROUP];

void main() {
    const uint self = gl_LocalInvocationID.x;
    const uint slice = self % SLICES;
    const uint own = self / SLICES;
    const uint first_channel = gl_WorkGroupID.x * CHANNELS;
    const uint channel = first_channel + own;
    const uint first_row = gl_WorkGroupID.y * arguments.tokens;
    const uint chunks = (arguments.tokens + arguments.chunk - 1) / arguments.chunk;
    const bool inside = channel < arguments.channels;

    float h[STATES], a[STATES];
    [[unroll]] for (uint k = 0; k < STATES; k++) {
        const uint n = (k / 4 * SLICES + slice) * 4 + k % 4;
        h[k] = 0.0;
        a[k] = 0.0;
        if (inside && n < arguments.states_count) a[k] = LOG2_E * arguments.a.at[channel * arguments.states_count + n];
    }

    for (uint start = 0; start < arguments.tokens; start += TOKENS) {
        barrier();
        for (uint i = self; i < TOKENS * PADDED; i += WORKGROUP) {
            const uint token = start + i / PADDED;
            const uint n = i % PADDED;
            float b = 0.0, c = 0.0;
            if (token < arguments.tokens && n < arguments.states_count) {
                b = arguments.b.at[(first_row + token) * arguments.b_pitch + n];
                c = arguments.c.at[(first_row + token) * arguments.c_pitch + n];
            }
            b_tile[i] = b;
            c_tile[i] = c;
        }
        for (uint i = self; i < TOKENS * CHANNELS; i += WORKGROUP) {
            const uint token = start + i / CHANNELS;
            const uint e = first_channel + i % CHANNELS;
            float step = 0.0, u = 0.0;
            if (token < arguments.tokens && e < arguments.channels) {
                step = arguments.delta.at[(first_row + token) * arguments.channels + e];
                if (HAS_BIAS) step += arguments.bias.at[e];
                if (SOFTPLUS) step = softplus(step);
                u = arguments.u.at[(first_row + token) * arguments.channels + e];
            }
            step_tile[i] = step;
            input_tile[i] = step * u;
        }
        barrier();
        const uint tokens = min(TOKENS, arguments.tokens - start);
        for (uint t = 0; t < tokens; t++) {
            if (SAVE_STATES && start + t > 0 && (start + t) % arguments.chunk == 0 && inside) {
                const uint border = gl_WorkGroupID.y * (chunks - 1) + (start + t) / arguments.chunk - 1;
                const uint place = (border * arguments.channels + channel) * arguments.states_count;
                [[unroll]] for (uint k = 0; k < STATES; k++) {
                    const uint n = (k / 4 * SLICES + slice) * 4 + k % 4;
                    if (n < arguments.states_count) arguments.states.at[place + n] = h[k];
                }
            }
            const float step = step_tile[t * CHANNELS + own];
            const float increment = input_tile[t * CHANNELS + own];
            float sum = 0.0;
            [[unroll]] for (uint k = 0; k < STATES; k++) {
                const uint n = t * PADDED + (k / 4 * SLICES + slice) * 4 + k % 4;
                const float power = step * a[k];
                const float decay = SOFTPLUS ? exponential2_of_negative(power) : exponential2(power);
                h[k] = decay * h[k] + increment * b_tile[n];
                sum += c_tile[n] * h[k];
            }
            partial[t * WORKGROUP + self] = sum;
        }
        barrier();
        for (uint i = self; i < tokens * CHANNELS; i += WORKGROUP) {
            const uint t = i / CHANNELS;
            const uint w = i % CHANNELS;
            const uint e = first_channel + w;
            if (e >= arguments.channels) continue;
            const uint row = first_row + start + t;
            const uint element = row * arguments.channels + e;
            float y = 0.0;
            for (uint s = 0; s < SLICES; s++) y += partial[t * WORKGROUP + w * SLICES + s];
            if (HAS_D) y += arguments.d.at[e] * arguments.u.at[element];
            if (SAVE_UNGATED) arguments.ungated.at[element] = y;
            if (HAS_Z) {
                const float z = arguments.z.at[row * arguments.z_pitch + e];
                y *= z * sigmoid(z);
            }
            arguments.y.at[element] = y;
        }
    }
}
