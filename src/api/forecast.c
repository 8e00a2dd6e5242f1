/* Forecasting the rows behind a file, or behind a part of it. */
#include "api/model.h"

#include "io/picture.h"
#include "simba/forecast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the functions below work with, and what the caller gets: the public part comes first. */
struct work {
    struct simba_forecast result;
    struct simba_model *model;
    struct sb_train_config config;
    struct sb_series series;
    struct sb_continuation continuation;
    bool opened; /* config and series */
    const char **dates;
    double *values, *truth;
    struct sb_pool pool; /* of the dates */
};

void simba_forecast_destroy(struct simba_forecast *forecast) {
    struct work *work = (struct work *)forecast;
    if (!work) return;
    if (work->opened) {
        sb_series_finish(&work->series);
        sb_train_config_finish(&work->config);
    }
    free(work->dates);
    free(work->values);
    free(work->truth);
    sb_pool_finish(&work->pool);
    free(work);
}

enum { MOST_ROWS = 1 << 20 }; /* as a model's own horizon */

static bool check(const struct work *work, int64_t hold_back, struct simba_error *error) {
    const struct sb_forecaster_config *forecaster = &work->model->config.forecaster;
    const struct sb_table *table = &work->series.table;
    if (work->result.rows < 1 || work->result.rows > MOST_ROWS)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "A forecast has 1 to %d rows; %lld were asked for.", MOST_ROWS,
                       (long long)work->result.rows);
    if (hold_back < 0)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "%lld rows cannot be held back.", (long long)hold_back);
    if (table->rows - hold_back < forecaster->look_back) {
        char held_back[64] = "";
        if (hold_back) snprintf(held_back, sizeof held_back, ", of which %lld are held back", (long long)hold_back);
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "%s has %lld rows%s: too few for the model, which looks back at %lld.", table->path,
                       (long long)table->rows, held_back, (long long)forecaster->look_back);
    }
    if (work->result.rows > forecaster->horizon && work->series.targets < table->columns)
        return sb_fail(
            error, SIMBA_ERROR_ARGUMENT,
            "The model forecasts %lld rows at once, and of its %d channels only \"%s\": it cannot go on from "
            "its own forecast. Ask for a horizon of at most %lld.",
            (long long)forecaster->horizon, table->columns, table->names[work->series.first_target],
            (long long)forecaster->horizon);
    return true;
}

static bool read_file(struct work *work, const struct simba_forecast_options *options, struct simba_error *error) {
    const struct simba_model *model = work->model;
    if (!api_open_series(model, options->series, options->overrides, options->override_count, &work->config,
                         &work->series, error))
        return false;
    work->opened = true;
    const struct sb_table *table = &work->series.table;
    work->result.rows = options->horizon ? options->horizon : model->config.forecaster.horizon;
    if (!check(work, options->hold_back, error)) return false;
    work->result.history = table->rows - options->hold_back;
    work->result.channels = work->series.targets;
    work->result.names = table->names + work->series.first_target;
    work->continuation = (struct sb_continuation){.table = table,
                                                  .begin = work->result.history,
                                                  .rows = work->result.rows,
                                                  .first = work->series.first_target,
                                                  .columns = work->series.targets};
    return sb_continuation_check(&work->continuation, error);
}

static bool make_dates(struct work *work, struct simba_error *error) {
    const struct sb_table *table = &work->series.table;
    if (!table->dates) return true;
    work->dates = sb_allocate((size_t)work->result.rows, sizeof *work->dates, error);
    for (int64_t row = 0; work->dates && row < work->result.rows; row++) {
        char text[SB_DATE_TEXT];
        sb_table_date_print(table, work->result.history + row, text);
        if (!(work->dates[row] = sb_pool_format(&work->pool, error, "%s", text))) return false;
    }
    work->result.dates = work->dates;
    return work->dates;
}

/* The model once for every `horizon` rows; what is forecast becomes the end of what is looked back at. */
static bool run(struct work *work, struct simba_error *error) {
    struct simba_model *model = work->model;
    const struct sb_forecaster_config *forecaster = &model->config.forecaster;
    const int64_t channels = work->series.table.columns, look_back = forecaster->look_back, rows = work->result.rows;
    const size_t targets = (size_t)work->result.channels;
    struct sb_inference *inference = &model->inference;
    /* The scaled rows before, and behind them the forecast ones. */
    float *scaled = sb_allocate((size_t)((look_back + rows + forecaster->horizon) * channels), sizeof *scaled, error);
    const struct sb_rows last = {work->result.history - look_back, work->result.history};
    bool fine = scaled && sb_scaler_apply(&model->channels.scaler, &work->series, last, scaled, error);
    for (int64_t done = 0; fine && done < rows; done += forecaster->horizon) {
        memcpy(sb_inference_windows(inference, 0), scaled + done * channels,
               (size_t)(look_back * channels) * sizeof *scaled);
        const float *forecast = NULL;
        fine = sb_inference_submit(inference, 0, error) && (forecast = sb_inference_forecasts(inference, 0, error));
        if (fine)
            memcpy(scaled + (look_back + done) * channels, forecast,
                   (size_t)(forecaster->horizon * channels) * sizeof *scaled);
    }
    work->values = fine ? sb_allocate((size_t)rows * targets, sizeof *work->values, error) : NULL;
    work->truth = work->values ? sb_allocate((size_t)rows * targets, sizeof *work->truth, error) : NULL;
    fine = work->truth;
    const struct sb_table *table = &work->series.table;
    for (int64_t row = 0; fine && row < rows; row++)
        for (size_t target = 0; target < targets; target++) {
            const int channel = work->series.first_target + (int)target;
            const int64_t known = work->result.history + row;
            work->values[(size_t)row * targets + target] =
                sb_scaler_restore(&model->channels.scaler, channel, scaled[(look_back + row) * channels + channel]);
            work->truth[(size_t)row * targets + target] =
                known < table->rows ? table->values[known * channels + channel] : NAN;
        }
    free(scaled);
    work->result.values = work->continuation.values = work->values;
    work->result.truth = work->truth;
    return fine;
}

