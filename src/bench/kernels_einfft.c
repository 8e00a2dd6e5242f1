/* EinFFT as a whole, and its parts. */
#include "bench/bench.h"

#include <math.h>

enum { BATCH, TOKENS, CHANNELS };
static const struct simba_bench_parameter parameters[] = {{"batch", "images, or rows of a series"},
                                                          {"tokens", "which the transform runs over"},
                                                          {"channels", "a multiple of 4: four blocks"},
                                                          {0}};
/* Stages 1 to 3 of simba_s with the EinFFT mixer, then forecasting. */
static const char *const shapes[] = {"batch=1 tokens=3136 channels=64", "batch=1 tokens=784 channels=128",
                                     "batch=1 tokens=196 channels=320", "batch=896 tokens=12 channels=128", NULL};

static const int64_t blocks = 4;

/* What the builder of src/model does, without the permutation of the bias, which depends on parameters only. */
static struct sb_tensor *layer(struct sb_bench_case *bench, const char *name, const char *weight_name,
                               const char *bias_name, struct sb_tensor *z, int64_t block,
                               enum sb_activation_kind activation, float threshold) {
    struct sb_tensor *weight = sb_bench_normal(bench, weight_name, 0, 0.3, 4, SB_BENCH_SHAPE(2, blocks, block, block));
    struct sb_tensor *bias = sb_bench_normal(bench, bias_name, 0, 0.3, 1, SB_BENCH_SHAPE(2 * blocks * block));
    struct sb_linear_parameters p = {.name = name,
                                     .a = z,
                                     .b = sb_op_complex_matrix(&bench->graph, weight_name, weight),
                                     .bias = bias,
                                     .groups = blocks,
                                     .activation = activation,
                                     .threshold = threshold};
    return sb_op_linear(&bench->graph, p);
}

static void build_whole(struct sb_bench_case *bench, const int64_t *sizes) {
    const int64_t *shape = SB_BENCH_SHAPE(sizes[BATCH], sizes[TOKENS], sizes[CHANNELS]), block = sizes[CHANNELS] / 4;
    struct sb_tensor *x = sb_bench_normal(bench, "x", 0, 1, 3, shape);
    struct sb_tensor *residual = sb_bench_normal(bench, "residual", 0, 1, 3, shape);
    struct sb_tensor *z = sb_op_spectrum(&bench->graph, "spectrum", x, NULL);
    z = layer(bench, "layer1", "weight1", "bias1", z, block, SB_ACTIVATION_RELU, 0);
    z = layer(bench, "layer2", "weight2", "bias2", z, block, SB_ACTIVATION_SOFT_SHRINK, 0.01f);
    sb_bench_root(bench, sb_op_synthesis(&bench->graph, "synthesis", z, residual, NULL));
}

static void build_spectrum(struct sb_bench_case *bench, const int64_t *sizes) {
    const int64_t *shape = SB_BENCH_SHAPE(sizes[BATCH], sizes[TOKENS], sizes[CHANNELS]);
    sb_bench_root(bench, sb_op_spectrum(&bench->graph, "spectrum", sb_bench_normal(bench, "x", 0, 1, 3, shape), NULL));
}

static void build_synthesis(struct sb_bench_case *bench, const int64_t *sizes) {
    const int64_t *shape = SB_BENCH_SHAPE(sizes[BATCH], sizes[TOKENS], sizes[CHANNELS]);
    struct sb_tensor *z =
        sb_bench_normal(bench, "z", 0, 1, 3, SB_BENCH_SHAPE(sizes[BATCH], sizes[TOKENS], 2 * sizes[CHANNELS]));
    struct sb_tensor *residual = sb_bench_normal(bench, "residual", 0, 1, 3, shape);
    sb_bench_root(bench, sb_op_synthesis(&bench->graph, "synthesis", z, residual, NULL));
}

static void build_layer(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_tensor *z =
        sb_bench_normal(bench, "z", 0, 1, 3, SB_BENCH_SHAPE(sizes[BATCH], sizes[TOKENS], 2 * sizes[CHANNELS]));
    sb_bench_root(bench, layer(bench, "layer", "weight", "bias", z, sizes[CHANNELS] / 4, SB_ACTIVATION_RELU, 0));
}

