// The whole gradient of layer normalisation in one pass, laid out as layer_norm_quads.comp. With n = (x - mean) * factor
// and g = dy * gamma: dx = addend + factor * (g - mean(g) - n * mean(g n)); the sums of dy n and dy over the workgroup's
// rows, first stage of dgamma and dbeta, stay in registers. dx may be dy or the addend.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "normalisation/quad.glsl"

void main() {
    const uint lane = gl_LocalInvocationID.x, row_quads = arguments.channels / 4;
    const uint start = gl_WorkGroupID.x * arguments.block_rows;
    const uint end = min(start + arguments.block_rows, arguments.rows);
    const float count = float(arguments.channels);
    COPY_QUADS(dy);
    COPY_QUADS(x);
    COPY_QUADS(gamma);
    COPY_QUADS(addend);
    QUAD_POINTER dx = arguments.dx;
    vec2_const_pointer8 stats = arguments.stats;

    // Lanes beyond the row repeat its last quad, and count for nothing.
    uint quad[QUADS];
    bool counts[QUADS];
    vec4 scale[QUADS], dgamma[QUADS], dbeta[QUADS], n[QUADS], g[QUADS], sum[QUADS];
    [[unroll]] for (uint i = 0; i < QUADS; i++) {
        counts[i] = i * WORKGROUP + lane < row_quads;
        quad[i] = min(i * WORKGROUP + lane, row_quads - 1);
        scale[i] = FETCH_QUAD(gamma, quad[i]);
        dgamma[i] = vec4(0.0);
        dbeta[i] = vec4(0.0);
    }
    for (uint row = start; row < end; row++) {
        const vec2 row_stats = stats.at[row]; // mean, factor
        vec4 g_sum = vec4(0.0), gn_sum = vec4(0.0);
        [[unroll]] for (uint i = 0; i < QUADS; i++) {
            g[i] = FETCH_QUAD(dy, row * row_quads + quad[i]);
            n[i] = FETCH_QUAD(x, row * row_quads + quad[i]);
            sum[i] = HAS_ADDEND ? FETCH_QUAD(addend, row * row_quads + quad[i]) : vec4(0.0);
        }
        [[unroll]] for (uint i = 0; i < QUADS; i++) {
            n[i] = (n[i] - row_stats.x) * row_stats.y;
            dgamma[i] += g[i] * n[i];
            dbeta[i] += g[i];
            g[i] *= scale[i];
            g_sum += counts[i] ? g[i] : vec4(0.0);
            gn_sum += counts[i] ? g[i] * n[i] : vec4(0.0);
        }
        const float g_mean = subgroupAdd(add_quad(g_sum)) / count;
        const float gn_mean = subgroupAdd(add_quad(gn_sum)) / count;
        [[unroll]] for (uint i = 0; i < QUADS; i++)
            if (counts[i])
                store_quad(dx, row * row_quads + quad[i], sum[i] + row_stats.y * (g[i] - g_mean - n[i] * gn_mean));
    }
    [[unroll]] for (uint i = 0; i < QUADS; i++) {
        if (!counts[i]) continue;
        store_quad(arguments.dgamma, gl_WorkGroupID.x * row_quads + quad[i], dgamma[i]);
        store_quad(arguments.dbeta, gl_WorkGroupID.x * row_quads + quad[i], dbeta[i]);
    }
}
