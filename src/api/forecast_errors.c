/* How far a model's forecasts are from the truth, and what forecasts without it are worth. */
#include "api/model.h"
#include "base/clock.h"

#include "data/forecast_baseline.h"
#include "simba/forecast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_BASELINES = SB_BASELINES + 1 };

/* The public part comes first. */
struct work {
    struct simba_forecast_evaluation result;
    struct simba_model *model;
    struct sb_train_config config;
    struct sb_series series;
    struct sb_forecast_data data;
    bool opened;                                       /* config and series */
    struct simba_forecast_error *by_step, *by_channel; /* over every window, and behind them of whole batches */
    struct simba_baseline baselines[MOST_BASELINES];
};

void simba_forecast_evaluation_destroy(struct simba_forecast_evaluation *evaluation) {
    struct work *work = (struct work *)evaluation;
    if (!work) return;
    sb_forecast_data_finish(&work->data);
    if (work->opened) {
        sb_series_finish(&work->series);
        sb_train_config_finish(&work->config);
    }
    free(work->by_step);
    free(work->by_channel);
    free(work);
}

static struct simba_forecast_error as_public(struct sb_forecast_errors errors) {
    return (struct simba_forecast_error){errors.windows, errors.mse, errors.mae};
}

static bool open_data(struct work *work, const struct simba_forecast_evaluate_options *options,
                      struct simba_error *error) {
    const struct simba_model *model = work->model;
    if (!api_open_series(model, options->series, options->overrides, options->override_count, &work->config,
                         &work->series, error))
        return false;
    work->opened = true;
    if (!sb_forecast_prepare(&work->config, &work->series, &model->channels, model->device->log, &work->data, error))
        return false;
    return work->data.windows[SB_PART_TEST] > 0 ||
           sb_fail(error, SIMBA_ERROR_CONFIG, "%s: the test part has no window (split as the model's training was).",
                   work->series.table.path);
}

static bool create_metrics(const struct work *work, int drop_last, struct sb_forecast_metrics *metrics,
                           struct simba_error *error) {
    const struct sb_forecast_data *data = &work->data;
    return sb_forecast_metrics_create(data->horizon, data->targets, data->windows[SB_PART_TEST],
                                      drop_last ? drop_last : 32, metrics, error);
}

static bool run(struct simba_model *model, const struct work *work,
                const struct simba_forecast_evaluate_options *options, struct sb_forecast_metrics *metrics,
                struct simba_error *error) {
    const struct sb_forecast_run part = {.data = &work->data,
                                         .part = SB_PART_TEST,
                                         .metrics = metrics,
                                         .progress = options->progress,
                                         .user = options->user};
    if (!create_metrics(work, options->drop_last, metrics, error)) return false;
    if (sb_forecast_part(&model->inference, &part, error)) return true;
    sb_forecast_metrics_finish(metrics);
    return false;
}

static bool fill(struct work *work, const struct sb_forecast_metrics *metrics, struct simba_error *error) {
    struct simba_forecast_evaluation *result = &work->result;
    result->all = as_public(sb_forecast_metrics_total(metrics, false));
    result->drop_last = as_public(sb_forecast_metrics_total(metrics, true));
    result->horizon = work->data.horizon;
    result->channels = work->data.targets;
    result->names = (const char *const *)work->series.table.names + work->data.first_target;
    const int64_t steps = result->horizon, channels = result->channels;
    work->by_step = sb_allocate((size_t)(2 * steps), sizeof *work->by_step, error);
    work->by_channel = work->by_step ? sb_allocate((size_t)(2 * channels), sizeof *work->by_channel, error) : NULL;
    if (!work->by_channel) return false;
    for (int drop_last = 0; drop_last < 2; drop_last++) {
        for (int64_t i = 0; i < steps; i++)
            work->by_step[drop_last * steps + i] = as_public(sb_forecast_metrics_step(metrics, i, drop_last));
        for (int i = 0; i < channels; i++)
            work->by_channel[drop_last * channels + i] = as_public(sb_forecast_metrics_channel(metrics, i, drop_last));
    }
    result->by_step = work->by_step;
    result->by_channel = work->by_channel;
    result->drop_last_by_step = work->by_step + steps;
    result->drop_last_by_channel = work->by_channel + channels;
    return true;
}

