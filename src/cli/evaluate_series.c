/* `simba evaluate` of a model of series. */
#include "cli.h"

static void print_error_json(const char *name, const struct simba_forecast_error *error, const char *end) {
    cli_json_string(stdout, name);
    printf(": {\"windows\": %lld, \"mse\": ", (long long)error->windows);
    cli_json_number(stdout, error->mse);
    fputs(", \"mae\": ", stdout);
    cli_json_number(stdout, error->mae);
    printf("}%s", end);
}

static void print_json(const struct simba_forecast_evaluation *result, const struct simba_device_info *device) {
    printf("{\"windows\": %lld, \"horizon\": %lld, \"mse\": ", (long long)result->all.windows,
           (long long)result->horizon);
    cli_json_number(stdout, result->all.mse);
    fputs(", \"mae\": ", stdout);
    cli_json_number(stdout, result->all.mae);
    fputs(",\n ", stdout);
    print_error_json("drop_last", &result->drop_last, ",\n \"channels\": {");
    for (int i = 0; i < result->channels; i++)
        print_error_json(result->names[i], &result->by_channel[i], i + 1 < result->channels ? ", " : "");
    fputs("},\n \"steps\": [", stdout);
    for (int64_t i = 0; i < result->horizon; i++) {
        fputs(i ? ", [" : "[", stdout);
        cli_json_number(stdout, result->by_step[i].mse);
        fputs(", ", stdout);
        cli_json_number(stdout, result->by_step[i].mae);
        fputs("]", stdout);
    }
    fputs("],\n \"baselines\": {", stdout);
    for (int i = 0; i < result->baseline_count; i++)
        print_error_json(result->baselines[i].name, &result->baselines[i].error,
                         i + 1 < result->baseline_count ? ", " : "");
    printf("},\n \"seconds\": %.3f, \"device\": ", result->seconds);
    cli_json_string(stdout, device->name);
    fputs("}\n", stdout);
}

static void print_line(const char *name, const struct simba_forecast_error *error) {
    printf("  %-28s MSE %.4f  MAE %.4f\n", name, error->mse, error->mae);
}

static void print_baselines(const struct simba_forecast_evaluation *result) {
    if (!result->baseline_count) return;
    printf("compared with\n");
    for (int i = 0; i < result->baseline_count; i++) print_line(result->baselines[i].name, &result->baselines[i].error);
}

static void print_text(const struct simba_forecast_evaluation *result, const struct simba_device_info *device) {
    enum { MOST_CHANNELS = 24, STEPS = 4 };
    printf("%lld windows, %lld steps ahead, scaled values: MSE %.4f, MAE %.4f (%.0f windows/s on %s)\n",
           (long long)result->all.windows, (long long)result->horizon, result->all.mse, result->all.mae,
           result->seconds > 0 ? (double)result->all.windows / result->seconds : 0, device->name);
    if (result->drop_last.windows < result->all.windows)
        printf("the first %lld windows, in whole batches: MSE %.4f, MAE %.4f\n", (long long)result->drop_last.windows,
               result->drop_last.mse, result->drop_last.mae);
    print_baselines(result);
    printf("by channel\n");
    for (int i = 0; i < result->channels && i < MOST_CHANNELS; i++)
        print_line(result->names[i], &result->by_channel[i]);
    if (result->channels > MOST_CHANNELS) printf("  and %d more; --json has all\n", result->channels - MOST_CHANNELS);
    printf("by step\n");
    for (int i = 1; i <= STEPS && i <= result->horizon; i++) {
        char name[32];
        const int64_t step = i * result->horizon / (STEPS < result->horizon ? STEPS : result->horizon);
        snprintf(name, sizeof name, "%lld ahead", (long long)step);
        print_line(name, &result->by_step[step - 1]);
    }
}

int cli_evaluate_series(struct simba_model *model, const struct simba_forecast_evaluate_options *options,
                        const struct simba_device *device, bool json) {
    struct simba_error error;
    struct simba_forecast_evaluation *result = simba_model_evaluate_forecasts(model, options, &error);
    if (!result) return cli_failed(&error);
    (json ? print_json : print_text)(result, simba_device_describe(device));
    simba_forecast_evaluation_destroy(result);
    return CLI_DONE;
}
