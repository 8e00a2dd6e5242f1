// Layer normalisation for rows of an even number of channels that a subgroup can hold in registers: every invocation
// keeps PAIRS times two neighbouring channels, read and written as one 64-bit word, with their gamma and beta, and walks
// block_rows rows. Distances are taken from the row's first value, so that rows far from zero keep their digits.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "normalisation/pairs.glsl"

void main() {
    const uint lane = gl_LocalInvocationID.x, pairs = arguments.channels / 2;
    const uint start = gl_WorkGroupID.x * arguments.block_rows;
    const uint end = min(start + arguments.block_rows, arguments.rows);
    const float count = float(arguments.channels);
    vec2 gamma[PAIRS], beta[PAIRS], value[PAIRS];
    [[unroll]] for (uint i = 0; i < PAIRS; i++) {
        const uint at = min(i * WORKGROUP + lane, pairs - 1);
        gamma[i] = unpack(arguments.gamma.at[at]);
        beta[i] = unpack(arguments.beta.at[at]);
    }
    for (uint row = start; row < end; row++) {
        [[unroll]] for (uint i = 0; i < PAIRS; i++)
            value[i] = unpack(arguments.x.at[row * pairs + min(i * WORKGROUP + lane, pairs - 1)]);
        const float first = subgroupBroadcastFirst(value[0].x);
        vec2 sum = vec2(0.0);
        [[unroll]] for (uint i = 0; i < PAIRS; i++) {
            value[i] -= first;
            sum += within(i, lane, pairs, value[i]);
        }
        const float mean = subgroupAdd(sum.x + sum.y) / count;
        vec2 squares = vec2(0.0);
        [[unroll]] for (uint i = 0; i < PAIRS; i++) {
            value[i] -= mean;
            squares += within(i, lane, pairs, value[i] * value[i]);
        }
        const float factor = 1.0 / sqrt(subgroupAdd(squares.x + squares.y) / count + arguments.epsilon);
        [[unroll]] for (uint i = 0; i < PAIRS; i++) {
            const vec2 y = value[i] * factor * gamma[i] + beta[i];
            if ((i + 1) * WORKGROUP <= pairs || i * WORKGROUP + lane < pairs)
                arguments.y.at[row * pairs + i * WORKGROUP + lane] = pack(y);
        }
        if (lane == 0) arguments.stats.at[row] = pack(vec2(first + mean, factor));
    }
}
