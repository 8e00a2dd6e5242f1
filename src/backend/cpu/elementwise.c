/* Reference: elementwise operations and activations. */
#include "backend/cpu/functions.h"
#include "base/random.h"
#include "ops/ops.h"

#include <math.h>
#include <string.h>

double cpu_sigmoid(double x) {
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

double cpu_activation(enum sb_activation_kind kind, double threshold, double x) {
    switch (kind) {
    case SB_ACTIVATION_NONE:
        return x;
    case SB_ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case SB_ACTIVATION_GELU:
        return 0.5 * x * erfc(-x * 0.70710678118654752440);
    case SB_ACTIVATION_SILU:
        return x * cpu_sigmoid(x);
    case SB_ACTIVATION_SOFT_SHRINK:
        return x > threshold ? x - threshold : x < -threshold ? x + threshold : 0;
    }
    return x;
}

double cpu_activation_slope(enum sb_activation_kind kind, double saved) {
    switch (kind) {
    case SB_ACTIVATION_NONE:
        return 1;
    case SB_ACTIVATION_RELU:
        return saved > 0;
    case SB_ACTIVATION_GELU:
        return 0.5 * erfc(-saved * 0.70710678118654752440) + saved * 0.39894228040143267794 * exp(-0.5 * saved * saved);
    case SB_ACTIVATION_SILU: {
        double sigmoid = cpu_sigmoid(saved);
        return sigmoid * (1 + saved * (1 - sigmoid));
    }
    case SB_ACTIVATION_SOFT_SHRINK:
        return saved != 0;
    }
    return 1;
}

bool cpu_activate(struct cpu_arguments *arguments) {
    const struct sb_activation_attributes *attributes = &arguments->node->attributes.activation;
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    int64_t columns = sb_columns(x->tensor);
    for (int64_t row = 0; row < sb_rows(x->tensor); row++) {
        const float *from = cpu_row(x, row);
        float *to = cpu_row(y, row);
        for (int64_t i = 0; i < columns; i++)
            to[i] = (float)cpu_activation(attributes->kind, attributes->threshold, from[i]);
    }
    return true;
}

bool cpu_activation_gradient(struct cpu_arguments *arguments) {
    const struct sb_activation_attributes *attributes = &arguments->node->attributes.activation;
    const struct cpu_span *dy = &arguments->in[0], *saved = &arguments->in[1], *dx = &arguments->out[0];
    int64_t columns = sb_columns(dy->tensor);
    for (int64_t row = 0; row < sb_rows(dy->tensor); row++) {
        const float *from = cpu_row(dy, row), *at = cpu_row(saved, row);
        float *to = cpu_row(dx, row);
        for (int64_t i = 0; i < columns; i++) to[i] = (float)(from[i] * cpu_activation_slope(attributes->kind, at[i]));
    }
    return true;
}

bool cpu_add(struct cpu_arguments *arguments) {
    const struct cpu_span *a = &arguments->in[0], *b = &arguments->in[1], *y = &arguments->out[0];
    double value = arguments->node->attributes.scale.value;
    int64_t columns = sb_columns(a->tensor);
    for (int64_t row = 0; row < sb_rows(a->tensor); row++) {
        const float *left = cpu_row(a, row), *right = cpu_row(b, row);
        float *to = cpu_row(y, row);
        for (int64_t i = 0; i < columns; i++) to[i] = (float)(left[i] + value * right[i]);
    }
    return true;
}

bool cpu_multiply(struct cpu_arguments *arguments) {
    const struct cpu_span *a = &arguments->in[0], *b = &arguments->in[1], *y = &arguments->out[0];
    int64_t columns = sb_columns(a->tensor);
    for (int64_t row = 0; row < sb_rows(a->tensor); row++) {
        const float *left = cpu_row(a, row), *right = cpu_row(b, row);
        float *to = cpu_row(y, row);
        for (int64_t i = 0; i < columns; i++) to[i] = left[i] * right[i];
    }
    return true;
}

bool cpu_negative_exp(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    int64_t columns = sb_columns(x->tensor);
    for (int64_t row = 0; row < sb_rows(x->tensor); row++) {
        const float *from = cpu_row(x, row);
        float *to = cpu_row(y, row);
        for (int64_t i = 0; i < columns; i++) to[i] = (float)-exp(from[i]);
    }
    return true;
}

bool cpu_scale_rows(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    const float *scale = arguments->in[1].data;
    int64_t columns = sb_columns(x->tensor), rows = sb_rows(x->tensor);
    int64_t rows_per_sample = rows / sb_elements(arguments->in[1].tensor);
    for (int64_t row = 0; row < rows; row++) {
        const float *from = cpu_row(x, row);
        float *to = cpu_row(y, row), factor = scale[row / rows_per_sample];
        for (int64_t i = 0; i < columns; i++) to[i] = from[i] * factor;
    }
    return true;
}

bool cpu_add_row(struct cpu_arguments *arguments) {
    const float *x = arguments->in[0].data, *row = arguments->in[1].data;
    float *y = arguments->out[0].data;
    const int64_t columns = sb_elements(arguments->in[1].tensor);
    for (int64_t i = 0; i < sb_elements(arguments->in[0].tensor); i++) y[i] = x[i] + row[i % columns];
    return true;
}

bool cpu_add_row_gradient(struct cpu_arguments *arguments) {
    const float *dy = arguments->in[0].data;
    float *drow = arguments->out[0].data;
    const int64_t columns = sb_elements(arguments->out[0].tensor);
    for (int64_t column = 0; column < columns; column++) {
        double sum = 0;
        for (int64_t i = column; i < sb_elements(arguments->in[0].tensor); i += columns) sum += dy[i];
        drow[column] = (float)sum;
    }
    return true;
}

bool cpu_dropout(struct cpu_arguments *arguments) {
    const struct sb_drop_path_attributes *attributes = &arguments->node->attributes.drop_path;
    const struct sb_step_numbers *step = arguments->in[1].data;
    const float *x = arguments->in[0].data;
    float *y = arguments->out[0].data;
    const int64_t batch = cpu_axis(&arguments->in[0], 0), count = sb_elements(arguments->in[0].tensor) / batch;
    for (int64_t b = 0; b < batch; b++)
        for (int64_t i = 0; i < count; i++) {
            const uint32_t sample = step->micro_batch * (uint32_t)batch + (uint32_t)b;
            const uint32_t counter[4] = {sample, (uint32_t)(i / 4), step->step[0],
                                         SB_STREAM_DROPOUT + 256 * attributes->branch};
            uint32_t words[4];
            sb_philox(step->seed, counter, words);
            const float uniform = (float)(words[i % 4] >> 8) / 16777216.0f;
            *y++ = uniform < attributes->rate ? 0 : *x / (1 - attributes->rate);
            x++;
        }
    return true;
}

bool cpu_fill(struct cpu_arguments *arguments) {
    const struct cpu_span *y = &arguments->out[0];
    for (int64_t row = 0; row < sb_rows(y->tensor); row++) {
        float *to = cpu_row(y, row);
        for (int64_t i = 0; i < sb_columns(y->tensor); i++) to[i] = arguments->node->attributes.scale.value;
    }
    return true;
}

bool cpu_copy(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    for (int64_t row = 0; row < sb_rows(x->tensor); row++)
        memmove(cpu_row(y, row), cpu_row(x, row), (size_t)sb_columns(x->tensor) * sizeof(float));
    return true;
}

bool cpu_normalise_image(struct cpu_arguments *arguments) {
    const uint8_t *x = arguments->in[0].data;
    const float *mean = arguments->in[1].data;
    float *y = arguments->out[0].data;
    int64_t channels = sb_columns(arguments->out[0].tensor);
    const float *deviation = mean + channels;
    for (int64_t row = 0; row < sb_rows(arguments->out[0].tensor); row++)
        for (int64_t c = 0; c < channels; c++)
            y[row * channels + c] = (float)((x[row * channels + c] / 255.0 - mean[c]) / deviation[c]);
    return true;
}
