#include "data/series.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool sb_scaler_create(int channels, struct sb_scaler *scaler, struct simba_error *error) {
    *scaler = (struct sb_scaler){.channels = channels};
    scaler->mean = sb_allocate((size_t)channels, sizeof *scaler->mean, error);
    scaler->deviation = scaler->mean ? sb_allocate((size_t)channels, sizeof *scaler->deviation, error) : NULL;
    if (!scaler->deviation) {
        sb_scaler_finish(scaler);
        return false;
    }
    for (int i = 0; i < channels; i++) scaler->deviation[i] = 1.0;
    return true;
}

bool sb_scaler_copy(const struct sb_scaler *from, struct sb_scaler *scaler, struct simba_error *error) {
    if (!sb_scaler_create(from->channels, scaler, error)) return false;
    memcpy(scaler->mean, from->mean, (size_t)from->channels * sizeof *from->mean);
    memcpy(scaler->deviation, from->deviation, (size_t)from->channels * sizeof *from->deviation);
    return true;
}

void sb_scaler_finish(struct sb_scaler *scaler) {
    free(scaler->mean);
    free(scaler->deviation);
    *scaler = (struct sb_scaler){0};
}

/* Sums of (value - mean) and of its square. */
static void sum_residuals(const double *values, int64_t rows, int channels, const double *mean, double *sums,
                          double *squares) {
    for (int i = 0; i < channels; i++) sums[i] = squares[i] = 0.0;
    for (int64_t row = 0; row < rows; row++)
        for (int i = 0; i < channels; i++) {
            const double residual = values[row * channels + i] - mean[i];
            sums[i] += residual;
            squares[i] += residual * residual;
        }
}

/* scikit-learn's rule: what rounding alone leaves of the variance of equal numbers. */
static bool is_constant(double variance, double mean, double rows) {
    const double rounding = rows * mean * DBL_EPSILON;
    return variance <= rows * DBL_EPSILON * variance + rounding * rounding;
}

bool sb_scaler_fit(const struct sb_series *series, struct sb_rows rows, const struct simba_log *log,
                   struct sb_scaler *scaler, struct simba_error *error) {
    const struct sb_table *table = &series->table;
    const int channels = table->columns;
    const int64_t count = rows.end - rows.begin;
    const double *values = table->values + rows.begin * channels;
    double *sums = sb_allocate(2 * (size_t)channels, sizeof *sums, error);
    if (!sums || !sb_scaler_create(channels, scaler, error)) {
        free(sums);
        return false;
    }
    int constant = 0, first_constant = 0, infinite = -1;
    double *squares = sums + channels;
    sum_residuals(values, count, channels, scaler->mean, sums, squares);
    for (int i = 0; i < channels; i++) scaler->mean[i] = sums[i] / (double)count;
    sum_residuals(values, count, channels, scaler->mean, sums, squares);
    for (int i = 0; i < channels; i++) {
        /* What rounding left in the mean is taken out of the variance. */
        const double left = sums[i] / (double)count, variance = squares[i] / (double)count - left * left;
        scaler->mean[i] += left;
        if (!isfinite(variance) && infinite < 0) infinite = i;
        if (!is_constant(variance, scaler->mean[i], (double)count)) {
            scaler->deviation[i] = sqrt(variance);
            continue;
        }
        scaler->deviation[i] = 1.0;
        if (constant++ == 0) first_constant = i;
    }
    free(sums);
    if (infinite >= 0) {
        sb_scaler_finish(scaler);
        return sb_fail(error, SIMBA_ERROR_NUMERIC,
                       "%s, column \"%s\": its values are too large for a deviation to be computed. Use another unit.",
                       table->path, table->names[infinite]);
    }
    if (constant > 0)
        sb_log(log, SIMBA_LOG_WARNING,
               "%s: %d column%s constant in the training rows (\"%s\"%s) and shifted to zero without being scaled.",
               table->path, constant, constant == 1 ? " is" : "s are", table->names[first_constant],
               constant == 1 ? "" : " is the first");
    return true;
}

bool sb_scaler_apply(const struct sb_scaler *scaler, const struct sb_series *series, struct sb_rows rows, float *scaled,
                     struct simba_error *error) {
    const struct sb_table *table = &series->table;
    const int channels = scaler->channels;
    if (table->columns != channels)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: there are %d columns of numbers; the model has %d channels.",
                       table->path, table->columns, channels);
    for (int64_t row = rows.begin; row < rows.end; row++)
        for (int i = 0; i < channels; i++) {
            const double value = table->values[row * channels + i];
            const double result = (value - scaler->mean[i]) / scaler->deviation[i];
            if (!(fabs(result) <= FLT_MAX))
                return sb_fail(error, SIMBA_ERROR_NUMERIC,
                               "%s, line %lld, column \"%s\": %g is %g deviations of the training part away from its "
                               "mean %g, too many for single precision. Correct it.",
                               table->path, (long long)table->lines[row], table->names[i], value, result,
                               scaler->mean[i]);
            *scaled++ = (float)result;
        }
    return true;
}

double sb_scaler_restore(const struct sb_scaler *scaler, int channel, float scaled) {
    return scaler->mean[channel] + scaler->deviation[channel] * (double)scaled;
}
