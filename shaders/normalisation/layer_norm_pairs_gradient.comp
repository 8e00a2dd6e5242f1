// The whole gradient of layer normalisation in one pass, laid out as layer_norm_pairs.comp. With n = (x - mean) * factor
// and g = dy * gamma: dx = addend + factor * (g - mean(g) - n * mean(g n)); the sums of dy n and dy over the workgroup's
// rows, first stage of dgamma and dbeta, stay in registers. dx may be dy or the addend.
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
    vec2 gamma[PAIRS], dgamma[PAIRS], dbeta[PAIRS], n[PAIRS], g[PAIRS];
    [[unroll]] for (uint i = 0; i < PAIRS; i++) {
        gamma[i] = unpack(arguments.gamma.at[min(i * WORKGROUP + lane, pairs - 1)]);
        dgamma[i] = vec2(0.0);
        dbeta[i] = vec2(0.0);
    }
    for (uint row = start; row < end; row++) {
        const vec2 stats = unpack(arguments.stats.at[row]); // mean, factor
        vec2 g_sum = vec2(0.0), gn_sum = vec2(0.0);
        [[unroll]] for (uint i = 0; i < PAIRS; i++) {
            const uint at = row * pairs + min(i * WORKGROUP + lane, pairs - 1);
            const vec2 dy = unpack(arguments.dy.at[at]);
            n[i] = (unpack(arguments.x.at[at]) - stats.x) * stats.y;
            g[i] = dy * gamma[i];
            dgamma[i] += dy * n[i];
            dbeta[i] += dy;
            g_sum += within(i, lane, pairs, g[i]);
            gn_sum += within(i, lane, pairs, g[i] * n[i]);
        }
        const float g_mean = subgroupAdd(g_sum.x + g_sum.y) / count;
        const float gn_mean = subgroupAdd(gn_sum.x + gn_sum.y) / count;
        [[unroll]] for (uint i = 0; i < PAIRS; i++) {
            const uint at = row * pairs + i * WORKGROUP + lane;
            vec2 dx = stats.y * (g[i] - g_mean - n[i] * gn_mean);
            if ((i + 1) * WORKGROUP <= pairs || i * WORKGROUP + lane < pairs) {
                if (HAS_ADDEND) dx += unpack(arguments.addend.at[at]);
                arguments.dx.at[at] = pack(dx);
            }
        }
    }
    [[unroll]] for (uint i = 0; i < PAIRS; i++) {
        const uint at = i * WORKGROUP + lane;
        if (at >= pairs) continue;
        arguments.dgamma.at[gl_WorkGroupID.x * pairs + at] = pack(dgamma[i]);
        arguments.dbeta.at[gl_WorkGroupID.x * pairs + at] = pack(dbeta[i]);
    }
}
