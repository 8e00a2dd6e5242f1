#include "io/date.h"

#include <stdio.h>
#include <string.h>

static int64_t floor_divide(int64_t number, int64_t by) {
    return number / by - (number % by < 0);
}

static bool is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int sb_days_in_month(int64_t year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 0000-03-01 to the first day of a year that begins in March: leap days come last in it. */
static int64_t days_before_year(int64_t year) {
    return 365 * year + floor_divide(year, 4) - floor_divide(year, 100) + floor_divide(year, 400);
}

/* Days from the first of March to the first of a month (0: March): 31, 30, 31, 30, 31 days again and again. */
static int days_before_month(int month) {
    return (153 * month + 2) / 5;
}

enum { EPOCH_DAY = 719468 /* 1970-01-01 in days since 0000-03-01 */ };

int64_t sb_days_of(int64_t year, int month, int day) {
    const int64_t march_year = year - (month < 3);
    const int march_month = month < 3 ? month + 9 : month - 3;
    return days_before_year(march_year) + days_before_month(march_month) + day - 1 - EPOCH_DAY;
}

void sb_day_of(int64_t days, int64_t *year, int *month, int *day) {
    days += EPOCH_DAY;
    /* 146,097 days are 400 years; the estimate is right or one too many. */
    int64_t march_year = floor_divide(days * 400 + 591, 146097);
    while (days_before_year(march_year) > days) march_year--;
    while (days_before_year(march_year + 1) <= days) march_year++;
    const int rest = (int)(days - days_before_year(march_year));
    const int march_month = (5 * rest + 2) / 153;
    *day = rest - days_before_month(march_month) + 1;
    *month = march_month < 10 ? march_month + 3 : march_month - 9;
    *year = march_year + (march_month >= 10);
}

static bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

/* The digits at *at, at most `most` of them; their number. */
static int read_digits(const char **at, int most, int64_t *number) {
    int count = 0;
    *number = 0;
    for (; count < most && is_digit(**at); count++) *number = *number * 10 + (*(*at)++ - '0');
    return count;
}

static int64_t microseconds_of(int64_t year, int64_t month, int64_t day, bool *possible) {
    *possible = month >= 1 && month <= 12 && day >= 1 && day <= sb_days_in_month(year, (int)month);
    return *possible ? sb_days_of(year, (int)month, (int)day) * SB_DAY : 0;
}

/* 20160701, 2016070106, 201607010630, 20160701063000: no other number of digits holds a calendar time. Numbers of
 * seconds and milliseconds since 1970 have as many digits as the longer ones, so these must be of a year that tables
 * are about, and it takes a whole column of them (date_column.c). */
static void read_compact(int digits, struct sb_date_reading *reading) {
    int64_t rest = reading->number, second = 0, minute = 0, hour = 0;
    if (digits != 8 && digits != 10 && digits != 12 && digits != 14) return;
    if (digits >= 14) second = rest % 100, rest /= 100;
    if (digits >= 12) minute = rest % 100, rest /= 100;
    if (digits >= 10) hour = rest % 100, rest /= 100;
    const int64_t year = rest / 10000;
    if (year < (digits == 8 ? 1000 : 1900) || (digits > 8 && year > 2100) || hour > 23 || minute > 59 || second > 59)
        return;
    reading->format.digits = digits;
    reading->day_first = microseconds_of(year, rest / 100 % 100, rest % 100, &reading->day_first_possible) +
                         ((hour * 60 + minute) * 60 + second) * SB_SECOND;
    reading->month_first = reading->day_first;
    reading->month_first_possible = reading->day_first_possible;
}

static bool read_whole_number(const char *text, struct sb_date_reading *reading) {
    const char *at = text + (*text == '-');
    const char *digits = at;
    const int count = read_digits(&at, 18, &reading->number);
    if (count == 0 || *at) return false;
    if (digits != text) reading->number = -reading->number;
    reading->whole_number = true;
    if (digits == text) read_compact(count, reading);
    return true;
}

/* "Z", "+01:00", "+0100", "+01", or nothing. */
static bool read_zone(const char **at, struct sb_date_format *format) {
    const char *here = *at;
    if (*here == 'Z' || *here == 'z') {
        format->zone = format->zone_letter = true;
        *at = here + 1;
        return true;
    }
    if (*here == ' ') here++;
    if (*here != '+' && *here != '-') return true;
    const int sign = *here++ == '-' ? -1 : 1;
    int64_t hours, minutes = 0;
    if (read_digits(&here, 2, &hours) != 2 || hours > 18) return false;
    format->zone_colon = *here == ':';
    here += format->zone_colon;
    if ((format->zone_colon || is_digit(*here)) && (read_digits(&here, 2, &minutes) != 2 || minutes > 59)) return false;
    format->zone = true;
    format->offset = sign * (int)(hours * 60 + minutes);
    *at = here;
    return true;
}

/* What follows the day: the time in microseconds, 0 if nothing follows. */
static bool read_time(const char *at, struct sb_date_format *format, int64_t *time) {
    *time = 0;
    if (!*at) return true;
    if (*at != 'T' && *at != 't' && *at != ' ') return false;
    format->time_separator = *at++ == ' ' ? ' ' : 'T';
    while (*at == ' ') at++;
    int64_t hour, minute, second = 0, fraction = 0;
    const int hour_digits = read_digits(&at, 2, &hour);
    if (hour_digits == 0 || *at++ != ':' || read_digits(&at, 2, &minute) != 2 || hour > 23 || minute > 59) return false;
    format->hour_unpadded = hour_digits == 1;
    if (*at == ':') {
        at++;
        if (read_digits(&at, 2, &second) != 2 || second > 59) return false;
        format->seconds = true;
    }
    if (format->seconds && (*at == '.' || *at == ',')) {
        at++;
        format->fraction = read_digits(&at, 6, &fraction);
        if (format->fraction == 0) return false;
        for (int i = format->fraction; i < 6; i++) fraction *= 10;
        while (*at == '0') at++; /* nanoseconds that are whole microseconds */
    }
    if (!read_zone(&at, format) || *at) return false;
    *time = ((hour * 60 + minute - format->offset) * 60 + second) * SB_SECOND + fraction;
    return true;
}

bool sb_date_read(const char *text, struct sb_date_reading *reading) {
    *reading = (struct sb_date_reading){0};
    if (read_whole_number(text, reading)) return true;
    *reading = (struct sb_date_reading){.format.kind = SB_DATE_CALENDAR};
    struct sb_date_format *format = &reading->format;
    const char *at = text;
    int64_t first, second, third, time;
    const int first_digits = read_digits(&at, 4, &first);
    format->separator = *at;
    if (first_digits == 0 || (*at != '-' && *at != '/' && *at != '.')) return false;
    at++;
    const int second_digits = read_digits(&at, 2, &second);
    if (second_digits == 0 || *at++ != format->separator) return false;
    const int third_digits = read_digits(&at, 4, &third);
    if (!read_time(at, format, &time)) return false;
    if (first_digits == 4 && third_digits >= 1 && third_digits <= 2) {
        format->year_first = true;
        format->unpadded = second_digits == 1 || third_digits == 1;
        reading->day_first = microseconds_of(first, second, third, &reading->day_first_possible) + time;
        reading->month_first = reading->day_first;
        reading->month_first_possible = reading->day_first_possible;
        return true;
    }
    if (first_digits > 2 || (third_digits != 4 && third_digits != 2)) return false;
    format->unpadded = first_digits == 1 || second_digits == 1;
    format->short_year = third_digits == 2;
    if (format->short_year) third += third < 69 ? 2000 : 1900;
    reading->day_first = microseconds_of(third, second, first, &reading->day_first_possible) + time;
    reading->month_first = microseconds_of(third, first, second, &reading->month_first_possible) + time;
    if (format->separator == '.') { /* nobody writes the month first with points */
        reading->month_first = reading->day_first;
        reading->month_first_possible = reading->day_first_possible;
    }
    return true;
}

static void print_day(int64_t days, const struct sb_date_format *format, char text[SB_DATE_TEXT]) {
    int64_t year;
    int month, day;
    sb_day_of(days, &year, &month, &day);
    const int width = format->unpadded ? 1 : 2;
    const char mark = format->separator;
    if (format->year_first)
        snprintf(text, SB_DATE_TEXT, "%04lld%c%0*d%c%0*d", (long long)year, mark, width, month, mark, width, day);
    else {
        const int first = format->month_first ? month : day, second = format->month_first ? day : month;
        const int64_t shown = format->short_year ? year % 100 : year;
        snprintf(text, SB_DATE_TEXT, "%0*d%c%0*d%c%0*lld", width, first, mark, width, second, mark,
                 format->short_year ? 2 : 4, (long long)shown);
    }
}

/* Appends to the text, which has room for it. */
static void append(char text[SB_DATE_TEXT], const char *more) {
    const size_t length = strlen(text);
    snprintf(text + length, SB_DATE_TEXT - length, "%s", more);
}

static void print_time(int64_t time, const struct sb_date_format *format, char text[SB_DATE_TEXT]) {
    char part[SB_DATE_TEXT];
    const int64_t minutes = time / (60 * SB_SECOND), second = time / SB_SECOND % 60;
    snprintf(part, sizeof part, "%c%0*d:%02d", format->time_separator, format->hour_unpadded ? 1 : 2,
             (int)(minutes / 60), (int)(minutes % 60));
    append(text, part);
    if (!format->seconds) return;
    snprintf(part, sizeof part, ":%02d.%06d", (int)second, (int)(time % SB_SECOND));
    part[format->fraction ? 4 + format->fraction : 3] = '\0';
    append(text, part);
}

static void print_zone(const struct sb_date_format *format, char text[SB_DATE_TEXT]) {
    char part[SB_DATE_TEXT];
    const int minutes = format->offset < 0 ? -format->offset : format->offset;
    if (format->zone_letter)
        snprintf(part, sizeof part, "Z");
    else
        snprintf(part, sizeof part, "%c%02d%s%02d", format->offset < 0 ? '-' : '+', minutes / 60,
                 format->zone_colon ? ":" : "", minutes % 60);
    append(text, part);
}

static void print_compact(int64_t date, int digits, char text[SB_DATE_TEXT]) {
    const int64_t days = floor_divide(date, SB_DAY);
    const int second = (int)((date - days * SB_DAY) / SB_SECOND);
    int64_t year;
    int month, day;
    sb_day_of(days, &year, &month, &day);
    snprintf(text, SB_DATE_TEXT, "%04lld%02d%02d%02d%02d%02d", (long long)year, month, day, second / 3600,
             second / 60 % 60, second % 60);
    text[strlen(text) - (size_t)(14 - digits)] = '\0';
}

void sb_date_print(int64_t date, const struct sb_date_format *format, char text[SB_DATE_TEXT]) {
    if (format->kind == SB_DATE_EPOCH || format->kind == SB_DATE_INDEX) {
        const int64_t unit = format->kind == SB_DATE_EPOCH ? format->unit : 1;
        snprintf(text, SB_DATE_TEXT, "%lld", (long long)floor_divide(date, unit));
        return;
    }
    if (format->kind == SB_DATE_COMPACT) {
        print_compact(date, format->digits, text);
        return;
    }
    if (format->zone) date += format->offset * 60 * SB_SECOND;
    const int64_t days = floor_divide(date, SB_DAY);
    print_day(days, format, text);
    if (format->time_separator) print_time(date - days * SB_DAY, format, text);
    if (format->time_separator && format->zone) print_zone(format, text);
}

void sb_interval_print(const struct sb_interval *interval, enum sb_date_kind kind, char text[SB_DATE_TEXT]) {
    static const struct {
        int64_t time;
        const char *name;
    } units[] = {{SB_DAY, "day"},       {3600 * SB_SECOND, "hour"}, {60 * SB_SECOND, "minute"},
                 {SB_SECOND, "second"}, {1000, "millisecond"},      {1, "microsecond"}};
    const char *name = "month";
    int64_t count = interval->months;
    if (!interval->months) {
        if (kind == SB_DATE_INDEX) {
            snprintf(text, SB_DATE_TEXT, "%lld", (long long)interval->time);
            return;
        }
        size_t unit = 0;
        while (interval->time % units[unit].time != 0) unit++;
        name = units[unit].name;
        count = interval->time / units[unit].time;
    }
    snprintf(text, SB_DATE_TEXT, "%lld %s%s", (long long)count, name, count == 1 ? "" : "s");
}

/* date + count * unit; beyond the range of dates it wraps around instead of being undefined. */
static int64_t add(int64_t date, int64_t count, int64_t unit) {
    return (int64_t)((uint64_t)date + (uint64_t)count * (uint64_t)unit);
}

int64_t sb_date_advance(int64_t date, const struct sb_interval *interval, int64_t steps) {
    if (!interval->months) return add(date, steps, interval->time);
    const int64_t days = floor_divide(date, SB_DAY);
    int64_t year;
    int month, day;
    sb_day_of(days, &year, &month, &day);
    const int64_t months = year * 12 + month - 1 + interval->months * steps;
    year = floor_divide(months, 12);
    month = (int)(months - year * 12) + 1;
    const int last = sb_days_in_month(year, month);
    const int64_t landed = sb_days_of(year, month, interval->day < last ? interval->day : last);
    return add(date - days * SB_DAY, landed, SB_DAY);
}
