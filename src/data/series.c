#include "data/series.h"

#include <stdlib.h>
#include <string.h>

static bool find_target(const struct sb_table *table, const char *target, int *found, struct simba_error *error) {
    *found = table->columns - 1;
    if (!target) return true;
    for (*found = 0; *found < table->columns; ++*found)
        if (strcmp(table->names[*found], target) == 0) return true;
    return sb_table_fail_no_column(error, table->path, table->names, table->columns, target, "which \"target\" names");
}

/* Moves a column to the end; the others keep their order. */
static void move_last(struct sb_table *table, int column) {
    const size_t behind = (size_t)(table->columns - 1 - column);
    if (behind == 0) return;
    const char *name = table->names[column];
    memmove(table->names + column, table->names + column + 1, behind * sizeof *table->names);
    table->names[table->columns - 1] = name;
    for (int64_t row = 0; row < table->rows; row++) {
        double *value = table->values + row * table->columns + column;
        const double moved = *value;
        memmove(value, value + 1, behind * sizeof *value);
        value[behind] = moved;
    }
}

static void keep_only(struct sb_table *table, int column) {
    for (int64_t row = 0; row < table->rows; row++) table->values[row] = table->values[row * table->columns + column];
    table->names[0] = table->names[column];
    table->columns = 1;
}

bool sb_series_read(const struct sb_series_parameters *parameters, struct sb_series *series,
                    struct simba_error *error) {
    *series = (struct sb_series){0};
    struct sb_table *table = &series->table;
    if (!sb_table_read(&parameters->table, table, error)) return false;
    if (parameters->features != SB_FEATURES_M) {
        int target;
        if (!find_target(table, parameters->target, &target, error)) {
            sb_series_finish(series);
            return false;
        }
        if (parameters->features == SB_FEATURES_S)
            keep_only(table, target);
        else
            move_last(table, target);
    }
    series->targets = parameters->features == SB_FEATURES_M ? table->columns : 1;
    series->first_target = table->columns - series->targets;
    return true;
}

void sb_series_finish(struct sb_series *series) {
    sb_table_finish(&series->table);
    *series = (struct sb_series){0};
}

int64_t sb_series_season(const struct sb_series *series) {
    const struct sb_interval *interval = &series->table.interval;
    if (!series->table.dates || series->table.date_format.kind == SB_DATE_INDEX) return 0;
    if (interval->months) return interval->months < 12 && 12 % interval->months == 0 ? 12 / interval->months : 0;
    if (interval->time == SB_DAY) return 7;
    if (interval->time == 7 * SB_DAY) return 52;
    return interval->time > 0 && interval->time < SB_DAY && SB_DAY % interval->time == 0 ? SB_DAY / interval->time : 0;
}
