#include "io/date_column.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct sb_date_column *column) {
    if (column->count < column->capacity) return true;
    const int64_t capacity = column->capacity ? column->capacity * 2 : 1024;
    int64_t *day_first = realloc(column->day_first, (size_t)capacity * sizeof *day_first);
    if (day_first) column->day_first = day_first;
    int64_t *month_first = realloc(column->month_first, (size_t)capacity * sizeof *month_first);
    if (month_first) column->month_first = month_first;
    if (!day_first || !month_first) return false;
    column->capacity = capacity;
    return true;
}

/* Takes over what may differ from date to date: how exact they are, and whether a zero stands in front. */
static bool merge(struct sb_date_format *format, const struct sb_date_format *other) {
    if (format->year_first != other->year_first || format->separator != other->separator ||
        format->short_year != other->short_year)
        return false;
    if (format->time_separator && other->time_separator &&
        (format->time_separator != other->time_separator || format->zone != other->zone))
        return false;
    format->unpadded |= other->unpadded;
    if (!other->time_separator) return true; /* some programs leave midnight out */
    format->hour_unpadded |= other->hour_unpadded;
    format->time_separator = other->time_separator;
    format->seconds |= other->seconds;
    if (other->fraction > format->fraction) format->fraction = other->fraction;
    format->zone = other->zone;
    format->zone_letter = other->zone_letter;
    format->zone_colon = other->zone_colon;
    format->offset = other->offset;
    return true;
}

bool sb_date_column_add(struct sb_date_column *column, const char *text, const char **reason) {
    struct sb_date_reading reading;
    *reason = NULL;
    if (!reserve(column)) return false;
    if (!sb_date_read(text, &reading)) {
        *reason = "is no date of a form that is read (2016-07-01 00:00:00, 2016-07-01T00:00Z, 2016/07/01, 01.07.2016 "
                  "00:00, 7/1/2016 0:00, 20160701, 201607010000, or a whole number)";
        return false;
    }
    if (column->count == 0) {
        column->format = reading.format;
        column->whole_numbers = reading.whole_number;
        snprintf(column->first_text, sizeof column->first_text, "%s", text);
    } else if (column->whole_numbers != reading.whole_number || !merge(&column->format, &reading.format)) {
        *reason = "is written in another form than the first date";
        return false;
    }
    if (reading.whole_number) {
        const int64_t size = reading.number < 0 ? -reading.number : reading.number;
        if (size > column->largest) column->largest = size;
        column->month_first_impossible |=
            !reading.month_first_possible || reading.format.digits != column->format.digits;
        column->day_first[column->count] = reading.number;
        column->month_first[column->count++] = reading.month_first;
        return true;
    }
    const bool day_first = column->order != SB_DATE_ORDER_MONTH_FIRST && !column->day_first_impossible;
    const bool month_first = column->order != SB_DATE_ORDER_DAY_FIRST && !column->month_first_impossible;
    if (!reading.day_first_possible && !reading.month_first_possible) {
        *reason = "is a day that does not exist";
        return false;
    }
    if (!(day_first && reading.day_first_possible) && !(month_first && reading.month_first_possible)) {
        *reason =
            day_first
                ? "is a day that does not exist if the day comes first, as other dates or the configuration have it"
                : "is a day that does not exist if the month comes first, as other dates or the configuration have it";
        return false;
    }
    column->day_first_impossible |= !reading.day_first_possible;
    column->month_first_impossible |= !reading.month_first_possible;
    column->day_first[column->count] = reading.day_first;
    column->month_first[column->count++] = reading.month_first;
    return true;
}

/* The months of a date counted from the year 0, its day and its time of day. */
static int64_t months_of(int64_t date, int *day, bool *is_last, int64_t *time) {
    int64_t days = date / SB_DAY, year;
    int month;
    if (date % SB_DAY < 0) days--;
    sb_day_of(days, &year, &month, day);
    *time = date - days * SB_DAY;
    *is_last = *day == sb_days_in_month(year, month);
    return year * 12 + month - 1;
}

