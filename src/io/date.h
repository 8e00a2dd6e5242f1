/* Dates as text files write them: read without being told the form, kept as whole numbers, written in the same form,
 * and continued in steps of a constant time or of whole months. The Gregorian calendar at all times, no leap seconds.
 */
#ifndef SB_IO_DATE_H
#define SB_IO_DATE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { SB_DATE_TEXT = 64 /* bytes that a printed date or interval takes at most */ };

/* A date is a count of microseconds. */
#define SB_SECOND INT64_C(1000000)
#define SB_DAY (86400 * SB_SECOND)

enum sb_date_kind {
    SB_DATE_NONE,
    SB_DATE_CALENDAR, /* 2016-07-01 00:00:00 and its relatives */
    SB_DATE_COMPACT,  /* 20160701, 2016070106, 201607010630, 20160701063000 */
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
    bool unpadded, hour_unpadded; /* 1 instead of 01 */
    char time_separator;          /* T or a blank; 0: no time of day */
    bool seconds;
    int fraction;     /* digits behind the seconds' point, at most 6 */
    bool zone;        /* with Z or an offset: the dates are in UTC */
    bool zone_letter; /* Z */
    bool zone_colon;  /* +01:00 instead of +0100 */
    int offset;       /* minutes east of UTC, of the last date */
    int digits;       /* COMPACT: 8, 10, 12 or 14 */
    int64_t unit;     /* EPOCH: microseconds of one */
};

/* The step from one date to the next; both 0: unknown. */
struct sb_interval {
    int64_t time; /* microseconds; INDEX: of the number itself */
    int months;
    int day; /* of every date, or the last day of a shorter month; 31: month ends */
};

/* Days since 1970-01-01 of a day of the calendar, and back. month and day from 1. */
int64_t sb_days_of(int64_t year, int month, int day);
void sb_day_of(int64_t days, int64_t *year, int *month, int *day);
int sb_days_in_month(int64_t year, int month);

/* What one text says. */
struct sb_date_reading {
    struct sb_date_format format; /* as far as this one tells */
    bool whole_number;            /* then `number` is it, and the rest holds for COMPACT */
    int64_t number;
    /* Microseconds since 1970-01-01 00:00, of UTC if there is a zone; each only if its flag is set: with the day first
     * and with the month first, which is the same where the form leaves no choice. */
    bool day_first_possible, month_first_possible;
    int64_t day_first, month_first;
};

/* False: not a date at all, nor a whole number. A day that does not exist is a date with neither possible. */
bool sb_date_read(const char *text, struct sb_date_reading *reading);

/* The date as the format writes it. */
void sb_date_print(int64_t date, const struct sb_date_format *format, char text[SB_DATE_TEXT]);

/* "1 hour", "15 minutes", "1 month", "90 seconds"; INDEX: "1". */
void sb_interval_print(const struct sb_interval *interval, enum sb_date_kind kind, char text[SB_DATE_TEXT]);

/* The date `steps` intervals after `date`. */
int64_t sb_date_advance(int64_t date, const struct sb_interval *interval, int64_t steps);

#endif
