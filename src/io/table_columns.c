#include "io/table_columns.h"

#include "base/json.h"
#include "base/utf8.h"
#include "io/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const date_names[] = {"date", "datetime", "timestamp", "time", NULL};

static bool is_among(const char *text, const char *const *words) {
    while (*words && strcasecmp(text, *words) != 0) words++;
    return *words;
}

bool sb_is_missing(const char *cell) {
    static const char *const words[] = {"", "NA", "N/A", "NaN", "null", "?", NULL};
    return is_among(cell, words);
}

static bool is_calendar_date(const char *cell) {
    struct sb_date_reading reading;
    return sb_date_read(cell, &reading) && !reading.whole_number;
}

static bool is_header(const struct sb_record *record, char point) {
    double value;
    for (int i = 0; i < record->count; i++)
        if (!sb_is_missing(record->fields[i]) && sb_number_read(record->fields[i], point, &value) == SB_NUMBER_NONE &&
            !is_calendar_date(record->fields[i]))
            return true;
    return false;
}

/* A name as UTF-8: bytes that are none are taken for Latin-1, which is what unit signs in old files are; line breaks
 * become blanks. */
static const char *clean_name(struct sb_pool *pool, const char *name, struct simba_error *error) {
    const size_t length = strlen(name);
    char *clean = sb_pool_allocate(pool, 2 * length + 1, error);
    if (!clean) return NULL;
    char *to = clean;
    for (const uint8_t *at = (const uint8_t *)name; *at;) {
        const int sequence = sb_utf8_length(at);
        if (sequence == 0) {
            *to++ = (char)(0xc0 | *at >> 6);
            *to++ = (char)(0x80 | (*at & 0x3f));
            at++;
        } else if (*at < 0x20 || *at == 0x7f) {
            *to++ = ' ';
            at++;
        } else
            for (int i = 0; i < sequence; i++) *to++ = (char)*at++;
    }
    return clean;
}

bool sb_table_columns_begin(const struct sb_table_parameters *parameters, const struct sb_record *record,
                            struct sb_table *table, struct sb_table_columns *columns, struct simba_error *error) {
    *columns = (struct sb_table_columns){.count = record->count, .date = -1};
    columns->named = parameters->header == SB_HEADER_PRESENT ||
                     (parameters->header == SB_HEADER_AUTO && is_header(record, parameters->decimal_comma ? ',' : '.'));
    columns->names = sb_pool_allocate(&table->pool, (size_t)columns->count * sizeof *columns->names, error);
    columns->places = sb_allocate((size_t)columns->count, sizeof *columns->places, error);
    columns->empty = sb_pool_allocate(&table->pool, (size_t)columns->count * sizeof *columns->empty, error);
    if (!columns->names || !columns->places || !columns->empty) return false;
    for (int i = 0; i < columns->count; i++) {
        columns->empty[i] = "";
        columns->names[i] = columns->named && *record->fields[i]
                                ? clean_name(&table->pool, record->fields[i], error)
                                : sb_pool_format(&table->pool, error, "column %d", i + 1);
        if (!columns->names[i]) return false;
    }
    if (columns->named && !*record->fields[0] && !parameters->date_column) columns->date = 0;
    return true;
}

