/* Cases: the loss, stochastic depth and the optimiser. */
#include "families.h"

#include <math.h>

enum { ROWS, CLASSES, FLAGS };
enum { LABELS = 1, SMOOTH = 2, EXTREME = 4 };

static void draw_loss(struct check *check, int64_t *sizes) {
    sizes[ROWS] = check_size(check, 70);
    sizes[CLASSES] = check_chance(check, 0.2) ? 1000 : 1 + check_size(check, 150);
    sizes[FLAGS] = check_between(check, 0, 7);
}

static void build_loss(struct check *check, const int64_t *sizes) {
    int64_t rows = sizes[ROWS], classes = sizes[CLASSES];
    struct sb_tensor *logits = check_normal(check, "logits", 0, 2, 2, CHECK_SHAPE(rows, classes)), *target;
    if (!logits) return;
    if (sizes[FLAGS] & EXTREME) {
        float *values = check_values(check, logits);
        for (int64_t i = 0; i < rows * classes; i += 3) values[i] = check_chance(check, 0.5) ? 80 : -80;
    }
    if (sizes[FLAGS] & LABELS) {
        void *values;
        target = check_constant(check, "target", SB_INT32, 1, CHECK_SHAPE(rows), &values);
        if (!target) return;
        for (int64_t i = 0; i < rows; i++) ((int32_t *)values)[i] = (int32_t)check_between(check, 0, classes - 1);
    } else {
        target = check_constant_uniform(check, "target", 0, 1, 2, CHECK_SHAPE(rows, classes));
        if (!target) return;
        float *values = check_values(check, target);
        for (int64_t i = 0; i < rows * classes; i++) values[i] *= 2 / (float)classes;
    }
    bool smooth = sizes[FLAGS] & LABELS && sizes[FLAGS] & SMOOTH;
    check_root(check, sb_op_cross_entropy(&check->graph, "loss", logits, target, smooth ? 0.1f : 0, 0.5f));
}

const struct check_family check_cross_entropy = {
    .name = "cross_entropy",
    .draw = draw_loss,
    .build = build_loss,
    .large = {{3, 100001, LABELS | SMOOTH}, {2, 100000, 0}, {200001, 2, LABELS}},
    .bench = {{"batch 64", {64, 1000, LABELS | SMOOTH}}},
};

static struct sb_tensor *step_numbers(struct check *check, bool first_micro_batch) {
    struct sb_tensor *step = sb_step_input(&check->graph);
    if (!step || check->input_count == CHECK_MAX_INPUTS) return NULL;
    struct sb_step_numbers *numbers = calloc(1, sizeof(*numbers));
    if (!numbers) abort();
    double t = (double)check_between(check, 1, 50);
    for (int i = 0; i < 2; i++) numbers->seed[i] = sb_random_bits(&check->random);
    numbers->step[0] = (uint32_t)t - 1;
    numbers->learning_rate = 0.01f;
    numbers->correction1 = (float)(1 - pow(0.9, t));
    numbers->correction2 = (float)(1 - pow(0.999, t));
    numbers->micro_batch = !first_micro_batch;
    check->inputs[check->input_count++] = (struct check_input){.tensor = step, .values = numbers};
    return step;
}

enum { BATCH, PERCENT, BRANCH };

static void draw_drop_path(struct check *check, int64_t *sizes) {
    sizes[BATCH] = check_size(check, 300);
    sizes[PERCENT] = check_between(check, 0, 90);
    sizes[BRANCH] = check_between(check, 0, 40);
}

static void build_drop_path(struct check *check, const int64_t *sizes) {
    step_numbers(check, true);
    check_root(check, sb_op_drop_path_scale(&check->graph, "drop_path", sizes[BATCH], (float)sizes[PERCENT] / 100,
                                            (uint32_t)sizes[BRANCH]));
}

const struct check_family check_drop_path_scale = {
    .name = "drop_path_scale", .draw = draw_drop_path, .build = build_drop_path, .large = {{100000, 20, 3}}};

enum { DROPOUT_BATCH, DROPOUT_TOKENS, DROPOUT_CHANNELS, DROPOUT_PERCENT, DROPOUT_BRANCH };

static void draw_dropout(struct check *check, int64_t *sizes) {
    sizes[DROPOUT_BATCH] = check_size(check, 20);
    sizes[DROPOUT_TOKENS] = check_size(check, 40);
    sizes[DROPOUT_CHANNELS] = check_size(check, 70);
    sizes[DROPOUT_PERCENT] = check_chance(check, 0.1) ? 0 : check_between(check, 1, 90);
    sizes[DROPOUT_BRANCH] = check_chance(check, 0.5) ? (1 << 24) - 1 : check_between(check, 0, 40);
}

static void build_dropout(struct check *check, const int64_t *sizes) {
    step_numbers(check, false);
    struct sb_tensor *x = check_normal(
        check, "x", 0, 1, 3, CHECK_SHAPE(sizes[DROPOUT_BATCH], sizes[DROPOUT_TOKENS], sizes[DROPOUT_CHANNELS]));
    check_root(check, sb_op_dropout(&check->graph, "dropout", x, (float)sizes[DROPOUT_PERCENT] / 100,
                                    (uint32_t)sizes[DROPOUT_BRANCH]));
}

