/* Reference: windows of time series to tokens, forecasts back, their loss, and the moving average. */
#include "backend/cpu/functions.h"

#include <math.h>

bool cpu_series_patches(struct cpu_arguments *arguments) {
    const struct sb_series_patches_attributes *attributes = &arguments->node->attributes.series_patches;
    const struct cpu_span *x = &arguments->in[0];
    const int64_t batch = cpu_axis(x, 0), length = cpu_axis(x, 1), channels = cpu_axis(x, 2), patch = attributes->patch;
    const int64_t count = arguments->out[0].tensor->shape[1];
    float *tokens = arguments->out[0].data, *statistics = arguments->out[1].data;
    for (int64_t b = 0; b < batch; b++)
        for (int64_t c = 0; c < channels; c++) {
            const float *series = (const float *)x->data + b * length * channels + c;
            double mean = 0, squares = 0, deviation = 1;
            const enum sb_normalisation normalise = attributes->normalise;
            for (int64_t t = 0; t < length && normalise != SB_NORMALISE_NONE; t++)
                mean += (double)series[t * channels] / (double)length;
            for (int64_t t = 0; t < length; t++) squares += pow(series[t * channels] - mean, 2);
            if (normalise == SB_NORMALISE_INSTANCE)
                deviation = sqrt(squares / (double)length + (double)attributes->epsilon);
            statistics[(b * channels + c) * 2] = (float)mean;
            statistics[(b * channels + c) * 2 + 1] = (float)deviation;
            for (int64_t p = 0; p < count; p++)
                for (int64_t i = 0; i < patch; i++) {
                    const int64_t t = p * attributes->stride + i;
                    const double value = series[(t < length ? t : length - 1) * channels];
                    const int64_t token =
                        attributes->mix_channels ? (b * count + p) * channels + c : (b * channels + c) * count + p;
                    tokens[token * patch + i] = (float)((value - mean) / deviation);
                }
        }
    return true;
}

bool cpu_series_forecast(struct cpu_arguments *arguments) {
    const struct sb_tensor *forecast = arguments->out[0].tensor;
    const int64_t times = forecast->shape[1], channels = forecast->shape[2];
    const float *y = arguments->in[0].data, *statistics = arguments->in[1].data;
    float *to = arguments->out[0].data;
    for (int64_t row = 0; row < forecast->shape[0] * channels; row++)
        for (int64_t t = 0; t < times; t++)
            to[(row / channels * times + t) * channels + row % channels] =
                (float)(y[row * times + t] * (double)statistics[2 * row + 1] + (double)statistics[2 * row]);
    return true;
}

bool cpu_series_forecast_gradient(struct cpu_arguments *arguments) {
    const struct sb_tensor *forecast = arguments->in[0].tensor;
    const int64_t times = forecast->shape[1], channels = forecast->shape[2];
    const float *from = arguments->in[0].data, *statistics = arguments->in[1].data;
    float *dy = arguments->out[0].data;
    for (int64_t row = 0; row < forecast->shape[0] * channels; row++)
        for (int64_t t = 0; t < times; t++)
            dy[row * times + t] =
                statistics[2 * row + 1] * from[(row / channels * times + t) * channels + row % channels];
    return true;
}

static bool counts(const struct sb_forecast_loss_attributes *attributes, int64_t channel) {
    return channel >= attributes->first_channel && channel < attributes->first_channel + attributes->channels;
}

static double mean_factor(const struct sb_forecast_loss_attributes *attributes, const struct sb_tensor *prediction) {
    return (double)attributes->weight / (double)(sb_rows(prediction) * attributes->channels);
}

bool cpu_forecast_loss(struct cpu_arguments *arguments) {
    const struct sb_forecast_loss_attributes *attributes = &arguments->node->attributes.forecast_loss;
    const struct sb_tensor *prediction = arguments->in[0].tensor;
    const float *from = arguments->in[0].data, *target = arguments->in[1].data;
    const double delta = attributes->delta;
    double sum = 0;
    for (int64_t i = 0; i < sb_elements(prediction); i++) {
        if (!counts(attributes, i % sb_columns(prediction))) continue;
        const double error = (double)from[i] - (double)target[i], size = fabs(error);
        if (attributes->kind == SB_FORECAST_LOSS_SQUARED)
            sum += error * error;
        else if (attributes->kind == SB_FORECAST_LOSS_ABSOLUTE)
            sum += size;
        else
            sum += size <= delta ? 0.5 * error * error : delta * (size - 0.5 * delta);
    }
    *(float *)arguments->out[0].data = (float)(mean_factor(attributes, prediction) * sum);
    return true;
}

bool cpu_forecast_loss_gradient(struct cpu_arguments *arguments) {
    const struct sb_forecast_loss_attributes *attributes = &arguments->node->attributes.forecast_loss;
    const struct sb_tensor *prediction = arguments->in[1].tensor;
    const float *from = arguments->in[1].data, *target = arguments->in[2].data;
    const double factor = *(const float *)arguments->in[0].data * mean_factor(attributes, prediction);
    const double delta = attributes->delta;
    float *to = arguments->out[0].data;
    for (int64_t i = 0; i < sb_elements(prediction); i++) {
        const double error = (double)from[i] - (double)target[i], sign = (error > 0) - (error < 0);
        double slope = 2 * error;
        if (attributes->kind == SB_FORECAST_LOSS_ABSOLUTE) slope = sign;
        if (attributes->kind == SB_FORECAST_LOSS_HUBER) slope = fabs(error) <= delta ? error : sign * delta;
        to[i] = counts(attributes, i % sb_columns(prediction)) ? (float)(factor * slope) : 0;
    }
    return true;
}

bool cpu_moving_average(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0];
    const int64_t length = sb_columns(x->tensor), kernel = arguments->node->attributes.moving_average.kernel;
    for (int64_t row = 0; row < sb_rows(x->tensor); row++) {
        const float *from = cpu_row(x, row);
        for (int64_t t = 0; t < length; t++) {
            double sum = 0;
            for (int64_t at = t - kernel / 2; at <= t + kernel / 2; at++)
                sum += from[at < 0 ? 0 : at < length ? at : length - 1];
            cpu_row(&arguments->out[0], row)[t] = (float)(sum / (double)kernel);
            cpu_row(&arguments->out[1], row)[t] = (float)(from[t] - sum / (double)kernel);
        }
    }
    return true;
}
