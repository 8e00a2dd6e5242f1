/* Mamba: the selective scan and the causal convolution in front of it. */
#include "bench/bench.h"

enum { BATCH, TOKENS, CHANNELS, STATES };
static const struct simba_bench_parameter scan_parameters[] = {{"batch", "sequences"},
                                                               {"tokens", "length of a sequence"},
                                                               {"channels", "twice the model's width"},
                                                               {"states", "of each channel, d_state"},
                                                               {0}};
/* The four stages of simba_s at 224 x 224, then forecasting: 128 windows of 7 channels with 12 patches each, and the
 * shipped configuration for ETTh1. */
static const char *const scan_shapes[] = {"batch=1 tokens=3136 channels=128 states=64",
                                          "batch=1 tokens=784 channels=256 states=64",
                                          "batch=1 tokens=196 channels=640 states=64",
                                          "batch=1 tokens=49 channels=896 states=64",
                                          "batch=896 tokens=12 channels=256 states=16",
                                          "batch=224 tokens=4 channels=128 states=4",
                                          NULL};

/* As in a model: z is half of in_proj's result, B and C are columns of x_proj's. */
static void build_scan(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_graph *graph = &bench->graph;
    const int64_t batch = sizes[BATCH], tokens = sizes[TOKENS], channels = sizes[CHANNELS], states = sizes[STATES];
    const int64_t rank = (channels + 31) / 32; /* of delta, dt_rank: a 16th of the model's width, rounded up */
    const int64_t *rows = SB_BENCH_SHAPE(batch, tokens, channels);
    struct sb_tensor *halves[2] = {NULL}, *parts[3] = {NULL};
    struct sb_scan_parameters p = {.name = "scan", .softplus = true};
    p.u = sb_bench_normal(bench, "u", 0, 1, 3, rows);
    p.delta = sb_bench_normal(bench, "delta", -1, 1, 3, rows);
    p.a = sb_bench_uniform(bench, "a", -(double)states, -1, 2, SB_BENCH_SHAPE(channels, states));
    sb_op_split(graph, sb_bench_normal(bench, "xz", 0, 1, 3, SB_BENCH_SHAPE(batch, tokens, 2 * channels)), 2,
                SB_BENCH_SHAPE(channels, channels), halves);
    sb_op_split(graph, sb_bench_normal(bench, "dbc", 0, 1, 3, SB_BENCH_SHAPE(batch, tokens, rank + 2 * states)), 3,
                SB_BENCH_SHAPE(rank, states, states), parts);
    p.b = parts[1];
    p.c = parts[2];
    p.z = halves[1];
    p.d = sb_bench_normal(bench, "d", 1, 0.3, 1, SB_BENCH_SHAPE(channels));
    p.bias = sb_bench_uniform(bench, "bias", 0, 0.5, 1, SB_BENCH_SHAPE(channels));
    sb_bench_root(bench, sb_op_selective_scan(graph, p));
}

enum { TAPS = 3 };
static const struct simba_bench_parameter conv_parameters[] = {{"batch", "sequences"},
                                                               {"tokens", "length of a sequence"},
                                                               {"channels", "each with a filter of its own"},
                                                               {"taps", "length of a filter, d_conv"},
                                                               {0}};
static const char *const conv_shapes[] = {
    "batch=1 tokens=3136 channels=128 taps=4", "batch=1 tokens=196 channels=640 taps=4",
    "batch=896 tokens=12 channels=256 taps=4", "batch=224 tokens=4 channels=128 taps=4", NULL};

static void build_conv(struct sb_bench_case *bench, const int64_t *sizes) {
    const int64_t batch = sizes[BATCH], tokens = sizes[TOKENS], channels = sizes[CHANNELS];
    struct sb_tensor *halves[2] = {NULL};
    sb_op_split(&bench->graph, sb_bench_normal(bench, "xz", 0, 1, 3, SB_BENCH_SHAPE(batch, tokens, 2 * channels)), 2,
                SB_BENCH_SHAPE(channels, channels), halves);
    struct sb_causal_conv1d_parameters p = {.name = "conv1d", .x = halves[0], .activation = SB_ACTIVATION_SILU};
    p.weight = sb_bench_normal(bench, "weight", 0, 0.5, 3, SB_BENCH_SHAPE(channels, 1, sizes[TAPS]));
    p.bias = sb_bench_normal(bench, "bias", 0, 0.5, 1, SB_BENCH_SHAPE(channels));
    sb_bench_root(bench, sb_op_causal_conv1d(&bench->graph, p));
}

const struct sb_bench_kernel sb_bench_mamba[] = {
    {SB_BENCH_ENTRY("scan/forward",
                    "Mamba's selective scan with soft plus, D and the gate silu(z), as inference runs it",
                    "SELECTIVE_SCAN in src/ops/ops.h", "u, delta, z, B, C, A, D, bias and y, 4 bytes each, once",
                    "6 for each token, channel and state; specials: states + 2 for each token and channel",
                    scan_parameters, scan_shapes),
     .build = build_scan, .outer = "batch"},
    {SB_BENCH_ENTRY("scan/training",
                    "the same in training: saves the ungated result and the states at the borders of chunks",
                    "SELECTIVE_SCAN in src/ops/ops.h", "as scan/forward, and what is saved", "as scan/forward",
                    scan_parameters, scan_shapes),
     .build = build_scan, .outer = "batch", .training = true},
    {SB_BENCH_ENTRY("scan/backward",
                    "the gradients of all eight inputs of the selective scan; the states are computed again",
                    "SELECTIVE_SCAN in src/ops/ops.h, GRADIENT",
                    "inputs, what was saved, dy and all gradients, 4 bytes each, once",
                    "20 for each token, channel and state; specials: states + 2 for each token and channel",
                    scan_parameters, scan_shapes),
     .build = build_scan, .outer = "batch", .backward = true, .ops = {SB_OP_SELECTIVE_SCAN_GRADIENT}},
    {SB_BENCH_ENTRY("conv1d/forward", "causal convolution of each channel by itself, with bias and SiLU",
                    "CAUSAL_CONV1D in src/ops/ops.h", "x, weight, bias and y, 4 bytes each, once",
                    "2 for each tap of each result", conv_parameters, conv_shapes),
     .build = build_conv, .outer = "batch"},
    {SB_BENCH_ENTRY("conv1d/backward", "the gradients of its input, weight and bias",
                    "CAUSAL_CONV1D in src/ops/ops.h, GRADIENT",
                    "dy, x, weight, bias and the gradients, 4 bytes each, once", "4 for each tap of each result",
                    conv_parameters, conv_shapes),
     .build = build_conv, .outer = "batch", .backward = true, .ops = {SB_OP_CAUSAL_CONV1D_GRADIENT}},
    {{0}}};
