/* Windows of time series to tokens, forecasts back, their loss, and the moving average. */
#include "backend/cuda/sums.h"

struct windows {
    const float *x; /* [B, L, C] */
    int64_t length, channels;
    struct sb_series_patches_attributes attributes;
    double *statistics; /* [B, C, 2]: mean and deviation */
};

/* A thread for each channel of each window. */
static __global__ void window_statistics(int64_t count, struct windows w, float *rounded) {
    CUDA_ELEMENTS(row, count) {
        const float *series = w.x + row / w.channels * w.length * w.channels + row % w.channels;
        const double length = (double)w.length;
        double mean = 0, squares = 0, deviation = 1;
        for (int64_t t = 0; t < w.length && w.attributes.normalise != SB_NORMALISE_NONE; t++)
            mean += series[t * w.channels] / length;
        for (int64_t t = 0; t < w.length; t++) {
            const double distance = series[t * w.channels] - mean;
            squares += distance * distance;
        }
        if (w.attributes.normalise == SB_NORMALISE_INSTANCE)
            deviation = sqrt(squares / length + (double)w.attributes.epsilon);
        w.statistics[2 * row] = mean;
        w.statistics[2 * row + 1] = deviation;
        rounded[2 * row] = (float)mean;
        rounded[2 * row + 1] = (float)deviation;
    }
}

/* `patches`: of each channel of each window. */
static __global__ void series_patches(int64_t count, struct windows w, int64_t patches, float *tokens) {
    CUDA_ELEMENTS(i, count) {
        /* The tokens are ordered by window, channel, patch; or by window, patch, channel. */
        const int64_t at = i / w.attributes.patch, window = at / (w.channels * patches);
        const int64_t c = w.attributes.mix_channels ? at % w.channels : at / patches % w.channels;
        const int64_t p = w.attributes.mix_channels ? at / w.channels % patches : at % patches;
        const int64_t t = p * w.attributes.stride + i % w.attributes.patch, row = window * w.channels + c;
        const double value = w.x[(window * w.length + (t < w.length ? t : w.length - 1)) * w.channels + c];
        tokens[i] = (float)((value - w.statistics[2 * row]) / w.statistics[2 * row + 1]);
    }
}

bool cuda_series_patches(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *tokens = &arguments->out[0];
    const struct windows w = {cuda_floats(x), cuda_axis(x, 1), cuda_axis(x, 2),
                              arguments->node->attributes.series_patches, (double *)arguments->scratch};
    return cuda_launch(arguments, cuda_axis(x, 0) * w.channels, window_statistics, w,
                       cuda_floats(&arguments->out[1])) &&
           cuda_launch(arguments, sb_elements(tokens->tensor), series_patches, w, cuda_axis(tokens, 1),
                       cuda_floats(tokens));
}

size_t cuda_series_patches_scratch(const struct sb_node *node) {
    return (size_t)sb_elements(node->outputs[1]) * sizeof(double);
}

/* Element i of a forecast [B, T, C], as an element of the model's [B, C, T]. */
static __device__ int64_t transposed(int64_t i, int64_t times, int64_t channels) {
    return (i / channels / times * channels + i % channels) * times + i / channels % times;
}

static __global__ void series_forecast(int64_t count, int64_t times, int64_t channels, const float *y,
                                       const float *statistics, float *forecast) {
    CUDA_ELEMENTS(i, count) {
        const int64_t from = transposed(i, times, channels), row = from / times;
        forecast[i] = (float)(y[from] * (double)statistics[2 * row + 1] + (double)statistics[2 * row]);
    }
}

bool cuda_series_forecast(struct cuda_arguments *arguments) {
    const struct cuda_span *forecast = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(forecast->tensor), series_forecast, cuda_axis(forecast, 1),
                       cuda_axis(forecast, 2), cuda_floats(&arguments->in[0]), cuda_floats(&arguments->in[1]),
                       cuda_floats(forecast));
}

static __global__ void series_forecast_gradient(int64_t count, int64_t times, int64_t channels, const float *dforecast,
                                                const float *statistics, float *dy) {
    CUDA_ELEMENTS(i, count) {
        const int64_t to = transposed(i, times, channels);
        dy[to] = statistics[2 * (to / times) + 1] * dforecast[i];
    }
}

