/* Cases: forecasts of time series. */
#include "families.h"

enum { BATCH, LENGTH, CHANNELS, PATCH, STRIDE, PADDING, FLAGS };
enum { MEAN = SB_NORMALISE_MEAN, NORMALISE = SB_NORMALISE_INSTANCE, MIX_CHANNELS = 4, CONSTANT = 8, FAR = 16 };

static void draw_patches(struct check *check, int64_t *sizes) {
    sizes[BATCH] = check_size(check, 5);
    sizes[LENGTH] = check_size(check, 200);
    sizes[CHANNELS] = check_size(check, 40);
    sizes[PADDING] = check_chance(check, 0.5) ? check_between(check, 0, 20) : 0;
    sizes[PATCH] = check_chance(check, 0.3) ? sizes[LENGTH] : check_between(check, 1, sizes[LENGTH] + sizes[PADDING]);
    sizes[STRIDE] = check_between(check, 1, sizes[PATCH]);
    sizes[FLAGS] = check_between(check, 0, 2) + 4 * check_between(check, 0, 7);
    /* A few values close together and far from zero have no digits left to compare. */
    if (sizes[LENGTH] < 16) sizes[FLAGS] &= ~FAR;
}

/* CONSTANT: the first channel does not move. FAR: means that are large against the deviations. */
static void build_patches(struct check *check, const int64_t *sizes) {
    const double centre = sizes[FLAGS] & FAR ? 20 : 0;
    struct sb_tensor *x = check_constant_uniform(check, "x", centre - 2, centre + 2, 3,
                                                 CHECK_SHAPE(sizes[BATCH], sizes[LENGTH], sizes[CHANNELS]));
    if (!x) return;
    for (int64_t row = 0; row < sb_rows(x) && sizes[FLAGS] & CONSTANT; row++)
        check_values(check, x)[row * sizes[CHANNELS]] = 1.1f;
    check_root(check, sb_op_series_patches(&check->graph, (struct sb_series_patches_parameters){
                                                              .name = "patches",
                                                              .x = x,
                                                              .patch = sizes[PATCH],
                                                              .stride = sizes[STRIDE],
                                                              .padding = sizes[PADDING],
                                                              .normalise = (enum sb_normalisation)(sizes[FLAGS] & 3),
                                                              .mix_channels = sizes[FLAGS] & MIX_CHANNELS,
                                                          }));
}

const struct check_family check_series_patches = {
    .name = "series_patches",
    .draw = draw_patches,
    .build = build_patches,
    .large = {{70001, 2, 1, 2, 1, 0, NORMALISE}, {1, 200001, 3, 16, 8, 8, NORMALISE}, {1, 300001, 1, 16, 8, 8, MEAN}},
    .bench = {{"ETTh1", {128, 96, 7, 16, 8, 8, NORMALISE}},
              {"weather", {128, 336, 21, 16, 8, 8, NORMALISE}},
              {"traffic", {24, 96, 862, 16, 8, 8, NORMALISE}},
              {"traffic rows", {24, 96, 862, 96, 96, 0, NORMALISE}}},
};

enum { FORECAST_BATCH, FORECAST_TIMES, FORECAST_CHANNELS, FORECAST_MIXED };

static void draw_forecast(struct check *check, int64_t *sizes) {
    sizes[FORECAST_BATCH] = check_size(check, 5);
    sizes[FORECAST_TIMES] = check_size(check, 200);
    sizes[FORECAST_CHANNELS] = check_size(check, 40);
    sizes[FORECAST_MIXED] = check_between(check, 0, 1);
}

static void build_forecast(struct check *check, const int64_t *sizes) {
    const int64_t batch = sizes[FORECAST_BATCH], times = sizes[FORECAST_TIMES], channels = sizes[FORECAST_CHANNELS];
    const int64_t *mixed = CHECK_SHAPE(batch, channels * times), *rows = CHECK_SHAPE(batch * channels, 1, times);
    struct sb_tensor *y =
        sizes[FORECAST_MIXED] ? check_normal(check, "y", 0, 1, 2, mixed) : check_normal(check, "y", 0, 1, 3, rows);
    struct sb_tensor *statistics =
        check_constant_uniform(check, "statistics", 0.1, 2, 3, CHECK_SHAPE(batch, channels, 2));
    check_root(check, sb_op_series_forecast(&check->graph, "forecast", y, statistics));
}

