/* Matrix products of the models' shapes, and convolutions of images. */
#include "bench/bench.h"

enum { BATCH, TOKENS, DEPTH, WIDTH };
static const struct simba_bench_parameter linear_parameters[] = {{"batch", "images, or rows of a series"},
                                                                 {"tokens", "of each"},
                                                                 {"depth", "inputs of a token"},
                                                                 {"width", "outputs of a token"},
                                                                 {0}};
/* simba_s: in_proj, fc1, fc2 and x_proj of stage 1, in_proj of stages 3 and 4; forecasting: in_proj, head. Then one
 * that is as large as products of other libraries are measured at. */
static const char *const linear_shapes[] = {
    "batch=1 tokens=3136 depth=64 width=256",   "batch=1 tokens=3136 depth=64 width=512",
    "batch=1 tokens=3136 depth=512 width=64",   "batch=1 tokens=3136 depth=128 width=132",
    "batch=1 tokens=196 depth=320 width=1280",  "batch=1 tokens=49 depth=448 width=1792",
    "batch=896 tokens=12 depth=128 width=512",  "batch=896 tokens=1 depth=1536 width=96",
    "batch=4 tokens=256 depth=1024 width=1024", NULL};

static void build_linear(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_linear_parameters p = {.name = "linear", .transpose_b = true};
    p.a = sb_bench_normal(bench, "a", 0, 1, 3, SB_BENCH_SHAPE(sizes[BATCH], sizes[TOKENS], sizes[DEPTH]));
    p.b = sb_bench_normal(bench, "b", 0, 0.3, 2, SB_BENCH_SHAPE(sizes[WIDTH], sizes[DEPTH]));
    p.bias = sb_bench_normal(bench, "bias", 0, 1, 1, SB_BENCH_SHAPE(sizes[WIDTH]));
    sb_bench_root(bench, sb_op_linear(&bench->graph, p));
}

enum { SIDE = 1, CHANNELS, FILTERS, KERNEL, STRIDE };
static const struct simba_bench_parameter conv_parameters[] = {{"batch", "images"},
                                                               {"side", "height and width of the input"},
                                                               {"channels", "of the input"},
                                                               {"filters", "channels of the output"},
                                                               {"kernel", "height and width of a filter, odd"},
                                                               {"stride", "from one place of a filter to the next"},
                                                               {0}};
/* The stem of simba_s at 224 x 224 and the first down-sampling. Nothing asks for the gradient of the image itself. */
static const char *const conv_shapes[] = {"batch=1 side=224 channels=3 filters=32 kernel=7 stride=2",
                                          "batch=1 side=112 channels=32 filters=32 kernel=3 stride=1",
                                          "batch=1 side=112 channels=32 filters=64 kernel=3 stride=2",
                                          "batch=1 side=56 channels=64 filters=128 kernel=3 stride=2", NULL};

static void build_conv2d(struct sb_bench_case *bench, const int64_t *sizes) {
    const int64_t side = sizes[SIDE], channels = sizes[CHANNELS], kernel = sizes[KERNEL];
    struct sb_conv2d_parameters p = {.name = "conv2d", .stride = sizes[STRIDE], .padding = kernel / 2};
    p.x = sb_bench_normal(bench, "x", 0, 1, 4, SB_BENCH_SHAPE(sizes[BATCH], side, side, channels));
    p.weight = sb_bench_normal(bench, "weight", 0, 0.3, 4, SB_BENCH_SHAPE(sizes[FILTERS], channels, kernel, kernel));
    p.bias = sb_bench_normal(bench, "bias", 0, 1, 1, SB_BENCH_SHAPE(sizes[FILTERS]));
    sb_bench_root(bench, sb_op_conv2d(&bench->graph, p));
}

enum { DEPTHWISE_KERNEL = 3 };
static const struct simba_bench_parameter depthwise_parameters[] = {{"batch", "images"},
                                                                    {"side", "height and width"},
                                                                    {"channels", "each with a filter of its own"},
                                                                    {"kernel", "height and width of a filter, odd"},
                                                                    {0}};
