/* Tables of numbers from text files: columns with names or without, and at most one of dates. */
#ifndef SB_IO_TABLE_H
#define SB_IO_TABLE_H

#include "base/memory.h"
#include "io/date.h"

#include <stdio.h>

enum sb_header {
    SB_HEADER_AUTO, /* the first row is a header if a cell of it is no number, no date and not empty */
    SB_HEADER_PRESENT,
    SB_HEADER_ABSENT
};

/* Cells that are empty, NA, N/A, NaN, null or ?, in capitals or not. */
enum sb_missing {
    SB_MISSING_REFUSE,
    SB_MISSING_INTERPOLATE /* on a line between the nearest values above and below; at the ends the nearest one */
};

/* What the dates must be. */
enum sb_date_rule {
    SB_DATES_REGULAR,   /* ascending, a constant time or a constant number of months apart */
    SB_DATES_WITH_GAPS, /* ascending */
    SB_DATES_ANY        /* nothing: rows follow each other as they stand in the file, the dates are mere labels */
};

/* Strings are needed during the reading only. */
struct sb_table_parameters {
    const char *path;
    enum sb_header header;
    char separator;     /* 0: found by itself, see io/csv.h */
    bool decimal_comma; /* 1,5 is one and a half */
    /* The name of the column of dates; NULL: one that is called date, datetime, timestamp or time (in capitals or not)
     * or, failing that, the first one if it has no name or holds dates; "": there is none. Whole numbers count as dates
     * in a column with such a name, without a name, or named here. Without a header: "column 1" and so on. */
    const char *date_column;
    enum sb_date_order date_order;
    enum sb_date_rule date_rule;
    enum sb_missing missing;
    /* The columns to take, in this order; the others may hold anything. NULL: all but the dates, in the file's order.
     * A file without a header must have exactly this number of columns, and keeps its order. */
    const char *const *columns;
    int column_count;
    struct simba_log log; /* hears of interpolated cells, and of gaps that were allowed */
};

/* `rows` rows of `columns` numbers, all finite. */
struct sb_table {
    const char *path;
    int64_t rows;
    int columns;
    const char **names; /* [columns], UTF-8; "column 3" (counted in the file, from 1) where the file has none */
    bool named;         /* the file has a header */
    double *values;     /* [rows, columns] */
    int64_t *lines;     /* [rows], of the file, from 1: where each row stands */
    char separator;
    bool decimal_comma;
    const char *date_name; /* NULL: there are no dates */
    /* [rows] microseconds since 1970-01-01 00:00 (UTC if the format has a zone, else local time); INDEX: the numbers
     * themselves. NULL: no dates. */
    int64_t *dates;
    struct sb_date_format date_format;
    struct sb_interval interval; /* the most frequent one if not all are equal */
    struct sb_pool pool;         /* owns the names and the path */
};

/* Every error names the file, the line and the column, what was found and what to do. */
bool sb_table_read(const struct sb_table_parameters *parameters, struct sb_table *table, struct simba_error *error);
void sb_table_finish(struct sb_table *table);

/* For messages: the first dozen names, and how many there are. */
enum { SB_TABLE_NAMES = 1024 /* bytes */ };
void sb_table_list_names(const char *const *names, int count, char text[SB_TABLE_NAMES]);
/* The error of a name that is none of the columns: says its purpose ("which KEY names"), the nearest name and all. */
bool sb_table_fail_no_column(struct simba_error *error, const char *path, const char *const *names, int count,
                             const char *name, const char *purpose);

/* Rows that take the place of the table's from `begin` on, or follow its last one. */
struct sb_continuation {
    const struct sb_table *table;
    int64_t begin; /* row of the table, from 0; at least 1, at most table->rows */
    int64_t rows;
    int first, columns;   /* the table's columns first ... first + columns - 1 */
    const double *values; /* [rows, columns] */
};

/* Fails where a row needs a date that neither stands in the table nor follows from its interval. */
bool sb_continuation_check(const struct sb_continuation *continuation, struct simba_error *error);

/* The table must have dates: the row's own, behind the last row so many intervals later. */
void sb_table_date_print(const struct sb_table *table, int64_t row, char text[static SB_DATE_TEXT]);

/* Text as the table's: its separator, decimal sign and form of dates, its columns by name, numbers in the fewest digits
 * that read back to the same double. Of a table without dates: the number of the row as "step", from 1. A file is
 * replaced as a whole or not at all; a stream is flushed. Both check the continuation. */
bool sb_continuation_print(const struct sb_continuation *continuation, FILE *stream, struct simba_error *error);
bool sb_continuation_write(const struct sb_continuation *continuation, const char *path, struct simba_error *error);

#endif