static int compare_numbers(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The most frequent positive number, the smaller one of two; 0: there is none. Sorts them. */
static int64_t most_frequent(int64_t *numbers, int64_t count) {
    qsort(numbers, (size_t)count, sizeof *numbers, compare_numbers);
    int64_t best = 0, most = 0;
    for (int64_t i = 0, run = 0; i < count; i++) {
        run = i > 0 && numbers[i] == numbers[i - 1] ? run + 1 : 1;
        if (numbers[i] > 0 && run > most) {
            most = run;
            best = numbers[i];
        }
    }
    return best;
}

/* Whether all dates have one day of the month (or the last one, where a month has no such day) and one time of day,
 * and no month has two of them. */
static bool are_whole_months(const int64_t *dates, int64_t count, int64_t *steps, struct sb_interval *interval) {
    int64_t previous = 0, first_time = 0;
    bool all_last = true;
    int largest_day = 0, day;
    for (int64_t i = 0; i < count; i++) {
        int64_t time;
        bool is_last;
        const int64_t months = months_of(dates[i], &day, &is_last, &time);
        if (i == 0) first_time = time;
        if (time != first_time || (i > 0 && months <= previous)) return false;
        if (i > 0) steps[i - 1] = months - previous;
        previous = months;
        all_last = all_last && is_last;
        if (day > largest_day) largest_day = day;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t time;
        bool is_last;
        months_of(dates[i], &day, &is_last, &time);
        if (day != largest_day && !is_last) return false;
    }
    interval->day = all_last ? 31 : largest_day;
    return true;
}

static void find_interval(const int64_t *dates, int64_t count, bool calendar, int64_t *steps,
                          struct sb_interval *interval) {
    *interval = (struct sb_interval){0};
    if (count < 2) return;
    if (calendar && are_whole_months(dates, count, steps, interval)) {
        interval->months = (int)most_frequent(steps, count - 1);
        return;
    }
    bool constant = true;
    for (int64_t i = 1; i < count; i++) {
        steps[i - 1] = dates[i] - dates[i - 1];
        constant = constant && steps[i - 1] == steps[0];
    }
    interval->time = constant ? (steps[0] > 0 ? steps[0] : 0) : most_frequent(steps, count - 1);
}

static bool follows(int64_t before, int64_t date, const struct sb_interval *interval) {
    return sb_date_advance(before, interval, 1) == date;
}

/* The first date that does not follow the one before it by one interval; `count`: none. */
static int64_t first_irregular(const int64_t *dates, int64_t count, const struct sb_interval *interval) {
    int64_t i = 1;
    while (i < count && follows(dates[i - 1], dates[i], interval)) i++;
    return i;
}

static bool fail_order(const struct sb_table *table, int64_t row, struct simba_error *error) {
    char before[SB_DATE_TEXT], here[SB_DATE_TEXT];
    sb_date_print(table->dates[row - 1], &table->date_format, before);
    sb_date_print(table->dates[row], &table->date_format, here);
    if (table->dates[row] == table->dates[row - 1])
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s, line %lld, column \"%s\": the date %s is there twice, also in line %lld. Remove one of the "
                       "rows, or take the rows as they stand with \"gaps\": \"any_order\".",
                       table->path, (long long)table->lines[row], table->date_name, here,
                       (long long)table->lines[row - 1]);
    return sb_fail(error, SIMBA_ERROR_FORMAT,
                   "%s, line %lld, column \"%s\": %s comes after %s in line %lld; dates must ascend. Sort the rows, or "
                   "take them as they stand with \"gaps\": \"any_order\".",
                   table->path, (long long)table->lines[row], table->date_name, here, before,
                   (long long)table->lines[row - 1]);
}

static bool fail_gap(const struct sb_table *table, int64_t row, struct simba_error *error) {
    char before[SB_DATE_TEXT], here[SB_DATE_TEXT], step[SB_DATE_TEXT], missing[64] = "";
    sb_date_print(table->dates[row - 1], &table->date_format, before);
    sb_date_print(table->dates[row], &table->date_format, here);
    sb_interval_print(&table->interval, table->date_format.kind, step);
    int64_t steps = 0;
    if (!table->interval.months) {
        const int64_t time = table->dates[row] - table->dates[row - 1];
        if (time % table->interval.time == 0) steps = time / table->interval.time;
    } else
        for (steps = 1; sb_date_advance(table->dates[row - 1], &table->interval, steps) < table->dates[row];) steps++;
    if (sb_date_advance(table->dates[row - 1], &table->interval, steps) == table->dates[row])
        snprintf(missing, sizeof missing, ": %lld row%s missing", (long long)steps - 1, steps == 2 ? " is" : "s are");
    return sb_fail(error, SIMBA_ERROR_FORMAT,
                   "%s, line %lld, column \"%s\": %s follows %s, while most rows are %s apart%s. Add the rows (with "
                   "empty cells and \"missing\": \"interpolate\"), or allow gaps with \"gaps\": \"allow\".",
                   table->path, (long long)table->lines[row], table->date_name, here, before, step, missing);
}