const struct check_family check_dropout = {.name = "dropout",
                                           .draw = draw_dropout,
                                           .build = build_dropout,
                                           .large = {{70001, 1, 8, 20, 3}, {70001, 1, 5, 20, 3}},
                                           .bench = {{"series", {5136, 12, 256, 20, 3}}}};

enum { COUNT, OPTION };

static void draw_optimiser(struct check *check, int64_t *sizes) {
    sizes[COUNT] = check_chance(check, 0.3) ? check_between(check, 1000, 100000) : check_size(check, 300);
    sizes[OPTION] = check_between(check, 0, 15);
}

static void build_accumulate(struct check *check, const int64_t *sizes) {
    struct sb_tensor *gradient = check_shared(check, "gradient", SB_SPACE_GRADIENT, -1, 1, sizes[COUNT]);
    struct sb_tensor *accumulator = check_shared(check, "accumulator", SB_SPACE_ACCUMULATOR, -1, 1, sizes[COUNT]);
    step_numbers(check, sizes[OPTION] & 1);
    sb_op_accumulate(&check->graph, gradient, accumulator, 0.25f);
}

static void build_norm(struct check *check, const int64_t *sizes) {
    struct sb_tensor *gradient = check_shared(check, "gradient", SB_SPACE_GRADIENT, -1, 1, sizes[COUNT]);
    check_root(check, sb_op_gradient_norm(&check->graph, gradient));
}

/* OPTION: 1 gives a loss, 2 makes the loss or the norm not finite, 4 lets the scale grow or holds it at the smallest.
 * The other numbers are small, and so is the bound, so that the corrections of the first steps count. */
static void build_loss_scaling(struct check *check, const int64_t *sizes) {
    const int64_t *one = CHECK_SHAPE(1), option = sizes[OPTION], interval = check_between(check, 1, 2000);
    struct sb_loss_scaling_parameters p = {.beta1 = 0.9, .beta2 = 0.999, .interval = interval};
    p.norm = check_constant_uniform(check, "norm", 0, 1, 1, one);
    p.state = check_shared(check, "state", SB_SPACE_SCALING, 0, 1, sizeof(struct sb_loss_scaling) / sizeof(float));
    if (option & 1) p.loss = check_constant_uniform(check, "loss", 0, 1, 1, one);
    if (!p.norm || !p.state || (option & 1 && !p.loss)) return;
    if (option & 2) check_values(check, p.loss ? p.loss : p.norm)[0] = p.loss ? NAN : INFINITY;
    const bool at_the_end = option & 4;
    *(struct sb_loss_scaling *)check_values(check, p.state) =
        (struct sb_loss_scaling){.scale = at_the_end && option & 2                 ? 1
                                          : at_the_end && check_chance(check, 0.2) ? 0x1p127f
                                                                                   : 4,
                                 .good = (float)(at_the_end ? interval - 1 : check_between(check, 0, interval - 1)),
                                 .taken = (float)(check_chance(check, 0.3) ? check_between(check, 0, 3) : sizes[COUNT]),
                                 .skipped = (float)check_between(check, 0, 3)};
    sb_op_loss_scaling(&check->graph, p);
}

/* OPTION: 1 clips (and halves the learning rate), 2 gives a loss, 4 makes the loss or the norm not finite, 8 takes the
 * numbers of a scaled step. */
static void build_adamw(struct check *check, const int64_t *sizes) {
    const int64_t count = sizes[COUNT], *one = CHECK_SHAPE(1);
    struct sb_adamw_parameters p = {
        .name = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8f, .weight_decay = 0.05f};
    p.parameter = check_shared(check, "parameter", SB_SPACE_PARAMETER, -1, 1, count);
    p.gradient = check_shared(check, "gradient", SB_SPACE_GRADIENT, -1, 1, count);
    p.moment1 = check_shared(check, "moment1", SB_SPACE_MOMENT1, -0.1, 0.1, count);
    p.moment2 = check_shared(check, "moment2", SB_SPACE_MOMENT2, 0, 0.1, count);
    step_numbers(check, true);
    if (sizes[OPTION] & 1) p.clip_norm = 1.5f, p.rate_factor = 0.5f;
    if (sizes[OPTION] & 8) {
        p.scaled = check_constant_uniform(check, "scaled", 0, 1, 1,
                                          CHECK_SHAPE(sizeof(struct sb_scaled_step) / sizeof(float)));
        if (!p.scaled) return;
        *(struct sb_scaled_step *)check_values(check, p.scaled) =
            (struct sb_scaled_step){.norm = sizes[OPTION] & 4 ? INFINITY : 2,
                                    .taken = !(sizes[OPTION] & 4),
                                    .factor = 0.125f,
                                    .correction1 = 0.3f,
                                    .correction2 = 0.02f};
        sb_op_adamw(&check->graph, p);
        return;
    }
    p.norm = check_constant_uniform(check, "norm", 1, 3, 1, one);
    if (sizes[OPTION] & 2) p.loss = check_constant_uniform(check, "loss", 0, 1, 1, one);
    if (!p.norm || (sizes[OPTION] & 2 && !p.loss)) return;
    if (sizes[OPTION] & 4) check_values(check, p.loss ? p.loss : p.norm)[0] = p.loss ? NAN : INFINITY;
    sb_op_adamw(&check->graph, p);
}

