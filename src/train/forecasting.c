/* Training on windows of a series: data, batches, the errors on the validation part. */
#include "train/forecast.h"
#include "train/task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct forecasting {
    struct sb_task_base base;
    const struct sb_train_config *config;
    struct sb_series series;
    struct sb_forecast_data data;
    struct sb_window_sampler sampler;
    int64_t epoch, batch;   /* which `next` gives */
    const int64_t *windows; /* taken by `next` */
    char description[SB_CONFIG_TEXT + 64];
    double loss_sum; /* of the evaluation that runs */
    void (*progress)(void *user, int64_t done, int64_t total);
    void *user;
};

static struct forecasting *own(struct sb_task *task) {
    return (struct forecasting *)task;
}

static void destroy(struct sb_task *task) {
    struct forecasting *self = own(task);
    if (!self) return;
    sb_window_sampler_finish(&self->sampler);
    sb_forecast_data_finish(&self->data);
    sb_series_finish(&self->series);
    free(self->base.channels);
    free(self);
}

static bool open_data(struct forecasting *self, struct sb_train_config *config, struct simba_log log,
                      struct simba_error *error) {
    if (!sb_forecast_open(config, NULL, NULL, log, &self->series, error) ||
        !sb_forecast_prepare(config, &self->series, NULL, log, &self->data, error))
        return false;
    const int64_t *windows = self->data.windows;
    if (!windows[SB_PART_VALIDATION])
        return sb_fail(
            error, SIMBA_ERROR_CONFIG,
            "%s: the validation part has no window, and by its error the best epoch is chosen. Leave it more "
            "rows ($.data.split).",
            config->path);
    snprintf(self->description, sizeof self->description, "%lld rows of %d channels from %s",
             (long long)self->series.table.rows, self->data.channels, config->path);
    self->base.description = self->description;
    self->base.samples = windows[SB_PART_TRAINING];
    self->base.evaluation_samples = windows[SB_PART_VALIDATION];
    self->base.channels = sb_channels_write(&self->data, error);
    return self->base.channels;
}

static struct sb_task *open(struct sb_train_config *config, struct simba_log log, struct simba_error *error) {
    struct forecasting *self = sb_allocate(1, sizeof *self, error);
    if (!self) return NULL;
    self->base.type = &sb_task_forecasting;
    self->config = config;
    if (open_data(self, config, log, error)) return (struct sb_task *)self;
    destroy((struct sb_task *)self);
    return NULL;
}

static bool begin(struct sb_task *task, int64_t epoch, int64_t batch, const struct sb_watch *watch,
                  struct simba_error *error) {
    struct forecasting *self = own(task);
    (void)watch;
    self->epoch = epoch;
    self->batch = batch;
    return sb_window_sampler_create(self->base.samples, (int)self->config->batch_size, true,
                                    (uint64_t)self->config->seed, &self->sampler, error);
}

static bool next(struct sb_task *task, int64_t epoch, int64_t used, struct simba_error *error) {
    struct forecasting *self = own(task);
    if (self->epoch != epoch) {
        self->epoch = epoch;
        self->batch = 0;
    }
    if (self->batch >= used)
        return sb_fail(error, SIMBA_ERROR_INTERNAL, "Batch %lld of epoch %lld is one too many.", (long long)self->batch,
                       (long long)epoch);
    const int count = sb_window_sampler_batch(&self->sampler, self->epoch, self->batch++, &self->windows);
    return count == self->config->batch_size ||
           sb_fail(error, SIMBA_ERROR_INTERNAL, "A batch has %d windows instead of %lld.", count,
                   (long long)self->config->batch_size);
}

static bool fill(struct sb_task *task, struct sb_learner *learner, int slot, int64_t step,
                 const struct sb_step_numbers *numbers, struct simba_error *error) {
    struct forecasting *self = own(task);
    (void)step;
    (void)error;
    sb_learner_fill_windows(learner, slot, &self->data, self->windows, (int)self->config->batch_size, numbers);
    return true;
}

static void add_huber(void *user, int64_t first, int64_t count, const float *forecast, const float *truth) {
    struct forecasting *self = user;
    const double delta = self->config->huber_delta;
    const int64_t values = count * self->data.horizon * self->data.targets;
    (void)first;
    for (int64_t i = 0; i < values; i++) {
        const double e = fabs((double)forecast[i] - (double)truth[i]);
        self->loss_sum += e <= delta ? e * e / 2 : delta * (e - delta / 2);
    }
}

static void pass_on(void *user, int64_t done, int64_t total) {
    const struct forecasting *self = user;
    if (self->progress) self->progress(self->user, done, total);
}

static bool evaluate(struct sb_task *task, struct sb_inference *inference,
                     void (*progress)(void *user, int64_t done, int64_t total), void *user,
                     struct sb_evaluation *evaluation, struct simba_error *error) {
    struct forecasting *self = own(task);
    const struct sb_forecast_data *data = &self->data;
    const int64_t windows = data->windows[SB_PART_VALIDATION];
    const bool huber = self->config->loss == SB_FORECAST_LOSS_HUBER;
    struct sb_forecast_metrics metrics;
    if (!sb_forecast_metrics_create(data->horizon, data->targets, windows, 0, &metrics, error)) return false;
    self->loss_sum = 0;
    self->progress = progress;
    self->user = user;
    const struct sb_forecast_run run = {.data = data,
                                        .part = SB_PART_VALIDATION,
                                        .metrics = &metrics,
                                        .each = huber ? add_huber : NULL,
                                        .progress = pass_on,
                                        .user = self};
    const bool fine = sb_forecast_part(inference, &run, error);
    const struct sb_forecast_errors errors = sb_forecast_metrics_total(&metrics, false);
    sb_forecast_metrics_finish(&metrics);
    const double values = (double)windows * (double)data->horizon * (double)data->targets;
    *evaluation = (struct sb_evaluation){.samples = windows,
                                         .loss = huber ? self->loss_sum / values
                                                 : self->config->loss == SB_FORECAST_LOSS_ABSOLUTE ? errors.mae
                                                                                                   : errors.mse,
                                         .figures = {errors.mse, errors.mae}};
    return fine;
}

static double waited(const struct sb_task *task) {
    (void)task;
    return 0;
}

static int broken(const struct sb_task *task) {
    (void)task;
    return 0;
}

const struct sb_task_type sb_task_forecasting = {.samples = "windows",
                                                 .figures = {"mse", "mae"},
                                                 .figures_title = "errors on the validation part",
                                                 .open = open,
                                                 .destroy = destroy,
                                                 .begin = begin,
                                                 .next = next,
                                                 .fill = fill,
                                                 .evaluate = evaluate,
                                                 .waited = waited,
                                                 .broken = broken};
