/* Cases: the two transforms of EinFFT and its complex weights. */
#include "families.h"

enum { BATCH, LENGTH, BLOCK, FLAGS };
enum { ROW_SCALE = 1, RESIDUAL = 2 };

static void draw(struct check *check, int64_t *sizes) {
    static const int64_t lengths[] = {3136, 784, 196, 49, 12, 1, 96, 169};
    sizes[BATCH] = check_between(check, 1, 3);
    sizes[LENGTH] = check_chance(check, 0.4) ? lengths[check_between(check, 0, 7)] : check_size(check, 120);
    sizes[BLOCK] = sizes[LENGTH] > 500 ? check_between(check, 1, 5) : check_size(check, 40);
    sizes[FLAGS] = check_between(check, 0, 3);
}

static void build_spectrum(struct check *check, const int64_t *sizes) {
    struct sb_tensor *row_scale = NULL;
    struct sb_tensor *x = check_normal(check, "x", 0, 1, 3, CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], 4 * sizes[BLOCK]));
    if (sizes[FLAGS] & ROW_SCALE)
        row_scale = check_constant_uniform(check, "row_scale", 0.5, 2, 1, CHECK_SHAPE(sizes[BATCH]));
    check_root(check, sb_op_spectrum(&check->graph, "spectrum", x, row_scale));
}

static void build_synthesis(struct check *check, const int64_t *sizes) {
    const int64_t *shape = CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], 4 * sizes[BLOCK]);
    struct sb_tensor *row_scale = NULL, *residual = NULL;
    struct sb_tensor *z = check_normal(check, "z", 0, 1, 3, CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], 8 * sizes[BLOCK]));
    if (sizes[FLAGS] & RESIDUAL) residual = check_normal(check, "residual", 0, 1, 3, shape);
    if (sizes[FLAGS] & ROW_SCALE)
        row_scale = check_constant_uniform(check, "row_scale", 0.5, 2, 1, CHECK_SHAPE(sizes[BATCH]));
    check_root(check, sb_op_synthesis(&check->graph, "synthesis", z, residual, row_scale));
}

const struct check_family check_spectrum = {
    .name = "spectrum",
    .draw = draw,
    .build = build_spectrum,
    .large = {{2, 65536, 2}},
    .bench = {{"stage 1", {1, 3136, 16, 0}},
              {"stage 2", {1, 784, 32, 0}},
              {"stage 3", {1, 196, 80, 0}},
              {"series", {896, 12, 32, 0}},
              {"narrow series", {896, 12, 4, 0}}},
};
const struct check_family check_synthesis = {
    .name = "synthesis",
    .draw = draw,
    .build = build_synthesis,
    .large = {{2, 65536, 2}},
    .bench = {{"stage 1", {1, 3136, 16, RESIDUAL}},
              {"stage 2", {1, 784, 32, RESIDUAL}},
              {"series", {896, 12, 32, RESIDUAL}}},
};

enum { GROUPS, DEPTH, WIDTH };

static void draw_matrix(struct check *check, int64_t *sizes) {
    sizes[GROUPS] = check_between(check, 1, 4);
    sizes[DEPTH] = check_size(check, 50);
    sizes[WIDTH] = check_size(check, 50);
}

static void build_matrix(struct check *check, const int64_t *sizes) {
    struct sb_tensor *weight =
        check_normal(check, "weight", 0, 1, 4, CHECK_SHAPE(2, sizes[GROUPS], sizes[DEPTH], sizes[WIDTH]));
    check_root(check, sb_op_complex_matrix(&check->graph, "complex_matrix", weight));
}

const struct check_family check_complex_matrix = {.name = "complex_matrix", .draw = draw_matrix, .build = build_matrix};