static bool check(const struct sb_table *table, enum sb_date_rule rule, int64_t *irregular, struct simba_error *error) {
    *irregular = 0;
    for (int64_t i = 1; i < table->rows; i++) {
        if (rule != SB_DATES_ANY && table->dates[i] <= table->dates[i - 1]) return fail_order(table, i, error);
        if (follows(table->dates[i - 1], table->dates[i], &table->interval)) continue;
        if (rule == SB_DATES_REGULAR) return fail_gap(table, i, error);
        ++*irregular;
    }
    return true;
}

/* Day or month first: as configured, as the numbers over 12 tell, or whichever makes the dates regular. */
static bool settle_order(struct sb_date_column *column, const struct sb_table *table, int64_t *steps, bool *month_first,
                         struct simba_error *error) {
    const bool undecided = !column->format.year_first && column->format.separator != '.' &&
                           column->order == SB_DATE_ORDER_AUTO && !column->day_first_impossible &&
                           !column->month_first_impossible;
    *month_first =
        column->format.separator != '.' && (column->order == SB_DATE_ORDER_MONTH_FIRST ||
                                            (column->order == SB_DATE_ORDER_AUTO && column->day_first_impossible));
    if (!undecided ||
        memcmp(column->day_first, column->month_first, (size_t)column->count * sizeof *column->day_first) == 0)
        return true;
    struct sb_interval interval;
    find_interval(column->day_first, column->count, true, steps, &interval);
    const int64_t day_first_regular = first_irregular(column->day_first, column->count, &interval);
    find_interval(column->month_first, column->count, true, steps, &interval);
    const int64_t month_first_regular = first_irregular(column->month_first, column->count, &interval);
    *month_first = month_first_regular == column->count;
    if (*month_first != (day_first_regular == column->count)) return true;
    return sb_fail(error, SIMBA_ERROR_FORMAT,
                   "%s, line %lld, column \"%s\": whether the day or the month comes first in \"%s\" cannot be told "
                   "from the %lld dates. Say \"date_order\": \"day_first\" or \"month_first\".",
                   table->path, (long long)table->lines[0], table->date_name, column->first_text,
                   (long long)column->count);
}

static void settle_whole_numbers(struct sb_date_column *column) {
    if (!column->month_first_impossible) {
        column->format.kind = SB_DATE_COMPACT;
        return;
    }
    column->format.kind = column->largest >= 100000000 ? SB_DATE_EPOCH : SB_DATE_INDEX;
    if (column->format.kind == SB_DATE_INDEX) return;
    /* Seconds up to the year 5138, milliseconds from 1973 on. */
    column->format.unit = column->largest >= INT64_C(100000000000000) ? 1
                          : column->largest >= INT64_C(100000000000)  ? 1000
                                                                      : SB_SECOND;
    for (int64_t i = 0; i < column->count; i++) column->day_first[i] *= column->format.unit;
}

bool sb_date_column_settle(struct sb_date_column *column, enum sb_date_rule rule, struct sb_table *table,
                           int64_t *irregular, struct simba_error *error) {
    int64_t *steps = sb_allocate((size_t)column->count + 1, sizeof *steps, error);
    if (!steps) return false;
    bool month_first = false;
    if (column->whole_numbers) {
        settle_whole_numbers(column);
        month_first = column->format.kind == SB_DATE_COMPACT;
    } else if (!settle_order(column, table, steps, &month_first, error)) {
        free(steps);
        return false;
    }
    column->format.month_first = !column->whole_numbers && month_first && !column->format.year_first;
    int64_t **chosen = month_first ? &column->month_first : &column->day_first;
    table->dates = *chosen;
    *chosen = NULL;
    table->date_format = column->format;
    find_interval(table->dates, table->rows, column->format.kind != SB_DATE_INDEX, steps, &table->interval);
    free(steps);
    return check(table, rule, irregular, error);
}

void sb_date_column_finish(struct sb_date_column *column) {
    free(column->day_first);
    free(column->month_first);
    *column = (struct sb_date_column){0};
}
