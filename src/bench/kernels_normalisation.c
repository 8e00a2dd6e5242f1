/* Layer and batch normalisation. */
#include "bench/bench.h"

enum { BATCH, TOKENS, CHANNELS };
static const struct simba_bench_parameter parameters[] = {{"batch", "images, or rows of a series"},
                                                          {"tokens", "of each, or places of an image"},
                                                          {"channels", "of a token"},
                                                          {0}};
/* The four stages of simba_s, then forecasting. */
static const char *const layer_shapes[] = {"batch=1 tokens=3136 channels=64",  "batch=1 tokens=784 channels=128",
                                           "batch=1 tokens=196 channels=320",  "batch=1 tokens=49 channels=448",
                                           "batch=896 tokens=12 channels=128", NULL};
/* The stem of simba_s, of one image and of four. */
static const char *const batch_shapes[] = {"batch=1 tokens=12544 channels=32", "batch=4 tokens=12544 channels=32",
                                           NULL};

static void build_layer(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_tensor *x =
        sb_bench_normal(bench, "x", 0.5, 1, 3, SB_BENCH_SHAPE(sizes[BATCH], sizes[TOKENS], sizes[CHANNELS]));
    struct sb_tensor *gamma = sb_bench_normal(bench, "gamma", 1, 0.3, 1, SB_BENCH_SHAPE(sizes[CHANNELS]));
    struct sb_tensor *beta = sb_bench_normal(bench, "beta", 0, 0.3, 1, SB_BENCH_SHAPE(sizes[CHANNELS]));
    sb_bench_root(bench, sb_op_layer_norm(&bench->graph, "layer_norm", x, gamma, beta, 1e-5f));
}

static void build_batch_norm(struct sb_bench_case *bench, const int64_t *sizes, bool training) {
    const int64_t *channel = SB_BENCH_SHAPE(sizes[CHANNELS]);
    struct sb_batch_norm_parameters p = {
        .name = "batch_norm", .epsilon = 1e-5f, .momentum = 0.1f, .training = training, .relu = true};
    p.x = sb_bench_normal(bench, "x", 0.5, 1, 3, SB_BENCH_SHAPE(sizes[BATCH], sizes[TOKENS], sizes[CHANNELS]));
    p.gamma = sb_bench_normal(bench, "gamma", 1, 0.3, 1, channel);
    p.beta = sb_bench_normal(bench, "beta", 0, 0.3, 1, channel);
    p.running_mean = sb_bench_constant(bench, "running_mean", -1, 1, 1, channel);
    p.running_var = sb_bench_constant(bench, "running_var", 0.5, 2, 1, channel);
    sb_bench_root(bench, sb_op_batch_norm(&bench->graph, p));
}

static void build_of_batch(struct sb_bench_case *bench, const int64_t *sizes) {
    build_batch_norm(bench, sizes, true);
}

static void build_of_running(struct sb_bench_case *bench, const int64_t *sizes) {
    build_batch_norm(bench, sizes, false);
}

#define ENTRY(name, summary, formula, shapes) \
    SB_BENCH_ENTRY(name, summary, formula, sb_bench_once, "4 for each element", parameters, shapes)

const struct sb_bench_kernel sb_bench_normalisations[] = {
    {ENTRY("layer_norm/forward", "normalisation of each token", "LAYER_NORM in src/ops/ops.h", layer_shapes),
     .build = build_layer, .outer = "batch"},
    {ENTRY("layer_norm/backward", "the gradients of its input, gamma and beta", "LAYER_NORM in src/ops/ops.h, GRADIENT",
           layer_shapes),
     .build = build_layer, .outer = "batch", .backward = true},
    {ENTRY("batch_norm/inference", "normalisation of each channel by running statistics, then ReLU",
           "BATCH_NORM in src/ops/ops.h", batch_shapes),
     .build = build_of_running, .outer = "batch"},
    {ENTRY("batch_norm/forward", "normalisation of each channel by the batch's statistics, then ReLU",
           "BATCH_NORM in src/ops/ops.h, training", batch_shapes),
     .build = build_of_batch, .training = true},
    {ENTRY("batch_norm/backward", "the gradients of its input, gamma and beta, through the statistics and ReLU",
           "BATCH_NORM in src/ops/ops.h, GRADIENT", batch_shapes),
     .build = build_of_batch, .backward = true},
    {{0}}};