static void add_baseline(struct work *work, const char *name, const struct sb_forecast_metrics *metrics) {
    work->baselines[work->result.baseline_count++] =
        (struct simba_baseline){name, as_public(sb_forecast_metrics_total(metrics, false)),
                                as_public(sb_forecast_metrics_total(metrics, true))};
    work->result.baselines = work->baselines;
}

static bool run_naive(struct work *work, const struct simba_forecast_evaluate_options *options,
                      struct simba_error *error) {
    int64_t season = 0;
    struct simba_error unknown;
    const bool seasonal = sb_baseline_season(&work->data, options->season, &season, &unknown);
    if (!seasonal && options->season) return sb_fail(error, unknown.code, "%s", unknown.message);
    if (!seasonal) sb_log(&work->model->device->log, SIMBA_LOG_WARNING, "no seasonal baseline: %s", unknown.message);
    for (int baseline = 0; baseline < SB_BASELINES; baseline++) {
        struct sb_forecast_metrics metrics;
        if (baseline == SB_BASELINE_SEASONAL && !seasonal) continue;
        if (!create_metrics(work, options->drop_last, &metrics, error)) return false;
        const bool fine =
            sb_baseline_evaluate(&work->data, SB_PART_TEST, (enum sb_baseline)baseline, season, &metrics, error);
        if (fine) add_baseline(work, sb_baseline_names[baseline], &metrics);
        sb_forecast_metrics_finish(&metrics);
        if (!fine) return false;
    }
    return true;
}

/* The linear model that `simba train --baselines` leaves in a directory beside the model. */
static bool run_linear(struct work *work, const struct simba_forecast_evaluate_options *options,
                       struct simba_error *error) {
    char path[4096];
    const char *own = work->model->path, *slash = own ? strrchr(own, '/') : NULL;
    snprintf(path, sizeof path, "%.*sdlinear/best.safetensors", slash ? (int)(slash + 1 - own) : 0, own ? own : "");
    if (access(path, F_OK) != 0) return true;
    struct simba_device device = {.device = work->model->device};
    struct simba_model *linear = simba_model_create(
        &device, &(struct simba_model_options){.weights = path, .batch = (int)work->model->inference.batch}, error);
    if (!linear) return false;
    const struct sb_forecaster_config *ours = &work->model->config.forecaster, *its = &linear->config.forecaster;
    const bool same = its->look_back == ours->look_back && its->horizon == ours->horizon &&
                      sb_channels_equal(&linear->channels, &work->model->channels);
    struct sb_forecast_metrics metrics;
    bool fine = true;
    if (!same)
        sb_log(&work->model->device->log, SIMBA_LOG_WARNING,
               "%s has another look-back or horizon, or other channels or another scaling; it is left out", path);
    else if ((fine = run(linear, work, options, &metrics, error))) {
        add_baseline(work, "DLinear", &metrics);
        sb_forecast_metrics_finish(&metrics);
    }
    simba_model_destroy(linear);
    return fine;
}

struct simba_forecast_evaluation *simba_model_evaluate_forecasts(struct simba_model *model,
                                                                 const struct simba_forecast_evaluate_options *options,
                                                                 struct simba_error *error) {
    static const struct simba_forecast_evaluate_options defaults = {0};
    if (!options) options = &defaults;
    if (!api_can_run(model, true, error)) return NULL;
    struct work *work = sb_allocate(1, sizeof *work, error);
    if (!work) return NULL;
    work->model = model;
    struct sb_forecast_metrics metrics;
    bool fine = open_data(work, options, error);
    const double begin = sb_now();
    fine = fine && run(model, work, options, &metrics, error);
    work->result.seconds = sb_now() - begin;
    if (fine) {
        fine = fill(work, &metrics, error);
        sb_forecast_metrics_finish(&metrics);
    }
    if (fine && options->baselines) fine = run_naive(work, options, error) && run_linear(work, options, error);
    if (fine) return &work->result;
    simba_forecast_evaluation_destroy(&work->result);
    return NULL;
}