/* ---- the picture */

static void write_tick(const void *user, int64_t row, char text[static 64]) {
    const struct sb_table *table = user;
    if (table->dates) sb_table_date_print(table, row < 0 ? 0 : row, text);
}

enum { MOST_PANELS = 12 };

/* Curves of one channel; `x` and `y` hold 3 * points. */
static struct sb_panel make_panel(const struct work *work, int target, int64_t history, double *x, double *y,
                                  struct sb_curve curves[3]) {
    const struct sb_table *table = &work->series.table;
    const int64_t rows = work->result.rows, points = history + rows + 1, seen = work->result.history;
    const int channel = work->series.first_target + target;
    static const char *const names[] = {"history", "truth", "forecast"};
    for (int curve = 0; curve < 3; curve++) {
        double *px = x + curve * points, *py = y + curve * points;
        for (int64_t i = 0; i < points - 1; i++) {
            const int64_t row = seen - history + i;
            const bool future = i >= history, border = i == history - 1; /* where the curves meet */
            px[i] = (double)row;
            const double known = row < table->rows ? table->values[row * table->columns + channel] : NAN;
            if (curve == 0)
                py[i] = future ? NAN : known;
            else if (!future)
                py[i] = border ? known : NAN;
            else
                py[i] = curve == 1 ? known : work->values[(i - history) * work->result.channels + target];
        }
        curves[curve] = (struct sb_curve){names[curve], px, py, (int)(points - 1)};
    }
    const bool truth = table->rows > seen;
    if (!truth) curves[1] = curves[2];
    return (struct sb_panel){.title = table->names[channel],
                             .x_label = table->dates ? table->date_name : "row",
                             .curves = curves,
                             .curve_count = truth ? 3 : 2,
                             .tick = table->dates ? write_tick : NULL,
                             .user = table};
}

static bool draw(const struct work *work, const char *path, struct simba_error *error) {
    const int channels = work->result.channels, panel_count = channels < MOST_PANELS ? channels : MOST_PANELS;
    int64_t history = 2 * work->model->config.forecaster.look_back;
    if (history < work->result.rows) history = work->result.rows;
    if (history > work->result.history) history = work->result.history;
    const size_t points = (size_t)(history + work->result.rows + 1) * 3;
    double *memory = sb_allocate(2 * points * (size_t)panel_count, sizeof *memory, error);
    if (!memory) return false;
    struct sb_panel panels[MOST_PANELS];
    struct sb_curve curves[MOST_PANELS][3];
    for (int i = 0; i < panel_count; i++) {
        double *x = memory + 2 * points * (size_t)i;
        panels[i] = make_panel(work, i, history, x, x + points, curves[i]);
    }
    char title[1024]; /* a path may be longer */
    int length =
        snprintf(title, sizeof title, "%.900s, %lld rows ahead", work->series.table.path, (long long)work->result.rows);
    if (panel_count < channels)
        snprintf(title + length, sizeof title - (size_t)length, " (the first %d of %d channels)", panel_count,
                 channels);
    const bool fine = sb_draw_curves(path, title, panels, panel_count, error);
    free(memory);
    return fine;
}

struct simba_forecast *simba_model_forecast(struct simba_model *model, const struct simba_forecast_options *options,
                                            struct simba_error *error) {
    static const struct simba_forecast_options defaults = {0};
    if (!options) options = &defaults;
    if (!api_can_run(model, true, error)) return NULL;
    struct work *work = sb_allocate(1, sizeof *work, error);
    if (!work) return NULL;
    work->model = model;
    if (read_file(work, options, error) && make_dates(work, error) && run(work, error) &&
        (!options->output || sb_continuation_write(&work->continuation, options->output, error)) &&
        (!options->plot || draw(work, options->plot, error)))
        return &work->result;
    simba_forecast_destroy(&work->result);
    return NULL;
}

bool simba_forecast_print(const struct simba_forecast *forecast, FILE *stream, struct simba_error *error) {
    return sb_continuation_print(&((const struct work *)forecast)->continuation, stream, error);
}
