/* Forecasting: what a model of a series (simba/train.h with the architectures "series" and "dlinear") is for. Such a
 * model carries the names and the scaling of its channels, so that any file with the same channels can be forecast. */
#ifndef SIMBA_FORECAST_H
#define SIMBA_FORECAST_H

#include "simba/model.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct simba_forecast_options {
    const char *series; /* text file (CSV) with the model's channels; NULL: the one it was trained on */
    int64_t horizon;    /* rows, up to 2^20; 0: as many as the model forecasts at once. More: it goes on from its own
                           forecast */
    int64_t hold_back;  /* so many rows at the end of the file are not shown to the model, but known as truth */
    const char *output; /* CSV file to write, in the form of the input; NULL: none */
    const char *plot;   /* PNG file to draw: history, forecast and, where it is known, truth; NULL: none */
    /* "data.missing=interpolate": how the file is read, in place of what the model was trained with. Keys of "data",
     * but path, columns, features and target. */
    const char *const *overrides;
    int override_count;
};

struct simba_forecast {
    int64_t rows;
    int channels;             /* that are forecast */
    const char *const *names; /* [channels] */
    const char *const *dates; /* [rows], the file's own as far as it has rows, then continued; NULL: it has none */
    const double *values;     /* [rows, channels], in the data's own units */
    const double *truth;      /* likewise; NaN where it is not known */
    int64_t history;          /* rows of the file that came before */
};

/* NULL on failure. */
SIMBA_API struct simba_forecast *simba_model_forecast(struct simba_model *model,
                                                      const struct simba_forecast_options *options,
                                                      struct simba_error *error);
/* What `output` gets: the values as CSV in the form of the input. The stream is flushed. */
SIMBA_API bool simba_forecast_print(const struct simba_forecast *forecast, FILE *stream, struct simba_error *error);
SIMBA_API void simba_forecast_destroy(struct simba_forecast *forecast); /* NULL is fine */

/* ---- errors on the test part, by the field's protocol: on scaled values, over all windows, steps and channels */

struct simba_forecast_error {
    int64_t windows;
    double mse, mae; /* NaN over no window */
};

struct simba_forecast_evaluate_options {
    const char *series; /* NULL: the file it was trained on. Another one is split and scaled in the same way */
    bool baselines;     /* forecasts without a model as well, and the linear model that was trained beside it */
    int64_t season;     /* of the seasonal one, in rows; 0: as the interval suggests */
    int drop_last;      /* the other convention: windows behind the last whole batch of so many are dropped. 0: 32 */
    void (*progress)(void *user, int64_t done, int64_t total); /* windows; NULL: silence */
    void *user;
    const char *const *overrides; /* as in struct simba_forecast_options */
    int override_count;
};

struct simba_baseline {
    const char *name; /* "last value", "seasonal", "mean", "DLinear" */
    struct simba_forecast_error error, drop_last;
};

struct simba_forecast_evaluation {
    struct simba_forecast_error all;       /* every window: the figure to quote */
    struct simba_forecast_error drop_last; /* those of whole batches */
    int64_t horizon;
    int channels;
    const char *const *names;                      /* [channels] */
    const struct simba_forecast_error *by_step;    /* [horizon], over every window */
    const struct simba_forecast_error *by_channel; /* [channels] */
    const struct simba_forecast_error *drop_last_by_step, *drop_last_by_channel;
    int baseline_count;
    const struct simba_baseline *baselines;
    double seconds; /* of the model, baselines not counted */
};

/* NULL on failure. */
SIMBA_API struct simba_forecast_evaluation *
simba_model_evaluate_forecasts(struct simba_model *model, const struct simba_forecast_evaluate_options *options,
                               struct simba_error *error);
SIMBA_API void simba_forecast_evaluation_destroy(struct simba_forecast_evaluation *evaluation); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
