#include "cli.h"

#include <stdlib.h>

/* null for a figure that was never measured */
static void print_known(double figure) {
    if (figure < 0)
        fputs("null", stdout);
    else
        cli_json_number(stdout, figure);
}

static void print_json(const struct simba_model *model, const struct simba_model_info *info, bool tensors) {
    fputs("{\"model\": ", stdout);
    cli_json_string(stdout, info->model);
    if (info->series) printf(", \"look_back\": %d, \"horizon\": %d", info->look_back, info->horizon);
    printf(
        ", \"size\": \"%s\", \"mixer\": \"%s\", \"origin\": \"%s\", \"stages\": %d, \"classes\": %d, \"channels\": %d, "
        "\"height\": %d, \"width\": %d, \"token_labels\": %s,\n",
        info->size, info->mixer, info->origin, info->stages, info->classes, info->channels, info->height, info->width,
        info->token_labels ? "true" : "false");
    printf(" \"parameters\": %lld, \"parameter_bytes\": %llu, \"batch\": %d, \"activation_bytes\": %llu, "
           "\"flops\": %.0f, \"bytes\": %.0f,\n",
           (long long)info->parameters, (unsigned long long)info->parameter_bytes, info->batch,
           (unsigned long long)info->activation_bytes, info->flops, info->bytes);
    printf(" \"step\": %lld, \"epoch\": %lld, \"best_top1\": ", (long long)info->step, (long long)info->epoch);
    print_known(info->best_top1);
    fputs(", \"best_mse\": ", stdout);
    print_known(info->best_mse);
    fputs(", \"data\": ", stdout);
    cli_json_string(stdout, info->data[0] ? info->data : NULL);
    fputs(", \"version\": ", stdout);
    cli_json_string(stdout, info->version[0] ? info->version : NULL);
    if (tensors) {
        fputs(",\n \"tensors\": [", stdout);
        struct simba_parameter_info parameter;
        for (int i = 0; i < info->parameter_tensors && simba_model_parameter(model, i, &parameter, NULL); i++) {
            printf("%s\n  {\"name\": \"%s\", \"shape\": [", i ? "," : "", parameter.name);
            for (int axis = 0; axis < parameter.rank; axis++)
                printf("%s%lld", axis ? ", " : "", (long long)parameter.shape[axis]);
            printf("], \"trainable\": %s, \"decay\": %s}", parameter.trainable ? "true" : "false",
                   parameter.decay ? "true" : "false");
        }
        fputs("]", stdout);
    }
    printf(",\n \"configuration\": %s}\n", simba_model_configuration(model));
}

static void print_input(const struct simba_model *model, const struct simba_model_info *info) {
    printf("  input        %d x %d, %d channel%s\n", info->height, info->width, info->channels,
           info->channels == 1 ? "" : "s");
    printf("  classes      %d", info->classes);
    for (int i = 0; i < info->classes && i < 10 && simba_model_label(model, i); i++)
        printf("%s%s", i ? ", " : ": ", simba_model_label(model, i));
    printf("%s\n", info->classes > 10 && simba_model_label(model, 0) ? ", ..." : "");
    printf("  stages       %d\n", info->stages);
}

static void print_text(const struct simba_model *model, const struct simba_model_info *info, bool tensors) {
    char text[32], more[32];
    printf("%s%s%s%s\n", cli_bold(stdout), info->model, info->token_labels ? ", token labels" : "", cli_plain(stdout));
    if (info->series)
        printf("  forecasts    %d rows of %d channel%s from the %d before\n", info->horizon, info->channels,
               info->channels == 1 ? "" : "s", info->look_back);
    else
        print_input(model, info);
    printf("  parameters   %lld in %d tensors, %s\n", (long long)info->parameters, info->parameter_tensors,
           cli_bytes(text, (double)info->parameter_bytes));
    printf("  one pass     batch %d: %sFLOP, %s of intermediate values\n", info->batch, cli_count(text, info->flops),
           cli_bytes(more, (double)info->activation_bytes));
    if (info->step)
        printf("  trained      %lld epochs, %lld steps on %s, by simba %s\n", (long long)info->epoch,
               (long long)info->step, info->data, info->version);
    if (info->step && info->best_top1 >= 0) printf("  best top-1   %.2f %%\n", 100 * info->best_top1);
    if (info->step && info->best_mse >= 0) printf("  best MSE     %.4f (validation part)\n", info->best_mse);
    if (tensors) {
        struct simba_parameter_info parameter;
        for (int i = 0; i < info->parameter_tensors && simba_model_parameter(model, i, &parameter, NULL); i++) {
            printf("  %s [", parameter.name);
            for (int axis = 0; axis < parameter.rank; axis++)
                printf("%s%lld", axis ? ", " : "", (long long)parameter.shape[axis]);
            printf("]%s\n", !parameter.trainable ? " statistics" : parameter.decay ? " decay" : "");
        }
    }
}

static int run(const struct cli_command *command, int count, char **words) {
    struct cli_list operands = {0}, overrides = {0};
    const char *configuration = NULL;
    int batch = 0;
    bool json = false, tensors = false;
    const struct cli_option options[] = {
        {.name = "config",
         .argument = "FILE",
         .help = "the architecture, if the weights do not say or there are none",
         .text = &configuration},
        {.name = "set",
         .argument = "KEY=VALUE",
         .help = "change the configuration of --config: model.mixer=einfft",
         .list = &overrides},
        {.name = "batch", .argument = "N", .help = "images for memory and FLOPs (1)", .integer = &batch, .minimum = 1},
        {.name = "tensors", .help = "list every tensor", .flag = &tensors},
        {.name = "json", .help = "machine-readable output", .flag = &json},
        {0}};
    int code = CLI_DONE;
    struct simba_model *model = NULL;
    if (!cli_options_read(command, options, count, words, &operands, &code)) goto done;
    if (operands.count > 1 || (!operands.count && !configuration)) {
        code = cli_usage_error(command, "expected one model file, or --config FILE");
        goto done;
    }
    if (overrides.count && !configuration) {
        code = cli_usage_error(command, "--set changes a configuration: name one with --config FILE");
        goto done;
    }
    struct simba_error error;
    model = simba_model_create(NULL,
                               &(struct simba_model_options){.weights = operands.count ? operands.items[0] : NULL,
                                                             .configuration = configuration,
                                                             .overrides = overrides.items,
                                                             .override_count = overrides.count,
                                                             .batch = batch},
                               &error);
    if (!model) {
        code = cli_failed(&error);
        goto done;
    }
    struct simba_model_info info;
    simba_model_inspect(model, &info);
    (json ? print_json : print_text)(model, &info, tensors);
done:
    simba_model_destroy(model);
    free(operands.items);
    free(overrides.items);
    return code;
}

const struct cli_command cli_inspect = {.name = "inspect",
                                        .operands = "MODEL",
                                        .summary = "architecture, parameters, memory, FLOPs and training record",
                                        .details = "simba inspect --config CONFIG.json looks at a configuration "
                                                   "without weights.\n",
                                        .run = run};
