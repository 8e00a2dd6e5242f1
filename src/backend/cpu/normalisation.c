/* Reference: layer and batch normalisation, two passes for the statistics. */
#include "backend/cpu/functions.h"
#include "ops/ops.h"

#include <math.h>
#include <stdlib.h>

bool cpu_layer_norm(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    const float *gamma = arguments->in[1].data, *beta = arguments->in[2].data;
    float *stats = arguments->out[1].data;
    int64_t channels = sb_columns(x->tensor);
    for (int64_t row = 0; row < sb_rows(x->tensor); row++) {
        const float *from = cpu_row(x, row);
        float *to = cpu_row(y, row);
        double mean = 0, variance = 0;
        for (int64_t c = 0; c < channels; c++) mean += from[c];
        mean /= (double)channels;
        for (int64_t c = 0; c < channels; c++) variance += (from[c] - mean) * (from[c] - mean);
        variance /= (double)channels;
        double factor = 1 / sqrt(variance + arguments->node->attributes.norm.epsilon);
        for (int64_t c = 0; c < channels; c++) to[c] = (float)((from[c] - mean) * factor * gamma[c] + beta[c]);
        if (stats) {
            stats[2 * row] = (float)mean;
            stats[2 * row + 1] = (float)factor;
        }
    }
    return true;
}

/* With n = (x - mean) * factor and g = dy * gamma: dx = factor * (g - mean(g) - n * mean(g n)). */
bool cpu_layer_norm_gradient(struct cpu_arguments *arguments) {
    const struct cpu_span *dy = &arguments->in[0], *x = &arguments->in[1], *addend = &arguments->in[4];
    const struct cpu_span *dx = &arguments->out[0];
    const float *gamma = arguments->in[2].data, *stats = arguments->in[3].data;
    float *dgamma = arguments->out[1].data, *dbeta = arguments->out[2].data;
    int64_t channels = sb_columns(x->tensor);
    double *gamma_sum = sb_allocate((size_t)(2 * channels), sizeof(double), arguments->error);
    if (!gamma_sum) return false;
    double *beta_sum = gamma_sum + channels;
    for (int64_t row = 0; row < sb_rows(x->tensor); row++) {
        const float *arrived = cpu_row(dy, row), *from = cpu_row(x, row);
        double mean = stats[2 * row], factor = stats[2 * row + 1], mean_g = 0, mean_gn = 0;
        for (int64_t c = 0; c < channels; c++) {
            double normal = (from[c] - mean) * factor, g = (double)arrived[c] * gamma[c];
            mean_g += g / (double)channels;
            mean_gn += g * normal / (double)channels;
            gamma_sum[c] += arrived[c] * normal;
            beta_sum[c] += arrived[c];
        }
        for (int64_t c = 0; dx->data && c < channels; c++) {
            double normal = (from[c] - mean) * factor, g = (double)arrived[c] * gamma[c];
            double sum = addend->data ? cpu_row(addend, row)[c] : 0;
            cpu_row(dx, row)[c] = (float)(sum + factor * (g - mean_g - normal * mean_gn));
        }
    }
    for (int64_t c = 0; c < channels; c++) {
        if (dgamma) dgamma[c] = (float)gamma_sum[c];
        if (dbeta) dbeta[c] = (float)beta_sum[c];
    }
    free(gamma_sum);
    return true;
}

