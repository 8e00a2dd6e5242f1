/* Reference: softmax cross-entropy. */
#include "backend/cpu/functions.h"
#include "ops/ops.h"

#include <math.h>

/* The target distribution of a row at class k. */
static double target_at(const struct sb_cross_entropy_attributes *attributes, const struct cpu_span *target,
                        int64_t classes, int64_t row, int64_t k) {
    if (target->tensor->dtype != SB_INT32) return ((const float *)target->data)[row * classes + k];
    double smoothing = attributes->smoothing;
    return smoothing / (double)classes + (((const int32_t *)target->data)[row] == k ? 1 - smoothing : 0);
}

bool cpu_cross_entropy(struct cpu_arguments *arguments) {
    const struct sb_cross_entropy_attributes *attributes = &arguments->node->attributes.cross_entropy;
    const struct cpu_span *logits = &arguments->in[0], *target = &arguments->in[1];
    float *statistics = arguments->out[1].data;
    int64_t rows = sb_rows(logits->tensor), classes = sb_columns(logits->tensor);
    double loss = 0;
    for (int64_t row = 0; row < rows; row++) {
        const float *x = cpu_row(logits, row);
        double largest = x[0], sum = 0;
        for (int64_t k = 1; k < classes; k++) largest = fmax(largest, x[k]);
        for (int64_t k = 0; k < classes; k++) sum += exp(x[k] - largest);
        for (int64_t k = 0; k < classes; k++)
            loss += target_at(attributes, target, classes, row, k) * (log(sum) + largest - x[k]);
        if (!statistics) continue;
        statistics[2 * row] = (float)largest;
        statistics[2 * row + 1] = (float)log(sum);
    }
    *(float *)arguments->out[0].data = (float)(attributes->weight * loss / (double)rows);
    return true;
}

/* d loss / d logit_k = weight / rows * (softmax_k * sum of the target - target_k) */
bool cpu_cross_entropy_gradient(struct cpu_arguments *arguments) {
    const struct sb_cross_entropy_attributes *attributes = &arguments->node->attributes.cross_entropy;
    const struct cpu_span *logits = &arguments->in[1], *target = &arguments->in[2], *dlogits = &arguments->out[0];
    const float *statistics = arguments->in[3].data;
    int64_t rows = sb_rows(logits->tensor), classes = sb_columns(logits->tensor);
    double factor = *(const float *)arguments->in[0].data * (double)attributes->weight / (double)rows;
    for (int64_t row = 0; row < rows; row++) {
        double total = 0, largest = statistics[2 * row], above = statistics[2 * row + 1];
        for (int64_t k = 0; k < classes; k++) total += target_at(attributes, target, classes, row, k);
        for (int64_t k = 0; k < classes; k++) {
            double softmax = exp(cpu_row(logits, row)[k] - largest - above);
            cpu_row(dlogits, row)[k] =
                (float)(factor * (softmax * total - target_at(attributes, target, classes, row, k)));
        }
    }
    return true;
}
