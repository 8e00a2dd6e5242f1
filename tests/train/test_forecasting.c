/* Forecasting over the public interface, on a small made-up series: learning, repeating and resuming bit for bit, the
 * protocol's figures, forecasts of files, and refusals. Usage: test_forecasting cpu|vulkan */
#include "public_device.h"
#include "runs.h"

#include <math.h>

static struct simba_device *device;

enum { ROWS = 420, LOOK_BACK = 24, HORIZON = 12, CHANNELS = 3 };

/* Two waves of their own period and level, a third channel that follows the first one later; noise that is no
 * noise. */
static double value_at(int row, int channel) {
    const double wave = sin(2 * 3.14159265358979 * (row - (channel == 2 ? 3 : 0)) / (channel == 1 ? 8.0 : 12.0));
    const double rough = (double)((unsigned)(row * 7919 + channel * 104729) % 1000u) / 1000 - 0.5;
    return 10 * (channel + 1) + (channel + 1) * wave + 0.2 * rough + 0.002 * row;
}

static void write_series(const char *path, int rows, int first) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("date,left,middle,right\n", file);
    for (int i = first; i < first + rows; i++) {
        fprintf(file, "2020-01-%02d %02d:00:00", 1 + i / 24, i % 24);
        for (int c = 0; c < CHANNELS; c++) fprintf(file, ",%.6f", value_at(i, c));
        fputc('\n', file);
    }
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state) {
    if (make_temporary(state)) return -1;
    write_series(temporary("series.csv"), ROWS, 0);
    return 0;
}

#define BLOCKS                                                                                        \
    "\"architecture\": \"series\", \"look_back\": 24, \"horizon\": 12, \"patch\": 8, \"stride\": 4, " \
    "\"end_padding\": 4, \"dim\": 16, \"d_state\": 4"
static const char blocks[] = BLOCKS, model[] = BLOCKS ", \"depth\": 1",
                  linear[] = "\"architecture\": \"dlinear\", \"look_back\": 24, \"horizon\": 12";

static void write_configuration(const char *path, const char *model_keys, const char *data, const char *train) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "{\"model\": {%s}, \"data\": {\"path\": \"%s\"%s}, \"train\": {%s}}\n", model_keys,
            temporary("series.csv"), data, train);
    assert_int_equal(fclose(file), 0);
}

static struct simba_trainer *create(const char *configuration, const char *output, bool resume,
                                    struct simba_error *error) {
    return simba_trainer_create(
        &(struct simba_trainer_options){
            .device = device, .configuration = configuration, .output = output, .resume = resume},
        error);
}

