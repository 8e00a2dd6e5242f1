// dlogits[row, k] = factor * (softmax_k * sum of the target - target_k), rows to invocations as in cross_entropy.comp.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/sum.glsl"
#include "loss/target.glsl"

void main() {
    const uint classes = arguments.classes, rows = arguments.rows;
    const uint lane = gl_LocalInvocationIndex % LANES;
    const uint mine = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * (WORKGROUP / LANES) +
                      gl_LocalInvocationIndex / LANES;
    const uint row = min(mine, rows - 1);
    const uint first = row * classes;
    float total = 1;
    if (!LABELS) {
        total = 0;
        for (uint k = lane; k < classes; k += LANES) total += target_at(row, k);
        total = lanes_sum(total);
    }
    if (mine >= rows) return;
    const float factor = arguments.dloss.at[0] * arguments.factor;
    const float largest = arguments.statistics.at[2 * row], logarithm = arguments.statistics.at[2 * row + 1];
    for (uint k = lane; k < classes; k += LANES) {
        const float softmax = exp(arguments.logits.at[first + k] - largest - logarithm);
        arguments.dlogits.at[first + k] = factor * (softmax * total - target_at(row, k));
    }
}
