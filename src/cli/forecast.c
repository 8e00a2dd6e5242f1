#include "cli.h"

#include <math.h>
#include <stdlib.h>

static void print_json(const struct simba_forecast *forecast) {
    fputs("{\"channels\": [", stdout);
    for (int c = 0; c < forecast->channels; c++) {
        fputs(c ? ", " : "", stdout);
        cli_json_string(stdout, forecast->names[c]);
    }
    printf("], \"history\": %lld, \"rows\": [", (long long)forecast->history);
    for (int64_t row = 0; row < forecast->rows; row++) {
        fputs(row ? ",\n {\"date\": " : "\n {\"date\": ", stdout);
        cli_json_string(stdout, forecast->dates ? forecast->dates[row] : NULL);
        for (int known = 0; known < 2; known++) {
            const double *values = (known ? forecast->truth : forecast->values) + row * forecast->channels;
            fputs(known ? "], \"truth\": [" : ", \"forecast\": [", stdout);
            for (int c = 0; c < forecast->channels; c++) {
                fputs(c ? ", " : "", stdout);
                cli_json_number(stdout, values[c]);
            }
        }
        fputs("]}", stdout);
    }
    fputs("]}\n", stdout);
}

static void print_summary(const struct simba_forecast *forecast, const char *output, const char *plot) {
    printf("%lld rows of %d channel%s", (long long)forecast->rows, forecast->channels,
           forecast->channels == 1 ? "" : "s");
    if (forecast->dates) printf(", %s to %s", forecast->dates[0], forecast->dates[forecast->rows - 1]);
    if (output) printf("; written to %s", output);
    if (plot) printf("; drawn in %s", plot);
    putchar('\n');
    double absolute = 0;
    int64_t known = 0;
    for (int64_t i = 0; i < forecast->rows * forecast->channels; i++)
        if (!isnan(forecast->truth[i])) {
            absolute += fabs(forecast->values[i] - forecast->truth[i]);
            known++;
        }
    if (known)
        printf("mean absolute error where the truth is known: %.6g (in the data's units)\n", absolute / (double)known);
}

static int run(const struct cli_command *command, int count, char **words) {
    struct cli_device device_options = {0};
    struct cli_list operands = {0}, overrides = {0};
    const char *output = NULL, *plot = NULL;
    int horizon = 0, hold_back = 0;
    bool json = false;
    const struct cli_option options[] = {
        {.name = "horizon",
         .argument = "N",
         .help = "rows to forecast (as many as the model does at once)",
         .integer = &horizon,
         .minimum = 1},
        {.name = "hold-back",
         .argument = "N",
         .help = "do not show the last N rows to the model, but compare with them",
         .integer = &hold_back,
         .minimum = 1},
        {.name = "output", .argument = "FILE.csv", .help = "where the forecast goes", .text = &output},
        {.name = "plot", .argument = "FILE.png", .help = "draw history, forecast and known truth", .text = &plot},
        CLI_DATA_OPTION(overrides),
        {.name = "json", .help = "machine-readable output", .flag = &json},
        CLI_DEVICE_OPTIONS(device_options),
        {0}};
    struct simba_device *device = NULL;
    struct simba_model *model = NULL;
    struct simba_forecast *forecast = NULL;
    struct simba_error error;
    int code = CLI_DONE;
    if (!cli_options_read(command, options, count, words, &operands, &code)) goto done;
    if (operands.count != 2) {
        code = cli_usage_error(command, "expected a model file and a series, found %d words", operands.count);
        goto done;
    }
    device = cli_device_open(&device_options, &error);
    if (device) model = simba_model_create(device, &(struct simba_model_options){.weights = operands.items[0]}, &error);
    if (model)
        forecast = simba_model_forecast(model,
                                        &(struct simba_forecast_options){.series = operands.items[1],
                                                                         .horizon = horizon,
                                                                         .hold_back = hold_back,
                                                                         .overrides = overrides.items,
                                                                         .override_count = overrides.count,
                                                                         .output = output,
                                                                         .plot = plot},
                                        &error);
    if (!forecast) {
        code = cli_failed(&error);
        goto done;
    }
    if (json)
        print_json(forecast);
    else if (output || plot)
        print_summary(forecast, output, plot);
    else if (!simba_forecast_print(forecast, stdout, &error))
        code = cli_failed(&error);
done:
    simba_forecast_destroy(forecast);
    simba_model_destroy(model);
    simba_device_close(device);
    free(operands.items);
    free(overrides.items);
    return code;
}

const struct cli_command cli_forecast = {
    .name = "forecast",
    .operands = "MODEL SERIES.csv",
    .summary = "forecast what follows a series",
    .details = "Values are in the data's own units, dates go on from the last one. Without --output, --plot or --json\n"
               "the forecast is printed as CSV in the form of the input. A horizon beyond the model's is reached by "
               "going on from its own\n"
               "forecast.\n",
    .run = run};
