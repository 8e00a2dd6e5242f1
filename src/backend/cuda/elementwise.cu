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

static __global__ void activate(int64_t count, cuda_matrix x, enum sb_activation_kind kind, float threshold,
                                cuda_matrix y) {
    CUDA_ELEMENTS(i, count) y[i] = (float)cuda_activation(kind, threshold, x[i]);
}

bool cuda_activate(struct cuda_arguments *arguments) {
    const struct sb_activation_attributes *attributes = &arguments->node->attributes.activation;
    const struct cuda_span *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), activate, cuda_matrix_of(&arguments->in[0]), attributes->kind,
                       attributes->threshold, cuda_matrix_of(y));
}

static __global__ void activation_gradient(int64_t count, cuda_matrix dy, cuda_matrix saved,
                                           enum sb_activation_kind kind, cuda_matrix dx) {
    CUDA_ELEMENTS(i, count) dx[i] = (float)(dy[i] * cuda_activation_slope(kind, saved[i]));
}

bool cuda_activation_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *dx = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(dx->tensor), activation_gradient, cuda_matrix_of(&arguments->in[0]),
                       cuda_matrix_of(&arguments->in[1]), arguments->node->attributes.activation.kind,
                       cuda_matrix_of(dx));
}

static __global__ void negative_exp(int64_t count, cuda_matrix x, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) y[i] = (float)-exp((double)x[i]);
}

bool cuda_negative_exp(struct cuda_arguments *arguments) {
    const struct cuda_span *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), negative_exp, cuda_matrix_of(&arguments->in[0]),
                       cuda_matrix_of(y));
}

static __global__ void scale_rows(int64_t count, cuda_matrix x, const float *scale, int64_t elements_per_sample,
                                  cuda_matrix y) {
    CUDA_ELEMENTS(i, count) y[i] = x[i] * scale[i / elements_per_sample];
}

bool cuda_scale_rows(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *scale = &arguments->in[1];
    const int64_t count = sb_elements(x->tensor);
    return cuda_launch(arguments, count, scale_rows, cuda_matrix_of(x), cuda_floats(scale),
                       count / sb_elements(scale->tensor), cuda_matrix_of(&arguments->out[0]));
}

static __global__ void dropout(int64_t count, const float *x, const struct sb_step_numbers *step,
                               struct sb_drop_path_attributes attributes, int64_t batch, float *y) {
    const int64_t elements_per_sample = count / batch;
    CUDA_ELEMENTS(i, count) {
        const int64_t element = i % elements_per_sample;
        const uint32_t sample = step->micro_batch * (uint32_t)batch + (uint32_t)(i / elements_per_sample);
        const uint32_t counter[4] = {sample, (uint32_t)(element / 4), step->step[0],
                                     SB_STREAM_DROPOUT + 256 * attributes.branch};
        uint32_t words[4];
        cuda_philox(step->seed, counter, words);
        const float uniform = (float)(words[element % 4] >> 8) / 16777216.0f;
        y[i] = uniform < attributes.rate ? 0 : x[i] / (1 - attributes.rate);
    }
}

bool cuda_dropout(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0];
    return cuda_launch(arguments, sb_elements(x->tensor), dropout, cuda_floats(x),
                       (const struct sb_step_numbers *)arguments->in[1].data, arguments->node->attributes.drop_path,
                       cuda_axis(x, 0), cuda_floats(&arguments->out[0]));
}

static __global__ void normalise_image(int64_t count, const uint8_t *x, const float *constants, int64_t channels,
                                       float *y) {
    CUDA_ELEMENTS(i, count) {
        const int64_t channel = i % channels;
        y[i] = (float)((x[i] / 255.0 - constants[channel]) / constants[channels + channel]);
    }
}

bool cuda_normalise_image(struct cuda_arguments *arguments) {
    const struct cuda_span *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), normalise_image, (const uint8_t *)arguments->in[0].data,
                       cuda_floats(&arguments->in[1]), sb_columns(y->tensor), cuda_floats(y));
}
