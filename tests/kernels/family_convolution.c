/* Cases: convolutions. */
#include "families.h"

enum { BATCH, HEIGHT, WIDTH, CHANNELS, OUT, KERNEL, STRIDE, PADDING, FLAGS, PRECISION };
enum { BIAS = 1, GELU = 2, SHARED = 4 };

static void draw_conv2d(struct check *check, int64_t *sizes) {
    sizes[BATCH] = check_between(check, 1, 3);
    sizes[KERNEL] = check_between(check, 1, 7);
    sizes[PADDING] = check_between(check, 0, sizes[KERNEL] / 2);
    sizes[STRIDE] = check_between(check, 1, 3);
    sizes[HEIGHT] = check_between(check, sizes[KERNEL], 20);
    sizes[WIDTH] = check_between(check, sizes[KERNEL], 20);
    sizes[CHANNELS] = check_size(check, 24);
    sizes[OUT] = check_size(check, 40);
    /* Kernels that read texels of four floats want multiples of four. */
    if (check_chance(check, 0.5)) {
        sizes[CHANNELS] = (sizes[CHANNELS] + 3) / 4 * 4;
        sizes[OUT] = (sizes[OUT] + 3) / 4 * 4;
    }
    sizes[FLAGS] = check_between(check, 0, 1) | (check_chance(check, 0.3) ? SHARED : 0);
    sizes[PRECISION] = check_precision(check);
}

/* SHARED: x has a second gradient, to which the convolution adds its own. */
static void build_conv2d(struct check *check, const int64_t *sizes) {
    struct sb_conv2d_parameters p = {.name = "conv2d", .stride = sizes[STRIDE], .padding = sizes[PADDING]};
    check->graph.precision = (enum sb_precision)sizes[PRECISION];
    p.x = check_normal(check, "x", 0, 1, 4, CHECK_SHAPE(sizes[BATCH], sizes[HEIGHT], sizes[WIDTH], sizes[CHANNELS]));
    p.weight = check_normal(check, "weight", 0, 0.3, 4,
                            CHECK_SHAPE(sizes[OUT], sizes[CHANNELS], sizes[KERNEL], sizes[KERNEL]));
    if (sizes[FLAGS] & BIAS) p.bias = check_normal(check, "bias", 0, 1, 1, CHECK_SHAPE(sizes[OUT]));
    check_root(check, sb_op_conv2d(&check->graph, p));
    if (sizes[FLAGS] & SHARED) check_root(check, sb_op_negative_exp(&check->graph, "other", p.x));
}

const struct check_family check_conv2d = {
    .name = "conv2d",
    .draw = draw_conv2d,
    .build = build_conv2d,
    .large = {{2, 730, 730, 4, 4, 1, 1, 0, BIAS}},
    .bench = {{"stem 7x7", {1, 224, 224, 3, 32, 7, 2, 3, 0}},
              {"stem 3x3", {1, 112, 112, 32, 32, 3, 1, 1, 0}},
              {"stem proj", {1, 112, 112, 32, 64, 3, 2, 1, BIAS}},
              {"down 1", {1, 56, 56, 64, 128, 3, 2, 1, BIAS}},
              {"stem 3x3 batch 4", {4, 112, 112, 32, 32, 3, 1, 1, 0}}},
};

static void draw_depthwise(struct check *check, int64_t *sizes) {
    sizes[BATCH] = check_between(check, 1, 3);
    sizes[HEIGHT] = check_between(check, 1, 20);
    sizes[WIDTH] = check_between(check, 1, 20);
    sizes[CHANNELS] = check_size(check, 150);
    sizes[KERNEL] = check_chance(check, 0.6) ? 3 : 1 + 2 * check_between(check, 0, 3);
    sizes[FLAGS] = check_between(check, 0, 3);
    sizes[PRECISION] = check_precision(check);
}

static void build_depthwise(struct check *check, const int64_t *sizes) {
    struct sb_depthwise_parameters p = {.name = "depthwise",
                                        .activation = sizes[FLAGS] & GELU ? SB_ACTIVATION_GELU : SB_ACTIVATION_NONE};
    check->graph.precision = (enum sb_precision)sizes[PRECISION];
    p.x = check_normal(check, "x", 0, 1, 4, CHECK_SHAPE(sizes[BATCH], sizes[HEIGHT], sizes[WIDTH], sizes[CHANNELS]));
    p.weight = check_normal(check, "weight", 0, 0.5, 4, CHECK_SHAPE(sizes[CHANNELS], 1, sizes[KERNEL], sizes[KERNEL]));
    if (sizes[FLAGS] & BIAS) p.bias = check_normal(check, "bias", 0, 1, 1, CHECK_SHAPE(sizes[CHANNELS]));
    check_root(check, sb_op_depthwise_conv2d(&check->graph, p));
}

