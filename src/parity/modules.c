/* Golden cases of single operations and modules: one graph, its output and gradients for a given cotangent. */
#include "graph/differentiate.h"
#include "ops/ops.h"
#include "parity/golden.h"

#include <stdlib.h>
#include <string.h>

/* Differentiates y with the cotangent in/grad_y, expects what the file has, and runs. */
static bool finish_case(struct golden_run *run, struct sb_tensor *y, enum golden_layout layout,
                        const struct golden_alias *aliases) {
    struct simba_error *error = run->golden->error;
    struct sb_tensor *cotangent = golden_input(run, "in/grad_y", layout);
    golden_result(run, "out/y", y, layout);
    if (!sb_graph_ok(&run->graph, error)) return false;
    if (!cotangent)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: a case of this kind needs \"in/grad_y\".", run->golden->path);
    return sb_differentiate_all(&run->graph, &y, &cotangent, 1, error) && golden_expect_all(run, "", aliases) &&
           golden_execute(run);
}

/* "mlp" or "einfft", from the file's name. */
static enum sb_mixer mixer_of(const struct golden_case *golden) {
    return strstr(golden->name, "einfft") ? SB_MIXER_EINFFT : SB_MIXER_MLP;
}

static int64_t side_of(const struct golden_case *golden, const char *key) {
    const char *note = sb_safetensors_note(golden->file, key);
    return note ? strtoll(note, NULL, 10) : 0;
}

/* Height and width of the tokens' grid: metadata H and W. */
static bool read_grid(struct golden_case *golden, int64_t *height, int64_t *width) {
    *height = side_of(golden, "H");
    *width = side_of(golden, "W");
    return (*height > 0 && *width > 0) || sb_fail(golden->error, SIMBA_ERROR_FORMAT,
                                                  "%s: a case of this kind needs the metadata H and W.", golden->path);
}

bool golden_selective_scan(struct golden_case *golden) {
    const char *softplus = sb_safetensors_note(golden->file, "delta_softplus");
    struct golden_run run;
    golden_run_init(&run, golden, true);
    struct sb_tensor *y = sb_op_selective_scan(
        &run.graph, (struct sb_scan_parameters){.name = "scan",
                                                .u = golden_input(&run, "in/u", GOLDEN_CHANNELS_FIRST),
                                                .delta = golden_input(&run, "in/delta", GOLDEN_CHANNELS_FIRST),
                                                .a = golden_input(&run, "in/A", GOLDEN_SAME),
                                                .b = golden_input(&run, "in/B", GOLDEN_CHANNELS_FIRST),
                                                .c = golden_input(&run, "in/C", GOLDEN_CHANNELS_FIRST),
                                                .d = golden_input(&run, "in/D", GOLDEN_SAME),
                                                .z = golden_input(&run, "in/z", GOLDEN_CHANNELS_FIRST),
                                                .bias = golden_input(&run, "in/delta_bias", GOLDEN_SAME),
                                                .softplus = softplus && strcmp(softplus, "true") == 0});
    bool done = finish_case(&run, y, GOLDEN_CHANNELS_FIRST, NULL);
    golden_run_finish(&run);
    return done;
}

bool golden_conv1d_silu(struct golden_case *golden) {
    struct golden_run run;
    golden_run_init(&run, golden, true);
    struct sb_tensor *y = sb_op_causal_conv1d(
        &run.graph, (struct sb_causal_conv1d_parameters){.name = "conv1d",
                                                         .x = golden_input(&run, "in/x", GOLDEN_CHANNELS_FIRST),
                                                         .weight = golden_input(&run, "in/weight", GOLDEN_SAME),
                                                         .bias = golden_input(&run, "in/bias", GOLDEN_SAME),
                                                         .activation = SB_ACTIVATION_SILU});
    bool done = finish_case(&run, y, GOLDEN_CHANNELS_FIRST, NULL);
    golden_run_finish(&run);
    return done;
}

/* The cases of modules: parameters under param/, the input in/x. */
struct module {
    struct golden_run run;
    struct sb_tensor *x;
};

static bool start_module(struct module *module, struct golden_case *golden, enum golden_layout layout) {
    golden_run_init(&module->run, golden, true);
    bool read = golden_parameters(&module->run, "param/");
    module->x = read ? golden_input(&module->run, "in/x", layout) : NULL;
    if (read && !module->x && !module->run.graph.failed)
        sb_graph_fail(&module->run.graph, "%s: a case of this kind needs \"in/x\".", golden->path);
    return read && module->x;
}

/* Also what start_module has left when it failed. */
static bool finish_module(struct module *module, struct sb_tensor *y, const struct golden_alias *aliases) {
    bool done = module->x && finish_case(&module->run, y, GOLDEN_SAME, aliases);
    if (!done) sb_graph_ok(&module->run.graph, module->run.golden->error);
    golden_run_finish(&module->run);
    return done;
}

