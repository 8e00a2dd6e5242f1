/* Layer and batch normalisation, two passes for the statistics. */
#include "backend/cuda/sums.h"

/* A thread for each row. */
static __global__ void layer_norm(int64_t rows, int64_t channels, double epsilon, const float *x, const float *gamma,
                                  const float *beta, float *y, float *stats) {
    CUDA_ELEMENTS(row, rows) {
        const float *from = x + row * channels;
        double mean = 0, variance = 0;
        for (int64_t c = 0; c < channels; c++) mean += from[c];
        mean /= (double)channels;
        for (int64_t c = 0; c < channels; c++) variance += (from[c] - mean) * (from[c] - mean);
        variance /= (double)channels;
        const double factor = 1 / sqrt(variance + epsilon);
        for (int64_t c = 0; c < channels; c++)
            y[row * channels + c] = (float)((from[c] - mean) * factor * gamma[c] + beta[c]);
        stats[2 * row] = (float)mean;
        stats[2 * row + 1] = (float)factor;
    }
}

bool cuda_layer_norm(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0];
    return cuda_launch(arguments, sb_rows(x->tensor), layer_norm, sb_columns(x->tensor),
                       arguments->node->attributes.norm.epsilon, cuda_floats(x), cuda_floats(&arguments->in[1]),
                       cuda_floats(&arguments->in[2]), cuda_floats(&arguments->out[0]),
                       cuda_floats(&arguments->out[1]));
}

/* The inputs of a gradient. As a term of a sum over the rows it is that of gamma's. */
struct layer_gradient {
    int64_t channels;
    const float *dy, *x, *gamma, *stats; /* [rows, 2] */

    __device__ double normal(int64_t row, int64_t c) const {
        return (x[row * channels + c] - (double)stats[2 * row]) * stats[2 * row + 1];
    }
    __device__ double operator()(int64_t row, int64_t c) const { return dy[row * channels + c] * normal(row, c); }
};

/* With n = (x - mean) * factor and g = dy * gamma: dx = factor * (g - mean(g) - n * mean(g n)). A thread for each row.
 */
static __global__ void layer_norm_gradient(int64_t rows, struct layer_gradient p, const float *addend, float *dx) {
    CUDA_ELEMENTS(row, rows) {
        const int64_t first = row * p.channels;
        double mean_g = 0, mean_gn = 0;
        for (int64_t c = 0; c < p.channels; c++) {
            const double g = (double)p.dy[first + c] * p.gamma[c];
            mean_g += g / (double)p.channels;
            mean_gn += g * p.normal(row, c) / (double)p.channels;
        }
        for (int64_t c = 0; c < p.channels; c++) {
            const double g = (double)p.dy[first + c] * p.gamma[c], sum = addend ? addend[first + c] : 0;
            dx[first + c] = (float)(sum + p.stats[2 * row + 1] * (g - mean_g - p.normal(row, c) * mean_gn));
        }
    }
}

bool cuda_layer_norm_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *in = arguments->in, *out = arguments->out;
    const int64_t rows = sb_rows(in[1].tensor), channels = sb_columns(in[1].tensor);
    const struct layer_gradient p = {channels, cuda_floats(&in[0]), cuda_floats(&in[1]), cuda_floats(&in[2]),
                                     cuda_floats(&in[3])};
    double *parts = (double *)arguments->scratch;
    return cuda_launch(arguments, rows, layer_norm_gradient, p, cuda_floats(&in[4]), cuda_floats(&out[0])) &&
           cuda_sum_terms(arguments, rows, channels, p, parts, cuda_floats(&out[1])) &&
           cuda_sum_rows(arguments, cuda_matrix_of(&in[0]), rows, parts, cuda_floats(&out[2]));
}

size_t cuda_layer_norm_gradient_scratch(const struct sb_node *node) {
    return cuda_parts_bytes(sb_rows(node->inputs[1]), sb_columns(node->inputs[1]));
}

/* Terms of the mean of a column, and of its variance once the mean is known. */
struct mean_term {
    int64_t rows, channels;
    const float *x;

    __device__ double operator()(int64_t row, int64_t c) const { return x[row * channels + c] / (double)rows; }
};
struct variance_term {
    int64_t rows, channels;
    const float *x;
    const double *mean;

    __device__ double operator()(int64_t row, int64_t c) const {
        const double distance = x[row * channels + c] - mean[c];
        return distance * distance / (double)rows;
    }
};

static __global__ void update_running(int64_t channels, int64_t rows, double momentum, const double *mean,
                                      const double *variance, float *running_mean, float *running_var) {
    CUDA_ELEMENTS(c, channels) {
        const double unbiased = rows > 1 ? variance[c] * (double)rows / (double)(rows - 1) : variance[c];
        if (!isfinite((float)mean[c]) || !isfinite((float)unbiased)) continue;
        running_mean[c] = (float)((1 - momentum) * running_mean[c] + momentum * mean[c]);
        running_var[c] = (float)((1 - momentum) * running_var[c] + momentum * unbiased);
    }
}

static __global__ void take_running(int64_t channels, const float *running_mean, const float *running_var, double *mean,
                                    double *variance) {
    CUDA_ELEMENTS(c, channels) {
        mean[c] = running_mean[c];
        variance[c] = running_var[c];
    }
}

/* The variance becomes the factor. */
static __global__ void finish_statistics(int64_t channels, double epsilon, const double *mean, double *factor,
                                         float *stats) {
    CUDA_ELEMENTS(c, channels) {
        factor[c] = 1 / sqrt(factor[c] + epsilon);
        stats[c] = (float)mean[c];
        stats[channels + c] = (float)factor[c];
    }
}

