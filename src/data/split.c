#include "data/series.h"

const char *const sb_part_names[SB_PARTS] = {"training", "validation", "test"};

int64_t sb_window_count(struct sb_rows part, int64_t look_back, int64_t horizon) {
    const int64_t count = part.end - part.begin - look_back - horizon + 1;
    return count > 0 ? count : 0;
}

static bool ends_of_ratios(const struct sb_split_parameters *parameters, const char *path, int64_t rows,
                           int64_t ends[SB_PARTS], struct simba_error *error) {
    double training = parameters->training, test = parameters->test;
    if (training == 0.0 && test == 0.0) {
        training = 0.7;
        test = 0.2;
    }
    /* A sum like 0.8 + 0.2 may be a rounding over 1. */
    if (!(training > 0.0 && test >= 0.0 && training + test < 1.0 + 1e-9))
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: the training and test parts cannot be %g and %g of the rows; expected shares of 0 to 1 "
                       "that leave the rest to validation.",
                       path, training, test);
    /* As Python's int(n * 0.7): the product is rounded to a double before it is cut. */
    ends[SB_PART_TRAINING] = (int64_t)((double)rows * training);
    ends[SB_PART_VALIDATION] = rows - (int64_t)((double)rows * test);
    if (ends[SB_PART_VALIDATION] < ends[SB_PART_TRAINING]) ends[SB_PART_VALIDATION] = ends[SB_PART_TRAINING];
    ends[SB_PART_TEST] = rows;
    return true;
}

static bool ends_of_ett(const char *path, int64_t rows, int64_t rows_per_day, int64_t ends[SB_PARTS],
                        struct simba_error *error) {
    static const int months[SB_PARTS] = {12, 16, 20};
    for (int part = 0; part < SB_PARTS; part++) ends[part] = months[part] * 30 * rows_per_day;
    if (rows >= ends[SB_PART_TEST]) return true;
    return sb_fail(error, SIMBA_ERROR_CONFIG,
                   "%s: the split \"%s\" takes 20 months of 30 days, %lld rows; the series has %lld. Use another "
                   "\"split\".",
                   path, rows_per_day == 24 ? "ett_hour" : "ett_minute", (long long)ends[SB_PART_TEST],
                   (long long)rows);
}

static bool ends_of_borders(const struct sb_split_parameters *parameters, const char *path, int64_t rows,
                            int64_t ends[SB_PARTS], struct simba_error *error) {
    for (int part = 0; part < SB_PARTS; part++) ends[part] = parameters->ends[part];
    if (ends[0] > 0 && ends[0] <= ends[1] && ends[1] <= ends[2] && ends[2] <= rows) return true;
    return sb_fail(error, SIMBA_ERROR_CONFIG,
                   "%s: the parts cannot end at rows %lld, %lld and %lld; expected ascending numbers from 1 to %lld, "
                   "the number of rows.",
                   path, (long long)ends[0], (long long)ends[1], (long long)ends[2], (long long)rows);
}

bool sb_split_rows(const struct sb_split_parameters *parameters, const char *path, int64_t rows, int64_t look_back,
                   int64_t horizon, struct sb_rows parts[SB_PARTS], struct simba_error *error) {
    int64_t ends[SB_PARTS];
    bool fine = false;
    if (look_back < 1 || horizon < 1)
        return sb_fail(error, SIMBA_ERROR_CONFIG, "The look-back (%lld) and the horizon (%lld) must be 1 at least.",
                       (long long)look_back, (long long)horizon);
    switch (parameters->kind) {
    case SB_SPLIT_RATIOS:
        fine = ends_of_ratios(parameters, path, rows, ends, error);
        break;
    case SB_SPLIT_ETT_HOUR:
        fine = ends_of_ett(path, rows, 24, ends, error);
        break;
    case SB_SPLIT_ETT_MINUTE:
        fine = ends_of_ett(path, rows, 24 * 4, ends, error);
        break;
    case SB_SPLIT_BORDERS:
        fine = ends_of_borders(parameters, path, rows, ends, error);
        break;
    }
    if (!fine) return false;
    for (int part = 0; part < SB_PARTS; part++) {
        const int64_t first = part == 0 ? 0 : ends[part - 1], own = ends[part] - first;
        const int64_t needed = part == SB_PART_TRAINING ? look_back + horizon : horizon;
        parts[part] = (struct sb_rows){part == 0 || own == 0 ? first : first - look_back, ends[part]};
        if (own >= needed || (own == 0 && part != SB_PART_TRAINING)) continue;
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: the %s part has %lld of the %lld rows; with a look-back of %lld and a horizon of %lld it "
                       "needs %lld at least. Use a longer series, a shorter %s, or another \"split\".",
                       path, sb_part_names[part], (long long)own, (long long)rows, (long long)look_back,
                       (long long)horizon, (long long)needed,
                       part == SB_PART_TRAINING ? "look-back or horizon" : "horizon");
    }
    return true;
}
