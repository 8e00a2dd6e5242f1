/* Dates as text files write them: read without being told the form, counted as whole numbers, written in the same form,
 * and continued in steps of a constant time or of whole months. The proleptic Gregorian calendar, no leap seconds. */
#ifndef SB_IO_DATE_H
#define SB_IO_DATE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SB_DATE_TEXT = 48, /* bytes that a printed date takes at most */
    SB_SECOND = 1000000
};

enum sb_date_kind {
    SB_DATE_NONE,
    SB_DATE_CALENDAR, /* 2016-07-01 00:00:00 and its relatives */
    SB_DATE_COMPACT,  /* 20160701 */
    SB_DATE_EPOCH,    /* a whole number of seconds, milliseconds or microseconds since 1970 */
    SB_DATE_INDEX     /* any other whole number: a step, a year */
};

enum sb_date_order { SB_DATE_ORDER_AUTO, SB_DATE_ORDER_DAY_FIRST, SB_DATE_ORDER_MONTH_FIRST };

/* How the dates of a file are written. */
struct sb_date_format {
    enum sb_date_kind kind;
    bool year_first, month_first; /* else the day is first */
    char separator;               /* between year, month and day: - / . */
    bool short_year;              /* two digits: 69 to 99 are of the 1900s, as POSIX has it */
    bool padded, hour_padded;     /* 01 instead of 1 */
    char time_separator;          /* T or a blank; 0: no time of day */
    bool seconds;
    int fraction;  /* digits behind the seconds' point, at most 6 */
    bool zone;     /* with Z or an offset */
    int offset;    /* minutes east of UTC, of the last date */
    bool letter_z; /* the zone is written as Z */
    bool colon;    /* +01:00 instead of +0100 */
    int64_t unit;  /* EPOCH: microseconds of one */
};

/* The step from one date to the next: one of the two is not 0, or both where there is but one date. */
struct sb_interval {
    int64_t time; /* microseconds; INDEX: of the number itself */
    int months;
    bool month_end; /* each date is the last day of its month; else days keep the number that the first one has */
    int day;        /* that number */
};

/* The date `steps` intervals after `date` (or before it). */
int64_t sb_date_advance(int64_t date, const struct sb_interval *interval, int64_t steps);

/* The date as the format writes it. */
void sb_date_print(int64_t date, const struct sb_date_format *format, char text[SB_DATE_TEXT]);

/* "1 hour", "15 minutes", "2 days 3 hours", "1 month". */
void sb_interval_print(const struct sb_interval *interval, const struct sb_date_format *format,
                       char text[SB_DATE_TEXT]);

/* What one after another the dates of a column tell of their form; zeroed at first. */
struct sb_date_reader {
    struct sb_date_format format;
    enum sb_date_order order; /* given by the caller */
    char first_text[SB_DATE_TEXT];
    bool never_day_first, never_month_first; /* a number over 12 stood there */
    bool never_compact;
    int64_t rows;
    int64_t largest; /* of whole numbers, without their sign */
};

/* Whether the text looks like a date of any kind but a plain number. */
bool sb_is_date(const char *text);

/* Reads the next date. A form that cannot be told yet gives two values: `date` holds if the day comes first (or if
 * whole numbers are what they are), `other` if the month does (or if whole numbers are 20160701). On failure `reason`
 * says what is wrong with it, as the end of a sentence. */
bool sb_date_read(struct sb_date_reader *reader, const char *text, int64_t *date, int64_t *other, const char **reason);

#endif