static __global__ void batch_norm(int64_t count, int64_t channels, bool relu, const double *mean, const double *factor,
                                  const float *gamma, const float *beta, const float *x, float *y) {
    CUDA_ELEMENTS(i, count) {
        const int64_t c = i % channels;
        const double result = (x[i] - mean[c]) * factor[c] * gamma[c] + beta[c];
        y[i] = (float)(relu && result < 0 ? 0 : result);
    }
}

bool cuda_batch_norm(struct cuda_arguments *arguments) {
    const struct sb_norm_attributes *attributes = &arguments->node->attributes.norm;
    const struct cuda_span *in = arguments->in, *x = &in[SB_BATCH_NORM_X];
    const int64_t rows = sb_rows(x->tensor), channels = sb_columns(x->tensor);
    float *running_mean = cuda_floats(&in[SB_BATCH_NORM_RUNNING_MEAN]);
    float *running_var = cuda_floats(&in[SB_BATCH_NORM_RUNNING_VAR]);
    double *mean = (double *)arguments->scratch, *factor = mean + channels, *parts = factor + channels;
    if (attributes->training) {
        const struct mean_term mean_term = {rows, channels, cuda_floats(x)};
        const struct variance_term variance_term = {rows, channels, cuda_floats(x), mean};
        if (!cuda_sum_terms(arguments, rows, channels, mean_term, parts, mean) ||
            !cuda_sum_terms(arguments, rows, channels, variance_term, parts, factor) ||
            !cuda_launch(arguments, channels, update_running, rows, attributes->momentum, mean, factor, running_mean,
                         running_var))
            return false;
    } else if (!cuda_launch(arguments, channels, take_running, running_mean, running_var, mean, factor)) {
        return false;
    }
    return cuda_launch(arguments, channels, finish_statistics, attributes->epsilon, mean, factor,
                       cuda_floats(&arguments->out[1])) &&
           cuda_launch(arguments, rows * channels, batch_norm, channels, attributes->relu, mean, factor,
                       cuda_floats(&in[SB_BATCH_NORM_GAMMA]), cuda_floats(&in[SB_BATCH_NORM_BETA]), cuda_floats(x),
                       cuda_floats(&arguments->out[0]));
}

static size_t column_statistics_bytes(const struct sb_tensor *x) {
    const int64_t channels = sb_columns(x);
    return 2 * (size_t)channels * sizeof(double) + cuda_parts_bytes(sb_rows(x), channels);
}

size_t cuda_batch_norm_scratch(const struct sb_node *node) {
    return column_statistics_bytes(node->inputs[SB_BATCH_NORM_X]);
}

/* The inputs of a gradient. As a term of a sum over the rows it is that of beta's. */
struct batch_gradient {
    int64_t rows, channels;
    const float *dy, *x, *gamma, *stats; /* [2, C] */
    const float *y;                      /* NULL: without ReLU */

    __device__ double normal(int64_t row, int64_t c) const {
        return (x[row * channels + c] - (double)stats[c]) * stats[channels + c];
    }
    __device__ double operator()(int64_t row, int64_t c) const {
        return y && y[row * channels + c] <= 0 ? 0 : dy[row * channels + c];
    }
};
struct batch_gamma_term {
    struct batch_gradient p;

    __device__ double operator()(int64_t row, int64_t c) const { return p(row, c) * p.normal(row, c); }
};

/* As layer normalisation along the rows; with running statistics, which are constants, dx = factor * gamma * dy. */
static __global__ void batch_norm_gradient(int64_t count, struct batch_gradient p, bool training,
                                           const double *gamma_sum, const double *beta_sum, float *dx) {
    CUDA_ELEMENTS(i, count) {
        const int64_t row = i / p.channels, c = i % p.channels;
        double arrived = p(row, c);
        if (training) arrived -= (beta_sum[c] + p.normal(row, c) * gamma_sum[c]) / (double)p.rows;
        dx[i] = (float)((double)p.stats[p.channels + c] * p.gamma[c] * arrived);
    }
}

static __global__ void round_sums(int64_t count, const double *sums, float *results) {
    CUDA_ELEMENTS(i, count) results[i] = (float)sums[i];
}

bool cuda_batch_norm_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *in = arguments->in, *out = arguments->out;
    const int64_t rows = sb_rows(in[1].tensor), channels = sb_columns(in[1].tensor);
    const struct batch_gradient p = {rows,
                                     channels,
                                     cuda_floats(&in[0]),
                                     cuda_floats(&in[1]),
                                     cuda_floats(&in[2]),
                                     cuda_floats(&in[3]),
                                     cuda_floats(&in[4])};
    const struct batch_gamma_term gamma_term = {p};
    double *gamma_sum = (double *)arguments->scratch, *beta_sum = gamma_sum + channels, *parts = beta_sum + channels;
    return cuda_sum_terms(arguments, rows, channels, gamma_term, parts, gamma_sum) &&
           cuda_sum_terms(arguments, rows, channels, p, parts, beta_sum) &&
           cuda_launch(arguments, rows * channels, batch_norm_gradient, p, arguments->node->attributes.norm.training,
                       gamma_sum, beta_sum, cuda_floats(&out[0])) &&
           cuda_launch(arguments, channels, round_sums, gamma_sum, cuda_floats(&out[1])) &&
           cuda_launch(arguments, channels, round_sums, beta_sum, cuda_floats(&out[2]));
}

size_t cuda_batch_norm_gradient_scratch(const struct sb_node *node) {
    return column_statistics_bytes(node->inputs[1]);
}
