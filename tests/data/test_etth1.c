/* The protocol on its real data: ETTh1 against numpy (etth1_cases.h) and against published figures. Usage: test_etth1
 * DIRECTORY, in which there is ETTh1.csv; without it the test is skipped. */
#include "real_data.h"
#include "temporary.h"

#include "data/forecast_baseline.h"
#include "data/series.h"

#include <math.h>
#include <zlib.h>

#include "etth1_cases.h"

enum { LOOK_BACK = 96, BATCH = 32, CHANNELS = 7, OT = 6 };

static const char *path;
static struct sb_series series;

static struct sb_forecast_data prepare(int64_t horizon) {
    struct simba_error error = {0};
    struct sb_forecast_data data;
    if (!sb_forecast_data_create(
            &(struct sb_forecast_parameters){
                .series = &series, .split.kind = SB_SPLIT_ETT_HOUR, .look_back = LOOK_BACK, .horizon = horizon},
            &data, &error))
        fail_msg("%s", error.message);
    return data;
}

static uint32_t crc_of(const float *values, int64_t count) {
    return (uint32_t)crc32(0, (const Bytef *)values, (uInt)((size_t)count * sizeof *values));
}

static void file(void **state) {
    (void)state;
    const struct sb_table *table = &series.table;
    assert_int_equal(table->rows, 17420);
    assert_int_equal(table->columns, CHANNELS);
    assert_string_equal(table->names[OT], "OT");
    assert_true(table->interval.time == 3600 * SB_SECOND && table->dates[0] == INT64_C(1467331200000000));
    assert_true(table->values[0] == 5.827000141143799 && table->values[17419 * CHANNELS + OT] == 9.56700038909912);
    assert_int_equal(sb_series_season(&series), 24);
}

/* A few units in the last place. */
static void statistics(void **state) {
    (void)state;
    struct sb_forecast_data data = prepare(96);
    for (int i = 0; i < CHANNELS; i++)
        if (fabs(data.scaler.mean[i] / etth1_mean[i] - 1) > 1e-15 * 3 ||
            fabs(data.scaler.deviation[i] / etth1_deviation[i] - 1) > 1e-15 * 3)
            fail_msg("channel %d: %.17g, %.17g", i, data.scaler.mean[i], data.scaler.deviation[i]);
    assert_int_equal(crc_of(data.scaled, series.table.rows * CHANNELS), etth1_scaled_crc);
    sb_forecast_data_finish(&data);
}

static void windows(void **state) {
    (void)state;
    static float input[LOOK_BACK * CHANNELS], truth[720 * CHANNELS];
    for (size_t i = 0; i < sizeof etth1_windows / sizeof *etth1_windows; i++) {
        struct sb_forecast_data data = prepare(etth1_windows[i].horizon);
        sb_windows_gather(&data, etth1_windows[i].part, &etth1_windows[i].window, 1, input, truth);
        assert_int_equal(crc_of(input, LOOK_BACK * CHANNELS), etth1_windows[i].input_crc);
        assert_int_equal(crc_of(truth, etth1_windows[i].horizon * CHANNELS), etth1_windows[i].truth_crc);
        sb_forecast_data_finish(&data);
    }
}

static void check_figure(const char *name, int64_t horizon, double expected, double found, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("horizon %lld, %s: expected %.9g, found %.9g", (long long)horizon, name, expected, found);
}

static void baselines(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof etth1_baselines / sizeof *etth1_baselines; i++) {
        const int64_t horizon = etth1_baselines[i].horizon;
        struct simba_error error = {0};
        struct sb_forecast_data data = prepare(horizon);
        struct sb_forecast_metrics metrics;
        assert_true(sb_forecast_metrics_create(horizon, CHANNELS, data.windows[SB_PART_TEST], BATCH, &metrics, &error));
        assert_true(sb_baseline_evaluate(&data, SB_PART_TEST, etth1_baselines[i].baseline, 24, &metrics, &error));
        const struct sb_forecast_errors total = sb_forecast_metrics_total(&metrics, false);
        const struct sb_forecast_errors kept = sb_forecast_metrics_total(&metrics, true);
        const struct sb_forecast_errors ot = sb_forecast_metrics_channel(&metrics, OT, false);
        assert_int_equal(total.windows, etth1_baselines[i].windows);
        assert_int_equal(kept.windows, etth1_baselines[i].kept);
        /* The mean of a look-back may round to another float than numpy's: 1e-7 of it at most. */
        const double tolerance = etth1_baselines[i].baseline == SB_BASELINE_MEAN ? 1e-8 : 1e-11;
        check_figure("MSE", horizon, etth1_baselines[i].mse, total.mse, tolerance);
        check_figure("MAE", horizon, etth1_baselines[i].mae, total.mae, tolerance);
        check_figure("kept MSE", horizon, etth1_baselines[i].kept_mse, kept.mse, tolerance);
        check_figure("kept MAE", horizon, etth1_baselines[i].kept_mae, kept.mae, tolerance);
        check_figure("OT's MSE", horizon, etth1_baselines[i].ot_mse, ot.mse, tolerance);
        check_figure("OT's MAE", horizon, etth1_baselines[i].ot_mae, ot.mae, tolerance);
        check_figure("last step's MSE", horizon, etth1_baselines[i].last_step_mse,
                     sb_forecast_metrics_step(&metrics, horizon - 1, false).mse, tolerance);
        check_figure("first step's kept MSE", horizon, etth1_baselines[i].kept_first_step_mse,
                     sb_forecast_metrics_step(&metrics, 0, true).mse, tolerance);
        sb_forecast_metrics_finish(&metrics);
        sb_forecast_data_finish(&data);
    }
}

/* "Are Transformers Effective for Time Series Forecasting?" (Zeng et al., 2023), ETTh1, row "Repeat": the last value,
 * with the last batch of 32 dropped. */
static void published(void **state) {
    (void)state;
    static const struct {
        int64_t horizon;
        double mse, mae;
    } cases[] = {{96, 1.295, 0.713}, {192, 1.325, 0.733}, {336, 1.323, 0.744}, {720, 1.339, 0.756}};
    for (int i = 0; i < 4; i++) {
        struct simba_error error = {0};
        struct sb_forecast_data data = prepare(cases[i].horizon);
        struct sb_forecast_metrics metrics;
        assert_true(sb_forecast_metrics_create(cases[i].horizon, CHANNELS, data.windows[SB_PART_TEST], BATCH, &metrics,
                                               &error));
        assert_true(sb_baseline_evaluate(&data, SB_PART_TEST, SB_BASELINE_LAST, 0, &metrics, &error));
        const struct sb_forecast_errors kept = sb_forecast_metrics_total(&metrics, true);
        check_figure("published MSE", cases[i].horizon, cases[i].mse, kept.mse, 0.0005);
        check_figure("published MAE", cases[i].horizon, cases[i].mae, kept.mae, 0.0005);
        sb_forecast_metrics_finish(&metrics);
        sb_forecast_data_finish(&data);
    }
}

int main(int count, char **arguments) {
    path = find_real_data(count > 1 ? arguments[1] : ".", "ETTh1.csv");
    struct simba_error error = {0};
    if (!sb_series_read(&(struct sb_series_parameters){.table.path = path}, &series, &error)) {
        printf("%s\n", error.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(file), cmocka_unit_test(statistics), cmocka_unit_test(windows),
                                       cmocka_unit_test(baselines), cmocka_unit_test(published)};
    const int failed = cmocka_run_group_tests_name("data ETTh1", tests, NULL, NULL);
    sb_series_finish(&series);
    return failed;
}
