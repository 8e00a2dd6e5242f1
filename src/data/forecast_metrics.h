/* How far forecasts are from the truth: mean squared and mean absolute error over windows, steps and channels, on
 * whatever scale both are (the protocol's figures are on the scaled one). */
#ifndef SB_DATA_FORECAST_METRICS_H
#define SB_DATA_FORECAST_METRICS_H

#include "base/status.h"

#include <stdint.h>

struct sb_forecast_errors {
    int64_t windows; /* that were measured */
    double mse, mae;
};

/* Sums in double precision, for each step and channel by itself over the windows in their order: the same bits however
 * the windows are cut into blocks. */
struct sb_forecast_metrics {
    int64_t horizon;
    int channels;      /* that are forecast */
    int64_t kept;      /* windows of whole batches */
    int64_t windows;   /* so far */
    double *sums;      /* [2, horizon, channels]: squared, absolute */
    double *kept_sums; /* the same after `kept` windows */
};

/* `windows`: how many there will be; `batch`: the batch size of the other convention, in which the windows behind the
 * last whole batch are dropped (0: none are). */
bool sb_forecast_metrics_create(int64_t horizon, int channels, int64_t windows, int batch,
                                struct sb_forecast_metrics *metrics, struct simba_error *error);
void sb_forecast_metrics_finish(struct sb_forecast_metrics *metrics);

/* The next `count` windows, in order: both [count, horizon, channels]. */
void sb_forecast_metrics_add(struct sb_forecast_metrics *metrics, int64_t count, const float *forecast,
                             const float *truth);

/* Over everything. `drop_last`: over the windows of whole batches. A figure over no window is NaN. */
struct sb_forecast_errors sb_forecast_metrics_total(const struct sb_forecast_metrics *metrics, bool drop_last);
struct sb_forecast_errors sb_forecast_metrics_channel(const struct sb_forecast_metrics *metrics, int channel,
                                                      bool drop_last);
/* step 0: the first row of the horizon. */
struct sb_forecast_errors sb_forecast_metrics_step(const struct sb_forecast_metrics *metrics, int64_t step,
                                                   bool drop_last);

#endif
