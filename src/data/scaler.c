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

/* Per column the mean of (value - center), or of its square; with what each addition rounds off carried along (Kahan,
 * 1965): plain sums of a wandering series are wrong in the 13th digit. `carry` is for that, [channels]. */
static void average(const double *values, int64_t rows, int channels, const double *center, bool squared, double *carry,
                    double *means) {
    for (int i = 0; i < channels; i++) means[i] = carry[i] = 0.0;
    for (int64_t row = 0; row < rows; row++)
        for (int i = 0; i < channels; i++) {
            const double residual = values[row * channels + i] - (center ? center[i] : 0.0);
            const double term = (squared ? residual * residual : residual) - carry[i];
            const double sum = means[i] + term;
            carry[i] = (sum - means[i]) - term;
            means[i] = sum;
        }
    for (int i = 0; i < channels; i++) means[i] /= (double)rows;
}

/* scikit-learn's rule: what rounding alone leaves of the variance of equal numbers. */
static bool is_constant(double variance, double mean, double rows) {
    const double rounding = rows * mean * DBL_EPSILON;
    return variance <= rows * DBL_EPSILON * variance + rounding * rounding;
}

static void warn_of_constants(const char *path, const char *const *names, int count, const struct simba_log *log) {
    char list[SB_TABLE_NAMES];
    sb_table_list_names(names, count, list);
    sb_log(
        log, SIMBA_LOG_WARNING,
        "%s: %d column%s constant in the training rows (%s), so that nothing can be learnt of %s. %s shifted to zero "
        "without being scaled; choose other columns with \"columns\" if that is not meant.",
        path, count, count == 1 ? " is" : "s are", list, count == 1 ? "it" : "them", count == 1 ? "It is" : "They are");
}

bool sb_scaler_fit(const struct sb_series *series, struct sb_rows rows, const struct simba_log *log,
                   struct sb_scaler *scaler, struct simba_error *error) {
    const struct sb_table *table = &series->table;
    const int channels = table->columns;
    const int64_t count = rows.end - rows.begin;
    const double *values = table->values + rows.begin * channels;
    const char **constant = sb_allocate((size_t)channels, sizeof *constant, error);
    double *carry = constant ? sb_allocate((size_t)channels, sizeof *carry, error) : NULL;
    if (!carry || !sb_scaler_create(channels, scaler, error)) {
        free(carry);
        free(constant);
        return false;
    }
    int constant_count = 0, infinite = -1;
    average(values, count, channels, NULL, false, carry, scaler->mean);
    average(values, count, channels, scaler->mean, true, carry, scaler->deviation);
    free(carry);
    for (int i = 0; i < channels; i++) {
        const double variance = scaler->deviation[i];
        if (!isfinite(variance) && infinite < 0) infinite = i;
        if (!is_constant(variance, scaler->mean[i], (double)count)) {
            scaler->deviation[i] = sqrt(variance);
            continue;
        }
        scaler->deviation[i] = 1.0;
        constant[constant_count++] = table->names[i];
    }
    if (constant_count > 0 && infinite < 0) warn_of_constants(table->path, constant, constant_count, log);
    free(constant);
    if (infinite >= 0) {
        sb_scaler_finish(scaler);
        return sb_fail(error, SIMBA_ERROR_NUMERIC,
                       "%s, column \"%s\": its values are too large for a deviation to be computed. Use another unit.",
                       table->path, table->names[infinite]);
    }
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
