/* Cases: operations that move values, and reductions over tokens. */
#include "families.h"

enum { RANK, AXES = 5 };

/* sizes: the rank, up to four axis lengths behind it, and the number of the permutation. */
static void draw_permute(struct check *check, int64_t *sizes) {
    sizes[RANK] = check_between(check, 2, 4);
    for (int axis = 0; axis < sizes[RANK]; axis++) sizes[1 + axis] = check_size(check, 20);
    sizes[AXES] = check_between(check, 0, 1000);
}

static void build_permute(struct check *check, const int64_t *sizes) {
    int axes[SB_MAX_RANK] = {0, 1, 2, 3, 4};
    int64_t number = sizes[AXES];
    for (int left = (int)sizes[RANK]; left > 1; left--) { /* Fisher and Yates */
        int other = (int)(number % left), axis = axes[other];
        number /= left;
        axes[other] = axes[left - 1];
        axes[left - 1] = axis;
    }
    struct sb_tensor *x = check_normal(check, "x", 0, 1, (int)sizes[RANK], sizes + 1);
    check_root(check, sb_op_permute(&check->graph, "permute", x, axes, NULL));
}

const struct check_family check_permute = {.name = "permute", .draw = draw_permute, .build = build_permute};

enum { BATCH, LENGTH, CHANNELS, FIRST, COUNT };

static void draw_tokens(struct check *check, int64_t *sizes) {
    sizes[BATCH] = check_between(check, 1, 3);
    sizes[LENGTH] = check_size(check, 200);
    sizes[CHANNELS] = check_size(check, 150);
    sizes[FIRST] = check_between(check, 0, sizes[LENGTH] - 1);
    sizes[COUNT] = check_between(check, 1, sizes[LENGTH] - sizes[FIRST]);
}

static struct sb_tensor *tokens(struct check *check, const char *name, const int64_t *sizes, int64_t length) {
    return check_normal(check, name, 0, 1, 3, CHECK_SHAPE(sizes[BATCH], length, sizes[CHANNELS]));
}

static void build_slice(struct check *check, const int64_t *sizes) {
    struct sb_tensor *x = tokens(check, "x", sizes, sizes[LENGTH]);
    check_root(check, sb_op_slice_tokens(&check->graph, "slice", x, sizes[FIRST], sizes[COUNT]));
}

static void build_concat(struct check *check, const int64_t *sizes) {
    struct sb_tensor *a = tokens(check, "a", sizes, sizes[COUNT]), *b = tokens(check, "b", sizes, sizes[LENGTH]);
    check_root(check, sb_op_concat_tokens(&check->graph, "concat", a, b));
}

static void build_reverse(struct check *check, const int64_t *sizes) {
    check_root(check, sb_op_reverse_tokens(&check->graph, "reverse", tokens(check, "x", sizes, sizes[LENGTH])));
}

static void build_mean(struct check *check, const int64_t *sizes) {
    check_root(check, sb_op_token_mean(&check->graph, "mean", tokens(check, "x", sizes, sizes[LENGTH])));
}

static void build_max(struct check *check, const int64_t *sizes) {
    check_root(check, sb_op_token_max(&check->graph, "max", tokens(check, "x", sizes, sizes[LENGTH])));
}

const struct check_family check_slice_tokens = {
    .name = "slice_tokens", .draw = draw_tokens, .build = build_slice, .large = {{70001, 2, 4, 1, 1}}};
const struct check_family check_concat_tokens = {
    .name = "concat_tokens", .draw = draw_tokens, .build = build_concat, .large = {{70001, 2, 4, 1, 1}}};
const struct check_family check_reverse_tokens = {
    .name = "reverse_tokens",
    .draw = draw_tokens,
    .build = build_reverse,
    .large = {{70001, 2, 4}, {2, 70001, 4}, {2, 70001, 3}},
    .bench = {{"series", {5136, 12, 256}}, {"narrow series", {5136, 12, 32}}}};
const struct check_family check_token_mean = {
    .name = "token_mean", .draw = draw_tokens, .build = build_mean, .large = {{2, 70001, 3}}};
const struct check_family check_token_max = {
    .name = "token_max", .draw = draw_tokens, .build = build_max, .large = {{2, 70001, 3}}};

enum { MIX_BATCH, MIX_HEIGHT, MIX_WIDTH, MIX_CHANNELS, MIX_SCALE };

static void draw_mix(struct check *check, int64_t *sizes) {
    sizes[MIX_BATCH] = check_between(check, 1, 4);
    sizes[MIX_SCALE] = check_between(check, 1, 4);
    sizes[MIX_HEIGHT] = check_between(check, 1, 6) * sizes[MIX_SCALE];
    sizes[MIX_WIDTH] = check_between(check, 1, 6) * sizes[MIX_SCALE];
    sizes[MIX_CHANNELS] = check_size(check, 40);
}

static void build_mix(struct check *check, const int64_t *sizes) {
    void *values;
    struct sb_tensor *x = check_normal(
        check, "x", 0, 1, 4, CHECK_SHAPE(sizes[MIX_BATCH], sizes[MIX_HEIGHT], sizes[MIX_WIDTH], sizes[MIX_CHANNELS]));
    struct sb_tensor *box = check_constant(check, "box", SB_INT32, 1, CHECK_SHAPE(4), &values);
    if (!box) return;
    for (int side = 0; side < 2; side++) {
        int64_t limit = (side ? sizes[MIX_WIDTH] : sizes[MIX_HEIGHT]) / sizes[MIX_SCALE];
        int64_t from = check_between(check, 0, limit - 1);
        ((int32_t *)values)[side] = (int32_t)from;
        ((int32_t *)values)[2 + side] = (int32_t)check_between(check, from, limit);
    }
    check_root(check, sb_op_mix_box(&check->graph, "mix", x, box, sizes[MIX_SCALE]));
}

const struct check_family check_mix_box = {
    .name = "mix_box", .draw = draw_mix, .build = build_mix, .large = {{2, 40000, 2, 3, 1}}};
