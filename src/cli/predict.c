#include "cli.h"

#include <stdlib.h>

static void print_text(const char *path, const struct simba_prediction *predictions, int top) {
    printf("%s%s%s\n", cli_bold(stdout), path, cli_plain(stdout));
    for (int k = 0; k < top; k++) {
        printf("  %6.2f %%  ", 100 * predictions[k].probability);
        if (predictions[k].label)
            printf("%s\n", predictions[k].label);
        else
            printf("class %d\n", predictions[k].class_index);
    }
}

static void print_json(const char *path, const struct simba_prediction *predictions, int top) {
    fputs("{\"image\": ", stdout);
    cli_json_string(stdout, path);
    fputs(", \"predictions\": [", stdout);
    for (int k = 0; k < top; k++) {
        printf("%s{\"class\": %d, \"label\": ", k ? ", " : "", predictions[k].class_index);
        cli_json_string(stdout, predictions[k].label);
        printf(", \"probability\": %.6g, \"logit\": %.9g}", (double)predictions[k].probability,
               (double)predictions[k].logit);
    }
    fputs("]}", stdout);
}

static int run(const struct cli_command *command, int count, char **words) {
    struct cli_device device_options = {0};
    const char *configuration = NULL;
    int top = 5;
    bool json = false;
    struct cli_list operands = {0};
    const struct cli_option options[] = {
        {.name = "top", .argument = "N", .help = "classes to print (5)", .integer = &top, .minimum = 1},
        {.name = "config",
         .argument = "FILE",
         .help = "the architecture, if the weights do not say",
         .text = &configuration},
        {.name = "json", .help = "machine-readable output", .flag = &json},
        CLI_DEVICE_OPTIONS(device_options),
        {0}};
    struct simba_device *device = NULL;
    struct simba_model *model = NULL;
    struct simba_prediction *predictions = NULL;
    struct simba_model_info info;
    struct simba_error error;
    int code = CLI_DONE;
    if (!cli_options_read(command, options, count, words, &operands, &code)) goto done;
    if (operands.count < 2) {
        code = cli_usage_error(command, "expected a model file and at least one image");
        goto done;
    }
    int images = operands.count - 1;
    device = cli_device_open(&device_options, &error);
    if (device)
        model = simba_model_create(device,
                                   &(struct simba_model_options){.weights = operands.items[0],
                                                                 .configuration = configuration,
                                                                 .batch = images < 16 ? images : 16},
                                   &error);
    if (!model) {
        code = cli_failed(&error);
        goto done;
    }
    simba_model_inspect(model, &info);
    if (top > info.classes) top = info.classes;
    predictions = calloc((size_t)images * (size_t)top, sizeof *predictions);
    if (!predictions) {
        fputs("simba: out of memory\n", stderr);
        code = CLI_FAILED;
        goto done;
    }
    if (!simba_model_classify_files(model, operands.items + 1, images, top, predictions, &error)) {
        code = cli_failed(&error);
        goto done;
    }
    if (json) fputs("[", stdout);
    for (int i = 0; i < images; i++) {
        if (json && i) fputs(",\n ", stdout);
        (json ? print_json : print_text)(operands.items[i + 1], predictions + (size_t)i * (size_t)top, top);
    }
    if (json) fputs("]\n", stdout);
done:
    free(predictions);
    simba_model_destroy(model);
    simba_device_close(device);
    free(operands.items);
    return code;
}

const struct cli_command cli_predict = {
    .name = "predict", .operands = "MODEL IMAGE.png...", .summary = "classify images", .run = run};