bool cuda_series_forecast_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *forecast = &arguments->in[0];
    return cuda_launch(arguments, sb_elements(forecast->tensor), series_forecast_gradient, cuda_axis(forecast, 1),
                       cuda_axis(forecast, 2), cuda_floats(forecast), cuda_floats(&arguments->in[1]),
                       cuda_floats(&arguments->out[0]));
}

/* The errors of a prediction [rows, channels], for the loss and for its gradient. */
struct errors {
    const float *prediction, *target;
    int64_t channels;
    double factor; /* of the weighted mean */
    struct sb_forecast_loss_attributes attributes;

    __device__ bool counts(int64_t i) const {
        const int64_t channel = i % channels - attributes.first_channel;
        return channel >= 0 && channel < attributes.channels;
    }
    __device__ double error(int64_t i) const { return (double)prediction[i] - (double)target[i]; }

    /* What value i adds to the loss. */
    __device__ double operator()(int64_t i, int64_t) const {
        const double e = error(i), size = fabs(e), delta = attributes.delta;
        if (!counts(i)) return 0;
        if (attributes.kind == SB_FORECAST_LOSS_SQUARED) return factor * e * e;
        if (attributes.kind == SB_FORECAST_LOSS_ABSOLUTE) return factor * size;
        return factor * (size <= delta ? 0.5 * e * e : delta * (size - 0.5 * delta));
    }
    __device__ double slope(int64_t i) const {
        const double e = error(i), sign = (e > 0) - (e < 0), delta = attributes.delta;
        if (!counts(i)) return 0;
        if (attributes.kind == SB_FORECAST_LOSS_SQUARED) return factor * 2 * e;
        if (attributes.kind == SB_FORECAST_LOSS_ABSOLUTE) return factor * sign;
        return factor * (fabs(e) <= delta ? e : sign * delta);
    }
};

static struct errors errors_of(const struct cuda_arguments *arguments, const struct cuda_span *prediction,
                               const struct cuda_span *target) {
    const struct sb_forecast_loss_attributes *attributes = &arguments->node->attributes.forecast_loss;
    const double factor = (double)attributes->weight / (double)(sb_rows(prediction->tensor) * attributes->channels);
    return {cuda_floats(prediction), cuda_floats(target), sb_columns(prediction->tensor), factor, *attributes};
}

bool cuda_forecast_loss(struct cuda_arguments *arguments) {
    const struct cuda_span *prediction = &arguments->in[0];
    return cuda_sum_terms(arguments, sb_elements(prediction->tensor), 1,
                          errors_of(arguments, prediction, &arguments->in[1]), (double *)arguments->scratch,
                          cuda_floats(&arguments->out[0]));
}

size_t cuda_forecast_loss_scratch(const struct sb_node *node) {
    return cuda_parts_bytes(sb_elements(node->inputs[0]), 1);
}

static __global__ void forecast_loss_gradient(int64_t count, struct errors errors, const float *dloss,
                                              float *dprediction) {
    CUDA_ELEMENTS(i, count) dprediction[i] = (float)(*dloss * errors.slope(i));
}

bool cuda_forecast_loss_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *prediction = &arguments->in[1];
    return cuda_launch(arguments, sb_elements(prediction->tensor), forecast_loss_gradient,
                       errors_of(arguments, prediction, &arguments->in[2]), cuda_floats(&arguments->in[0]),
                       cuda_floats(&arguments->out[0]));
}

static __global__ void moving_average(int64_t count, int64_t length, int64_t kernel, const float *x, float *trend,
                                      float *remainder) {
    CUDA_ELEMENTS(i, count) {
        const int64_t t = i % length;
        const float *series = x + i - t;
        double sum = 0;
        for (int64_t at = t - kernel / 2; at <= t + kernel / 2; at++)
            sum += series[at < 0 ? 0 : at < length ? at : length - 1];
        trend[i] = (float)(sum / (double)kernel);
        remainder[i] = (float)(series[t] - sum / (double)kernel);
    }
}

bool cuda_moving_average(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0];
    return cuda_launch(arguments, sb_elements(x->tensor), moving_average, sb_columns(x->tensor),
                       arguments->node->attributes.moving_average.kernel, cuda_floats(x),
                       cuda_floats(&arguments->out[0]), cuda_floats(&arguments->out[1]));
}
