/* Against Python's datetime (date_cases.h) and the C library's calendar. */
#include "temporary.h"

#include "date_cases.h"
#include "io/date.h"

#include <time.h>

static void calendar(void **state) {
    (void)state;
    for (int64_t days = -800000; days <= 800000; days += days % 97 == 0 ? 13 : 1) {
        int64_t year;
        int month, day;
        struct tm broken = {0};
        const time_t seconds = (time_t)(days * 86400);
        gmtime_r(&seconds, &broken);
        sb_day_of(days, &year, &month, &day);
        if (year != broken.tm_year + 1900 || month != broken.tm_mon + 1 || day != broken.tm_mday)
            fail_msg("day %lld: %lld-%d-%d", (long long)days, (long long)year, month, day);
        assert_int_equal(sb_days_of(year, month, day), days);
    }
}

static void as_python(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof date_cases / sizeof *date_cases; i++) {
        struct sb_date_reading reading;
        char text[SB_DATE_TEXT];
        if (!sb_date_read(date_cases[i].text, &reading) || !reading.day_first_possible ||
            reading.day_first != date_cases[i].microseconds)
            fail_msg("\"%s\": expected %lld, found %lld", date_cases[i].text, (long long)date_cases[i].microseconds,
                     (long long)reading.day_first);
        sb_date_print(reading.day_first, &reading.format, text);
        assert_string_equal(text, date_cases[i].text);
    }
}

static void two_orders(void **state) {
    (void)state;
    struct sb_date_reading reading, other;
    char text[SB_DATE_TEXT];
    assert_true(sb_date_read("7/1/2016 0:05", &reading));
    assert_true(reading.day_first_possible && reading.month_first_possible);
    assert_true(sb_date_read("2016-01-07 00:05", &other));
    assert_true(reading.day_first == other.day_first);
    assert_true(sb_date_read("2016-07-01 00:05", &other));
    assert_true(reading.month_first == other.day_first);
    sb_date_print(reading.day_first, &reading.format, text);
    assert_string_equal(text, "7/1/2016 0:05");
    reading.format.month_first = true;
    sb_date_print(reading.month_first, &reading.format, text);
    assert_string_equal(text, "7/1/2016 0:05");
    assert_true(sb_date_read("13-1-99", &reading) && reading.day_first_possible && !reading.month_first_possible);
    sb_date_print(reading.day_first, &reading.format, text);
    assert_string_equal(text, "13-1-99");
    assert_true(sb_date_read("20160229", &reading) && reading.whole_number && reading.day_first_possible);
    assert_true(sb_date_read("2016-02-29", &other) && other.day_first == reading.day_first);
    assert_true(sb_date_read("20160230", &reading) && reading.whole_number && !reading.day_first_possible);
    /* With a time of day: every part within its bounds, and a year that tables are about. */
    assert_true(sb_date_read("20160229235958", &reading) && reading.whole_number && reading.day_first_possible);
    assert_true(sb_date_read("2016-02-29 23:59:58", &other) && other.day_first == reading.day_first);
    static const char *const numbers[] = {"2016070124", "201607012360", "20160701235960", "2016073201",
                                          "2016130101", "1899123100",   "2101010100",     "-2016070100",
                                          "201607010",  "20160701000",  "2016070100000"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!sb_date_read(numbers[i], &reading) || !reading.whole_number || reading.month_first_possible)
            fail_msg("%s", numbers[i]);
    assert_true(sb_date_read("-12", &reading) && reading.number == -12);
}

static void refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "date",
                                        "1.5",
                                        "2016",
                                        "2016-07",
                                        "2016-7-1-1",
                                        "16-07-01 12",
                                        "2016-07-01x",
                                        "1/2/3",
                                        "2016-07-01 24:00",
                                        "2016-07-01 00:60",
                                        "2016-07-01T00:00:60",
                                        "2016-07-01 1",
                                        "2016/07-01",
                                        "2016-07-01T00:00:00.",
                                        "2016-07-01T00:00+1",
                                        "2016-07-01T00:00:00.0000001",
                                        "1234567890123456789",
                                        "2016-07-01 00:00 +25:00"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sb_date_reading reading;
        if (sb_date_read(texts[i], &reading) && !reading.whole_number) fail_msg("\"%s\" was read", texts[i]);
    }
    struct sb_date_reading reading;
    assert_true(sb_date_read("2015-02-29", &reading) && !reading.day_first_possible && !reading.month_first_possible);
    assert_true(sb_date_read("31/31/2015", &reading) && !reading.day_first_possible && !reading.month_first_possible);
}

static void check_advance(const char *from, struct sb_interval interval, int64_t steps, const char *to) {
    struct sb_date_reading reading;
    char text[SB_DATE_TEXT];
    assert_true(sb_date_read(from, &reading));
    sb_date_print(sb_date_advance(reading.day_first, &interval, steps), &reading.format, text);
    if (strcmp(text, to) != 0) fail_msg("%s and %lld steps: expected %s, found %s", from, (long long)steps, to, text);
}

static void advanced(void **state) {
    (void)state;
    check_advance("2016-02-28 23:00", (struct sb_interval){.time = 3600 * SB_SECOND}, 26, "2016-03-01 01:00");
    check_advance("2016-01-31", (struct sb_interval){.months = 1, .day = 31}, 1, "2016-02-29");
    check_advance("2016-02-29", (struct sb_interval){.months = 1, .day = 31}, 1, "2016-03-31");
    check_advance("2016-01-30", (struct sb_interval){.months = 1, .day = 30}, 13, "2017-02-28");
    check_advance("2016-11-15 06:30", (struct sb_interval){.months = 3, .day = 15}, 1, "2017-02-15 06:30");
    check_advance("1969-11-15", (struct sb_interval){.months = 1, .day = 15}, -24, "1967-11-15");
}

static void intervals(void **state) {
    (void)state;
    static const struct {
        struct sb_interval interval;
        const char *text;
    } cases[] = {{{.time = 3600 * SB_SECOND}, "1 hour"},
                 {{.time = 900 * SB_SECOND}, "15 minutes"},
                 {{.time = 90 * SB_SECOND}, "90 seconds"},
                 {{.time = 7 * SB_DAY}, "7 days"},
                 {{.time = 100000}, "100 milliseconds"},
                 {{.months = 1}, "1 month"},
                 {{.months = 12}, "12 months"}};
    char text[SB_DATE_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sb_interval_print(&cases[i].interval, SB_DATE_CALENDAR, text);
        assert_string_equal(text, cases[i].text);
    }
    sb_interval_print(&(struct sb_interval){.time = 5}, SB_DATE_INDEX, text);
    assert_string_equal(text, "5");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(calendar),   cmocka_unit_test(as_python),
                                       cmocka_unit_test(two_orders), cmocka_unit_test(refused),
                                       cmocka_unit_test(advanced),   cmocka_unit_test(intervals)};
    return cmocka_run_group_tests_name("data date", tests, NULL, NULL);
}