static void build_matrix(struct sb_bench_case *bench, const int64_t *sizes) {
    const int64_t block = sizes[0] / 4;
    struct sb_tensor *weight = sb_bench_normal(bench, "weight", 0, 1, 4, SB_BENCH_SHAPE(2, blocks, block, block));
    sb_bench_root(bench, sb_op_complex_matrix(&bench->graph, "matrix", weight));
}

/* A complex transform over the tokens of 2 columns for each channel of a block, in place. */
static void cost_of_transform(const int64_t *sizes, struct sb_cost *cost) {
    const double tokens = (double)sizes[TOKENS], columns = (double)(sizes[BATCH] * sizes[CHANNELS] / 2);
    *cost = (struct sb_cost){.flops = 5 * tokens * log2(tokens) * columns, .bytes = 2 * 8 * tokens * columns};
}

static const struct simba_bench_parameter matrix_parameters[] = {{"channels", "a multiple of 4: four blocks"}, {0}};
static const char *const matrix_shapes[] = {"channels=64", "channels=320", NULL};

#define ENTRY(name, summary, formula, bytes, flops) \
    SB_BENCH_ENTRY(name, summary, formula, bytes, flops, parameters, shapes)

const struct sb_bench_kernel sb_bench_einfft[] = {
    {ENTRY(
         "einfft/forward",
         "EinFFT as inference runs it: spectrum, two complex layers with ReLU and soft shrink, synthesis and residual",
         "sb_module_einfft in src/model/modules.c", "the sum over its four operations, intermediate results included",
         "the sum over its four operations"),
     .build = build_whole, .outer = "batch", .rounds = true, .ops = {SB_OP_SPECTRUM, SB_OP_LINEAR, SB_OP_SYNTHESIS}},
    {ENTRY("einfft/backward", "the gradients of EinFFT's input, weights and biases",
           "sb_module_einfft in src/model/modules.c", "the sum over its operations, intermediate results included",
           "the sum over its operations"),
     .build = build_whole, .outer = "batch", .rounds = true, .backward = true},
    {ENTRY("einfft/spectrum", "the first transform, over tokens and blocks", "SPECTRUM in src/ops/ops.h",
           "x and z, 4 bytes each, once", "2.5 log2(tokens) + 4 for each element of x"),
     .build = build_spectrum, .outer = "batch"},
    {ENTRY("einfft/layer", "one complex layer with bias and ReLU: four real products of twice the block's width",
           "LINEAR in src/ops/ops.h, 4 groups", "z, matrix, bias and result, 4 bytes each, once",
           "2 for each product of two numbers"),
     .build = build_layer, .outer = "batch", .rounds = true, .ops = {SB_OP_LINEAR}},
    {ENTRY("einfft/synthesis", "the real part of the inverse transform, with a residual", "SYNTHESIS in src/ops/ops.h",
           "z, residual and y, 4 bytes each, once", "2.5 log2(tokens) + 4 for each element of y"),
     .build = build_synthesis, .outer = "batch"},
    {ENTRY("einfft/vkfft",
           "VkFFT alone: the transform over the tokens within einfft/spectrum (which is what is verified)",
           "complex, in place, channels / 2 columns", "8 for each complex number, read and written once",
           "5 tokens log2(tokens) for each column"),
     .build = build_spectrum, .outer = "batch", .dispatch = "VkFFT", .cost = cost_of_transform},
    {SB_BENCH_ENTRY("einfft/complex_matrix",
                    "complex weights as the real matrix of a product; in inference once, in training each step",
                    "COMPLEX_MATRIX in src/ops/ops.h", "weight and matrix, 4 bytes each, once", "none",
                    matrix_parameters, matrix_shapes),
     .build = build_matrix},
    {SB_BENCH_ENTRY("einfft/complex_matrix_backward", "its adjoint: the gradient of the complex weights",
                    "COMPLEX_MATRIX in src/ops/ops.h, GRADIENT",
                    "the matrix' gradient and the weight's, 4 bytes each, once", "none", matrix_parameters,
                    matrix_shapes),
     .build = build_matrix, .backward = true},
    {{0}}};
