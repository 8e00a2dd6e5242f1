#include "data/forecast_metrics.h"

#include "base/memory.h"
#include "base/vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool sb_forecast_metrics_create(int64_t horizon, int channels, int64_t windows, int batch,
                                struct sb_forecast_metrics *metrics, struct simba_error *error) {
    const int64_t kept = batch > 0 ? windows / batch * batch : windows;
    *metrics = (struct sb_forecast_metrics){.horizon = horizon, .channels = channels, .kept = kept};
    const size_t cells = (size_t)horizon * (size_t)channels;
    metrics->sums = sb_allocate(4 * cells, sizeof *metrics->sums, error);
    if (!metrics->sums) return false;
    metrics->kept_sums = metrics->sums + 2 * cells;
    return true;
}

void sb_forecast_metrics_finish(struct sb_forecast_metrics *metrics) {
    free(metrics->sums);
    *metrics = (struct sb_forecast_metrics){0};
}

SB_VECTOR_CLONES static void add_window(const float *forecast, const float *truth, int64_t cells, double *squared,
                                        double *absolute) {
    for (int64_t i = 0; i < cells; i++) {
        const double difference = (double)forecast[i] - (double)truth[i];
        squared[i] += difference * difference;
        absolute[i] += fabs(difference);
    }
}

void sb_forecast_metrics_add(struct sb_forecast_metrics *metrics, int64_t count, const float *forecast,
                             const float *truth) {
    const int64_t cells = metrics->horizon * metrics->channels;
    for (int64_t window = 0; window < count; window++) {
        add_window(forecast + window * cells, truth + window * cells, cells, metrics->sums, metrics->sums + cells);
        if (++metrics->windows == metrics->kept)
            memcpy(metrics->kept_sums, metrics->sums, 2 * (size_t)cells * sizeof *metrics->sums);
    }
}

/* Over the steps and channels from the first ones on. */
static struct sb_forecast_errors mean(const struct sb_forecast_metrics *metrics, bool drop_last, int64_t first_step,
                                      int64_t steps, int first_channel, int channels) {
    const int64_t windows = !drop_last ? metrics->windows : metrics->windows >= metrics->kept ? metrics->kept : 0;
    const double *squared = drop_last ? metrics->kept_sums : metrics->sums;
    const double *absolute = squared + metrics->horizon * metrics->channels;
    struct sb_forecast_errors errors = {.windows = windows};
    for (int64_t step = first_step; step < first_step + steps; step++)
        for (int channel = first_channel; channel < first_channel + channels; channel++) {
            errors.mse += squared[step * metrics->channels + channel];
            errors.mae += absolute[step * metrics->channels + channel];
        }
    const double count = (double)windows * (double)steps * (double)channels;
    errors.mse = windows > 0 ? errors.mse / count : NAN;
    errors.mae = windows > 0 ? errors.mae / count : NAN;
    return errors;
}

struct sb_forecast_errors sb_forecast_metrics_total(const struct sb_forecast_metrics *metrics, bool drop_last) {
    return mean(metrics, drop_last, 0, metrics->horizon, 0, metrics->channels);
}

struct sb_forecast_errors sb_forecast_metrics_channel(const struct sb_forecast_metrics *metrics, int channel,
                                                      bool drop_last) {
    return mean(metrics, drop_last, 0, metrics->horizon, channel, 1);
}

struct sb_forecast_errors sb_forecast_metrics_step(const struct sb_forecast_metrics *metrics, int64_t step,
                                                   bool drop_last) {
    return mean(metrics, drop_last, step, 1, 0, metrics->channels);
}
