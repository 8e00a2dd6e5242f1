#include "data/forecast_baseline.h"

#include <stdlib.h>

enum { BLOCK = 1 << 19 /* numbers of a block of windows, about */ };

const char *const sb_baseline_names[SB_BASELINES] = {"last value", "seasonal", "mean"};

bool sb_baseline_season(const struct sb_forecast_data *data, int64_t given, int64_t *season,
                        struct simba_error *error) {
    const struct sb_table *table = &data->series->table;
    *season = given ? given : sb_series_season(data->series);
    if (*season > 0 && *season <= data->look_back) return true;
    if (*season <= 0)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: how many rows a season has does not follow from its dates; say it (--season N of simba "
                       "evaluate).",
                       table->path);
    return sb_fail(error, SIMBA_ERROR_CONFIG,
                   "%s: a season of %lld rows does not fit in the look-back of %lld. Say a shorter one (--season N of "
                   "simba evaluate), or train with a longer look-back.",
                   table->path, (long long)*season, (long long)data->look_back);
}

/* The last `season` rows again and again. */
static void forecast_repeated(const struct sb_forecast_data *data, int64_t season, const float *input,
                              float *forecast) {
    const float *rows = input + (data->look_back - season) * data->channels + data->first_target;
    for (int64_t step = 0; step < data->horizon; step++)
        for (int i = 0; i < data->targets; i++)
            forecast[step * data->targets + i] = rows[step % season * data->channels + i];
}

static void forecast_mean(const struct sb_forecast_data *data, const float *input, float *forecast) {
    for (int i = 0; i < data->targets; i++) {
        double sum = 0.0;
        for (int64_t row = 0; row < data->look_back; row++)
            sum += (double)input[row * data->channels + data->first_target + i];
        for (int64_t step = 0; step < data->horizon; step++)
            forecast[step * data->targets + i] = (float)(sum / (double)data->look_back);
    }
}

void sb_baseline_forecast(const struct sb_forecast_data *data, enum sb_baseline baseline, int64_t season,
                          const float *input, float *forecast) {
    if (baseline == SB_BASELINE_MEAN)
        forecast_mean(data, input, forecast);
    else
        forecast_repeated(data, baseline == SB_BASELINE_LAST ? 1 : season, input, forecast);
}

bool sb_baseline_evaluate(const struct sb_forecast_data *data, enum sb_part part, enum sb_baseline baseline,
                          int64_t season, struct sb_forecast_metrics *metrics, struct simba_error *error) {
    const int64_t cells = data->horizon * data->targets;
    const int64_t block = cells < BLOCK ? BLOCK / cells : 1;
    float *forecast = sb_allocate((size_t)(2 * block * cells), sizeof *forecast, error);
    if (!forecast) return false;
    float *truth = forecast + block * cells;
    for (int64_t first = 0; first < data->windows[part]; first += block) {
        const int64_t rest = data->windows[part] - first, count = rest < block ? rest : block;
        for (int64_t i = 0; i < count; i++) {
            const int64_t window = first + i;
            sb_baseline_forecast(data, baseline, season, sb_window(data, part, window), forecast + i * cells);
            sb_windows_gather(data, part, &window, 1, NULL, truth + i * cells);
        }
        sb_forecast_metrics_add(metrics, count, forecast, truth);
    }
    free(forecast);
    return true;
}
