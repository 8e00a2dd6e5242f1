/* Cases: matrix products. */
#include "families.h"

enum { BATCH, LENGTH, DEPTH, WIDTH, GROUPS, ACTIVATION, FLAGS, PRECISION };
enum { BIAS = 1, RESIDUAL = 2, ROW_SCALE = 4, TRANSPOSE = 8, PITCHED = 16 };

static void draw(struct check *check, int64_t *sizes) {
    sizes[BATCH] = check_between(check, 1, 3);
    sizes[LENGTH] = check_size(check, 150);
    sizes[DEPTH] = check_size(check, 140);
    sizes[WIDTH] = check_size(check, 140);
    /* Kernels that read texels of four floats want multiples of four. */
    if (check_chance(check, 0.5)) {
        sizes[DEPTH] = (sizes[DEPTH] + 3) / 4 * 4;
        sizes[WIDTH] = (sizes[WIDTH] + 3) / 4 * 4;
    }
    sizes[GROUPS] = check_chance(check, 0.3) ? check_between(check, 2, 4) : 1;
    sizes[ACTIVATION] = check_between(check, 0, 4);
    sizes[FLAGS] = check_between(check, 0, 31);
    sizes[PRECISION] = check_precision(check);
}

static void build(struct check *check, const int64_t *sizes) {
    int64_t depth = sizes[DEPTH], width = sizes[WIDTH], groups = sizes[GROUPS], flags = sizes[FLAGS];
    bool transposed = flags & TRANSPOSE;
    check->graph.precision = (enum sb_precision)sizes[PRECISION];
    struct sb_linear_parameters p = {.name = "linear",
                                     .transpose_b = transposed,
                                     .groups = groups,
                                     .activation = (enum sb_activation_kind)sizes[ACTIVATION],
                                     .threshold = 0.3f};
    /* The gradients of ReLU and soft shrink need the activation's result, which a residual would hide. */
    if (p.activation == SB_ACTIVATION_RELU || p.activation == SB_ACTIVATION_SOFT_SHRINK) flags &= ~RESIDUAL;
    const int64_t *a_shape = CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], groups * depth);
    const int64_t *b_shape = transposed ? CHECK_SHAPE(groups, width, depth) : CHECK_SHAPE(groups, depth, width);
    p.a = flags & PITCHED ? check_pitched(check, "a", 1, 3, a_shape) : check_normal(check, "a", 0, 1, 3, a_shape);
    p.b = check_normal(check, "b", 0, 0.3, groups > 1 ? 3 : 2, groups > 1 ? b_shape : b_shape + 1);
    if (flags & BIAS) p.bias = check_normal(check, "bias", 0, 1, 1, CHECK_SHAPE(groups * width));
    if (flags & RESIDUAL)
        p.residual = check_normal(check, "residual", 0, 1, 3, CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], groups * width));
    if (flags & ROW_SCALE) p.row_scale = check_constant_uniform(check, "row_scale", 0, 2, 1, CHECK_SHAPE(sizes[BATCH]));
    check_root(check, sb_op_linear(&check->graph, p));
}

const struct check_family check_linear = {
    .name = "linear",
    .draw = draw,
    .build = build,
    .large = {{1, 3, 6, 70001, 1, 0, TRANSPOSE},                     /* the depth of the input gradient */
              {3, 360000, 4, 4, 1, 0, BIAS | RESIDUAL | ROW_SCALE}}, /* rows; the depth of the weight gradient */
    .bench = {{"in_proj stage 1", {1, 3136, 64, 256, 1, 0, TRANSPOSE}},
              {"fc1 stage 1", {1, 3136, 64, 512, 1, 0, TRANSPOSE | BIAS}},
              {"fc2 stage 1", {1, 3136, 512, 64, 1, 0, TRANSPOSE | BIAS | RESIDUAL}},
              {"x_proj stage 1", {1, 3136, 128, 132, 1, 0, TRANSPOSE}},
              {"in_proj stage 3", {1, 196, 320, 1280, 1, 0, TRANSPOSE}},
              {"in_proj stage 4", {1, 49, 448, 1792, 1, 0, TRANSPOSE}},
              {"einfft stage 1", {1, 3136, 32, 32, 4, SB_ACTIVATION_RELU, BIAS}},
              {"fc1 batch 4", {4, 3136, 64, 512, 1, 0, TRANSPOSE | BIAS}},
              {"square", {1, 1024, 1024, 1024, 1, 0, 0}},
              {"square fp16", {1, 1024, 1024, 1024, 1, 0, 0, SB_PRECISION_FP16}},
              {"in_proj series", {896, 12, 128, 512, 1, 0, TRANSPOSE}},
              {"x_proj series", {896, 12, 256, 40, 1, 0, TRANSPOSE}},
              {"x_proj odd series", {896, 12, 256, 41, 1, 0, TRANSPOSE}},
              {"x_proj narrow series", {896, 12, 32, 9, 1, 0, TRANSPOSE}},
              {"dt_proj series", {896, 12, 8, 256, 1, 0, TRANSPOSE}},
              {"dt_proj narrow series", {896, 12, 1, 32, 1, 0, TRANSPOSE}},
              {"embedding series", {896, 12, 16, 128, 1, 0, TRANSPOSE | BIAS}},
              {"head series", {896, 1, 1536, 96, 1, 0, TRANSPOSE | BIAS}},
              {"einfft series", {896, 12, 64, 64, 4, SB_ACTIVATION_RELU, BIAS}}},
};
