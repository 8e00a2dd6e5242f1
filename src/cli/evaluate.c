#include "cli.h"

#include <stdlib.h>

static void show_progress(void *user, int64_t done, int64_t total) {
    const struct simba_model_info *info = user;
    fprintf(stderr, "\r%lld / %lld %s\033[K", (long long)done, (long long)total, info->series ? "windows" : "images");
    if (done == total) fputs("\r\033[K", stderr);
}

struct simba_model *cli_open_to_evaluate(struct simba_device *device, const char *weights, const char *configuration,
                                         int batch, struct simba_error *error) {
    struct simba_model_options options = {.weights = weights, .configuration = configuration, .batch = batch};
    if (!batch) {
        struct simba_model *model = simba_model_create(NULL, &options, error);
        if (!model) return NULL;
        struct simba_model_info info;
        simba_model_inspect(model, &info);
        simba_model_destroy(model);
        options.batch = info.series && info.evaluation_batch ? info.evaluation_batch : 64;
    }
    return simba_model_create(device, &options, error);
}

static int run(const struct cli_command *command, int count, char **words) {
    struct cli_device device_options = {0};
    const char *data = NULL, *configuration = NULL;
    int batch = 0, drop_last = 0, season = 0;
    bool json = false, baselines = false;
    struct cli_list operands = {0}, overrides = {0};
    const struct cli_option options[] = {
        {.name = "data",
         .argument = "PATH",
         .help = "other data: a directory of class directories or of IDX files, a configuration; a series: a CSV file",
         .text = &data},
        {.name = "config",
         .argument = "FILE",
         .help = "the architecture, if the weights do not say",
         .text = &configuration},
        CLI_DATA_OPTION(overrides),
        {.name = "batch",
         .argument = "N",
         .help = "images or windows computed at once (64; of a series as its training says)",
         .integer = &batch,
         .minimum = 1},
        {.name = "drop-last",
         .argument = "N",
         .help = "series: also without the windows behind the last whole batch of N",
         .integer = &drop_last,
         .minimum = 1},
        {.name = "baselines", .help = "series: what forecasts without the model are worth", .flag = &baselines},
        {.name = "season",
         .argument = "N",
         .help = "rows of a season, for --baselines (as the dates suggest)",
         .integer = &season,
         .minimum = 1},
        {.name = "json", .help = "machine-readable output", .flag = &json},
        CLI_DEVICE_OPTIONS(device_options),
        {0}};
    struct simba_device *device = NULL;
    struct simba_model *model = NULL;
    struct simba_evaluation result;
    struct simba_error error;
    int code = CLI_DONE;
    if (!cli_options_read(command, options, count, words, &operands, &code)) goto done;
    if (operands.count != 1) {
        code = cli_usage_error(command, "expected one model file, found %d", operands.count);
        goto done;
    }
    if (season && !baselines) {
        code = cli_usage_error(command, "--season is for the seasonal baseline; add --baselines");
        goto done;
    }
    device = cli_device_open(&device_options, &error);
    if (device) model = cli_open_to_evaluate(device, operands.items[0], configuration, batch, &error);
    if (!model) {
        code = cli_failed(&error);
        goto done;
    }
    struct simba_model_info info;
    simba_model_inspect(model, &info);
    void (*progress)(void *user, int64_t done, int64_t total) = cli_is_terminal(stderr) ? show_progress : NULL;
    if (info.series) {
        const struct simba_forecast_evaluate_options series = {.series = data,
                                                               .overrides = overrides.items,
                                                               .override_count = overrides.count,
                                                               .baselines = baselines,
                                                               .season = season,
                                                               .drop_last = drop_last,
                                                               .progress = progress,
                                                               .user = &info};
        code = cli_evaluate_series(model, &series, device, json);
        goto done;
    }
    if (baselines || drop_last || overrides.count) {
        code =
            cli_usage_error(command, "--baselines, --drop-last and --set are for models of series; %s is one of images",
                            operands.items[0]);
        goto done;
    }
    if (!simba_model_evaluate(model,
                              &(struct simba_evaluate_options){.data = data, .progress = progress, .user = &info},
                              &result, &error)) {
        code = cli_failed(&error);
        goto done;
    }
    if (json) {
        printf("{\"images\": %lld, \"broken_images\": %lld, \"top1\": %.6f, \"top5\": %.6f, \"loss\": ",
               (long long)result.images, (long long)result.broken_images, result.top1, result.top5);
        cli_json_number(stdout, result.loss);
        printf(", \"seconds\": %.3f, \"device\": ", result.seconds);
        cli_json_string(stdout, simba_device_describe(device)->name);
        fputs("}\n", stdout);
    } else {
        printf("%lld images: top-1 %.2f %%, top-5 %.2f %%, loss %.4f (%.0f images/s on %s)\n", (long long)result.images,
               100 * result.top1, 100 * result.top5, result.loss,
               result.seconds > 0 ? (double)result.images / result.seconds : 0, simba_device_describe(device)->name);
        if (result.broken_images)
            printf("%lld images could not be read and are not counted\n", (long long)result.broken_images);
    }
done:
    simba_model_destroy(model);
    simba_device_close(device);
    free(operands.items);
    free(overrides.items);
    return code;
}

const struct cli_command cli_evaluate = {.name = "evaluate",
                                         .operands = "MODEL",
                                         .summary = "measure the accuracy of a model",
                                         .details = "Without --data the evaluation images of its own training are "
                                                    "used, of a model of series\nthe test part of its series.\n",
                                         .run = run};
