/* Mean and maximum over tokens. */
#include "backend/cuda/kernel.h"

static __global__ void token_mean(int64_t count, cuda_matrix x, int64_t length, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) {
        const int64_t item = i / y.columns, channel = i % y.columns;
        double sum = 0;
        for (int64_t token = 0; token < length; token++) sum += x.row(item * length + token)[channel];
        y[i] = (float)(sum / (double)length);
    }
}

bool cuda_token_mean(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), token_mean, cuda_matrix_of(x), cuda_axis(x, 1),
                       cuda_matrix_of(y));
}

static __global__ void token_mean_gradient(int64_t count, cuda_matrix dy, int64_t length, cuda_matrix dx) {
    CUDA_ELEMENTS(i, count)
    dx[i] = (float)(dy.row(i / dx.columns / length)[i % dx.columns] / (double)length);
}

bool cuda_token_mean_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *dx = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(dx->tensor), token_mean_gradient, cuda_matrix_of(&arguments->in[0]),
                       cuda_axis(dx, 1), cuda_matrix_of(dx));
}

static __global__ void token_max(int64_t count, cuda_matrix x, int64_t length, cuda_matrix y, int32_t *index) {
    CUDA_ELEMENTS(i, count) {
        const int64_t item = i / y.columns, channel = i % y.columns;
        int64_t best = 0;
        for (int64_t token = 1; token < length; token++)
            if (x.row(item * length + token)[channel] > x.row(item * length + best)[channel]) best = token;
        y[i] = x.row(item * length + best)[channel];
        if (index) index[i] = (int32_t)best;
    }
}

bool cuda_token_max(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), token_max, cuda_matrix_of(x), cuda_axis(x, 1),
                       cuda_matrix_of(y), (int32_t *)arguments->out[1].data);
}

static __global__ void token_max_gradient(int64_t count, cuda_matrix dy, const int32_t *index, int64_t length,
                                          cuda_matrix dx) {
    CUDA_ELEMENTS(i, count) {
        const int64_t row = i / dx.columns, channel = i % dx.columns, item = row / length;
        dx[i] = row % length == index[item * dx.columns + channel] ? dy.row(item)[channel] : 0;
    }
}

bool cuda_token_max_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *dx = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(dx->tensor), token_max_gradient, cuda_matrix_of(&arguments->in[0]),
                       (const int32_t *)arguments->in[1].data, cuda_axis(dx, 1), cuda_matrix_of(dx));
}
