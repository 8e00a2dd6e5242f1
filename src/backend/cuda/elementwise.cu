/* Elementwise operations and activations. */
#include "backend/cuda/numbers.h"
#include "backend/cuda/sums.h"

static __global__ void add(int64_t count, cuda_matrix a, cuda_matrix b, float value, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) y[i] = (float)(a[i] + (double)value * b[i]);
}

bool cuda_add(struct cuda_arguments *arguments) {
    const struct cuda_span *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), add, cuda_matrix_of(&arguments->in[0]),
                       cuda_matrix_of(&arguments->in[1]), arguments->node->attributes.scale.value, cuda_matrix_of(y));
}

static __global__ void multiply(int64_t count, cuda_matrix a, cuda_matrix b, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) y[i] = a[i] * b[i];
}

bool cuda_multiply(struct cuda_arguments *arguments) {
    const struct cuda_span *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), multiply, cuda_matrix_of(&arguments->in[0]),
                       cuda_matrix_of(&arguments->in[1]), cuda_matrix_of(y));
}

static __global__ void add_row(int64_t count, const float *x, const float *row, int64_t columns, float *y) {
    CUDA_ELEMENTS(i, count) y[i] = x[i] + row[i % columns];
}

bool cuda_add_row(struct cuda_arguments *arguments) {
    return cuda_launch(arguments, sb_elements(arguments->in[0].tensor), add_row, cuda_floats(&arguments->in[0]),
                       cuda_floats(&arguments->in[1]), sb_elements(arguments->in[1].tensor),
                       cuda_floats(&arguments->out[0]));
}

size_t cuda_add_row_gradient_scratch(const struct sb_node *node) {
    const int64_t columns = sb_elements(node->outputs[0]);
    return cuda_parts_bytes(sb_elements(node->inputs[0]) / columns, columns);
}

bool cuda_add_row_gradient(struct cuda_arguments *arguments) {
    const int64_t columns = sb_elements(arguments->out[0].tensor);
    return cuda_sum_rows(arguments, {cuda_floats(&arguments->in[0]), columns, columns},
                         sb_elements(arguments->in[0].tensor) / columns, (double *)arguments->scratch,
                         cuda_floats(&arguments->out[0]));
}

static __global__ void copy(int64_t count, cuda_matrix x, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) y[i] = x[i];
}

bool cuda_copy(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0];
    return cuda_launch(arguments, sb_elements(x->tensor), copy, cuda_matrix_of(x), cuda_matrix_of(&arguments->out[0]));
}

static __global__ void fill(int64_t count, float value, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) y[i] = value;
}

bool cuda_fill(struct cuda_arguments *arguments) {
    const struct cuda_span *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), fill, arguments->node->attributes.scale.value,
                       cuda_matrix_of(y));
}
