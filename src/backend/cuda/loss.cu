/* Softmax cross-entropy. */
#include "backend/cuda/sums.h"

/* The target distributions: either as they are, or by their labels. */
struct targets {
    const float *distributions; /* [rows, classes] */
    const int32_t *labels;      /* [rows] */
    int64_t classes;
    double smoothing;
};

static struct targets targets_of(const struct cuda_arguments *arguments, const struct cuda_span *target,
                                 int64_t classes) {
    struct targets t = {};
    if (target->tensor->dtype == SB_INT32)
        t.labels = (const int32_t *)target->data;
    else
        t.distributions = cuda_floats(target);
    t.classes = classes;
    t.smoothing = arguments->node->attributes.cross_entropy.smoothing;
    return t;
}

static __device__ double target_at(const struct targets &t, int64_t row, int64_t k) {
    if (!t.labels) return t.distributions[row * t.classes + k];
    return t.smoothing / (double)t.classes + (t.labels[row] == k ? 1 - t.smoothing : 0);
}

/* Of a row's loss in the weighted mean. */
static double mean_factor(const struct cuda_arguments *arguments, int64_t rows) {
    return (double)arguments->node->attributes.cross_entropy.weight / (double)rows;
}

/* A thread for each row. */
static __global__ void row_losses(int64_t rows, struct targets target, double factor, const float *logits,
                                  double *losses, float *statistics) {
    CUDA_ELEMENTS(row, rows) {
        const float *x = logits + row * target.classes;
        double largest = x[0], sum = 0, loss = 0;
        for (int64_t k = 1; k < target.classes; k++) largest = fmax(largest, (double)x[k]);
        for (int64_t k = 0; k < target.classes; k++) sum += exp(x[k] - largest);
        for (int64_t k = 0; k < target.classes; k++) loss += target_at(target, row, k) * (log(sum) + largest - x[k]);
        losses[row] = factor * loss;
        statistics[2 * row] = (float)largest;
        statistics[2 * row + 1] = (float)log(sum);
    }
}

bool cuda_cross_entropy(struct cuda_arguments *arguments) {
    const struct cuda_span *logits = &arguments->in[0];
    const int64_t rows = sb_rows(logits->tensor), classes = sb_columns(logits->tensor);
    double *losses = (double *)arguments->scratch, *parts = losses + rows;
    return cuda_launch(arguments, rows, row_losses, targets_of(arguments, &arguments->in[1], classes),
                       mean_factor(arguments, rows), cuda_floats(logits), losses, cuda_floats(&arguments->out[1])) &&
           cuda_sum_terms(arguments, rows, 1, cuda_doubles{losses, 1}, parts, cuda_floats(&arguments->out[0]));
}

size_t cuda_cross_entropy_scratch(const struct sb_node *node) {
    const int64_t rows = sb_rows(node->inputs[0]);
    return (size_t)rows * sizeof(double) + cuda_parts_bytes(rows, 1);
}

/* The sum of a row's targets, which are not normalised. */
static __global__ void target_sums(int64_t rows, struct targets target, double *totals) {
    CUDA_ELEMENTS(row, rows) {
        double total = 0;
        for (int64_t k = 0; k < target.classes; k++) total += target_at(target, row, k);
        totals[row] = total;
    }
}

/* d loss / d logit_k = weight / rows * (softmax_k * sum of the target - target_k) */
static __global__ void logit_gradients(int64_t count, struct targets target, double factor, const float *dloss,
                                       const float *logits, const float *statistics, const double *totals,
                                       float *dlogits) {
    CUDA_ELEMENTS(i, count) {
        const int64_t row = i / target.classes;
        const double softmax = exp(logits[i] - (double)statistics[2 * row] - (double)statistics[2 * row + 1]);
        dlogits[i] = (float)(*dloss * factor * (softmax * totals[row] - target_at(target, row, i % target.classes)));
    }
}

bool cuda_cross_entropy_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *logits = &arguments->in[1];
    const int64_t rows = sb_rows(logits->tensor), classes = sb_columns(logits->tensor);
    const struct targets target = targets_of(arguments, &arguments->in[2], classes);
    double *totals = (double *)arguments->scratch;
    return cuda_launch(arguments, rows, target_sums, target, totals) &&
           cuda_launch(arguments, rows * classes, logit_gradients, target, mean_factor(arguments, rows),
                       cuda_floats(&arguments->in[0]), cuda_floats(logits), cuda_floats(&arguments->in[3]), totals,
                       cuda_floats(&arguments->out[0]));
}

size_t cuda_cross_entropy_gradient_scratch(const struct sb_node *node) {
    return (size_t)sb_rows(node->inputs[1]) * sizeof(double);
}
