#include "temporary.h"

#include "base/random.h"
#include "data/forecast_baseline.h"
#include "data/forecast_metrics.h"
#include "data/sampler.h"
#include "data/series.h"

#include <math.h>

#include "series_cases.h"

static char heard[2048];
static void hear(void *user, enum simba_log_level level, const char *message) {
    (void)user;
    assert_int_equal(level, SIMBA_LOG_WARNING);
    snprintf(heard, sizeof heard, "%s", message);
}
static const struct simba_log hearing = {.function = hear};

static struct sb_series read_file(const char *path, enum sb_features features, const char *target) {
    struct simba_error error = {0};
    struct sb_series series;
    if (!sb_series_read(&(struct sb_series_parameters){.table.path = path, .features = features, .target = target},
                        &series, &error))
        fail_msg("%s", error.message);
    return series;
}

static struct sb_series read_text(const char *text, enum sb_features features, const char *target) {
    const char *path = temporary("series.csv");
    put_text(path, text);
    return read_file(path, features, target);
}

/* value(row, channel) = row + channel / 8 for hourly rows; all exact. */
static struct sb_series ramp(int rows, int channels, enum sb_features features, const char *target) {
    FILE *file = fopen(temporary("ramp.csv"), "w");
    assert_non_null(file);
    fputs("date", file);
    for (int channel = 0; channel < channels; channel++) fprintf(file, ",c%d", channel);
    const struct sb_date_format format = {
        .kind = SB_DATE_CALENDAR, .year_first = true, .separator = '-', .time_separator = ' '};
    for (int row = 0; row < rows; row++) {
        char date[SB_DATE_TEXT];
        sb_date_print(row * 3600 * SB_SECOND, &format, date);
        fprintf(file, "\n%s", date);
        for (int channel = 0; channel < channels; channel++) fprintf(file, ",%g", row + channel / 8.0);
    }
    assert_int_equal(fclose(file), 0);
    return read_file(temporary("ramp.csv"), features, target);
}

static struct sb_forecast_data prepare(const struct sb_series *series, int64_t look_back, int64_t horizon) {
    struct simba_error error = {0};
    struct sb_forecast_data data;
    if (!sb_forecast_data_create(
            &(struct sb_forecast_parameters){
                .series = series, .look_back = look_back, .horizon = horizon, .log = hearing},
            &data, &error))
        fail_msg("%s", error.message);
    return data;
}

static void published_borders(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof split_cases / sizeof *split_cases; i++) {
        const struct split_case *expected = &split_cases[i];
        struct simba_error error = {0};
        struct sb_rows parts[SB_PARTS];
        if (!sb_split_rows(&(struct sb_split_parameters){.kind = expected->kind}, "x.csv", expected->rows, 96,
                           expected->horizon, parts, &error))
            fail_msg("%s", error.message);
        for (int part = 0; part < SB_PARTS; part++)
            if (parts[part].begin != expected->parts[part].begin || parts[part].end != expected->parts[part].end ||
                sb_window_count(parts[part], 96, expected->horizon) != expected->parts[part].windows)
                fail_msg("%s %lld, %s: rows %lld to %lld", expected->name, (long long)expected->horizon,
                         sb_part_names[part], (long long)parts[part].begin, (long long)parts[part].end);
    }
}

static void other_borders(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_rows parts[SB_PARTS];
    struct sb_split_parameters split = {.kind = SB_SPLIT_BORDERS, .ends = {50, 60, 75}};
    assert_true(sb_split_rows(&split, "x.csv", 100, 20, 5, parts, &error));
    assert_true(parts[0].begin == 0 && parts[0].end == 50 && parts[1].begin == 30 && parts[1].end == 60 &&
                parts[2].begin == 40 && parts[2].end == 75);
    assert_int_equal(sb_window_count(parts[1], 20, 5), 6);
    split.ends[2] = 60; /* no test part */
    assert_true(sb_split_rows(&split, "x.csv", 100, 20, 5, parts, &error));
    assert_int_equal(sb_window_count(parts[2], 20, 5), 0);
    split = (struct sb_split_parameters){.training = 0.8, .test = 0.2};
    assert_true(sb_split_rows(&split, "x.csv", 100, 20, 5, parts, &error));
    assert_true(parts[0].end == 80 && parts[1].begin == 80 && parts[1].end == 80 && parts[2].begin == 60);
    /* Exactly one window. */
    split = (struct sb_split_parameters){.kind = SB_SPLIT_BORDERS, .ends = {25, 30, 35}};
    assert_true(sb_split_rows(&split, "x.csv", 35, 20, 5, parts, &error));
    for (int part = 0; part < SB_PARTS; part++) assert_int_equal(sb_window_count(parts[part], 20, 5), 1);
}

