/* Operations that only move values. */
#include "backend/cuda/kernel.h"

/* Where the elements of a permuted tensor come from: its own axes, and what a step along each is in the source. */
struct permutation {
    int rank;
    int64_t shape[SB_MAX_RANK], strides[SB_MAX_RANK];
};

static __global__ void permute(int64_t count, const float *x, struct permutation permutation, float *y) {
    CUDA_ELEMENTS(i, count) {
        int64_t rest = i, source = 0;
        for (int axis = permutation.rank - 1; axis >= 0; axis--) {
            source += rest % permutation.shape[axis] * permutation.strides[axis];
            rest /= permutation.shape[axis];
        }
        y[i] = x[source];
    }
}

bool cuda_permute(struct cuda_arguments *arguments) {
    const struct sb_tensor *x = arguments->in[0].tensor, *y = arguments->out[0].tensor;
    struct permutation permutation = {};
    int64_t strides[SB_MAX_RANK], stride = 1;
    for (int axis = x->rank - 1; axis >= 0; axis--) {
        strides[axis] = stride;
        stride *= x->shape[axis];
    }
    permutation.rank = y->rank;
    for (int axis = 0; axis < y->rank; axis++) {
        permutation.shape[axis] = y->shape[axis];
        permutation.strides[axis] = strides[arguments->node->attributes.permute.axes[axis]];
    }
    return cuda_launch(arguments, sb_elements(y), permute, cuda_floats(&arguments->in[0]), permutation,
                       cuda_floats(&arguments->out[0]));
}

static __global__ void slice_tokens(int64_t count, cuda_matrix x, int64_t length, int64_t first, int64_t tokens,
                                    cuda_matrix y) {
    CUDA_ELEMENTS(i, count) {
        const int64_t row = i / y.columns;
        y[i] = x.row(row / tokens * length + first + row % tokens)[i % y.columns];
    }
}

bool cuda_slice_tokens(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *y = &arguments->out[0];
    const struct sb_slice_attributes *attributes = &arguments->node->attributes.slice;
    return cuda_launch(arguments, sb_elements(y->tensor), slice_tokens, cuda_matrix_of(x), cuda_axis(x, 1),
                       attributes->first, attributes->count, cuda_matrix_of(y));
}

static __global__ void concat_tokens(int64_t count, cuda_matrix a, int64_t first, cuda_matrix b, int64_t second,
                                     cuda_matrix y) {
    CUDA_ELEMENTS(i, count) {
        const int64_t row = i / y.columns, item = row / (first + second), token = row % (first + second);
        const float *from = token < first ? a.row(item * first + token) : b.row(item * second + token - first);
        y[i] = from[i % y.columns];
    }
}

bool cuda_concat_tokens(struct cuda_arguments *arguments) {
    const struct cuda_span *a = &arguments->in[0], *b = &arguments->in[1], *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), concat_tokens, cuda_matrix_of(a), cuda_axis(a, 1),
                       cuda_matrix_of(b), cuda_axis(b, 1), cuda_matrix_of(y));
}

static __global__ void reverse_tokens(int64_t count, cuda_matrix x, int64_t length, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) {
        const int64_t row = i / y.columns, token = row % length;
        y[i] = x.row(row - token + length - 1 - token)[i % y.columns];
    }
}

bool cuda_reverse_tokens(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), reverse_tokens, cuda_matrix_of(x), cuda_axis(x, 1),
                       cuda_matrix_of(y));
}

static __global__ void mix_box(int64_t count, cuda_matrix x, const int32_t *box, int64_t scale, int64_t batch,
                               int64_t height, int64_t width, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) {
        const int64_t row = i / y.columns;
        const int64_t item = row / (height * width), r = row / width % height, c = row % width;
        const bool inside = r >= box[0] * scale && r < box[2] * scale && c >= box[1] * scale && c < box[3] * scale;
        y[i] = x.row(inside ? row + (batch - 1 - 2 * item) * height * width : row)[i % y.columns];
    }
}

bool cuda_mix_box(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), mix_box, cuda_matrix_of(x),
                       (const int32_t *)arguments->in[1].data, arguments->node->attributes.mix.scale, cuda_axis(x, 0),
                       cuda_axis(x, 1), cuda_axis(x, 2), cuda_matrix_of(y));
}
