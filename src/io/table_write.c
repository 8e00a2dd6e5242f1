#include "base/file.h"
#include "io/number.h"
#include "io/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool sb_continuation_check(const struct sb_continuation *continuation, struct simba_error *error) {
    const struct sb_table *table = continuation->table;
    const bool known = continuation->begin + continuation->rows <= table->rows;
    return known || !table->dates || table->interval.time || table->interval.months ||
           sb_fail(error, SIMBA_ERROR_FORMAT,
                   "%s: its dates do not tell how far apart the rows are, so that they cannot be continued. It needs "
                   "two ascending dates at least; or say \"date_column\": \"\" to number the rows instead.",
                   table->path);
}

void sb_table_date_print(const struct sb_table *table, int64_t row, char text[static SB_DATE_TEXT]) {
    const int64_t behind = row - (table->rows - 1);
    const int64_t date =
        behind <= 0 ? table->dates[row] : sb_date_advance(table->dates[table->rows - 1], &table->interval, behind);
    sb_date_print(date, &table->date_format, text);
}

/* A field, in quotes where it needs them. */
static void put_field(FILE *stream, const char *text, char separator) {
    const size_t length = strlen(text);
    const bool plain =
        !strchr(text, '"') && !strchr(text, separator) && (length == 0 || (text[0] != ' ' && text[length - 1] != ' '));
    if (plain) {
        fputs(text, stream);
        return;
    }
    putc('"', stream);
    for (; *text; text++) {
        if (*text == '"') putc('"', stream);
        putc(*text, stream);
    }
    putc('"', stream);
}

static void put_header(FILE *stream, const struct sb_continuation *continuation) {
    const struct sb_table *table = continuation->table;
    put_field(stream, table->date_name ? table->date_name : "step", table->separator);
    for (int i = 0; i < continuation->columns; i++) {
        putc(table->separator, stream);
        put_field(stream, table->names[continuation->first + i], table->separator);
    }
    putc('\n', stream);
}

static void put_row(FILE *stream, const struct sb_continuation *continuation, int64_t row) {
    const struct sb_table *table = continuation->table;
    char text[SB_DATE_TEXT];
    if (table->dates)
        sb_table_date_print(table, continuation->begin + row, text);
    else
        snprintf(text, sizeof text, "%lld", (long long)row + 1);
    put_field(stream, text, table->separator);
    for (int i = 0; i < continuation->columns; i++) {
        char number[SB_NUMBER_TEXT];
        sb_number_print(continuation->values[row * continuation->columns + i], number);
        char *point = table->decimal_comma ? strchr(number, '.') : NULL;
        if (point) *point = ',';
        putc(table->separator, stream);
        fputs(number, stream);
    }
    putc('\n', stream);
}

/* `name` is the stream's, for messages. */
static bool print(const struct sb_continuation *continuation, FILE *stream, const char *name,
                  struct simba_error *error) {
    put_header(stream, continuation);
    for (int64_t row = 0; !ferror(stream) && row < continuation->rows; row++) put_row(stream, continuation, row);
    return !ferror(stream) || sb_fail_errno(error, errno, "write", name);
}

bool sb_continuation_print(const struct sb_continuation *continuation, FILE *stream, struct simba_error *error) {
    if (!sb_continuation_check(continuation, error) || !print(continuation, stream, "the forecast", error))
        return false;
    return fflush(stream) == 0 || sb_fail_errno(error, errno, "write", "the forecast");
}

bool sb_continuation_write(const struct sb_continuation *continuation, const char *path, struct simba_error *error) {
    struct sb_writer writer;
    if (!sb_continuation_check(continuation, error) || !sb_writer_open(&writer, path, error)) return false;
    if (print(continuation, writer.stream, path, error)) return sb_writer_commit(&writer, error);
    sb_writer_discard(&writer);
    return false;
}
