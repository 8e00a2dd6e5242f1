/* Reference: matrix products with their epilogue, and the gradient of the weights. */
#include "backend/cpu/functions.h"
#include "ops/ops.h"

#include <stdlib.h>

/* Group `group` of b as a double matrix [K, N], whatever its layout, so that the inner loops run along N. */
static void unpack_weights(const struct cpu_arguments *arguments, int64_t group, int64_t depth, int64_t width,
                           double *matrix) {
    const bool transposed = arguments->node->attributes.linear.transpose_b;
    const float *from = (const float *)arguments->in[SB_LINEAR_B].data + group * depth * width;
    for (int64_t k = 0; k < depth; k++)
        for (int64_t n = 0; n < width; n++)
            matrix[k * width + n] = cpu_factor(arguments, transposed ? from[n * depth + k] : from[k * width + n]);
}

bool cpu_linear(struct cpu_arguments *arguments) {
    const struct sb_linear_attributes *attributes = &arguments->node->attributes.linear;
    const struct cpu_span *a = &arguments->in[SB_LINEAR_A], *y = &arguments->out[SB_LINEAR_Y];
    const struct cpu_span *residual = &arguments->in[SB_LINEAR_RESIDUAL];
    const struct cpu_span *saved = &arguments->out[SB_LINEAR_SAVED];
    const float *bias = arguments->in[SB_LINEAR_BIAS].data, *row_scale = arguments->in[SB_LINEAR_ROW_SCALE].data;
    int64_t rows = sb_rows(a->tensor), groups = attributes->groups ? attributes->groups : 1;
    int64_t depth = sb_columns(a->tensor) / groups, width = sb_columns(y->tensor) / groups;
    int64_t rows_per_sample = row_scale ? rows / sb_elements(arguments->in[SB_LINEAR_ROW_SCALE].tensor) : rows;
    double *matrix = sb_allocate((size_t)(depth + 1) * (size_t)width, sizeof(double), arguments->error);
    if (!matrix) return false;
    double *sum = matrix + depth * width;
    for (int64_t group = 0; group < groups; group++) {
        unpack_weights(arguments, group, depth, width, matrix);
        for (int64_t m = 0; m < rows; m++) {
            const float *from = cpu_row(a, m) + group * depth;
            for (int64_t n = 0; n < width; n++) sum[n] = bias ? bias[group * width + n] : 0;
            for (int64_t k = 0; k < depth; k++) {
                double factor = cpu_factor(arguments, from[k]);
                const double *row = matrix + k * width;
                for (int64_t n = 0; n < width; n++) sum[n] += factor * row[n];
            }
            double scale = row_scale ? row_scale[m / rows_per_sample] : 1;
            for (int64_t n = 0; n < width; n++) {
                int64_t column = group * width + n;
                double result = scale * cpu_activation(attributes->activation, attributes->threshold, sum[n]);
                if (residual->data) result += cpu_row(residual, m)[column];
                if (saved->data) cpu_row(saved, m)[column] = (float)sum[n];
                cpu_row(y, m)[column] = (float)result;
            }
        }
    }
    free(matrix);
    return true;
}

bool cpu_linear_weight_gradient(struct cpu_arguments *arguments) {
    const struct sb_linear_attributes *attributes = &arguments->node->attributes.linear;
    const struct cpu_span *a = &arguments->in[SB_WEIGHT_GRADIENT_A], *dy = &arguments->in[SB_WEIGHT_GRADIENT_DY];
    const float *addend = arguments->in[SB_WEIGHT_GRADIENT_ADDEND].data;
    float *db = arguments->out[SB_WEIGHT_GRADIENT_DB].data, *dbias = arguments->out[SB_WEIGHT_GRADIENT_DBIAS].data;
    int64_t rows = sb_rows(a->tensor), groups = attributes->groups ? attributes->groups : 1;
    int64_t depth = sb_columns(a->tensor) / groups, width = sb_columns(dy->tensor) / groups;
    double *matrix = sb_allocate((size_t)(depth + 2) * (size_t)width, sizeof(double), arguments->error);
    if (!matrix) return false;
    double *sum = matrix + depth * width, *factors = sum + width;
    for (int64_t group = 0; group < groups; group++) {
        for (int64_t i = 0; i < (depth + 1) * width; i++) matrix[i] = 0;
        for (int64_t m = 0; m < rows; m++) {
            const float *left = cpu_row(a, m) + group * depth, *right = cpu_row(dy, m) + group * width;
            for (int64_t n = 0; n < width; n++) {
                sum[n] += right[n];
                factors[n] = cpu_factor(arguments, right[n]);
            }
            for (int64_t k = 0; k < depth; k++) {
                double factor = cpu_factor(arguments, left[k]);
                double *row = matrix + k * width;
                for (int64_t n = 0; n < width; n++) row[n] += factor * factors[n];
            }
        }
        for (int64_t k = 0; k < depth; k++)
            for (int64_t n = 0; n < width; n++) {
                int64_t at = group * depth * width + (attributes->transpose_b ? n * depth + k : k * width + n);
                db[at] = (float)(matrix[k * width + n] + (addend ? addend[at] : 0));
            }
        for (int64_t n = 0; dbias && n < width; n++) dbias[group * width + n] = (float)sum[n];
    }
    free(matrix);
    return true;
}
