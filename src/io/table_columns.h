/* Which columns of a file hold what: for the reader of tables. */
#ifndef SB_IO_TABLE_COLUMNS_H
#define SB_IO_TABLE_COLUMNS_H

#include "io/csv.h"
#include "io/table.h"

enum { SB_COLUMN_DATE = -2, SB_COLUMN_UNUSED = -1 };

struct sb_table_columns {
    bool named;         /* the first record is a header */
    int count;          /* columns of the file */
    const char **names; /* [count], in the table's pool */
    int *places;        /* [count] where each goes: a column of the table, or one of the constants above */
    int date;           /* which one; -1: none */
    const char **empty; /* [count] the fields of an empty row */
};

/* Whether a cell counts as missing. */
bool sb_is_missing(const char *cell);

/* From the first record: is it a header, what are the columns called. */
bool sb_table_columns_begin(const struct sb_table_parameters *parameters, const struct sb_record *record,
                            struct sb_table *table, struct sb_table_columns *columns, struct simba_error *error);
/* From the first record of numbers: where the dates are; then what each column is for. Fills in table->columns, names
 * and date_name. */
bool sb_table_columns_settle(const struct sb_table_parameters *parameters, const struct sb_record *record,
                             struct sb_table *table, struct sb_table_columns *columns, struct simba_error *error);
void sb_table_columns_finish(struct sb_table_columns *columns);

#endif
