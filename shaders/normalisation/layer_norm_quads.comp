// Layer normalisation of rows that a subgroup can hold in registers: every invocation keeps QUADS times four
// neighbouring channels, with their gamma and beta, and walks block_rows rows. Distances are taken from the row's first
// value, so that rows far from zero keep their digits.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "normalisation/quad.glsl"

void main() {
    const uint lane = gl_LocalInvocationID.x, row_quads = arguments.channels / 4;
    const uint start = gl_WorkGroupID.x * arguments.block_rows;
    const uint end = min(start + arguments.block_rows, arguments.rows);
    const float count = float(arguments.channels), epsilon = arguments.epsilon;
    COPY_QUADS(x);
    COPY_QUADS(gamma);
    COPY_QUADS(beta);
    QUAD_POINTER y = arguments.y;
    vec2_pointer8 stats = arguments.stats;

    // Lanes beyond the row repeat its last quad, and count for nothing.
    uint quad[QUADS];
    bool counts[QUADS];
    vec4 scale[QUADS], offset[QUADS], value[QUADS];
    [[unroll]] for (uint i = 0; i < QUADS; i++) {
        counts[i] = i * WORKGROUP + lane < row_quads;
        quad[i] = min(i * WORKGROUP + lane, row_quads - 1);
        scale[i] = FETCH_QUAD(gamma, quad[i]);
        offset[i] = FETCH_QUAD(beta, quad[i]);
    }
    for (uint row = start; row < end; row++) {
        [[unroll]] for (uint i = 0; i < QUADS; i++) value[i] = FETCH_QUAD(x, row * row_quads + quad[i]);
        const float first = subgroupBroadcastFirst(value[0].x);
        vec4 sum = vec4(0.0), squares = vec4(0.0);
        [[unroll]] for (uint i = 0; i < QUADS; i++) {
            value[i] -= first;
            sum += counts[i] ? value[i] : vec4(0.0);
        }
        const float mean = subgroupAdd(add_quad(sum)) / count;
        [[unroll]] for (uint i = 0; i < QUADS; i++) {
            value[i] -= mean;
            squares += counts[i] ? value[i] * value[i] : vec4(0.0);
        }
        const float factor = 1.0 / sqrt(subgroupAdd(add_quad(squares)) / count + epsilon);
        [[unroll]] for (uint i = 0; i < QUADS; i++)
            if (counts[i]) store_quad(y, row * row_quads + quad[i], value[i] * factor * scale[i] + offset[i]);
        if (lane == 0) stats.at[row] = vec2(first + mean, factor);
    }
}