/* The MLP mixer of the four stages. */
static const char *const depthwise_shapes[] = {
    "batch=1 side=56 channels=512 kernel=3", "batch=1 side=28 channels=1024 kernel=3",
    "batch=1 side=14 channels=1280 kernel=3", "batch=1 side=7 channels=1792 kernel=3", NULL};

static void build_depthwise(struct sb_bench_case *bench, const int64_t *sizes) {
    const int64_t side = sizes[SIDE], channels = sizes[CHANNELS], kernel = sizes[DEPTHWISE_KERNEL];
    struct sb_depthwise_parameters p = {.name = "depthwise", .activation = SB_ACTIVATION_GELU};
    p.x = sb_bench_normal(bench, "x", 0, 1, 4, SB_BENCH_SHAPE(sizes[BATCH], side, side, channels));
    p.weight = sb_bench_normal(bench, "weight", 0, 0.5, 4, SB_BENCH_SHAPE(channels, 1, kernel, kernel));
    p.bias = sb_bench_normal(bench, "bias", 0, 1, 1, SB_BENCH_SHAPE(channels));
    sb_bench_root(bench, sb_op_depthwise_conv2d(&bench->graph, p));
}

#define ENTRY(name, summary, formula, flops, parameters, shapes) \
    SB_BENCH_ENTRY(name, summary, formula, sb_bench_once, flops, parameters, shapes), .outer = "batch", .rounds = true

static const char product_flops[] = "2 for each product of two numbers";

const struct sb_bench_kernel sb_bench_products[] = {
    {ENTRY("linear/forward", "a fully connected layer with bias: [rows, depth] times [width, depth] transposed",
           "LINEAR in src/ops/ops.h", product_flops, linear_parameters, linear_shapes),
     .build = build_linear},
    {ENTRY("linear/input_gradient", "the gradient of its input: [rows, width] times [width, depth]",
           "LINEAR in src/ops/ops.h", product_flops, linear_parameters, linear_shapes),
     .build = build_linear, .backward = true, .ops = {SB_OP_LINEAR}},
    {ENTRY("linear/weight_gradient", "the gradients of its weight and bias: a sum over all rows",
           "LINEAR_WEIGHT_GRADIENT in src/ops/ops.h", product_flops, linear_parameters, linear_shapes),
     .build = build_linear, .backward = true, .ops = {SB_OP_LINEAR_WEIGHT_GRADIENT}},
    {ENTRY("conv2d/forward", "a convolution with bias and a padding of half its kernel", "CONV2D in src/ops/ops.h",
           product_flops, conv_parameters, conv_shapes),
     .build = build_conv2d},
    {ENTRY("conv2d/input_gradient", "the gradient of its input", "CONV2D in src/ops/ops.h, INPUT_GRADIENT",
           product_flops, conv_parameters, conv_shapes + 1),
     .build = build_conv2d, .backward = true, .ops = {SB_OP_CONV2D_INPUT_GRADIENT}},
    {ENTRY("conv2d/weight_gradient", "the gradients of its weight and bias", "CONV2D in src/ops/ops.h, WEIGHT_GRADIENT",
           product_flops, conv_parameters, conv_shapes),
     .build = build_conv2d, .backward = true, .ops = {SB_OP_CONV2D_WEIGHT_GRADIENT}},
    {ENTRY("depthwise/forward", "a convolution of each channel by itself, with bias and GELU",
           "DEPTHWISE_CONV2D in src/ops/ops.h", product_flops, depthwise_parameters, depthwise_shapes),
     .build = build_depthwise},
    {ENTRY("depthwise/backward", "the gradients of its input, weight and bias, that of GELU not included",
           "DEPTHWISE_CONV2D in src/ops/ops.h, GRADIENT", "4 for each product of two numbers", depthwise_parameters,
           depthwise_shapes),
     .build = build_depthwise, .backward = true, .ops = {SB_OP_DEPTHWISE_CONV2D_GRADIENT}},
    {{0}}};
