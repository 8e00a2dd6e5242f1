#include "io/table.h"

#include "io/csv.h"
#include "io/date_column.h"
#include "io/number.h"
#include "io/table_columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CELLS ((int64_t)1 << 31)

struct reading {
    const struct sb_table_parameters *parameters;
    struct sb_table *table;
    struct sb_table_columns columns;
    struct sb_date_column dates;
    int64_t capacity;                /* rows */
    int64_t empty_rows, first_empty; /* since the last row: how many, and the line of the first one */
    int64_t missing, missing_line;   /* cells, and where the first one is */
    char point;
};

static bool reserve_row(struct reading *reading, struct simba_error *error) {
    struct sb_table *table = reading->table;
    if (table->rows < reading->capacity) return true;
    const int64_t capacity = reading->capacity ? reading->capacity + reading->capacity / 2 : 1024;
    if (capacity > MOST_CELLS / table->columns && table->rows >= MOST_CELLS / table->columns)
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED, "%s: there are more than %lld cells.", table->path,
                       (long long)MOST_CELLS);
    double *values = realloc(table->values, (size_t)(capacity * table->columns) * sizeof *values);
    if (values) table->values = values;
    int64_t *lines = realloc(table->lines, (size_t)capacity * sizeof *lines);
    if (lines) table->lines = lines;
    if (!values || !lines)
        return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for %lld rows of %d columns of %s.",
                       (long long)capacity, table->columns, table->path);
    reading->capacity = capacity;
    return true;
}

static bool fail_cell(const struct reading *reading, int64_t line, int column, const char *problem,
                      struct simba_error *error) {
    return sb_fail(error, SIMBA_ERROR_FORMAT, "%s, line %lld, column \"%s\": %s", reading->table->path, (long long)line,
                   reading->columns.names[column], problem);
}

static bool fail_number(const struct reading *reading, int64_t line, int column, const char *cell,
                        struct simba_error *error) {
    char problem[512];
    double value;
    struct sb_date_reading date;
    const char other_point = reading->point == '.' ? ',' : '.';
    if (sb_number_read(cell, reading->point, &value) == SB_NUMBER_INFINITE)
        snprintf(problem, sizeof problem,
                 "\"%.40s\" is infinite or too large for a number. Correct it, or leave the cell empty.", cell);
    else if (sb_number_read(cell, other_point, &value) == SB_NUMBER_FINITE)
        snprintf(problem, sizeof problem, "\"%.40s\" is no number with a decimal %s. If it is one with a %s, %s.", cell,
                 reading->point == '.' ? "point" : "comma", reading->point == '.' ? "comma" : "point",
                 reading->point == '.' ? "say \"decimal_comma\": true" : "leave out \"decimal_comma\"");
    else if (sb_date_read(cell, &date))
        snprintf(problem, sizeof problem,
                 "\"%.40s\" is a date where a number is expected. If these are the rows' dates, say \"date_column\": "
                 "\"%.100s\".",
                 cell, reading->columns.names[column]);
    else
        snprintf(problem, sizeof problem,
                 "\"%.40s\" is not a number. Correct it, leave the cell empty if the value is missing, or choose other "
                 "columns with \"columns\".",
                 cell);
    return fail_cell(reading, line, column, problem, error);
}

static bool add_value(struct reading *reading, int64_t line, int column, const char *cell, struct simba_error *error) {
    struct sb_table *table = reading->table;
    double *value = &table->values[table->rows * table->columns + reading->columns.places[column]];
    if (sb_number_read(cell, reading->point, value) == SB_NUMBER_FINITE) return true;
    if (!sb_is_missing(cell)) return fail_number(reading, line, column, cell, error);
    if (reading->parameters->missing == SB_MISSING_REFUSE) {
        char problem[160];
        snprintf(problem, sizeof problem,
                 "the value is missing (\"%.10s\"). Fill it in, or say \"missing\": \"interpolate\".", cell);
        return fail_cell(reading, line, column, problem, error);
    }
    *value = NAN;
    if (reading->missing++ == 0) reading->missing_line = line;
    return true;
}

