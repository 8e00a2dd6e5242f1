/* Forecasting series: the data of a configuration, what a checkpoint keeps of them, and errors over a part of them. */
#ifndef SB_TRAIN_FORECAST_H
#define SB_TRAIN_FORECAST_H

#include "data/forecast_metrics.h"
#include "data/series.h"
#include "train/config.h"
#include "train/inference.h"

/* What a trained model must know to forecast another file: the channels' names, in order, and their scaling. */
struct sb_channels {
    int count;
    char **names;
    bool named; /* by the file's header; else they are just "column 3" */
    struct sb_scaler scaler;
};

/* Reads the file of a configuration (`path` NULL: config->path). With `channels` (a trained model's) the file must have
 * these; without, it tells config->model.channels when they are 0, and is an error when it has another number. */
bool sb_forecast_open(struct sb_train_config *config, const char *path, const struct sb_channels *channels,
                      struct simba_log log, struct sb_series *series, struct simba_error *error);
/* Split and scaled as configured, with the scaler of `channels` when there are any. */
bool sb_forecast_prepare(const struct sb_train_config *config, const struct sb_series *series,
                         const struct sb_channels *channels, struct simba_log log, struct sb_forecast_data *data,
                         struct simba_error *error);

/* As a JSON object, for a checkpoint; the caller frees the text. */
char *sb_channels_write(const struct sb_forecast_data *data, struct simba_error *error);
bool sb_channels_read(const char *file, const char *text, struct sb_channels *channels, struct simba_error *error);
void sb_channels_finish(struct sb_channels *channels);
/* The same names in the same order, and the same scaling but for the rounding of a number written in decimal. */
bool sb_channels_equal(const struct sb_channels *left, const struct sb_channels *right);

/* Every window of a part once, in order; `inference` is prepared. `metrics` was created for the part's windows.
 * `each` (may be NULL) sees the results: forecast and truth [count, horizon, targets] of windows first .. first +
 * count. */
struct sb_forecast_run {
    const struct sb_forecast_data *data;
    enum sb_part part;
    struct sb_forecast_metrics *metrics;
    void (*each)(void *user, int64_t first, int64_t count, const float *forecast, const float *truth);
    void (*progress)(void *user, int64_t done, int64_t total); /* windows; may be NULL */
    void *user;
};
bool sb_forecast_part(struct sb_inference *inference, const struct sb_forecast_run *run, struct simba_error *error);

#endif
