#include "base/file.h"
#include "io/number.h"
#include "io/table.h"

#include <stdio.h>
#include <string.h>

static bool put(struct sb_writer *writer, const char *text, struct simba_error *error) {
    return sb_writer_write(writer, text, strlen(text), error);
}

/* A field, in quotes where it needs them. */
static bool put_field(struct sb_writer *writer, const char *text, char separator, struct simba_error *error) {
    const size_t length = strlen(text);
    const bool plain =
        !strchr(text, '"') && !strchr(text, separator) && (length == 0 || (text[0] != ' ' && text[length - 1] != ' '));
    if (plain) return put(writer, text, error);
    bool fine = put(writer, "\"", error);
    for (; fine && *text; text++)
        fine = (*text != '"' || put(writer, "\"", error)) && sb_writer_write(writer, text, 1, error);
    return fine && put(writer, "\"", error);
}

static bool put_header(struct sb_writer *writer, const struct sb_table *table, int first, int columns,
                       struct simba_error *error) {
    bool fine = put_field(writer, table->date_name ? table->date_name : "step", table->separator, error);
    for (int i = first; fine && i < first + columns; i++)
        fine = sb_writer_write(writer, &table->separator, 1, error) &&
               put_field(writer, table->names[i], table->separator, error);
    return fine && put(writer, "\n", error);
}

static bool put_row(struct sb_writer *writer, const struct sb_table *table, const double *values, int columns,
                    int64_t step, struct simba_error *error) {
    char text[SB_DATE_TEXT];
    if (table->dates)
        sb_date_print(sb_date_advance(table->dates[table->rows - 1], &table->interval, step), &table->date_format,
                      text);
    else
        snprintf(text, sizeof text, "%lld", (long long)step);
    bool fine = put_field(writer, text, table->separator, error);
    for (int i = 0; fine && i < columns; i++) {
        char number[SB_NUMBER_TEXT];
        sb_number_print(values[i], number);
        char *point = table->decimal_comma ? strchr(number, '.') : NULL;
        if (point) *point = ',';
        fine = sb_writer_write(writer, &table->separator, 1, error) && put(writer, number, error);
    }
    return fine && put(writer, "\n", error);
}

bool sb_table_write_continuation(const struct sb_table *table, int first, int columns, const double *values,
                                 int64_t rows, const char *path, struct simba_error *error) {
    if (table->dates && !table->interval.time && !table->interval.months)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: its dates do not tell how far apart the rows are, so that they cannot be continued. It "
                       "needs two ascending dates at least; or say \"date_column\": \"\" to number the rows instead.",
                       table->path);
    struct sb_writer writer;
    if (!sb_writer_open(&writer, path, error)) return false;
    bool fine = put_header(&writer, table, first, columns, error);
    for (int64_t i = 0; fine && i < rows; i++)
        fine = put_row(&writer, table, values + i * columns, columns, i + 1, error);
    if (fine) return sb_writer_commit(&writer, error);
    sb_writer_discard(&writer);
    return false;
}
