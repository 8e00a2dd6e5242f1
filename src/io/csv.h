/* Text in rows and columns (RFC 4180 and what is met besides): separated by commas, semicolons or tabs, fields in
 * double quotes ("" within for one, line breaks too), lines that end with LF, CRLF or CR, a byte order mark, gzip.
 * Reads record by record, in memory of the size of the longest one. */
#ifndef SB_IO_CSV_H
#define SB_IO_CSV_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct sb_csv;

/* One record; its memory is the reader's and lasts until the next one is read. */
struct sb_record {
    const char **fields; /* zero behind each; quotes removed, blanks around trimmed where there were no quotes */
    int count;
    int64_t line; /* of the file, from 1: where the record begins */
};

/* `separator` 0: a tab, semicolon or comma, whichever of them, in this order, the first two records have in equal
 * number; one column if there is none. */
struct sb_csv *sb_csv_open(const char *path, char separator, struct simba_error *error);
/* record->count is 0 at the end. An empty line is a record with one empty field. */
bool sb_csv_next(struct sb_csv *csv, struct sb_record *record, struct simba_error *error);
char sb_csv_separator(const struct sb_csv *csv);
/* NULL is fine. */
void sb_csv_close(struct sb_csv *csv);

#endif
