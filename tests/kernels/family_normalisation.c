/* Cases: layer and batch normalisation. */
#include "families.h"

#include <math.h>

enum { BATCH, ROWS, CHANNELS, KIND };

/* Kinds of rows: well-behaved; a mean far larger than the deviation; tiny values, where epsilon decides; some rows
 * that are constant. */
enum { PLAIN, SHIFTED, TINY, CONSTANT, KINDS };

static struct sb_tensor *make_x(struct check *check, const int64_t *sizes) {
    static const double offsets[KINDS] = {0, 30, 0, 0}, scales[KINDS] = {1, 1, 1e-3, 1};
    struct sb_tensor *x = check_normal(check, "x", offsets[sizes[KIND]], scales[sizes[KIND]], 3,
                                       CHECK_SHAPE(sizes[BATCH], sizes[ROWS], sizes[CHANNELS]));
    if (!x || sizes[KIND] != CONSTANT) return x;
    float *values = check_values(check, x);
    for (int64_t row = 0; row < sizes[BATCH] * sizes[ROWS]; row += 3)
        for (int64_t c = 1; c < sizes[CHANNELS]; c++) values[row * sizes[CHANNELS] + c] = values[row * sizes[CHANNELS]];
    return x;
}

static void draw_layer_norm(struct check *check, int64_t *sizes) {
    sizes[BATCH] = check_between(check, 1, 3);
    sizes[ROWS] = check_size(check, 200);
    sizes[CHANNELS] = check_size(check, 600);
    sizes[KIND] = check_between(check, 0, KINDS - 1);
    /* One channel is a constant row: the result is beta, and nothing else can be asked of it. */
    if (sizes[CHANNELS] == 1) sizes[KIND] = PLAIN;
}

static void build_layer_norm(struct check *check, const int64_t *sizes) {
    struct sb_tensor *x = make_x(check, sizes);
    struct sb_tensor *gamma = check_normal(check, "gamma", 1, 0.3, 1, CHECK_SHAPE(sizes[CHANNELS]));
    struct sb_tensor *beta = check_normal(check, "beta", 0, 0.3, 1, CHECK_SHAPE(sizes[CHANNELS]));
    check_root(check, sb_op_layer_norm(&check->graph, "layer_norm", x, gamma, beta, 1e-5f));
}

const struct check_family check_layer_norm = {
    .name = "layer_norm",
    .draw = draw_layer_norm,
    .build = build_layer_norm,
    .bench = {{"stage 1", {1, 3136, 64, PLAIN}},
              {"stage 1 batch 4", {4, 3136, 64, PLAIN}},
              {"stage 2", {1, 784, 128, PLAIN}},
              {"stage 3", {1, 196, 320, PLAIN}},
              {"stage 4", {1, 49, 448, PLAIN}},
              {"series", {896, 12, 128, PLAIN}},
              {"narrow series", {896, 12, 16, PLAIN}}},
};

enum { FLAGS = 4 };
enum { TRAINING = 1, RELU = 2, NO_NUMBER = 4 };

static void draw_batch_norm(struct check *check, int64_t *sizes) {
    sizes[BATCH] = check_between(check, 1, 4);
    /* Of two or three values per channel the normalised ones hardly depend on x: its gradient is all cancellation. */
    sizes[ROWS] = 3 + check_size(check, 300);
    sizes[CHANNELS] = check_size(check, 80);
    sizes[KIND] = check_chance(check, 0.3) ? SHIFTED : PLAIN;
    sizes[FLAGS] = check_between(check, 0, 3);
    if (sizes[FLAGS] == TRAINING && !check->largest && check_chance(check, 0.3)) sizes[FLAGS] |= NO_NUMBER;
}

/* NO_NUMBER: a channel without one leaves its running statistics as they are. */
static void build_batch_norm(struct check *check, const int64_t *sizes) {
    int64_t channels = sizes[CHANNELS];
    struct sb_batch_norm_parameters p = {.name = "batch_norm",
                                         .epsilon = 1e-5f,
                                         .momentum = 0.1f,
                                         .training = sizes[FLAGS] & TRAINING,
                                         .relu = sizes[FLAGS] & RELU};
    p.x = make_x(check, sizes);
    if (p.x && sizes[FLAGS] & NO_NUMBER) check_values(check, p.x)[check_between(check, 0, channels - 1)] = NAN;
    p.gamma = check_normal(check, "gamma", 1, 0.3, 1, CHECK_SHAPE(channels));
    p.beta = check_normal(check, "beta", 0, 0.3, 1, CHECK_SHAPE(channels));
    p.running_mean = check_constant_uniform(check, "running_mean", -1, 1, 1, CHECK_SHAPE(channels));
    p.running_var = check_constant_uniform(check, "running_var", 0.5, 2, 1, CHECK_SHAPE(channels));
    check_root(check, sb_op_batch_norm(&check->graph, p));
    if (p.training && p.running_mean && p.running_var) {
        check_changed(check, p.running_mean);
        check_changed(check, p.running_var);
    }
}

const struct check_family check_batch_norm = {
    .name = "batch_norm",
    .draw = draw_batch_norm,
    .build = build_batch_norm,
    .bench = {{"stem batch 4", {4, 12544, 32, PLAIN, TRAINING | RELU}},
              {"stem evaluation", {1, 12544, 32, PLAIN, RELU}}},
};
