/* Forecasts without a model, to tell whether a model earns its keep. */
#ifndef SB_DATA_FORECAST_BASELINE_H
#define SB_DATA_FORECAST_BASELINE_H

#include "data/forecast_metrics.h"
#include "data/series.h"

enum sb_baseline {
    SB_BASELINE_LAST,     /* the last value ("Repeat") */
    SB_BASELINE_SEASONAL, /* the value one season before, again and again */
    SB_BASELINE_MEAN,     /* the mean of the look-back */
    SB_BASELINES
};
extern const char *const sb_baseline_names[SB_BASELINES]; /* "last value", "seasonal", "mean" */

/* The period that SEASONAL needs: as given, or (0) the series' own season. An error where it is unknown or longer than
 * the look-back. */
bool sb_baseline_season(const struct sb_forecast_data *data, int64_t given, int64_t *season, struct simba_error *error);

/* The forecast of one window from its rows `input` [look_back, channels]: [horizon, targets]. `season` is for SEASONAL
 * and at most look_back. */
void sb_baseline_forecast(const struct sb_forecast_data *data, enum sb_baseline baseline, int64_t season,
                          const float *input, float *forecast);

/* Adds every window of a part to the metrics. */
bool sb_baseline_evaluate(const struct sb_forecast_data *data, enum sb_part part, enum sb_baseline baseline,
                          int64_t season, struct sb_forecast_metrics *metrics, struct simba_error *error);

#endif