bool cpu_batch_norm(struct cpu_arguments *arguments) {
    const struct sb_norm_attributes *attributes = &arguments->node->attributes.norm;
    const struct cpu_span *x = &arguments->in[SB_BATCH_NORM_X], *y = &arguments->out[0];
    const float *gamma = arguments->in[SB_BATCH_NORM_GAMMA].data, *beta = arguments->in[SB_BATCH_NORM_BETA].data;
    float *running_mean = arguments->in[SB_BATCH_NORM_RUNNING_MEAN].data;
    float *running_var = arguments->in[SB_BATCH_NORM_RUNNING_VAR].data;
    float *stats = arguments->out[1].data;
    int64_t rows = sb_rows(x->tensor), channels = sb_columns(x->tensor);
    double *mean = sb_allocate((size_t)(2 * channels), sizeof(double), arguments->error);
    if (!mean) return false;
    double *factor = mean + channels; /* the variance at first */
    if (attributes->training) {
        for (int64_t row = 0; row < rows; row++)
            for (int64_t c = 0; c < channels; c++) mean[c] += cpu_row(x, row)[c] / (double)rows;
        for (int64_t row = 0; row < rows; row++)
            for (int64_t c = 0; c < channels; c++)
                factor[c] += (cpu_row(x, row)[c] - mean[c]) * (cpu_row(x, row)[c] - mean[c]) / (double)rows;
        for (int64_t c = 0; c < channels; c++) {
            double momentum = attributes->momentum;
            double unbiased = rows > 1 ? factor[c] * (double)rows / (double)(rows - 1) : factor[c];
            if (!isfinite((float)mean[c]) || !isfinite((float)unbiased)) continue;
            running_mean[c] = (float)((1 - momentum) * running_mean[c] + momentum * mean[c]);
            running_var[c] = (float)((1 - momentum) * running_var[c] + momentum * unbiased);
        }
    } else {
        for (int64_t c = 0; c < channels; c++) {
            mean[c] = running_mean[c];
            factor[c] = running_var[c];
        }
    }
    for (int64_t c = 0; c < channels; c++) {
        factor[c] = 1 / sqrt(factor[c] + attributes->epsilon);
        if (!stats) continue;
        stats[c] = (float)mean[c];
        stats[channels + c] = (float)factor[c];
    }
    for (int64_t row = 0; row < rows; row++)
        for (int64_t c = 0; c < channels; c++) {
            double result = (cpu_row(x, row)[c] - mean[c]) * factor[c] * gamma[c] + beta[c];
            cpu_row(y, row)[c] = (float)(attributes->relu && result < 0 ? 0 : result);
        }
    free(mean);
    return true;
}

/* As layer normalisation along the rows; with running statistics, which are constants, dx = factor * gamma * dy. */
bool cpu_batch_norm_gradient(struct cpu_arguments *arguments) {
    const struct sb_norm_attributes *attributes = &arguments->node->attributes.norm;
    const struct cpu_span *dy = &arguments->in[0], *x = &arguments->in[1], *y = &arguments->in[4];
    const struct cpu_span *dx = &arguments->out[0];
    const float *gamma = arguments->in[2].data, *stats = arguments->in[3].data;
    float *dgamma = arguments->out[1].data, *dbeta = arguments->out[2].data;
    int64_t rows = sb_rows(x->tensor), channels = sb_columns(x->tensor);
    double *gamma_sum = sb_allocate((size_t)(2 * channels), sizeof(double), arguments->error);
    if (!gamma_sum) return false;
    double *beta_sum = gamma_sum + channels;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t c = 0; c < channels; c++) {
            if (y->data && cpu_row(y, row)[c] <= 0) continue;
            double arrived = cpu_row(dy, row)[c];
            gamma_sum[c] += arrived * (cpu_row(x, row)[c] - (double)stats[c]) * stats[channels + c];
            beta_sum[c] += arrived;
        }
    for (int64_t row = 0; dx->data && row < rows; row++)
        for (int64_t c = 0; c < channels; c++) {
            double arrived = y->data && cpu_row(y, row)[c] <= 0 ? 0 : cpu_row(dy, row)[c];
            double factor = stats[channels + c], normal = (cpu_row(x, row)[c] - (double)stats[c]) * factor;
            if (attributes->training) arrived -= (beta_sum[c] + normal * gamma_sum[c]) / (double)rows;
            cpu_row(dx, row)[c] = (float)(factor * gamma[c] * arrived);
        }
    for (int64_t c = 0; c < channels; c++) {
        if (dgamma) dgamma[c] = (float)gamma_sum[c];
        if (dbeta) dbeta[c] = (float)beta_sum[c];
    }
    free(gamma_sum);
    return true;
}