void sb_table_list_names(const char *const *names, int count, char text[SB_TABLE_NAMES]) {
    const size_t size = SB_TABLE_NAMES;
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count && used + 1 < size; i++) {
        if (i == 12 && count > 13) {
            snprintf(text + used, size - used, ", ... (%d)", count);
            return;
        }
        const int length = snprintf(text + used, size - used, "%s%.60s", i ? ", " : "", names[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

static int find_name(const struct sb_table_columns *columns, const char *name) {
    for (int i = 0; i < columns->count; i++)
        if (strcmp(columns->names[i], name) == 0) return i;
    return -1;
}

bool sb_table_fail_no_column(struct simba_error *error, const char *path, const char *const *names, int count,
                             const char *name, const char *purpose) {
    char list[SB_TABLE_NAMES];
    sb_table_list_names(names, count, list);
    const char **known = sb_allocate((size_t)count + 1, sizeof *known, error);
    if (!known) return false;
    memcpy(known, names, (size_t)count * sizeof *known);
    const char *nearest = sb_nearest_word(name, known);
    sb_fail(error, SIMBA_ERROR_FORMAT, "%s: there is no column \"%.100s\", %s%s%.100s%s. The columns are: %s.", path,
            name, purpose, nearest ? "; the nearest is \"" : "", nearest ? nearest : "", nearest ? "\"" : "", list);
    free(known);
    return false;
}

static bool find_dates(const struct sb_table_parameters *parameters, const struct sb_record *record,
                       const struct sb_table *table, struct sb_table_columns *columns, struct simba_error *error) {
    if (parameters->date_column) {
        if (!*parameters->date_column) return true;
        columns->date = find_name(columns, parameters->date_column);
        return columns->date >= 0 || sb_table_fail_no_column(error, table->path, columns->names, columns->count,
                                                             parameters->date_column, "which \"date_column\" names");
    }
    for (int i = 0; columns->named && i < columns->count; i++)
        if (is_among(columns->names[i], date_names)) {
            columns->date = i;
            return true;
        }
    if (columns->date < 0 && is_calendar_date(record->fields[0])) columns->date = 0;
    return true;
}

/* The columns that were asked for, by name, or by place where a file has no names. */
static bool choose(const struct sb_table_parameters *parameters, struct sb_table *table,
                   struct sb_table_columns *columns, struct simba_error *error) {
    const int values = columns->count - (columns->date >= 0);
    if (!columns->named && values != parameters->column_count)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: there are %d columns of numbers, expected %d. Without a header a file must have exactly "
                       "the expected columns; add a header if it has others besides.",
                       table->path, values, parameters->column_count);
    for (int i = 0, place = 0; !columns->named && i < columns->count; i++)
        if (i != columns->date) columns->places[i] = place++;
    for (int i = 0; columns->named && i < parameters->column_count; i++) {
        const int found = find_name(columns, parameters->columns[i]);
        if (found < 0) {
            char purpose[64];
            snprintf(purpose, sizeof purpose, "one of the %d that are needed", parameters->column_count);
            return sb_table_fail_no_column(error, table->path, columns->names, columns->count, parameters->columns[i],
                                           purpose);
        }
        if (found == columns->date)
            return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: the column \"%s\" holds the dates and cannot be a channel.",
                           table->path, parameters->columns[i]);
        if (columns->places[found] != SB_COLUMN_UNUSED)
            return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: the column \"%s\" is asked for twice.", table->path,
                           parameters->columns[i]);
        columns->places[found] = i;
    }
    table->columns = parameters->column_count;
    return true;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool check_names(const struct sb_table *table, struct simba_error *error) {
    const char **sorted = sb_allocate((size_t)table->columns, sizeof *sorted, error);
    if (!sorted) return false;
    memcpy(sorted, table->names, (size_t)table->columns * sizeof *sorted);
    qsort(sorted, (size_t)table->columns, sizeof *sorted, compare_names);
    int twice = 1;
    while (twice < table->columns && strcmp(sorted[twice], sorted[twice - 1]) != 0) twice++;
    if (twice < table->columns)
        sb_fail(error, SIMBA_ERROR_FORMAT, "%s: two columns are called \"%s\". Rename one of them.", table->path,
                sorted[twice]);
    free(sorted);
    return twice >= table->columns;
}

bool sb_table_columns_settle(const struct sb_table_parameters *parameters, const struct sb_record *record,
                             struct sb_table *table, struct sb_table_columns *columns, struct simba_error *error) {
    if (!find_dates(parameters, record, table, columns, error)) return false;
    for (int i = 0; i < columns->count; i++) columns->places[i] = SB_COLUMN_UNUSED;
    if (parameters->columns) {
        if (!choose(parameters, table, columns, error)) return false;
    } else
        for (int i = 0; i < columns->count; i++)
            if (i != columns->date) columns->places[i] = table->columns++;
    if (columns->date >= 0) {
        columns->places[columns->date] = SB_COLUMN_DATE;
        table->date_name = columns->names[columns->date];
    }
    if (table->columns == 0)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: there is no column of numbers%s.", table->path,
                       columns->date >= 0 ? " besides the dates" : "");
    table->named = columns->named;
    table->names = sb_pool_allocate(&table->pool, (size_t)table->columns * sizeof *table->names, error);
    if (!table->names) return false;
    for (int i = 0; i < columns->count; i++)
        if (columns->places[i] >= 0) table->names[columns->places[i]] = columns->names[i];
    return check_names(table, error);
}

void sb_table_columns_finish(struct sb_table_columns *columns) {
    free(columns->places);
    columns->places = NULL;
}
