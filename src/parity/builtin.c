/* Small models that a machine is tried with first: between them they have every operation of the graph, every mixer and
 * head, odd sizes, one token, and every precision; no long sequences. Where whole samples are dropped there are enough
 * of them that some stay in each block (tests/golden sees to that, for the default seed). */
#include "parity/parity.h"

#include <stdio.h>
#include <string.h>

static const struct builtin {
    const char *name, *model;
    bool training;
    enum sb_precision precision;
    int64_t batch; /* 0: the usual */
} builtins[] = {
    {"vision_einfft",
     "{\"size\": \"custom\", \"stem\": 8, \"dims\": [16, 32], \"depths\": [1, 1], \"mixer\": \"einfft\", "
     "\"mlp_ratios\": [2, 2], \"image_size\": [36, 28], \"channels\": 3, \"classes\": 10, \"d_state\": 16, "
     "\"drop_path\": 0.2}",
     true, SB_PRECISION_FP32},
    {"vision_mlp_token_labels",
     "{\"size\": \"custom\", \"stem\": 8, \"dims\": [16, 24], \"depths\": [1, 1], \"mixer\": \"mlp\", "
     "\"mlp_ratios\": [2, 3], \"image_size\": 32, \"channels\": 1, \"classes\": 7, \"token_labels\": true, "
     "\"d_state\": 64}",
     true, SB_PRECISION_FP32},
    {"series_einfft",
     "{\"architecture\": \"series\", \"mixer\": \"einfft\", \"channels\": 3, \"look_back\": 48, \"horizon\": 12, "
     "\"patch\": 8, \"stride\": 4, \"dim\": 24, \"depth\": 2, \"dropout\": 0.2, \"head_dropout\": 0.1}",
     true, SB_PRECISION_FP32},
    {"series_mlp_bidirectional",
     "{\"architecture\": \"series\", \"mixer\": \"mlp\", \"channels\": 5, \"look_back\": 40, \"horizon\": 6, "
     "\"mix_channels\": true, \"bidirectional\": true, \"head\": \"mean\", \"final_norm\": false, \"dim\": 18, "
     "\"drop_path\": 0.2}",
     true, SB_PRECISION_FP32, 3},
    {"series_dlinear",
     "{\"architecture\": \"dlinear\", \"channels\": 4, \"look_back\": 33, \"horizon\": 12, \"kernel\": 7, "
     "\"normalise\": \"mean\"}",
     true, SB_PRECISION_FP32},
    {"vision_einfft_fp16",
     "{\"size\": \"custom\", \"stem\": 8, \"dims\": [16, 32], \"depths\": [1, 1], \"mixer\": \"einfft\", "
     "\"image_size\": 32, \"channels\": 3, \"classes\": 10, \"d_state\": 8}",
     true, SB_PRECISION_FP16},
    {"vision_mlp_bf16",
     "{\"size\": \"custom\", \"stem\": 8, \"dims\": [16, 32], \"depths\": [1, 1], \"mixer\": \"mlp\", "
     "\"mlp_ratios\": [2, 2], \"image_size\": 32, \"channels\": 3, \"classes\": 10, \"d_state\": 8}",
     true, SB_PRECISION_BF16},
    {"vision_einfft_inference",
     "{\"size\": \"custom\", \"stem\": 8, \"dims\": [16, 32], \"depths\": [1, 1], \"mixer\": \"einfft\", "
     "\"image_size\": 64, \"channels\": 3, \"classes\": 10, \"token_labels\": true}",
     false, SB_PRECISION_FP32},
};
enum { BUILTINS = sizeof builtins / sizeof builtins[0] };

const char *simba_parity_builtin(int index) {
    return index >= 0 && index < BUILTINS ? builtins[index].name : NULL;
}

bool sb_parity_builtin(const char *name, struct sb_model_config *config,
                       struct sb_parity_compare_parameters *parameters, struct simba_error *error) {
    char names[512] = "";
    size_t used = 0;
    for (int i = 0; i < BUILTINS; i++) {
        const struct builtin *builtin = &builtins[i];
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", builtin->name);
        if (strcmp(builtin->name, name) != 0) continue;
        struct sb_json_document *document = sb_json_read_text(name, builtin->model, error);
        const bool read = document && sb_model_config_read(sb_json_root(document), config, error);
        sb_json_destroy(document);
        parameters->config = config;
        parameters->name = builtin->name;
        parameters->training = parameters->training && builtin->training;
        parameters->precision = builtin->precision;
        if (!parameters->batch) parameters->batch = builtin->batch;
        return read;
    }
    return sb_fail(error, SIMBA_ERROR_ARGUMENT, "There is no built-in model \"%s\"; there are %s.", name, names);
}
