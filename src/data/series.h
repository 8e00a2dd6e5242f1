/* Multivariate time series for forecasting, by the field's protocol (Informer, Autoformer, PatchTST,
 * Time-Series-Library): rows of channels at equal steps, three parts that follow each other, values scaled by the
 * training part's mean and deviation, and every window of `look_back` + `horizon` rows within a part an example, one
 * row apart. */
#ifndef SB_DATA_SERIES_H
#define SB_DATA_SERIES_H

#include "io/table.h"

enum sb_features {
    SB_FEATURES_M, /* all channels forecast all channels */
    SB_FEATURES_S, /* the target forecasts itself; the other columns are left out */
    SB_FEATURES_MS /* all channels forecast the target, which becomes the last channel */
};

/* What a model sees of a file. Strings are needed during the reading only. */
struct sb_series_parameters {
    struct sb_table_parameters table;
    enum sb_features features;
    const char *target; /* S, MS: a column's name; NULL: the last column */
};

struct sb_series {
    /* The columns are the channels: of M in the file's order, or that of table.columns; of MS the target last. */
    struct sb_table table;
    int first_target, targets; /* the channels that are forecast and measured: columns first_target and following */
};

/* For a model's forecast on another file, give the model's channel names as table.columns: a file with other channels
 * is an error that names them. */
bool sb_series_read(const struct sb_series_parameters *parameters, struct sb_series *series, struct simba_error *error);
void sb_series_finish(struct sb_series *series);

/* Rows of one day, week or year at this interval, whichever is the usual season: 24 hourly, 96 at 15 minutes, 144 at 10
 * minutes (a day, down to a second); 7 daily (a week), 52 weekly, 12 monthly, 4 quarterly (a year). 0: unknown (no
 * dates, whole numbers, other intervals). */
int64_t sb_series_season(const struct sb_series *series);

enum sb_part { SB_PART_TRAINING, SB_PART_VALIDATION, SB_PART_TEST, SB_PARTS };
extern const char *const sb_part_names[SB_PARTS]; /* "training", "validation", "test" */

enum sb_split_kind {
    SB_SPLIT_RATIOS,     /* training: int(n * training) rows, test: int(n * test) rows, validation: those between */
    SB_SPLIT_ETT_HOUR,   /* 12, 4 and 4 months of 30 days of 24 rows; rows from 14400 on are not used */
    SB_SPLIT_ETT_MINUTE, /* the same with 4 * 24 rows a day; rows from 57600 on are not used */
    SB_SPLIT_BORDERS     /* ends as given */
};

struct sb_split_parameters {
    enum sb_split_kind kind;
    double training, test;  /* RATIOS; both 0: 0.7 and 0.2 */
    int64_t ends[SB_PARTS]; /* BORDERS: the row behind the last one of each part; the training part begins at row 0 */
};

/* Rows [begin, end). */
struct sb_rows {
    int64_t begin, end;
};

/* The rows that each part's windows may use: validation and test begin `look_back` rows before their own first row, so
 * that the first target is that row. A part of no rows at all stays empty. Fails where the training part is not longer
 * than look_back + horizon - 1, or another one that is not empty has no room for a horizon; `path` is for messages. */
bool sb_split_rows(const struct sb_split_parameters *parameters, const char *path, int64_t rows, int64_t look_back,
                   int64_t horizon, struct sb_rows parts[SB_PARTS], struct simba_error *error);
/* rows - look_back - horizon + 1, at least 0. */
int64_t sb_window_count(struct sb_rows part, int64_t look_back, int64_t horizon);

/* value = mean + deviation * scaled, per channel. A model carries its own. */
struct sb_scaler {
    int channels;
    double *mean, *deviation; /* [channels] */
};
/* Mean and population deviation of the rows, in two passes of compensated double precision; 1 for a channel that is
 * constant up to rounding (scikit-learn's StandardScaler has the same rule), of which the log hears. */
bool sb_scaler_fit(const struct sb_series *series, struct sb_rows rows, const struct simba_log *log,
                   struct sb_scaler *scaler, struct simba_error *error);
bool sb_scaler_create(int channels, struct sb_scaler *scaler, struct simba_error *error); /* mean 0, deviation 1 */
bool sb_scaler_copy(const struct sb_scaler *from, struct sb_scaler *scaler, struct simba_error *error);
void sb_scaler_finish(struct sb_scaler *scaler);
/* scaled [rows.end - rows.begin, channels]: (value - mean) / deviation in double precision, then rounded. */
bool sb_scaler_apply(const struct sb_scaler *scaler, const struct sb_series *series, struct sb_rows rows, float *scaled,
                     struct simba_error *error);
double sb_scaler_restore(const struct sb_scaler *scaler, int channel, float scaled);

/* A series made ready: split, scaled, and seen through windows that are never copied. */
struct sb_forecast_data {
    const struct sb_series *series;
    int64_t look_back, horizon;
    int channels;
    int first_target, targets;
    struct sb_rows parts[SB_PARTS];
    int64_t windows[SB_PARTS];
    struct sb_scaler scaler;
    float *scaled; /* [rows, channels] */
};

struct sb_forecast_parameters {
    const struct sb_series *series; /* must outlive the data */
    struct sb_split_parameters split;
    int64_t look_back, horizon;
    const struct sb_scaler *scaler; /* copied: of a trained model; NULL: fitted on the training part */
    struct simba_log log;
};
bool sb_forecast_data_create(const struct sb_forecast_parameters *parameters, struct sb_forecast_data *data,
                             struct simba_error *error);
void sb_forecast_data_finish(struct sb_forecast_data *data);

/* A window's look_back rows of channels; its horizon's rows follow directly. */
const float *sb_window(const struct sb_forecast_data *data, enum sb_part part, int64_t window);

/* Fills a batch where a device takes it from: input [count, look_back, channels] and truth [count, horizon, targets];
 * either may be NULL. */
void sb_windows_gather(const struct sb_forecast_data *data, enum sb_part part, const int64_t *windows, int count,
                       float *input, float *truth);
/* The same with the truth of every channel: [count, horizon, channels]. */
void sb_windows_gather_all(const struct sb_forecast_data *data, enum sb_part part, const int64_t *windows, int count,
                           float *input, float *truth);

/* Which windows form which batch: a function of (seed, epoch, batch) alone, so that a run goes on anywhere. */
struct sb_window_sampler {
    int64_t count; /* windows of the part */
    int batch;
    bool shuffle;
    uint64_t seed;
    int64_t epoch; /* whose order is in `order`; -1: none yet */
    int64_t *order;
};
bool sb_window_sampler_create(int64_t count, int batch, bool shuffle, uint64_t seed, struct sb_window_sampler *sampler,
                              struct simba_error *error);
void sb_window_sampler_finish(struct sb_window_sampler *sampler);
/* The windows of batch `index` of an epoch, from 0 as long as there are windows; fewer than sampler->batch only in the
 * last one. Shuffled as the images of sb_epoch_order are. */
int sb_window_sampler_batch(struct sb_window_sampler *sampler, int64_t epoch, int64_t index, const int64_t **windows);

#endif