const struct check_family check_depthwise_conv2d = {
    .name = "depthwise_conv2d",
    .draw = draw_depthwise,
    .build = build_depthwise,
    .bench = {{"stage 1", {1, 56, 56, 512, 0, 3, 0, 0, BIAS | GELU}},
              {"stage 1 batch 4", {4, 56, 56, 512, 0, 3, 0, 0, BIAS | GELU}},
              {"stage 2", {1, 28, 28, 1024, 0, 3, 0, 0, BIAS | GELU}},
              {"stage 3", {1, 14, 14, 1280, 0, 3, 0, 0, BIAS | GELU}},
              {"stage 4", {1, 7, 7, 1792, 0, 3, 0, 0, BIAS | GELU}}},
};

enum { C1D_BATCH, C1D_LENGTH, C1D_CHANNELS, C1D_TAPS, C1D_FLAGS };
enum { C1D_BIAS = 1, C1D_SILU = 2, C1D_PITCHED = 4, C1D_ALIGNED = 8 };

static void draw_conv1d(struct check *check, int64_t *sizes) {
    sizes[C1D_BATCH] = check_between(check, 1, 3);
    sizes[C1D_LENGTH] = check_size(check, 200);
    sizes[C1D_CHANNELS] = check_size(check, 150);
    sizes[C1D_TAPS] = check_chance(check, 0.7) ? 4 : check_between(check, 1, 6);
    sizes[C1D_FLAGS] = check_between(check, 0, 15);
    if (check_chance(check, 0.6)) return;
    /* Around the bounds of the kernels for short sequences; one sample or several to a workgroup. */
    if (check_chance(check, 0.5)) sizes[C1D_BATCH] = 33 + check_size(check, 60);
    sizes[C1D_LENGTH] = check_size(check, 20);
    if (check_chance(check, 0.8)) sizes[C1D_CHANNELS] = 4 * check_size(check, 35);
}

static void build_conv1d(struct check *check, const int64_t *sizes) {
    struct sb_causal_conv1d_parameters p = {
        .name = "conv1d", .activation = sizes[C1D_FLAGS] & C1D_SILU ? SB_ACTIVATION_SILU : SB_ACTIVATION_NONE};
    const int64_t *shape = CHECK_SHAPE(sizes[C1D_BATCH], sizes[C1D_LENGTH], sizes[C1D_CHANNELS]);
    if (!(sizes[C1D_FLAGS] & C1D_PITCHED))
        p.x = check_normal(check, "x", 0, 1, 3, shape);
    else if (sizes[C1D_FLAGS] & C1D_ALIGNED) /* on a texel */
        p.x = check_columns(check, "x", 1, 3, shape, 4);
    else
        p.x = check_pitched(check, "x", 1, 3, shape);
    p.weight = check_normal(check, "weight", 0, 0.5, 3, CHECK_SHAPE(sizes[C1D_CHANNELS], 1, sizes[C1D_TAPS]));
    if (sizes[C1D_FLAGS] & C1D_BIAS) p.bias = check_normal(check, "bias", 0, 0.5, 1, CHECK_SHAPE(sizes[C1D_CHANNELS]));
    check_root(check, sb_op_causal_conv1d(&check->graph, p));
}

const struct check_family check_causal_conv1d = {
    .name = "causal_conv1d",
    .draw = draw_conv1d,
    .build = build_conv1d,
    .large = {{65000, 2, 3, 4, C1D_BIAS}, {1, 70001, 3, 4, C1D_BIAS | C1D_SILU}},
    .bench = {{"stage 1", {1, 3136, 128, 4, C1D_BIAS | C1D_SILU}},
              {"stage 1 batch 4", {4, 3136, 128, 4, C1D_BIAS | C1D_SILU}},
              {"stage 3", {1, 196, 640, 4, C1D_BIAS | C1D_SILU}},
              {"series", {896, 12, 256, 4, C1D_BIAS | C1D_SILU}},
              {"narrow series", {896, 12, 32, 4, C1D_BIAS | C1D_SILU}},
              {"many series", {5136, 12, 256, 4, C1D_BIAS | C1D_SILU}}},
};