static void run(const char *configuration, const char *output) {
    struct simba_error error;
    struct simba_trainer *trainer = create(configuration, output, false, &error);
    if (!trainer || !simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
    simba_trainer_destroy(trainer);
}

static struct simba_model *open_model(const char *path, int batch) {
    struct simba_error error;
    struct simba_model *opened =
        simba_model_create(device, &(struct simba_model_options){.weights = path, .batch = batch}, &error);
    if (!opened) fail_msg("%s", error.message);
    return opened;
}

/* Twice, and stopped in mid-epoch and resumed: the same bytes. Dropout and dropped paths, accumulation, the average of
 * the weights, every loss, both kinds of channels, and DLinear. */
static void repeats_and_resumes(void **state) {
    (void)state;
    static const struct {
        const char *model, *train;
    } kinds[] = {
        {", \"depth\": 2, \"dropout\": 0.2, \"head_dropout\": 0.1, \"drop_path\": 0.3", ""},
        {", \"depth\": 1, \"dropout\": 0.2, \"mix_channels\": true, \"bidirectional\": true, \"mixer\": \"mlp\"",
         ", \"ema\": 0.9, \"loss\": \"huber\", \"huber_delta\": 0.5"},
        {NULL, ", \"loss\": \"mae\""}};
    for (int kind = 0; kind < 3; kind++) {
        char config[1024], keys[512], train[256], names[3][64];
        struct simba_error error;
        snprintf(config, sizeof config, "%s", temporary("repeat.json"));
        snprintf(keys, sizeof keys, "%s%s", kinds[kind].model ? blocks : linear,
                 kinds[kind].model ? kinds[kind].model : "");
        snprintf(train, sizeof train,
                 "\"epochs\": 2, \"batch_size\": 16, \"accumulation\": 2, \"learning_rate\": 0.01%s",
                 kinds[kind].train);
        write_configuration(config, keys, "", train);
        for (int i = 0; i < 2; i++) {
            snprintf(names[i], sizeof names[i], "repeat%d%d", kind, i);
            run(config, temporary(names[i]));
        }
        assert_same_files(temporary(names[0]), temporary(names[1]), "last.safetensors");
        assert_same_files(temporary(names[0]), temporary(names[1]), "best.safetensors");

        snprintf(names[2], sizeof names[2], "resumed%d", kind);
        struct simba_trainer *trainer = create(config, temporary(names[2]), false, &error);
        bool finished = false;
        for (int step = 0; step < 3; step++) assert_true(simba_trainer_step(trainer, &finished, &error));
        assert_true(simba_trainer_save(trainer, NULL, &error));
        simba_trainer_destroy(trainer);
        trainer = create(config, temporary(names[2]), true, &error);
        if (!trainer || !simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
        simba_trainer_destroy(trainer);
        assert_same_files(temporary(names[0]), temporary(names[2]), "last.safetensors");
        assert_same_results(temporary(names[0]), temporary(names[2]));
    }
}

static const struct simba_baseline *find_baseline(const struct simba_forecast_evaluation *result, const char *name) {
    for (int i = 0; i < result->baseline_count; i++)
        if (!strcmp(result->baselines[i].name, name)) return &result->baselines[i];
    fail_msg("no baseline %s", name);
    return NULL;
}

/* The figures of an evaluation against sums over the single forecasts of every test window, made through the other
 * interface: the file, cut off behind each window in turn. */
static void evaluates_as_it_forecasts(void **state) {
    (void)state;
    char config[1024], weights[1024];
    struct simba_error error;
    snprintf(config, sizeof config, "%s", temporary("learn.json"));
    snprintf(weights, sizeof weights, "%s", temporary("learn/best.safetensors"));
    write_configuration(config, model, "", "\"epochs\": 12, \"batch_size\": 8, \"learning_rate\": 0.01");
    run(config, temporary("learn"));
    struct simba_model *opened = open_model(weights, 16);
    struct simba_model_info info;
    simba_model_inspect(opened, &info);
    assert_int_equal(info.batch, 16);
    assert_int_equal(info.evaluation_batch, ROWS / 10 - HORIZON + 1); /* all that the validation part has */
    struct simba_forecast_evaluation *result = simba_model_evaluate_forecasts(
        opened, &(struct simba_forecast_evaluate_options){.baselines = true, .season = 12, .drop_last = 16}, &error);
    if (!result) fail_msg("%s", error.message);

    /* 420 rows: 294 for training, 84 for the test, whose windows begin LOOK_BACK rows before. */
    const int test = ROWS * 2 / 10, windows = test - HORIZON + 1;
    assert_int_equal(result->all.windows, windows);
    assert_int_equal(result->drop_last.windows, windows / 16 * 16);
    assert_int_equal(result->channels, CHANNELS);
    assert_string_equal(result->names[1], "middle");
    /* Better by far than what repeats, and the season is one that two of the channels have. */
    printf("MSE %.4f, last value %.4f, seasonal %.4f\n", result->all.mse,
           find_baseline(result, "last value")->error.mse, find_baseline(result, "seasonal")->error.mse);
    assert_true(result->all.mse < 0.25 * find_baseline(result, "last value")->error.mse);
    assert_true(find_baseline(result, "seasonal")->error.mse < find_baseline(result, "last value")->error.mse);

    double mean[CHANNELS] = {0}, deviation[CHANNELS] = {0}, squares[CHANNELS] = {0}, first_step = 0, absolute = 0,
           kept[CHANNELS] = {0};
    const int training = ROWS * 7 / 10;
    for (int c = 0; c < CHANNELS; c++) {
        for (int i = 0; i < training; i++) mean[c] += value_at(i, c) / training;
        for (int i = 0; i < training; i++) deviation[c] += pow(value_at(i, c) - mean[c], 2) / training;
        deviation[c] = sqrt(deviation[c]);
    }
    for (int window = 0; window < windows; window++) {
        struct simba_forecast *forecast =
            simba_model_forecast(opened, &(struct simba_forecast_options){.hold_back = test - window}, &error);
        if (!forecast) fail_msg("%s", error.message);
        assert_int_equal(forecast->rows, HORIZON);
        for (int t = 0; t < HORIZON; t++)
            for (int c = 0; c < CHANNELS; c++) {
                const double truth = forecast->truth[t * CHANNELS + c];
                const double scaled = (forecast->values[t * CHANNELS + c] - truth) / deviation[c];
                assert_true(fabs(truth - value_at(ROWS - test + window + t, c)) < 1e-6);
                squares[c] += scaled * scaled;
                if (window < result->drop_last.windows) kept[c] += scaled * scaled;
                absolute += fabs(scaled);
                if (t == 0) first_step += scaled * scaled;
            }
        simba_forecast_destroy(forecast);
    }
    double all = 0;
    for (int c = 0; c < CHANNELS; c++) {
        const double mse = squares[c] / (windows * HORIZON);
        all += mse / CHANNELS;
        assert_true(fabs(result->by_channel[c].mse - mse) < 1e-5 * mse);
        const double kept_mse = kept[c] / (double)(result->drop_last.windows * HORIZON);
        assert_true(fabs(result->drop_last_by_channel[c].mse - kept_mse) < 1e-5 * kept_mse);
    }
    assert_true(fabs(result->all.mse - all) < 1e-5 * all);
    absolute /= windows * HORIZON * CHANNELS;
    assert_true(fabs(result->all.mae - absolute) < 1e-5 * absolute);
    first_step /= windows * CHANNELS;
    assert_true(fabs(result->by_step[0].mse - first_step) < 1e-5 * first_step);
    simba_forecast_evaluation_destroy(result);
    simba_model_destroy(opened);
}

/* Dates go on, a longer horizon is reached through the forecast, files are written and drawn. */
static void forecasts_files(void **state) {
    (void)state;
    char config[1024], weights[1024], output[1024], plot[1024], series[1024];
    struct simba_error error;
    snprintf(config, sizeof config, "%s", temporary("file.json"));
    snprintf(weights, sizeof weights, "%s", temporary("file/last.safetensors"));
    snprintf(output, sizeof output, "%s", temporary("forecast.csv"));
    snprintf(plot, sizeof plot, "%s", temporary("forecast.png"));
    snprintf(series, sizeof series, "%s", temporary("other.csv"));
    write_configuration(config, model, "", "\"epochs\": 1, \"batch_size\": 32");
    run(config, temporary("file"));
    write_series(series, 100, 20); /* another file of the same channels: ends on January 5th, 23:00 */
    struct simba_model *opened = open_model(weights, 1);
    struct simba_forecast_options options = {.series = series, .horizon = 30, .output = output, .plot = plot};
    struct simba_forecast *forecast = simba_model_forecast(opened, &options, &error);
    if (!forecast) fail_msg("%s", error.message);
    assert_int_equal(forecast->rows, 30);
    assert_int_equal(forecast->history, 100);
    assert_string_equal(forecast->dates[0], "2020-01-06 00:00:00");
    assert_string_equal(forecast->dates[29], "2020-01-07 05:00:00");
    assert_true(isnan(forecast->truth[0]));

    /* The second stretch is the forecast of a file to which the first one was added. */
    FILE *longer = fopen(series, "a");
    for (int t = 0; t < HORIZON; t++) {
        fprintf(longer, "%s", forecast->dates[t]);
        for (int c = 0; c < CHANNELS; c++) fprintf(longer, ",%.17g", forecast->values[t * CHANNELS + c]);
        fputc('\n', longer);
    }
    fclose(longer);
    struct simba_forecast *second =
        simba_model_forecast(opened, &(struct simba_forecast_options){.series = series, .horizon = HORIZON}, &error);
    if (!second) fail_msg("%s", error.message);
    for (int i = 0; i < HORIZON * CHANNELS; i++)
        assert_true(fabs(second->values[i] - forecast->values[HORIZON * CHANNELS + i]) < 1e-5);

    size_t size;
    char *text = read_whole(output, &size);
    text[size] = 0;
    assert_non_null(strstr(text, "date,left,middle,right\n2020-01-06 00:00:00,"));
    int lines = 0;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    assert_int_equal(lines, 31);
    free(text);
    text = read_whole(plot, &size);
    assert_true(size > 5000 && !memcmp(text, "\x89PNG", 4));
    free(text);
    simba_forecast_destroy(second);
    simba_forecast_destroy(forecast);
    simba_model_destroy(opened);
}

/* Rows held back keep the dates that the file gives them, behind a gap too, wherever they are told. */
static void tells_the_dates_of_the_file(void **state) {
    (void)state;
    char config[1024], series[1024], output[1024], printed[1024];
    struct simba_error error;
    snprintf(series, sizeof series, "%s", temporary("gap.csv"));
    snprintf(config, sizeof config, "%s", temporary("gap.json"));
    snprintf(output, sizeof output, "%s", temporary("held.csv"));
    snprintf(printed, sizeof printed, "%s", temporary("printed.csv"));
    write_configuration(config, model, ", \"gaps\": \"allow\"", "\"epochs\": 1, \"batch_size\": 32");
    run(config, temporary("gap"));
    FILE *file = fopen(series, "w");
    assert_non_null(file);
    fputs("Day;right;left;middle\n", file);
    for (int i = 0; i < 40; i++) /* the last four of 40 days come two days later */
        fprintf(file, "2021-%02d-%02d;%.3f;%.3f;%.3f\n", i < 31 ? 1 : 2, i < 31 ? i + 1 : i - 30 + (i < 36 ? 0 : 2),
                value_at(i, 2), value_at(i, 0), value_at(i, 1));
    assert_int_equal(fclose(file), 0);
    struct simba_model *opened = open_model(temporary("gap/last.safetensors"), 1);
    struct simba_forecast *forecast = simba_model_forecast(
        opened, &(struct simba_forecast_options){.series = series, .hold_back = 5, .output = output}, &error);
    if (!forecast) fail_msg("%s", error.message);
    assert_string_equal(forecast->dates[0], "2021-02-05");
    assert_string_equal(forecast->dates[1], "2021-02-08");
    assert_string_equal(forecast->dates[4], "2021-02-11");
    assert_string_equal(forecast->dates[5], "2021-02-12");
    file = fopen(printed, "w");
    assert_non_null(file);
    assert_true(simba_forecast_print(forecast, file, &error));
    assert_int_equal(fclose(file), 0);
    size_t size, printed_size;
    char *text = read_whole(output, &size), *again = read_whole(printed, &printed_size);
    assert_int_equal(size, printed_size);
    assert_memory_equal(text, again, size);
    text[size] = 0;
    assert_int_equal(strncmp(text, "Day;left;middle;right\n2021-02-05;", 33), 0);
    assert_non_null(strstr(text, "\n2021-02-08;"));
    assert_null(strstr(text, "\n2021-02-06;"));
    free(text);
    free(again);
    simba_forecast_destroy(forecast);
    simba_model_destroy(opened);
}

/* One target of three channels: it alone is measured and forecast. */
static void one_target(void **state) {
    (void)state;
    static const char *const features[] = {"S", "MS"};
    for (int i = 0; i < 2; i++) {
        char config[1024], data[128], name[64], weights[128];
        struct simba_error error;
        snprintf(config, sizeof config, "%s", temporary("target.json"));
        snprintf(data, sizeof data, ", \"features\": \"%s\", \"target\": \"middle\"", features[i]);
        snprintf(name, sizeof name, "target%s", features[i]);
        snprintf(weights, sizeof weights, "%s/best.safetensors", name);
        write_configuration(config, model, data, "\"epochs\": 2, \"batch_size\": 16, \"learning_rate\": 0.01");
        run(config, temporary(name));
        struct simba_model *opened = open_model(temporary(weights), 8);
        struct simba_forecast_evaluation *result = simba_model_evaluate_forecasts(opened, NULL, &error);
        if (!result) fail_msg("%s", error.message);
        assert_int_equal(result->channels, 1);
        assert_string_equal(result->names[0], "middle");
        assert_true(result->all.mse == result->by_channel[0].mse);
        struct simba_forecast *forecast =
            simba_model_forecast(opened, &(struct simba_forecast_options){.hold_back = HORIZON}, &error);
        if (!forecast) fail_msg("%s", error.message);
        assert_int_equal(forecast->channels, 1);
        for (int t = 0; t < HORIZON; t++) {
            assert_true(fabs(forecast->truth[t] - value_at(ROWS - HORIZON + t, 1)) < 1e-6);
            assert_true(fabs(forecast->values[t] - 20) < 5); /* about its level, not another channel's */
        }
        simba_forecast_destroy(forecast);
        /* From the forecast of one channel alone nothing can be gone on with. */
        forecast = simba_model_forecast(opened, &(struct simba_forecast_options){.horizon = HORIZON + 1}, &error);
        if (i == 1) {
            assert_null(forecast);
            check_error(&error, SIMBA_ERROR_ARGUMENT, "\"middle\"");
        } else
            assert_non_null(forecast);
        simba_forecast_destroy(forecast);
        simba_forecast_evaluation_destroy(result);
        simba_model_destroy(opened);
    }
}

/* Without a header the target has a place instead of a name, and is found there again. */
static void one_target_without_a_header(void **state) {
    (void)state;
    char config[1024], series[1024], narrow[1024], text[2048];
    struct simba_error error;
    snprintf(series, sizeof series, "%s", temporary("headless.csv"));
    snprintf(narrow, sizeof narrow, "%s", temporary("narrow.csv"));
    snprintf(config, sizeof config, "%s", temporary("headless.json"));
    FILE *file = fopen(series, "w");
    assert_non_null(file);
    for (int i = 0; i < ROWS; i++) fprintf(file, "%.6f,%.6f,%.6f\n", value_at(i, 0), value_at(i, 1), value_at(i, 2));
    assert_int_equal(fclose(file), 0);
    snprintf(text, sizeof text,
             "{\"model\": {%s}, \"data\": {\"path\": \"%s\", \"features\": \"S\", \"target\": \"column 2\"}, "
             "\"train\": {\"epochs\": 1, \"batch_size\": 16}}",
             model, series);
    put_text(config, text);
    run(config, temporary("headless"));
    struct simba_model *opened = open_model(temporary("headless/best.safetensors"), 8);
    struct simba_forecast_evaluation *result = simba_model_evaluate_forecasts(opened, NULL, &error);
    if (!result) fail_msg("%s", error.message);
    assert_int_equal(result->channels, 1);
    assert_string_equal(result->names[0], "column 2");
    simba_forecast_evaluation_destroy(result);
    struct simba_forecast *forecast =
        simba_model_forecast(opened, &(struct simba_forecast_options){.hold_back = HORIZON}, &error);
    if (!forecast) fail_msg("%s", error.message);
    for (int t = 0; t < HORIZON; t++) assert_true(fabs(forecast->truth[t] - value_at(ROWS - HORIZON + t, 1)) < 1e-6);
    simba_forecast_destroy(forecast);
    put_text(narrow, "1\n2\n3\n");
    assert_null(simba_model_forecast(opened, &(struct simba_forecast_options){.series = narrow}, &error));
    assert_non_null(strstr(error.message, "\"column 2\""));
    simba_model_destroy(opened);
}

/* More channels than there are panels, of a file whose path is longer than the picture's title. */
static void draws_many_channels(void **state) {
    (void)state;
    enum { MANY = 13 };
    char config[1024], series[1024], long_path[4096], text[2048], plot[1024];
    struct simba_error error;
    snprintf(series, sizeof series, "%s", temporary("many.csv"));
    snprintf(config, sizeof config, "%s", temporary("many.json"));
    snprintf(plot, sizeof plot, "%s", temporary("many.png"));
    FILE *file = fopen(series, "w");
    assert_non_null(file);
    for (int i = 0; i < 150; i++)
        for (int c = 0; c < MANY; c++)
            fprintf(file, "%.6f%c", value_at(i, c % CHANNELS) + c, c + 1 < MANY ? ',' : '\n');
    assert_int_equal(fclose(file), 0);
    snprintf(text, sizeof text,
             "{\"model\": {%s}, \"data\": {\"path\": \"%s\"}, \"train\": {\"epochs\": 1, \"batch_size\": 16}}", linear,
             series);
    put_text(config, text);
    run(config, temporary("many"));
    /* /tmp/x/././././many.csv */
    const char *slash = strrchr(series, '/');
    int length = snprintf(long_path, sizeof long_path, "%.*s", (int)(slash - series), series);
    while (length < 1130) length += snprintf(long_path + length, sizeof long_path - (size_t)length, "/.");
    snprintf(long_path + length, sizeof long_path - (size_t)length, "%s", slash);
    struct simba_model *opened = open_model(temporary("many/best.safetensors"), 1);
    struct simba_forecast *forecast =
        simba_model_forecast(opened, &(struct simba_forecast_options){.series = long_path, .plot = plot}, &error);
    if (!forecast) fail_msg("%s", error.message);
    assert_int_equal(forecast->channels, MANY);
    assert_int_equal(access(plot, F_OK), 0);
    simba_forecast_destroy(forecast);
    simba_model_destroy(opened);
}

/* Neither resumed nor compared with where the columns or their scaling are no longer those. */
static void notices_other_data(void **state) {
    (void)state;
    static const struct {
        int first;
        const char *header;
    } files[] = {{0, "date,left,middle,right"}, {0, "date,left,right,middle"}, {30, "date,left,middle,right"}};
    char config[1024], series[1024], text[2048], output[1024];
    struct simba_error error;
    snprintf(series, sizeof series, "%s", temporary("changing.csv"));
    snprintf(config, sizeof config, "%s", temporary("changing.json"));
    for (int i = 0; i < 3; i++) {
        FILE *file = fopen(series, "w");
        assert_non_null(file);
        fprintf(file, "%s\n", files[i].header);
        for (int row = files[i].first; row < files[i].first + 200; row++)
            fprintf(file, "%d,%.6f,%.6f,%.6f\n", row, value_at(row, 0), value_at(row, 1), value_at(row, 2));
        assert_int_equal(fclose(file), 0);
        snprintf(text, sizeof text,
                 "{\"model\": {%s}, \"data\": {\"path\": \"%s\"}, \"train\": {\"epochs\": %d, \"batch_size\": 16}}",
                 model, series, i + 1);
        put_text(config, text);
        if (i == 0) {
            run(config, temporary("changing"));
            snprintf(text, sizeof text,
                     "{\"model\": {%s}, \"data\": {\"path\": \"%s\"}, \"train\": {\"epochs\": 1, \"batch_size\": 16}}",
                     linear, series);
            put_text(config, text);
            run(config, temporary("changing/dlinear"));
            continue;
        }
        assert_null(create(config, temporary("changing"), true, &error));
        check_error(&error, SIMBA_ERROR_CONFIG, "was trained on other data");
        /* A model of the new data beside the old DLinear. */
        snprintf(output, sizeof output, "%s", temporary(i == 1 ? "changed1" : "changed2"));
        run(config, output);
        snprintf(text, sizeof text, "%s/best.safetensors", output);
        char beside[1024];
        snprintf(beside, sizeof beside, "%s", temporary("changing/other.safetensors"));
        assert_int_equal(rename(text, beside), 0);
        for (int dlinear = 0; dlinear < 2; dlinear++) {
            struct simba_model *opened = open_model(dlinear ? temporary("changing/best.safetensors") : beside, 16);
            struct simba_forecast_evaluation *result = simba_model_evaluate_forecasts(
                opened, &(struct simba_forecast_evaluate_options){.series = series, .baselines = true, .season = 12},
                &error);
            if (!result) fail_msg("%s", error.message);
            assert_int_equal(result->baseline_count, 3 + dlinear);
            simba_forecast_evaluation_destroy(result);
            simba_model_destroy(opened);
        }
    }
}

static void refusals(void **state) {
    (void)state;
    char config[1024], weights[1024], other[1024];
    struct simba_error error;
    snprintf(config, sizeof config, "%s", temporary("refuse.json"));
    snprintf(other, sizeof other, "%s", temporary("wrong.csv"));
    snprintf(weights, sizeof weights, "%s", temporary("refuse/last.safetensors"));

    char keys[512];
    snprintf(keys, sizeof keys, "%s, \"channels\": 4", model);
    write_configuration(config, keys, "", "\"epochs\": 1");
    assert_null(create(config, temporary("refused"), false, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "has 3 channels, but $.model.channels is 4");
    write_configuration(config, "\"architecture\": \"series\", \"look_back\": 400", "", "\"epochs\": 1");
    assert_null(create(config, temporary("refused"), false, &error));
    assert_non_null(strstr(error.message, "400"));
    write_configuration(config, model, "", "\"epochs\": 1, \"batch_size\": 512");
    assert_null(create(config, temporary("refused"), false, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "windows are too few");
    assert_int_not_equal(access(temporary("refused"), F_OK), 0);

    write_configuration(config, model, "", "\"epochs\": 1, \"batch_size\": 32");
    run(config, temporary("refuse"));
    struct simba_model *opened = open_model(weights, 1);
    put_text(other, "date,left,right\n2020-01-01,1,2\n2020-01-02,1,2\n");
    assert_null(simba_model_forecast(opened, &(struct simba_forecast_options){.series = other}, &error));
    assert_non_null(strstr(error.message, "middle"));
    write_series(other, 20, 0);
    assert_null(simba_model_forecast(opened, &(struct simba_forecast_options){.series = other}, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "20 rows");
    assert_null(simba_model_forecast(opened, &(struct simba_forecast_options){.hold_back = ROWS}, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "too few");
    assert_null(simba_model_forecast(opened, &(struct simba_forecast_options){.hold_back = -1}, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "-1 rows");
    assert_null(simba_model_forecast(opened, &(struct simba_forecast_options){.horizon = -1}, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "1 to 1048576 rows");
    assert_null(simba_model_forecast(opened, &(struct simba_forecast_options){.horizon = INT64_MAX}, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "1 to 1048576 rows");
    simba_model_destroy(opened);

    /* The weights of 24 rows fit 25 too: (25 + 4 - 8) / 4 patches are as many. */
    put_text(config, "{\"model\": {\"architecture\": \"series\", \"look_back\": 25, \"horizon\": 12, \"patch\": 8, "
                     "\"stride\": 4, \"end_padding\": 4, \"dim\": 16, \"depth\": 1, \"d_state\": 4, \"channels\": 3}}");
    opened = simba_model_create(
        device, &(struct simba_model_options){.weights = weights, .configuration = config, .batch = 1}, &error);
    if (!opened) fail_msg("%s", error.message);
    assert_null(simba_model_forecast(opened, NULL, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "a look_back of 24");
    assert_null(simba_model_evaluate_forecasts(opened, NULL, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "$.model.look_back");
    simba_model_destroy(opened);
    opened = open_model(weights, 1);
    struct simba_image image = {.pixels = (const uint8_t *)"abc", .width = 1, .height = 1, .channels = 3};
    struct simba_prediction prediction;
    assert_false(simba_model_classify(opened, &image, 1, 1, &prediction, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "simba forecast");
    simba_model_destroy(opened);
}

int main(int count, char **words) {
    if (count != 2) return 2;
    device = open_public_device(strcmp(words[1], "cpu") ? NULL : "cpu");
    const struct CMUnitTest tests[] = {cmocka_unit_test(repeats_and_resumes),
                                       cmocka_unit_test(evaluates_as_it_forecasts),
                                       cmocka_unit_test(forecasts_files),
                                       cmocka_unit_test(tells_the_dates_of_the_file),
                                       cmocka_unit_test(one_target),
                                       cmocka_unit_test(one_target_without_a_header),
                                       cmocka_unit_test(draws_many_channels),
                                       cmocka_unit_test(notices_other_data),
                                       cmocka_unit_test(refusals)};
    const int failures = cmocka_run_group_tests(tests, set_up, remove_temporary);
    return failures + close_public_device(device) ? 1 : 0;
}
