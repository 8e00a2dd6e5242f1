/* `simba evaluate` of a model of series. */
#include "cli.h"

#include <string.h>

/* "windows": 97, "mse": 0.4, "mae": 0.4 */
static void print_error(const struct simba_forecast_error *error) {
    printf("\"windows\": %lld, \"mse\": ", (long long)error->windows);
    cli_json_number(stdout, error->mse);
    fputs(", \"mae\": ", stdout);
    cli_json_number(stdout, error->mae);
}

/* One convention's figures: of the model, its channels and steps. */
static void print_figures(const struct simba_forecast_evaluation *result, const struct simba_forecast_error *all,
                          const struct simba_forecast_error *by_channel, const struct simba_forecast_error *by_step) {
    print_error(all);
    fputs(",\n \"channels\": {", stdout);
    for (int i = 0; i < result->channels; i++) {
        fputs(i ? ", " : "", stdout);
        cli_json_string(stdout, result->names[i]);
        fputs(": {", stdout);
        print_error(&by_channel[i]);
        fputs("}", stdout);
    }
    fputs("},\n \"steps\": [", stdout);
    for (int64_t i = 0; i < result->horizon; i++) {
        fputs(i ? ", [" : "[", stdout);
        cli_json_number(stdout, by_step[i].mse);
        fputs(", ", stdout);
        cli_json_number(stdout, by_step[i].mae);
        fputs("]", stdout);
    }
    fputs("]", stdout);
}

static void print_json(const struct simba_forecast_evaluation *result, const struct simba_device_info *device) {
    printf("{\"horizon\": %lld, ", (long long)result->horizon);
    print_figures(result, &result->all, result->by_channel, result->by_step);
    fputs(",\n \"drop_last\": {", stdout);
    print_figures(result, &result->drop_last, result->drop_last_by_channel, result->drop_last_by_step);
    fputs("},\n \"baselines\": {", stdout);
    for (int i = 0; i < result->baseline_count; i++) {
        fputs(i ? ", " : "", stdout);
        cli_json_string(stdout, result->baselines[i].name);
        fputs(": {", stdout);
        print_error(&result->baselines[i].error);
        fputs(", \"drop_last\": {", stdout);
        print_error(&result->baselines[i].drop_last);
        fputs("}}", stdout);
    }
    printf("},\n \"seconds\": %.3f, \"device\": ", result->seconds);
    cli_json_string(stdout, device->name);
    fputs("}\n", stdout);
}

/* `drop_last` NULL: it is not told. */
static void print_line(const char *name, const struct simba_forecast_error *error,
                       const struct simba_forecast_error *drop_last) {
    printf("  %-28s MSE %.4f  MAE %.4f", name, error->mse, error->mae);
    if (drop_last) printf("   in whole batches: MSE %.4f  MAE %.4f", drop_last->mse, drop_last->mae);
    putchar('\n');
}

/* `batch`: that --drop-last names, or 0. */
static void print_text(const struct simba_forecast_evaluation *result, const struct simba_device_info *device,
                       int batch) {
    enum { MOST_CHANNELS = 24, STEPS = 4 };
    const bool both = batch && result->drop_last.windows > 0;
    printf("%lld windows, %lld steps ahead, scaled values: MSE %.4f, MAE %.4f (%.0f windows/s on %s)\n",
           (long long)result->all.windows, (long long)result->horizon, result->all.mse, result->all.mae,
           result->seconds > 0 ? (double)result->all.windows / result->seconds : 0, device->name);
    if (both)
        printf("the first %lld windows, in whole batches of %d: MSE %.4f, MAE %.4f\n",
               (long long)result->drop_last.windows, batch, result->drop_last.mse, result->drop_last.mae);
    else if (batch)
        printf("no whole batch of %d windows\n", batch);
    if (result->baseline_count) printf("compared with\n");
    for (int i = 0; i < result->baseline_count; i++)
        print_line(result->baselines[i].name, &result->baselines[i].error,
                   both ? &result->baselines[i].drop_last : NULL);
    bool linear = !result->baseline_count;
    for (int i = 0; i < result->baseline_count; i++) linear = linear || !strcmp(result->baselines[i].name, "DLinear");
    if (!linear) printf("  no DLinear that fits beside the model; simba train --baselines trains one\n");
    printf("by channel\n");
    for (int i = 0; i < result->channels && i < MOST_CHANNELS; i++)
        print_line(result->names[i], &result->by_channel[i], both ? &result->drop_last_by_channel[i] : NULL);
    if (result->channels > MOST_CHANNELS) printf("  and %d more; --json has all\n", result->channels - MOST_CHANNELS);
    printf("by step\n");
    for (int i = 1; i <= STEPS && i <= result->horizon; i++) {
        char name[32];
        const int64_t step = i * result->horizon / (STEPS < result->horizon ? STEPS : result->horizon);
        snprintf(name, sizeof name, "%lld ahead", (long long)step);
        print_line(name, &result->by_step[step - 1], both ? &result->drop_last_by_step[step - 1] : NULL);
    }
}

int cli_evaluate_series(struct simba_model *model, const struct simba_forecast_evaluate_options *options,
                        const struct simba_device *device, bool json) {
    struct simba_error error;
    struct simba_forecast_evaluation *result = simba_model_evaluate_forecasts(model, options, &error);
    if (!result) return cli_failed(&error);
    if (json)
        print_json(result, simba_device_describe(device));
    else
        print_text(result, simba_device_describe(device), options->drop_last);
    simba_forecast_evaluation_destroy(result);
    return CLI_DONE;
}
