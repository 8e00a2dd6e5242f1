#include "cli.h"

#include <stdlib.h>

struct display {
    double begin;
};

static void show_progress(void *user, int64_t done, int64_t total) {
    struct display *display = user;
    char eta[32];
    if (display->begin <= 0) display->begin = cli_now();
    const double seconds = cli_now() - display->begin;
    fprintf(stderr, "\r%lld / %lld images  ETA %s\033[K", (long long)done, (long long)total,
            cli_duration(eta, seconds / (double)done * (double)(total - done)));
    if (done == total) fputs("\r\033[K", stderr);
}

static int run(const struct cli_command *command, int count, char **words) {
    struct cli_device device_options = {0};
    struct cli_list operands = {0};
    const char *output = NULL;
    int batch = 0, top = 0, threads = 0;
    bool json = false, overwrite = false;
    const struct cli_option options[] = {
        {.name = "output", .argument = "DIR", .help = "where the label maps go", .text = &output},
        {.name = "top", .argument = "K", .help = "classes kept for each place (5)", .integer = &top, .minimum = 1},
        {.name = "batch", .argument = "N", .help = "images computed at once (16)", .integer = &batch, .minimum = 1},
        {.name = "threads", .argument = "N", .help = "that decode images (2)", .integer = &threads, .minimum = 1},
        {.name = "overwrite", .help = "also maps that are there already", .flag = &overwrite},
        {.name = "json", .help = "machine-readable output", .flag = &json},
        CLI_DEVICE_OPTIONS(device_options),
        {0}};
    struct simba_device *device = NULL;
    struct simba_labelling result;
    struct simba_error error;
    struct display display = {0};
    int code = CLI_DONE;
    if (!cli_options_read(command, options, count, words, &operands, &code)) goto done;
    if (operands.count != 2 || !output) {
        code = cli_usage_error(command, "expected a model, the images and --output DIR");
        goto done;
    }
    device = cli_device_open(&device_options, &error);
    if (!device ||
        !simba_label(&(struct simba_label_options){.device = device,
                                                   .weights = operands.items[0],
                                                   .data = operands.items[1],
                                                   .output = output,
                                                   .top = top,
                                                   .batch = batch,
                                                   .threads = threads,
                                                   .overwrite = overwrite,
                                                   .progress = cli_is_terminal(stderr) ? show_progress : NULL,
                                                   .user = &display},
                     &result, &error)) {
        code = cli_failed(&error);
        goto done;
    }
    if (json)
        printf(
            "{\"images\": %lld, \"written\": %lld, \"present\": %lld, \"broken\": %lld, \"top\": %d, \"height\": %d, "
            "\"width\": %d}\n",
            (long long)result.images, (long long)result.written, (long long)result.present, (long long)result.broken,
            result.top, result.height, result.width);
    else
        printf(
            "%lld images: %lld label maps of %d x %d places and %d classes written, %lld were there, %lld images could "
            "not be read\n",
            (long long)result.images, (long long)result.written, result.height, result.width, result.top,
            (long long)result.present, (long long)result.broken);
done:
    simba_device_close(device);
    free(operands.items);
    return code;
}

const struct cli_command cli_label = {
    .name = "label",
    .operands = "MODEL IMAGES --output DIR",
    .summary = "make label maps for training with token labels",
    .details =
        "IMAGES is the directory with one directory for each class (or a list, IDX or CIFAR files). The maps are\n"
        "used by a training with \"model\": {\"token_labels\": true}, \"data\": {\"label_maps\": \"DIR\"}.\n",
    .run = run};