static void build_average(struct check *check, const int64_t *sizes) {
    const int64_t count = sizes[COUNT], *one = CHECK_SHAPE(1);
    struct sb_average_parameters p = {.decay = sizes[OPTION] & 1 ? 0.5 : 0.9998};
    p.value = check_shared(check, "value", SB_SPACE_PARAMETER, -1, 1, count);
    p.average = check_shared(check, "average", SB_SPACE_AVERAGE, -1, 1, count);
    p.norm = check_constant_uniform(check, "norm", 1, 3, 1, one);
    if (sizes[OPTION] & 2) p.loss = check_constant_uniform(check, "loss", 0, 1, 1, one);
    if (!p.norm || (sizes[OPTION] & 2 && !p.loss)) return;
    if (sizes[OPTION] & 4) check_values(check, p.loss ? p.loss : p.norm)[0] = p.loss ? NAN : INFINITY;
    sb_op_average(&check->graph, p);
}

const struct check_family check_accumulate = {.name = "accumulate", .draw = draw_optimiser, .build = build_accumulate};
const struct check_family check_gradient_norm = {
    .name = "gradient_norm", .draw = draw_optimiser, .build = build_norm, .bench = {{"simba_s", {26591088, 0}}}};
const struct check_family check_loss_scaling = {
    .name = "loss_scaling", .draw = draw_optimiser, .build = build_loss_scaling, .bound = 3e-7};
const struct check_family check_adamw = {.name = "adamw",
                                         .draw = draw_optimiser,
                                         .build = build_adamw,
                                         .bench = {{"simba_s", {26591088, 1}}, {"simba_s scaled", {26591088, 9}}}};
const struct check_family check_average = {
    .name = "average", .draw = draw_optimiser, .build = build_average, .bench = {{"simba_s", {26591088, 0}}}};

enum { IMAGES, HEIGHT, WIDTH, CHANNELS, BOXES, MIXES, ERASING };

static void draw_mix_images(struct check *check, int64_t *sizes) {
    sizes[IMAGES] = check_size(check, 6);
    sizes[HEIGHT] = check_size(check, 20);
    sizes[WIDTH] = check_size(check, 20);
    sizes[CHANNELS] = check_between(check, 1, 4);
    sizes[BOXES] = check_between(check, 0, 3);
    sizes[MIXES] = check_between(check, 0, 1);
    sizes[ERASING] = check_between(check, 0, 2);
}

/* A box, often an empty one. */
static void draw_box(struct check *check, const int64_t *sizes, float *box) {
    box[0] = (float)check_between(check, 0, sizes[HEIGHT] - 1);
    box[1] = (float)check_between(check, 0, sizes[WIDTH] - 1);
    box[2] = (float)check_between(check, (int64_t)box[0], sizes[HEIGHT]);
    box[3] = (float)check_between(check, (int64_t)box[1], sizes[WIDTH]);
}

static void build_mix_images(struct check *check, const int64_t *sizes) {
    step_numbers(check, true);
    struct sb_tensor *x = check_constant_uniform(
        check, "x", -2, 2, 4, CHECK_SHAPE(sizes[IMAGES], sizes[HEIGHT], sizes[WIDTH], sizes[CHANNELS]));
    struct sb_tensor *erase = NULL, *mix = NULL;
    if (sizes[BOXES])
        erase = check_constant_uniform(check, "erase", 0, 1, 2, CHECK_SHAPE(sizes[IMAGES], 4 * sizes[BOXES]));
    if (sizes[MIXES]) mix = check_constant_uniform(check, "mix", 0, 1, 2, CHECK_SHAPE(sizes[IMAGES], 5));
    if (!x || (sizes[BOXES] && !erase) || (sizes[MIXES] && !mix)) return;
    for (int64_t i = 0; erase && i < sizes[IMAGES] * sizes[BOXES]; i++)
        draw_box(check, sizes, check_values(check, erase) + 4 * i);
    for (int64_t i = 0; mix && i < sizes[IMAGES]; i++) {
        float *row = check_values(check, mix) + 5 * i;
        if (check_chance(check, 0.3)) row[0] = 1;
        draw_box(check, sizes, row + 1);
        if (check_chance(check, 0.5)) row[3] = row[1];
    }
    check_root(check, sb_op_mix_images(&check->graph, "mix_images", x, erase, mix, (enum sb_erasing)sizes[ERASING]));
}

const struct check_family check_mix_images = {.name = "mix_images",
                                              .draw = draw_mix_images,
                                              .build = build_mix_images,
                                              .bench = {{"batch 16", {16, 224, 224, 3, 1, 1, 0}}}};