static bool add_date(struct reading *reading, int64_t line, const char *cell, struct simba_error *error) {
    const char *reason;
    char problem[512];
    if (sb_date_column_add(&reading->dates, cell, &reason)) return true;
    if (!reason)
        return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the dates of %s.", reading->table->path);
    if (sb_is_missing(cell))
        snprintf(problem, sizeof problem, "the date is missing (\"%.10s\"). Fill it in.", cell);
    else
        snprintf(problem, sizeof problem, "\"%.40s\" %s%s%s%s. Correct it%s.", cell, reason,
                 reading->dates.count > 0 ? " (\"" : "", reading->dates.count > 0 ? reading->dates.first_text : "",
                 reading->dates.count > 0 ? "\")" : "",
                 reading->parameters->date_column
                     ? ""
                     : ", or say which column holds dates with \"date_column\" (\"\": none)");
    return fail_cell(reading, line, reading->columns.date, problem, error);
}

static bool add_row(struct reading *reading, const struct sb_record *record, struct simba_error *error) {
    struct sb_table *table = reading->table;
    if (record->count != reading->columns.count)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s, line %lld: this row has %d field%s, expected %d as in the first one. Every row must have "
                       "all fields; a missing value is an empty field.",
                       table->path, (long long)record->line, record->count, record->count == 1 ? "" : "s",
                       reading->columns.count);
    if (!reserve_row(reading, error)) return false;
    for (int i = 0; i < record->count; i++) {
        const int place = reading->columns.places[i];
        if (place == SB_COLUMN_UNUSED) continue;
        if (place == SB_COLUMN_DATE ? !add_date(reading, record->line, record->fields[i], error)
                                    : !add_value(reading, record->line, i, record->fields[i], error))
            return false;
    }
    table->lines[table->rows++] = record->line;
    return true;
}

static bool is_empty(const struct sb_record *record) {
    for (int i = 0; i < record->count; i++)
        if (*record->fields[i]) return false;
    return true;
}

/* A row of empty fields is a row of missing values if another row follows, and nothing at the end of a file, where
 * spreadsheets leave such rows. An empty line is nothing, unless there is one column only. */
static bool add_record(struct reading *reading, const struct sb_record *record, struct simba_error *error) {
    const int columns = reading->columns.count;
    if (is_empty(record) && (record->count == columns || record->count == 1)) {
        if (record->count == columns && reading->empty_rows++ == 0) reading->first_empty = record->line;
        return true;
    }
    for (; reading->empty_rows > 0; reading->empty_rows--) {
        const struct sb_record empty = {
            .fields = reading->columns.empty, .count = columns, .line = reading->first_empty++};
        if (!add_row(reading, &empty, error)) return false;
    }
    return add_row(reading, record, error);
}

static bool first_record(struct sb_csv *csv, struct sb_record *record, struct simba_error *error) {
    do
        if (!sb_csv_next(csv, record, error)) return false;
    while (record->count == 1 && !*record->fields[0]);
    return true;
}

static bool read_rows(struct reading *reading, struct sb_csv *csv, struct simba_error *error) {
    struct sb_table *table = reading->table;
    struct sb_record record;
    if (!first_record(csv, &record, error)) return false;
    if (record.count == 0) return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: this file is empty.", table->path);
    if (!sb_table_columns_begin(reading->parameters, &record, table, &reading->columns, error)) return false;
    if (reading->columns.named && !first_record(csv, &record, error)) return false;
    if (record.count == 0)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: there are no rows below the header.", table->path);
    if (!sb_table_columns_settle(reading->parameters, &record, table, &reading->columns, error)) return false;
    while (record.count > 0)
        if (!add_record(reading, &record, error) || !sb_csv_next(csv, &record, error)) return false;
    if (table->rows == 0) return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: all of its rows are empty.", table->path);
    return true;
}

