// For each row: the largest logit m, log s with s = sum_k exp(x_k - m), and the loss sum_k t_k (log s - (x_k - m)).
// LANES invocations share a row: all of a workgroup where loads of neighbours are one access, one on software drivers.
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
    const uint row = min(mine, rows - 1); // invocations without a row go along, for the barriers
    const uint first = row * classes;
    float largest = arguments.logits.at[first];
    for (uint k = lane; k < classes; k += LANES) largest = max(largest, arguments.logits.at[first + k]);
    largest = lanes_max(largest);
    float sum = 0, total = 0, product = 0;
    for (uint k = lane; k < classes; k += LANES) {
        const float above = arguments.logits.at[first + k] - largest, target = LABELS ? 1.0 : target_at(row, k);
        sum += exp(above);
        total += target;
        product += target * above;
    }
    sum = lanes_sum(sum);
    if (!LABELS) total = lanes_sum(total);
    product = lanes_sum(product);
    if (lane != 0 || mine >= rows) return;
    if (LABELS) {
        // Smoothing's share is the same for all classes: added up one by one, the little that it is would be lost.
        total = 1.0;
        product *= arguments.smoothing / float(classes);
        const int label = arguments.labels.at[row];
        if (label >= 0 && label < int(classes))
            product += (1.0 - arguments.smoothing) * (arguments.logits.at[first + label] - largest);
    }
    const float logarithm = log(sum);
    arguments.statistics.at[2 * row] = largest;
    arguments.statistics.at[2 * row + 1] = logarithm;
    arguments.losses.at[row] = total * logarithm - product;
}