static void impossible_borders(void **state) {
    (void)state;
    static const struct {
        struct sb_split_parameters split;
        int64_t rows, look_back, horizon;
        const char *part;
    } cases[] = {
        {{0},
         100,
         60,
         11,
         "x.csv: the training part has 70 of the 100 rows; with a look-back of 60 and a horizon of 11 "
         "it needs 71 at least. Use a longer series, a shorter look-back or horizon"},
        {{0},
         100,
         10,
         11,
         "x.csv: the validation part has 10 of the 100 rows; with a look-back of 10 and a horizon of "
         "11 it needs 11 at least. Use a longer series, a shorter horizon"},
        {{.training = 0.5, .test = 0.1}, 100, 10, 11, "the test part has 10 of the 100 rows"},
        {{.kind = SB_SPLIT_ETT_HOUR},
         14399,
         96,
         96,
         "the split \"ett_hour\" takes 20 months of 30 days, 14400 rows; the "
         "series has 14399"},
        {{.kind = SB_SPLIT_ETT_MINUTE}, 57599, 96, 96, "\"ett_minute\" takes 20 months of 30 days, 57600 rows"},
        {{.kind = SB_SPLIT_BORDERS, .ends = {50, 40, 100}},
         100,
         5,
         5,
         "cannot end at rows 50, 40 and 100; expected "
         "ascending numbers from 1 to 100"},
        {{.kind = SB_SPLIT_BORDERS, .ends = {50, 60, 101}}, 100, 5, 5, "cannot end at rows 50, 60 and 101"},
        {{.kind = SB_SPLIT_BORDERS, .ends = {0, 60, 100}}, 100, 5, 5, "cannot end at rows 0, 60 and 100"},
        {{.training = 0.9, .test = 0.2}, 100, 5, 5, "cannot be 0.9 and 0.2 of the rows"},
        {{.training = 0.0, .test = 0.2}, 100, 5, 5, "cannot be 0 and 0.2 of the rows"},
        {{.training = NAN, .test = 0.2}, 100, 5, 5, "cannot be nan and 0.2 of the rows"},
        {{0}, 100, 0, 5, "The look-back (0) and the horizon (5) must be 1 at least"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct simba_error error = {0};
        struct sb_rows parts[SB_PARTS];
        if (sb_split_rows(&cases[i].split, "x.csv", cases[i].rows, cases[i].look_back, cases[i].horizon, parts, &error))
            fail_msg("case %zu was accepted", i);
        check_error(&error, SIMBA_ERROR_CONFIG, cases[i].part);
    }
}

static void features(void **state) {
    (void)state;
    static const char text[] = "date,a,b,c\n2016-07-01,1,2,3\n2016-07-02,4,5,6\n";
    static const struct {
        enum sb_features features;
        const char *target;
        int columns, first_target, targets;
        const char *names[3];
        double values[6];
    } cases[] = {
        {SB_FEATURES_M, NULL, 3, 0, 3, {"a", "b", "c"}, {1, 2, 3, 4, 5, 6}},
        {SB_FEATURES_M, "a", 3, 0, 3, {"a", "b", "c"}, {1, 2, 3, 4, 5, 6}},
        {SB_FEATURES_S, NULL, 1, 0, 1, {"c"}, {3, 6}},
        {SB_FEATURES_S, "b", 1, 0, 1, {"b"}, {2, 5}},
        {SB_FEATURES_MS, NULL, 3, 2, 1, {"a", "b", "c"}, {1, 2, 3, 4, 5, 6}},
        {SB_FEATURES_MS, "a", 3, 2, 1, {"b", "c", "a"}, {2, 3, 1, 5, 6, 4}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sb_series series = read_text(text, cases[i].features, cases[i].target);
        assert_int_equal(series.table.columns, cases[i].columns);
        assert_int_equal(series.first_target, cases[i].first_target);
        assert_int_equal(series.targets, cases[i].targets);
        for (int column = 0; column < cases[i].columns; column++)
            assert_string_equal(series.table.names[column], cases[i].names[column]);
        for (int value = 0; value < 2 * cases[i].columns; value++)
            assert_true(series.table.values[value] == cases[i].values[value]);
        sb_series_finish(&series);
    }
    struct simba_error error = {0};
    struct sb_series series;
    assert_false(sb_series_read(&(struct sb_series_parameters){.table.path = temporary("series.csv"),
                                                               .features = SB_FEATURES_S,
                                                               .target = "OT"},
                                &series, &error));
    check_error(&error, SIMBA_ERROR_FORMAT,
                "there is no column \"OT\", which \"target\" names. The columns are: a, b, c.");
    assert_null(series.table.values);
}

static void scaled(void **state) {
    (void)state;
    /* 7 training rows; a: 0 ... 6 (mean 3, variance 4); b: constant, and seven times it divided by seven is another
     * double; c: large offset. */
    struct sb_series series = read_text(
        "a,b,c\n0,0.47,1000000000\n1,0.47,1000000001\n2,0.47,1000000002\n3,0.47,1000000003\n4,0.47,1000000004\n"
        "5,0.47,1000000005\n6,0.47,1000000006\n7,0.3,1000000007\n8,0.47,1000000008\n9,0.47,1000000013\n",
        SB_FEATURES_M, NULL);
    heard[0] = '\0';
    struct sb_forecast_data data = prepare(&series, 1, 1);
    const struct sb_scaler *scaler = &data.scaler;
    assert_true(scaler->mean[0] == 3.0 && scaler->deviation[0] == 2.0);
    assert_true(fabs(scaler->mean[1] - 0.47) < 1e-16 && scaler->deviation[1] == 1.0);
    assert_true(scaler->mean[2] == 1000000003.0 && scaler->deviation[2] == 2.0);
    assert_non_null(strstr(heard, series.table.path));
    assert_non_null(strstr(heard,
                           "1 column is constant in the training rows (b), so that nothing can be learnt of it. It "
                           "is shifted to zero without being scaled; choose other columns with \"columns\""));
    assert_true(data.scaled[0] == -1.5f && data.scaled[3 * 9] == 3.0f && data.scaled[3 * 9 + 2] == 5.0f);
    assert_true(fabsf(data.scaled[1]) < 1e-15f && data.scaled[3 * 7 + 1] == (float)(0.3 - scaler->mean[1]));
    assert_true(sb_scaler_restore(scaler, 2, 5.0f) == 1000000013.0);

    /* Another file under this scaler. */
    struct sb_series other = read_text("a,b,c\n3,0.47,1000000003\n5,1.1,1000000003\n", SB_FEATURES_M, NULL);
    float values[6];
    struct simba_error error = {0};
    assert_true(sb_scaler_apply(scaler, &other, (struct sb_rows){0, 2}, values, &error));
    assert_true(values[0] == 0.0f && values[3] == 1.0f && values[5] == 0.0f);
    sb_series_finish(&other);
    other = read_text("a,b\n3,0.1\n", SB_FEATURES_M, NULL);
    assert_false(sb_scaler_apply(scaler, &other, (struct sb_rows){0, 1}, values, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "there are 2 columns of numbers; the model has 3 channels");
    sb_series_finish(&other);
    other = read_text("a,b,c\n3,0.1,0\n1e39,0.1,0\n", SB_FEATURES_M, NULL);
    assert_false(sb_scaler_apply(scaler, &other, (struct sb_rows){0, 2}, values, &error));
    check_error(&error, SIMBA_ERROR_NUMERIC, "line 3, column \"a\": 1e+39 is 5e+38 deviations");
    sb_series_finish(&other);
    sb_forecast_data_finish(&data);
    sb_series_finish(&series);

    series = read_text("a\n1e200\n-1e200\n1e200\n-1e200\n0\n0\n0\n0\n0\n0\n", SB_FEATURES_M, NULL);
    assert_false(sb_forecast_data_create(
        &(struct sb_forecast_parameters){.series = &series, .look_back = 1, .horizon = 1}, &data, &error));
    check_error(&error, SIMBA_ERROR_NUMERIC, "column \"a\": its values are too large");
    sb_series_finish(&series);
}

/* The warning names every constant column, of many the first twelve. */
static void constant_columns(void **state) {
    (void)state;
    char text[1024] = "changing";
    for (int i = 0; i < 14; i++) sprintf(text + strlen(text), ",c%d", i);
    for (int row = 0; row < 10; row++) {
        sprintf(text + strlen(text), "\n%d", row);
        for (int i = 0; i < 14; i++) strcat(text, ",5");
    }
    struct sb_series series = read_text(text, SB_FEATURES_M, NULL);
    struct sb_forecast_data data = prepare(&series, 1, 1);
    assert_non_null(strstr(heard,
                           "14 columns are constant in the training rows (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, "
                           "c10, c11, ... (14)), so that nothing can be learnt of them. They are shifted"));
    sb_forecast_data_finish(&data);
    sb_series_finish(&series);
}

static void windows(void **state) {
    (void)state;
    for (int only_target = 0; only_target < 2; only_target++) {
        struct sb_series series = ramp(100, 3, only_target ? SB_FEATURES_MS : SB_FEATURES_M, NULL);
        struct simba_error error = {0};
        struct sb_scaler unit;
        struct sb_forecast_data data;
        assert_true(sb_scaler_create(3, &unit, &error));
        assert_true(sb_forecast_data_create(
            &(struct sb_forecast_parameters){.series = &series, .look_back = 6, .horizon = 4, .scaler = &unit}, &data,
            &error));
        sb_scaler_finish(&unit);
        assert_int_equal(data.windows[SB_PART_TRAINING], 61);
        assert_int_equal(data.windows[SB_PART_VALIDATION], 7);
        assert_int_equal(data.windows[SB_PART_TEST], 17);
        const int targets = only_target ? 1 : 3;
        assert_int_equal(data.targets, targets);
        static const int64_t chosen[] = {16, 0, 5};
        float input[3 * 6 * 3], truth[3 * 4 * 3];
        sb_windows_gather(&data, SB_PART_TEST, chosen, 3, input, truth);
        for (int i = 0; i < 3; i++) {
            assert_ptr_equal(sb_window(&data, SB_PART_TEST, chosen[i]), data.scaled + (74 + chosen[i]) * 3);
            for (int row = 0; row < 6; row++)
                for (int channel = 0; channel < 3; channel++)
                    assert_true(input[(i * 6 + row) * 3 + channel] ==
                                (float)(74 + chosen[i] + row) + (float)channel / 8);
            for (int row = 0; row < 4; row++)
                for (int target = 0; target < targets; target++)
                    assert_true(truth[(i * 4 + row) * targets + target] ==
                                (float)(80 + chosen[i] + row) + (float)(only_target ? 2 : target) / 8);
        }
        sb_windows_gather(&data, SB_PART_TEST, chosen, 1, NULL, NULL);
        float all[3 * 4 * 3];
        sb_windows_gather_all(&data, SB_PART_TEST, chosen, 3, NULL, all);
        for (int i = 0; i < 3; i++)
            assert_memory_equal(all + (ptrdiff_t)i * 12, data.scaled + (80 + chosen[i]) * 3, 12 * sizeof *all);
        sb_forecast_data_finish(&data);
        sb_series_finish(&series);
    }
}

static void sampled(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_window_sampler sampler, resumed;
    const int64_t *batch;
    enum { COUNT = 103, BATCH = 10 };
    assert_true(sb_window_sampler_create(COUNT, BATCH, true, 7, &sampler, &error));
    int64_t all[2][COUNT];
    for (int epoch = 0; epoch < 2; epoch++) {
        bool seen[COUNT] = {0};
        int64_t *to = all[epoch];
        for (int64_t i = 0; i < 11; i++) {
            const int count = sb_window_sampler_batch(&sampler, epoch, i, &batch);
            assert_int_equal(count, i == 10 ? 3 : 10);
            for (int k = 0; k < count; k++) {
                assert_true(batch[k] >= 0 && batch[k] < COUNT && !seen[batch[k]]);
                seen[batch[k]] = true;
                *to++ = batch[k];
            }
        }
        assert_true(to == all[epoch] + COUNT);
    }
    assert_true(memcmp(all[0], all[1], sizeof all[0]) != 0);
    int64_t expected[COUNT];
    sb_epoch_order(7, 1, true, COUNT, expected);
    assert_memory_equal(all[1], expected, sizeof expected);

    assert_true(sb_window_sampler_create(COUNT, BATCH, true, 7, &resumed, &error));
    assert_int_equal(sb_window_sampler_batch(&resumed, 1, 4, &batch), BATCH);
    assert_memory_equal(batch, all[1] + 40, BATCH * sizeof *batch);
    assert_int_equal(sb_window_sampler_batch(&resumed, 0, 9, &batch), BATCH);
    assert_memory_equal(batch, all[0] + 90, BATCH * sizeof *batch);
    sb_window_sampler_finish(&resumed);
    sb_window_sampler_finish(&sampler);

    assert_true(sb_window_sampler_create(COUNT, BATCH, false, 7, &sampler, &error));
    assert_int_equal(sb_window_sampler_batch(&sampler, 3, 10, &batch), 3);
    assert_true(batch[0] == 100 && batch[2] == 102);
    sb_window_sampler_finish(&sampler);
}

static void measured(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_forecast_metrics metrics, pieces;
    enum { HORIZON = 3, CHANNELS = 2, WINDOWS = 7, BATCH = 3, CELLS = HORIZON * CHANNELS };
    float forecast[WINDOWS * CELLS], truth[WINDOWS * CELLS];
    struct sb_random random = sb_random_start(3, SB_STREAM_TEST, 0);
    for (int i = 0; i < WINDOWS * CELLS; i++) {
        forecast[i] = (float)sb_random_normal(&random);
        truth[i] = (float)sb_random_normal(&random);
    }
    assert_true(sb_forecast_metrics_create(HORIZON, CHANNELS, WINDOWS, BATCH, &metrics, &error));
    assert_true(sb_forecast_metrics_create(HORIZON, CHANNELS, WINDOWS, BATCH, &pieces, &error));
    assert_true(isnan(sb_forecast_metrics_total(&metrics, false).mse));
    sb_forecast_metrics_add(&metrics, WINDOWS, forecast, truth);
    static const int cuts[] = {0, 2, 2, 5, WINDOWS};
    for (int i = 0; i < 4; i++) {
        assert_true(isnan(sb_forecast_metrics_total(&pieces, true).mae));
        sb_forecast_metrics_add(&pieces, cuts[i + 1] - cuts[i], forecast + cuts[i] * CELLS, truth + cuts[i] * CELLS);
    }
    for (int drop_last = 0; drop_last < 2; drop_last++) {
        const int count = drop_last ? 6 : 7;
        double total[2] = {0}, channel[2][CHANNELS] = {{0}}, step[2][HORIZON] = {{0}};
        for (int i = 0; i < count * CELLS; i++) {
            const double difference = fabs((double)forecast[i] - (double)truth[i]);
            for (int absolute = 0; absolute < 2; absolute++) {
                const double term = absolute ? difference : difference * difference;
                total[absolute] += term / (count * CELLS);
                channel[absolute][i % CHANNELS] += term / (count * HORIZON);
                step[absolute][i / CHANNELS % HORIZON] += term / (count * CHANNELS);
            }
        }
        struct sb_forecast_errors errors = sb_forecast_metrics_total(&metrics, drop_last);
        const struct sb_forecast_errors again = sb_forecast_metrics_total(&pieces, drop_last);
        assert_memory_equal(&errors, &again, sizeof errors);
        assert_int_equal(errors.windows, count);
        assert_true(fabs(errors.mse - total[0]) < 1e-14 && fabs(errors.mae - total[1]) < 1e-14);
        for (int i = 0; i < CHANNELS; i++) {
            errors = sb_forecast_metrics_channel(&metrics, i, drop_last);
            assert_true(fabs(errors.mse - channel[0][i]) < 1e-14 && fabs(errors.mae - channel[1][i]) < 1e-14);
        }
        for (int i = 0; i < HORIZON; i++) {
            errors = sb_forecast_metrics_step(&metrics, i, drop_last);
            assert_true(fabs(errors.mse - step[0][i]) < 1e-14 && fabs(errors.mae - step[1][i]) < 1e-14);
        }
    }
    sb_forecast_metrics_finish(&metrics);
    sb_forecast_metrics_finish(&pieces);
    /* Fewer windows than a batch: the other convention measures none. */
    assert_true(sb_forecast_metrics_create(HORIZON, CHANNELS, 2, BATCH, &metrics, &error));
    sb_forecast_metrics_add(&metrics, 2, forecast, truth);
    assert_true(isnan(sb_forecast_metrics_total(&metrics, true).mse));
    assert_int_equal(sb_forecast_metrics_total(&metrics, true).windows, 0);
    assert_false(isnan(sb_forecast_metrics_total(&metrics, false).mse));
    sb_forecast_metrics_finish(&metrics);
}

static void baselines(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_series series = ramp(500, 2, SB_FEATURES_MS, "c0");
    struct sb_forecast_data data = prepare(&series, 30, 50);
    int64_t season = 0;
    assert_true(sb_baseline_season(&data, 0, &season, &error));
    assert_int_equal(season, 24);
    float input[60], forecast[50];
    for (int i = 0; i < 30; i++) {
        input[2 * i] = -1.0f;
        input[2 * i + 1] = (float)i;
    }
    sb_baseline_forecast(&data, SB_BASELINE_LAST, 0, input, forecast);
    for (int i = 0; i < 50; i++) assert_true(forecast[i] == 29.0f);
    sb_baseline_forecast(&data, SB_BASELINE_SEASONAL, 24, input, forecast);
    for (int i = 0; i < 50; i++) assert_true(forecast[i] == 6.0f + (float)(i % 24));
    sb_baseline_forecast(&data, SB_BASELINE_MEAN, 0, input, forecast);
    for (int i = 0; i < 50; i++) assert_true(forecast[i] == 14.5f);
    assert_true(sb_baseline_season(&data, 30, &season, &error));
    assert_false(sb_baseline_season(&data, 31, &season, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "a season of 31 rows does not fit in the look-back of 30");

    /* A ramp of slope s: step t (from 1) of the last value is off by t * s. */
    struct sb_forecast_metrics metrics;
    assert_true(sb_forecast_metrics_create(50, 1, data.windows[SB_PART_TEST], 0, &metrics, &error));
    assert_true(sb_baseline_evaluate(&data, SB_PART_TEST, SB_BASELINE_LAST, 0, &metrics, &error));
    const double slope = 1.0 / data.scaler.deviation[1];
    assert_int_equal(sb_forecast_metrics_total(&metrics, false).windows, 51);
    assert_true(fabs(sb_forecast_metrics_total(&metrics, false).mae / (25.5 * slope) - 1) < 1e-6);
    assert_true(fabs(sb_forecast_metrics_step(&metrics, 49, true).mse / (2500 * slope * slope) - 1) < 1e-6);
    sb_forecast_metrics_finish(&metrics);
    sb_forecast_data_finish(&data);
    sb_series_finish(&series);
}

static void seasons(void **state) {
    (void)state;
    static const struct {
        const char *first, *second;
        int64_t season;
    } cases[] = {{"2016-07-01 00:00", "2016-07-01 01:00", 24},
                 {"2016-07-01 00:00", "2016-07-01 00:15", 96},
                 {"2016-07-01 00:00", "2016-07-01 00:10", 144},
                 {"2016-07-01 00:00", "2016-07-01 00:07", 0},
                 {"2016-07-01", "2016-07-02", 7},
                 {"2016-07-01", "2016-07-08", 52},
                 {"2016-07-01", "2016-07-03", 0},
                 {"2016-07-01", "2016-08-01", 12},
                 {"2016-07-01", "2016-10-01", 4},
                 {"2016-07-01", "2017-07-01", 0},
                 {"1467331200", "1467334800", 24},
                 {"1", "2", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "date,a\n%s,1\n%s,2\n", cases[i].first, cases[i].second);
        struct sb_series series = read_text(text, SB_FEATURES_M, NULL);
        if (sb_series_season(&series) != cases[i].season)
            fail_msg("%s, %s: %lld", cases[i].first, cases[i].second, (long long)sb_series_season(&series));
        sb_series_finish(&series);
    }
    struct sb_series series = read_text("a\n1\n2\n", SB_FEATURES_M, NULL);
    assert_int_equal(sb_series_season(&series), 0);
    int64_t season;
    struct simba_error error = {0};
    const struct sb_forecast_data data = {.series = &series, .look_back = 10};
    assert_false(sb_baseline_season(&data, 0, &season, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "how many rows a season has does not follow from its dates");
    sb_series_finish(&series);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_borders), cmocka_unit_test(other_borders), cmocka_unit_test(impossible_borders),
        cmocka_unit_test(features),          cmocka_unit_test(scaled),        cmocka_unit_test(constant_columns),
        cmocka_unit_test(windows),           cmocka_unit_test(sampled),       cmocka_unit_test(measured),
        cmocka_unit_test(baselines),         cmocka_unit_test(seasons)};
    return cmocka_run_group_tests_name("data series", tests, make_temporary, remove_temporary);
}
