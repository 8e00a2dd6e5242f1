/* What a checkpoint keeps of a series' channels comes back as it was, to the last bit. */
#include "train/forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers whose 15 or 17 decimal digits are easily another double's, and the ends of what is allowed. */
static void comes_back_exactly(void **state) {
    (void)state;
    enum { CHANNELS = 6 };
    const char *names[CHANNELS] = {"a", "\"b\", c", "\xc3\xa4", "", "column 5", "f"};
    double mean[CHANNELS] = {1.0 / 3, -0.1 - DBL_EPSILON, 1e300, 5e-324, -0.0, 17.128262520477707};
    double deviation[CHANNELS] = {nextafter(1.0, 2.0), 2.0 / 3, 1e-300, 1e300, 1.0, 9.1764957712456003};
    struct sb_series series = {.table = {.columns = CHANNELS, .names = names, .named = true}};
    const struct sb_forecast_data data = {.series = &series,
                                          .channels = CHANNELS,
                                          .scaler = {.channels = CHANNELS, .mean = mean, .deviation = deviation}};
    struct simba_error error;
    struct sb_channels channels;
    char *text = sb_channels_write(&data, &error);
    assert_non_null(text);
    if (!sb_channels_read("x", text, &channels, &error)) fail_msg("%s", error.message);
    assert_int_equal(channels.count, CHANNELS);
    assert_true(channels.named);
    for (int i = 0; i < CHANNELS; i++) assert_string_equal(channels.names[i], names[i]);
    assert_memory_equal(channels.scaler.mean, mean, sizeof mean);
    assert_memory_equal(channels.scaler.deviation, deviation, sizeof deviation);
    sb_channels_finish(&channels);
    free(text);
}

static void reads_plain_numbers(void **state) {
    (void)state;
    struct simba_error error;
    struct sb_channels channels;
    if (!sb_channels_read("x", "{\"named\": false, \"names\": [\"column 1\"], \"mean\": [-2.5], \"deviation\": [3]}",
                          &channels, &error))
        fail_msg("%s", error.message);
    assert_true(channels.count == 1 && channels.scaler.mean[0] == -2.5 && channels.scaler.deviation[0] == 3.0);
    sb_channels_finish(&channels);
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *mean, *deviation, *part;
    } cases[] = {{"\"0x1p+0x\"", "1", "x: $.mean[0]: expected a number from -1e+300 to 1e+300, found \"0x1p+0x\""},
                 {"\"\"", "1", "$.mean[0]"},
                 {"\"nan\"", "1", "$.mean[0]"},
                 {"0", "\"inf\"", "$.deviation[0]"},
                 {"0", "\"0x0p+0\"", "$.deviation[0]: expected a number from 1e-300 to 1e+300, found \"0x0p+0\""},
                 {"0", "0", "$.deviation[0]"},
                 {"0", "true", "$.deviation[0]"},
                 {"0, 1", "1", "one of each for a channel"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct simba_error error;
        struct sb_channels channels;
        snprintf(text, sizeof text, "{\"named\": true, \"names\": [\"a\"], \"mean\": [%s], \"deviation\": [%s]}",
                 cases[i].mean, cases[i].deviation);
        if (sb_channels_read("x", text, &channels, &error)) fail_msg("case %zu was accepted", i);
        if (!strstr(error.message, cases[i].part)) fail_msg("case %zu: %s", i, error.message);
        assert_null(channels.names);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back_exactly), cmocka_unit_test(reads_plain_numbers),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests_name("channels of a series", tests, NULL, NULL);
}