const struct check_family check_series_forecast = {
    .name = "series_forecast",
    .draw = draw_forecast,
    .build = build_forecast,
    .large = {{70001, 2, 1, 0}, {2, 100001, 2, 1}},
    .bench = {{"ETTh1", {128, 96, 7, 0}}, {"weather", {128, 720, 21, 0}}, {"traffic", {24, 96, 862, 0}}},
};

enum { LOSS_BATCH, LOSS_TIMES, LOSS_CHANNELS, LOSS_KIND, LOSS_FIRST, LOSS_COUNT };

static void draw_loss(struct check *check, int64_t *sizes) {
    sizes[LOSS_BATCH] = check_size(check, 5);
    sizes[LOSS_TIMES] = check_size(check, 200);
    sizes[LOSS_CHANNELS] = check_size(check, 40);
    sizes[LOSS_KIND] = check_between(check, SB_FORECAST_LOSS_SQUARED, SB_FORECAST_LOSS_HUBER);
    if (check_chance(check, 0.5)) return; /* all channels */
    sizes[LOSS_FIRST] = check_between(check, 0, sizes[LOSS_CHANNELS] - 1);
    sizes[LOSS_COUNT] = check_between(check, 1, sizes[LOSS_CHANNELS] - sizes[LOSS_FIRST]);
}

static void build_loss(struct check *check, const int64_t *sizes) {
    const int64_t *shape = CHECK_SHAPE(sizes[LOSS_BATCH], sizes[LOSS_TIMES], sizes[LOSS_CHANNELS]);
    struct sb_tensor *prediction = check_normal(check, "prediction", 0, 1, 3, shape);
    struct sb_tensor *target = check_constant_uniform(check, "target", -2, 2, 3, shape);
    if (!prediction || !target) return;
    /* Where they are equal the slope is 0, of |e| too: a value of its own in the second half of the values, where no
     * difference quotient of a case with few of them tells it. */
    if (sb_elements(target) > 100)
        for (int64_t i = sb_elements(target) / 2; i < sb_elements(target); i += 7)
            check_values(check, prediction)[i] = check_values(check, target)[i];
    check_root(check, sb_op_forecast_loss(&check->graph, (struct sb_forecast_loss_parameters){
                                                             .name = "loss",
                                                             .prediction = prediction,
                                                             .target = target,
                                                             .kind = (enum sb_forecast_loss)sizes[LOSS_KIND],
                                                             .delta = 0.7f,
                                                             .first_channel = sizes[LOSS_FIRST],
                                                             .channels = sizes[LOSS_COUNT],
                                                             .weight = 0.5f,
                                                         }));
}

const struct check_family check_forecast_loss = {
    .name = "forecast_loss",
    .draw = draw_loss,
    .build = build_loss,
    .large = {{1, 700001, 3, SB_FORECAST_LOSS_ABSOLUTE, 1, 2}, {1, 700001, 4, SB_FORECAST_LOSS_SQUARED}},
    .bench = {{"weather", {128, 720, 21, SB_FORECAST_LOSS_SQUARED}},
              {"weather, one channel", {128, 720, 21, SB_FORECAST_LOSS_SQUARED, 20, 1}}},
};

enum { AVERAGE_ROWS, AVERAGE_LENGTH, AVERAGE_HALF };

static void draw_average(struct check *check, int64_t *sizes) {
    sizes[AVERAGE_ROWS] = check_size(check, 100);
    sizes[AVERAGE_LENGTH] = check_size(check, 200);
    sizes[AVERAGE_HALF] = check_chance(check, 0.3) ? 12 : check_between(check, 0, 40);
}

static void build_average(struct check *check, const int64_t *sizes) {
    struct sb_tensor *remainder,
        *x = check_constant_uniform(check, "x", -2, 2, 3, CHECK_SHAPE(sizes[AVERAGE_ROWS], 1, sizes[AVERAGE_LENGTH]));
    check_root(check, sb_op_moving_average(&check->graph, "trend", x, 2 * sizes[AVERAGE_HALF] + 1, &remainder));
}

const struct check_family check_moving_average = {
    .name = "moving_average",
    .draw = draw_average,
    .build = build_average,
    .large = {{3, 100001, 12}, {70001, 3, 1}, {1, 3, 40000}},
    .bench = {{"ETTh1", {896, 336, 12}}, {"traffic", {20688, 96, 12}}},
};
