#include "cli.h"

#include <stdlib.h>

static void print(const struct simba_conversion *conversion, const char *output, bool json) {
    if (json) {
        printf("{\"output\": ");
        cli_json_string(stdout, output);
        printf(", \"size\": \"%s\", \"mixer\": \"%s\", \"tensors\": %d, \"parameters\": %lld, \"classes\": %d, "
               "\"token_labels\": %s, \"ignored\": ",
               conversion->size, conversion->mixer, conversion->tensors, (long long)conversion->parameters,
               conversion->classes, conversion->token_labels ? "true" : "false");
        cli_json_string(stdout, conversion->ignored);
        printf("}\n");
        return;
    }
    printf("SiMBA %s, %s mixer, %d classes%s: %d tensors, %lld parameters\n", conversion->size, conversion->mixer,
           conversion->classes, conversion->token_labels ? ", token labels" : "", conversion->tensors,
           (long long)conversion->parameters);
    if (conversion->ignored[0]) printf("left out: %s\n", conversion->ignored);
    printf("wrote %s\n", output);
}

static int run(const struct cli_command *command, int count, char **words) {
    struct cli_list operands = {0};
    const char *key = NULL, *configuration = NULL;
    bool json = false;
    const struct cli_option options[] = {
        {.name = "key", .argument = "NAME", .help = "the part of a PyTorch file to take: model_ema", .text = &key},
        {.name = "config",
         .argument = "CONFIG.json",
         .help = "the architecture, where the weights do not say it",
         .text = &configuration},
        {.name = "json", .help = "machine-readable output", .flag = &json},
        {0}};
    int code = CLI_DONE;
    if (!cli_options_read(command, options, count, words, &operands, &code)) goto done;
    if (operands.count != 2) {
        code = cli_usage_error(command, "expected an input and an output file, found %d", operands.count);
        goto done;
    }
    struct simba_conversion conversion;
    struct simba_error error;
    if (simba_convert(
            &(struct simba_convert_options){
                .input = operands.items[0], .output = operands.items[1], .key = key, .configuration = configuration},
            &conversion, &error))
        print(&conversion, operands.items[1], json);
    else
        code = cli_failed(&error);
done:
    free(operands.items);
    return code;
}

const struct cli_command cli_convert = {
    .name = "convert",
    .operands = "INPUT OUTPUT",
    .summary = "weights from and to PyTorch files",
    .details =
        "Reads safetensors and what torch.save wrote; the ending of OUTPUT (.safetensors, .pth, .pt, .tar) decides\n"
        "what is written. predict, evaluate and inspect read PyTorch files as they are.\n",
    .run = run};
