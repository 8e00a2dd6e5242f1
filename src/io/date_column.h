/* The dates of a whole column: their common form, which day and month order makes sense of all of them, and the step
 * from one to the next. */
#ifndef SB_IO_DATE_COLUMN_H
#define SB_IO_DATE_COLUMN_H

#include "io/table.h"

struct sb_date_column {
    enum sb_date_order order; /* as configured; set by the caller before the first date */
    int64_t count, capacity;
    int64_t *day_first, *month_first; /* [count] both readings; of whole numbers: the number, and as 20160701 */
    struct sb_date_format format;
    bool whole_numbers;
    bool day_first_impossible, month_first_impossible; /* ruled out by some date */
    int64_t largest;                                   /* whole number, without its sign */
    char first_text[SB_DATE_TEXT];
};

/* False with *reason, the end of a sentence whose subject is the date; or with *reason NULL: no memory. */
bool sb_date_column_add(struct sb_date_column *column, const char *text, const char **reason);

/* Settles the form, checks `rule` and moves the dates to the table, whose path, lines, rows and date_name are set.
 * Interruptions that the rule allows are counted in *irregular. */
bool sb_date_column_settle(struct sb_date_column *column, enum sb_date_rule rule, struct sb_table *table,
                           int64_t *irregular, struct simba_error *error);
void sb_date_column_finish(struct sb_date_column *column);

#endif
