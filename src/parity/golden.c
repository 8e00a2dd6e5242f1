/* From a file's name to its kind of case. */
#include "parity/golden.h"

#include <stdio.h>
#include <string.h>

static const struct kind {
    const char *prefix, *part; /* `part`, when not NULL, must be in the name as well */
    bool (*run)(struct golden_case *golden);
} kinds[] = {
    {"op_selective_scan", NULL, golden_selective_scan},
    {"op_conv1d_silu", NULL, golden_conv1d_silu},
    {"op_einfft", NULL, golden_einfft},
    {"op_layernorm", NULL, golden_layer_norm},
    {"op_pvt2ffn", NULL, golden_mlp},
    {"op_ffn", NULL, golden_mlp},
    {"op_downsamples", NULL, golden_downsample},
    {"op_stem_", NULL, golden_stem},
    {"op_mamba", NULL, golden_mamba},
    {"op_block_mamba", NULL, golden_block},
    {"op_classblock", NULL, golden_class_block},
    {"op_losses", NULL, golden_losses},
    {"op_adamw", NULL, golden_adamw},
    {"tiny_", "_params", NULL},
    {"tiny_", "_train", golden_train},
    {"tiny_", NULL, golden_tiny},
    {"full_simba_", NULL, golden_full},
    {"series_", "_train", golden_forecaster_train},
    {"series_", NULL, golden_forecaster},
    {"dlinear", NULL, golden_forecaster},
};

static const struct kind *kind_of(const char *name) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0 &&
            (!kinds[i].part || strstr(name, kinds[i].part)))
            return &kinds[i];
    return NULL;
}

bool sb_parity_golden(struct sb_device *device, const char *path, struct sb_parity_report *report,
                      struct simba_error *error) {
    static const char ending[] = ".safetensors";
    struct golden_case golden = {.device = device, .path = path, .report = report, .error = error};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = strlen(name);
    if (length > strlen(ending) && strcmp(name + length - strlen(ending), ending) == 0) length -= strlen(ending);
    snprintf(golden.name, sizeof golden.name, "%.*s", (int)length, name);
    const struct kind *kind = kind_of(golden.name);
    if (!kind || !kind->run)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "%s: %s. Names of golden cases begin with op_selective_scan, op_conv1d_silu, op_einfft, "
                       "op_layernorm, op_pvt2ffn, op_ffn, op_downsamples, op_stem_train, op_stem_eval, op_mamba, "
                       "op_block_mamba, op_classblock, op_losses, op_adamw, tiny_, full_simba_, series_ or "
                       "dlinear.",
                       path,
                       kind ? "this file holds the parameters of other cases" : "no kind of case has such a name");
    golden.file = sb_safetensors_open(path, error);
    if (!golden.file) return false;
    golden.kink_distance = 1;
    golden_number(sb_safetensors_note(golden.file, "float32_vs_float64"),
                  "\"kink_min_distance\":", &golden.kink_distance);
    bool done = kind->run(&golden);
    if (!done && error && !strstr(error->message, path)) sb_fail_within(error, "%s: ", path);
    sb_safetensors_close(golden.file);
    sb_pool_finish(&golden.pool);
    return done;
}