/* One column: on a line between neighbours, or the nearest one. */
static bool interpolate(struct reading *reading, int column, struct simba_error *error) {
    const struct sb_table *table = reading->table;
    double *values = table->values + column;
    int64_t before = -1;
    for (int64_t row = 0; row <= table->rows; row++) {
        if (row < table->rows && isnan(values[row * table->columns])) continue;
        for (int64_t between = before + 1; between < row; between++) {
            double *value = &values[between * table->columns];
            if (before < 0 && row == table->rows)
                return sb_fail(error, SIMBA_ERROR_FORMAT,
                               "%s: the column \"%s\" has no value in any row, so that nothing can be interpolated. "
                               "Remove the column, or choose others with \"columns\".",
                               table->path, table->names[column]);
            const double right = row < table->rows ? values[row * table->columns] : values[before * table->columns];
            const double left = before >= 0 ? values[before * table->columns] : right;
            const double share = (double)(between - before) / (double)(row - before);
            *value = left * (1.0 - share) + right * share;
        }
        before = row;
    }
    return true;
}

static bool complete(struct reading *reading, struct simba_error *error) {
    struct sb_table *table = reading->table;
    const struct simba_log *log = &reading->parameters->log;
    if (table->rows < reading->capacity) { /* a smaller block cannot fail in a way that matters */
        double *values = realloc(table->values, (size_t)(table->rows * table->columns) * sizeof *values);
        if (values) table->values = values;
    }
    for (int column = 0; reading->missing > 0 && column < table->columns; column++)
        if (!interpolate(reading, column, error)) return false;
    if (reading->missing > 0)
        sb_log(log, SIMBA_LOG_WARNING, "%s: %lld missing value%s interpolated, the first one in line %lld.",
               table->path, (long long)reading->missing, reading->missing == 1 ? " was" : "s were",
               (long long)reading->missing_line);
    if (reading->columns.date < 0) return true;
    int64_t irregular;
    if (!sb_date_column_settle(&reading->dates, reading->parameters->date_rule, table, &irregular, error)) return false;
    if (irregular > 0) {
        char step[SB_DATE_TEXT];
        sb_interval_print(&table->interval, table->date_format.kind, step);
        sb_log(log, SIMBA_LOG_WARNING,
               "%s: %lld of the %lld rows do not follow the row above by %s, as most do; they are taken as if they "
               "did.",
               table->path, (long long)irregular, (long long)table->rows, step);
    }
    return true;
}

bool sb_table_read(const struct sb_table_parameters *parameters, struct sb_table *table, struct simba_error *error) {
    *table = (struct sb_table){.decimal_comma = parameters->decimal_comma};
    struct reading reading = {.parameters = parameters,
                              .table = table,
                              .columns.date = -1,
                              .dates.order = parameters->date_order,
                              .point = parameters->decimal_comma ? ',' : '.'};
    table->path = sb_pool_format(&table->pool, error, "%s", parameters->path);
    struct sb_csv *csv = table->path ? sb_csv_open(parameters->path, parameters->separator, error) : NULL;
    bool done = false;
    if (csv && parameters->decimal_comma && sb_csv_separator(csv) == ',')
        sb_fail(error, SIMBA_ERROR_CONFIG,
                "%s: commas cannot separate columns and be decimal commas too. Say \"separator\": \";\" or leave out "
                "\"decimal_comma\".",
                parameters->path);
    else if (csv) {
        table->separator = sb_csv_separator(csv);
        done = read_rows(&reading, csv, error) && complete(&reading, error);
    }
    sb_csv_close(csv);
    sb_date_column_finish(&reading.dates);
    sb_table_columns_finish(&reading.columns);
    if (!done) sb_table_finish(table);
    return done;
}

void sb_table_finish(struct sb_table *table) {
    free(table->values);
    free(table->lines);
    free(table->dates);
    sb_pool_finish(&table->pool);
    *table = (struct sb_table){0};
}
