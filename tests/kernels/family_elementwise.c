/* Cases: elementwise operations. */
#include "families.h"

enum { BATCH, LENGTH, CHANNELS, KIND };

static void draw(struct check *check, int64_t *sizes) {
    sizes[BATCH] = check_between(check, 1, 3);
    sizes[LENGTH] = check_size(check, 200);
    sizes[CHANNELS] = check_size(check, 150);
    sizes[KIND] = check_between(check, 0, 7);
}

static struct sb_tensor *make(struct check *check, const char *name, const int64_t *sizes, bool pitched) {
    const int64_t *shape = CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], sizes[CHANNELS]);
    return pitched ? check_pitched(check, name, 1, 3, shape) : check_normal(check, name, 0, 1, 3, shape);
}

/* KIND: 0 to 3 one of the four activations, 4 to 7 the same with large arguments. */
static void build_activation(struct check *check, const int64_t *sizes) {
    const int64_t *shape = CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], sizes[CHANNELS]);
    struct sb_tensor *x = check_normal(check, "x", 0, sizes[KIND] < 4 ? 1.5 : 30, 3, shape);
    enum sb_activation_kind kind = (enum sb_activation_kind)(SB_ACTIVATION_RELU + sizes[KIND] % 4);
    check_root(check, sb_op_activation(&check->graph, "activation", x, kind, 0.5f));
}

static void build_add(struct check *check, const int64_t *sizes) {
    struct sb_tensor *a = make(check, "a", sizes, sizes[KIND] & 1), *b = make(check, "b", sizes, sizes[KIND] & 2);
    check_root(check, sb_op_add(&check->graph, "add", a, b, sizes[KIND] & 4 ? -0.7f : 1, NULL));
}

static void build_multiply(struct check *check, const int64_t *sizes) {
    struct sb_tensor *a = make(check, "a", sizes, false), *b = make(check, "b", sizes, false);
    check_root(check, sb_op_multiply(&check->graph, "multiply", a, b, NULL));
}

static void build_negative_exp(struct check *check, const int64_t *sizes) {
    struct sb_tensor *x = make(check, "x", sizes, false);
    check_root(check, sb_op_negative_exp(&check->graph, "negative_exp", x));
}

static void build_scale_rows(struct check *check, const int64_t *sizes) {
    struct sb_tensor *x = make(check, "x", sizes, false);
    struct sb_tensor *scale = check_constant_uniform(check, "scale", 0, 2, 1, CHECK_SHAPE(sizes[BATCH]));
    check_root(check, sb_op_scale_rows(&check->graph, "scale_rows", x, scale));
}

static void build_add_row(struct check *check, const int64_t *sizes) {
    struct sb_tensor *x = make(check, "x", sizes, false);
    const int64_t *row = CHECK_SHAPE(sizes[LENGTH], sizes[CHANNELS]);
    bool all = sizes[KIND] & 1; /* of the row's axes */
    check_root(check, sb_op_add_row(&check->graph, "add_row", x,
                                    check_normal(check, "row", 0, 1, all ? 2 : 1, all ? row : row + 1)));
}

/* From the middle of a wider tensor into the middle of another, the columns on both sides of that one filled. */
static void build_copy(struct check *check, const int64_t *sizes) {
    struct sb_graph *graph = &check->graph;
    int64_t columns = sizes[CHANNELS], before = sizes[KIND] & 1 ? 3 : 0, after = sizes[KIND] & 2 ? 2 : 0;
    const int64_t *shape = CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], before + columns);
    struct sb_tensor *x = check_constant_uniform(check, "x", -1, 1, 3, shape);
    struct sb_tensor *wide =
        sb_activation(graph, "wide", SB_FLOAT32, 3, CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], columns + 2 + after));
    if (!x || !wide) return;
    sb_op_fill(graph, "left", sb_view_columns(graph, wide, 0, 2), 0.25f);
    sb_op_copy(graph, "copy", sb_view_columns(graph, x, before, columns), sb_view_columns(graph, wide, 2, columns));
    if (after) sb_op_fill(graph, "right", sb_view_columns(graph, wide, columns + 2, after), -3);
}

static void build_normalise_image(struct check *check, const int64_t *sizes) {
    void *values;
    const int64_t *shape = CHECK_SHAPE(sizes[BATCH], 1, sizes[LENGTH], sizes[CHANNELS]);
    struct sb_tensor *x = check_constant(check, "x", SB_UINT8, 4, shape, &values);
    struct sb_tensor *constants =
        check_constant_uniform(check, "constants", 0.2, 0.6, 2, CHECK_SHAPE(2, sizes[CHANNELS]));
    if (!x) return;
    for (int64_t i = 0; i < sb_elements(x); i++) ((uint8_t *)values)[i] = (uint8_t)sb_random_bits(&check->random);
    check_root(check, sb_op_normalise_image(&check->graph, "normalise", x, constants));
}

const struct check_family check_activation = {
    .name = "activation",
    .draw = draw,
    .build = build_activation,
    .bench = {{"gelu stage 1", {1, 3136, 512, 1}}, {"silu stage 1", {1, 3136, 128, 2}}},
};
const struct check_family check_add = {
    .name = "add", .draw = draw, .build = build_add, .bench = {{"stage 1 batch 4", {4, 3136, 64, 0}}}};
const struct check_family check_multiply = {.name = "multiply", .draw = draw, .build = build_multiply};
const struct check_family check_negative_exp = {.name = "negative_exp", .draw = draw, .build = build_negative_exp};
const struct check_family check_scale_rows = {.name = "scale_rows",
                                              .draw = draw,
                                              .build = build_scale_rows,
                                              .large = {{70001, 1, 5}},
                                              .bench = {{"series", {5136, 12, 256, 0}}}};
const struct check_family check_add_row = {.name = "add_row",
                                           .draw = draw,
                                           .build = build_add_row,
                                           .large = {{70001, 1, 5, 0}, {70001, 2, 4, 1}},
                                           .bench = {{"series", {5136, 12, 256, 1}}}};
const struct check_family check_copy = {.name = "copy", .draw = draw, .build = build_copy};
const struct check_family check_normalise_image = {
    .name = "normalise_image", .draw = draw, .build = build_normalise_image};
