/* Reference: operations that only move values. */
#include "backend/cpu/functions.h"
#include "ops/ops.h"

#include <string.h>

bool cpu_permute(struct cpu_arguments *arguments) {
    const struct sb_tensor *x = arguments->in[0].tensor, *y = arguments->out[0].tensor;
    const int *axes = arguments->node->attributes.permute.axes;
    const float *from = arguments->in[0].data;
    float *to = arguments->out[0].data;
    int64_t strides[SB_MAX_RANK], position[SB_MAX_RANK] = {0}, stride = 1;
    for (int axis = x->rank - 1; axis >= 0; axis--) {
        strides[axis] = stride;
        stride *= x->shape[axis];
    }
    for (int64_t i = 0; i < sb_elements(y); i++) {
        int64_t source = 0;
        for (int axis = 0; axis < y->rank; axis++) source += position[axis] * strides[axes[axis]];
        to[i] = from[source];
        for (int axis = y->rank - 1; axis >= 0 && ++position[axis] == y->shape[axis]; axis--) position[axis] = 0;
    }
    return true;
}

bool cpu_slice_tokens(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    const struct sb_slice_attributes *attributes = &arguments->node->attributes.slice;
    int64_t length = cpu_axis(x, 1), count = attributes->count;
    for (int64_t row = 0; row < sb_rows(y->tensor); row++)
        memcpy(cpu_row(y, row), cpu_row(x, row / count * length + attributes->first + row % count),
               (size_t)sb_columns(x->tensor) * sizeof(float));
    return true;
}

bool cpu_concat_tokens(struct cpu_arguments *arguments) {
    const struct cpu_span *a = &arguments->in[0], *b = &arguments->in[1], *y = &arguments->out[0];
    int64_t first = cpu_axis(a, 1), second = cpu_axis(b, 1), length = first + second;
    for (int64_t row = 0; row < sb_rows(y->tensor); row++) {
        int64_t item = row / length, t = row % length;
        const float *from = t < first ? cpu_row(a, item * first + t) : cpu_row(b, item * second + t - first);
        memcpy(cpu_row(y, row), from, (size_t)sb_columns(y->tensor) * sizeof(float));
    }
    return true;
}

bool cpu_reverse_tokens(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    const int64_t length = cpu_axis(x, 1);
    for (int64_t row = 0; row < sb_rows(y->tensor); row++)
        memcpy(cpu_row(y, row), cpu_row(x, row - row % length + length - 1 - row % length),
               (size_t)sb_columns(x->tensor) * sizeof(float));
    return true;
}

bool cpu_mix_box(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    const int32_t *box = arguments->in[1].data;
    int64_t scale = arguments->node->attributes.mix.scale;
    int64_t batch = cpu_axis(x, 0), height = cpu_axis(x, 1), width = cpu_axis(x, 2);
    for (int64_t row = 0; row < sb_rows(x->tensor); row++) {
        int64_t item = row / (height * width), r = row / width % height, c = row % width;
        bool inside = r >= box[0] * scale && r < box[2] * scale && c >= box[1] * scale && c < box[3] * scale;
        int64_t source = inside ? row + (batch - 1 - 2 * item) * height * width : row;
        memcpy(cpu_row(y, row), cpu_row(x, source), (size_t)sb_columns(x->tensor) * sizeof(float));
    }
    return true;
}
