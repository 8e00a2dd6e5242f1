/* Reference: mean and maximum over tokens. */
#include "backend/cpu/functions.h"
#include "ops/ops.h"

bool cpu_token_mean(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    int64_t length = cpu_axis(x, 1);
    for (int64_t item = 0; item < cpu_axis(x, 0); item++)
        for (int64_t c = 0; c < cpu_axis(x, 2); c++) {
            double sum = 0;
            for (int64_t t = 0; t < length; t++) sum += cpu_row(x, item * length + t)[c];
            cpu_row(y, item)[c] = (float)(sum / (double)length);
        }
    return true;
}

bool cpu_token_mean_gradient(struct cpu_arguments *arguments) {
    const struct cpu_span *dy = &arguments->in[0], *dx = &arguments->out[0];
    int64_t length = cpu_axis(dx, 1);
    for (int64_t row = 0; row < sb_rows(dx->tensor); row++)
        for (int64_t c = 0; c < cpu_axis(dx, 2); c++)
            cpu_row(dx, row)[c] = (float)(cpu_row(dy, row / length)[c] / (double)length);
    return true;
}

bool cpu_token_max(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    int32_t *index = arguments->out[1].data;
    int64_t length = cpu_axis(x, 1), channels = cpu_axis(x, 2);
    for (int64_t item = 0; item < cpu_axis(x, 0); item++)
        for (int64_t c = 0; c < channels; c++) {
            int64_t best = 0;
            for (int64_t t = 1; t < length; t++)
                if (cpu_row(x, item * length + t)[c] > cpu_row(x, item * length + best)[c]) best = t;
            cpu_row(y, item)[c] = cpu_row(x, item * length + best)[c];
            if (index) index[item * channels + c] = (int32_t)best;
        }
    return true;
}

bool cpu_token_max_gradient(struct cpu_arguments *arguments) {
    const struct cpu_span *dy = &arguments->in[0], *dx = &arguments->out[0];
    const int32_t *index = arguments->in[1].data;
    int64_t length = cpu_axis(dx, 1), channels = cpu_axis(dx, 2);
    for (int64_t row = 0; row < sb_rows(dx->tensor); row++)
        for (int64_t c = 0; c < channels; c++) {
            int64_t item = row / length;
            cpu_row(dx, row)[c] = row % length == index[item * channels + c] ? cpu_row(dy, item)[c] : 0;
        }
    return true;
}