bool golden_layer_norm(struct golden_case *golden) {
    struct module module;
    struct sb_tensor *y = NULL;
    const char *note = sb_safetensors_note(golden->file, "eps");
    if (start_module(&module, golden, GOLDEN_SAME)) {
        struct sb_graph *graph = &module.run.graph;
        const struct sb_parameter *weight = sb_parameter_find(&module.run.list, "weight");
        const struct sb_parameter *bias = sb_parameter_find(&module.run.list, "bias");
        if (!weight || !bias || !note)
            sb_graph_fail(graph, "%s: a case of this kind needs param/weight, param/bias and the metadata eps.",
                          golden->path);
        else
            y = sb_op_layer_norm(
                graph, "norm", module.x,
                sb_shared(graph, "weight", SB_SPACE_PARAMETER, weight->offset, weight->rank, weight->shape, true),
                sb_shared(graph, "bias", SB_SPACE_PARAMETER, bias->offset, bias->rank, bias->shape, true),
                strtof(note, NULL));
    }
    return finish_module(&module, y, NULL);
}

bool golden_einfft(struct golden_case *golden) {
    struct module module;
    struct sb_tensor *y = NULL;
    if (start_module(&module, golden, GOLDEN_SAME))
        y = sb_module_einfft(&module.run.graph, &module.run.list, module.x, NULL, NULL);
    return finish_module(&module, y, NULL);
}

/* PVT2FFN has a depth-wise convolution, FFN has none. */
bool golden_mlp(struct golden_case *golden) {
    static const struct golden_alias aliases[] = {
        /* the argument of the activation that is fused with the convolution */
        {.theirs = "dwconv", .ours = "act", .take = GOLDEN_PRODUCER_OUTPUT, .index = 1},
        {.theirs = ""}};
    int64_t height = 0, width = 0;
    bool depthwise = golden_has(golden, "param/dwconv.dwconv.weight");
    if (depthwise && !read_grid(golden, &height, &width)) return false;
    struct module module;
    struct sb_tensor *y = NULL;
    if (start_module(&module, golden, GOLDEN_SAME))
        y = sb_module_mlp(&module.run.graph, &module.run.list, module.x, height, width, NULL, NULL);
    return finish_module(&module, y, aliases);
}

bool golden_downsample(struct golden_case *golden) {
    struct module module;
    struct sb_tensor *y = NULL;
    if (start_module(&module, golden, GOLDEN_CHANNELS_FIRST))
        y = sb_module_downsample(&module.run.graph, &module.run.list, module.x);
    return finish_module(&module, y, NULL);
}

bool golden_stem(struct golden_case *golden) {
    /* Ours are after the ReLU that is fused with the normalisation. */
    static const struct golden_alias aliases[] = {{.theirs = "conv.1", .ours = "conv.2", .rectified = true},
                                                  {.theirs = "conv.4", .ours = "conv.5", .rectified = true},
                                                  {.theirs = "conv.7", .ours = "conv.8", .rectified = true},
                                                  {.theirs = ""}};
    bool training = strstr(golden->name, "train");
    struct module module;
    struct sb_tensor *y = NULL;
    if (start_module(&module, golden, GOLDEN_CHANNELS_FIRST))
        y = sb_module_stem(&module.run.graph, &module.run.list, module.x, training);
    return finish_module(&module, y, aliases);
}

bool golden_mamba(struct golden_case *golden) {
    static const struct golden_alias aliases[] = {
        {.theirs = "xz", .ours = "in_proj", .layout = GOLDEN_CHANNELS_FIRST},
        {.theirs = "conv_silu", .ours = "conv1d", .layout = GOLDEN_CHANNELS_FIRST},
        {.theirs = "x_dbl", .ours = "x_proj"},
        {.theirs = "dt_raw", .ours = "dt_proj", .layout = GOLDEN_CHANNELS_FIRST},
        {"B", "scan", GOLDEN_PRODUCER_INPUT, SB_SCAN_B, GOLDEN_CHANNELS_FIRST, false},
        {"C", "scan", GOLDEN_PRODUCER_INPUT, SB_SCAN_C, GOLDEN_CHANNELS_FIRST, false},
        {.theirs = "scan_out", .ours = "scan", .layout = GOLDEN_CHANNELS_FIRST},
        {.theirs = ""}};
    struct module module;
    struct sb_tensor *y = NULL;
    if (start_module(&module, golden, GOLDEN_SAME))
        y = sb_module_mamba(&module.run.graph, &module.run.list, module.x, NULL, NULL);
    return finish_module(&module, y, aliases);
}

bool golden_block(struct golden_case *golden) {
    int64_t height, width;
    if (!read_grid(golden, &height, &width)) return false;
    struct module module;
    struct sb_tensor *y = NULL;
    if (start_module(&module, golden, GOLDEN_SAME))
        y = sb_module_block(&module.run.graph, mixer_of(golden), &module.run.list, module.x, height, width, NULL, NULL);
    return finish_module(&module, y, NULL);
}

bool golden_class_block(struct golden_case *golden) {
    struct module module;
    struct sb_tensor *y = NULL;
    if (start_module(&module, golden, GOLDEN_SAME))
        y = sb_module_class_block(&module.run.graph, mixer_of(golden), &module.run.list, module.x);
    return finish_module(&module, y, NULL);
}
