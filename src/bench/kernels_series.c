/* What forecasting has beside Mamba and EinFFT. */
#include "bench/bench.h"

enum { BATCH, LENGTH, CHANNELS, PATCH, STRIDE };
static const struct simba_bench_parameter patch_parameters[] = {
    {"batch", "windows"},          {"length", "times of a window, the look-back"}, {"channels", "of a time"},
    {"patch", "times of a token"}, {"stride", "from one patch to the next"},       {0}};
/* ETTh1 (7 channels) and Electricity (321). */
static const char *const patch_shapes[] = {"batch=32 length=96 channels=7 patch=24 stride=24",
                                           "batch=16 length=96 channels=321 patch=16 stride=8", NULL};

static void build_patches(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_series_patches_parameters p = {
        .name = "patches", .patch = sizes[PATCH], .stride = sizes[STRIDE], .normalise = SB_NORMALISE_INSTANCE};
    p.x = sb_bench_constant(bench, "x", -2, 2, 3, SB_BENCH_SHAPE(sizes[BATCH], sizes[LENGTH], sizes[CHANNELS]));
    sb_op_series_patches(&bench->graph, p);
}

enum { HORIZON = 1 };
static const struct simba_bench_parameter horizon_parameters[] = {
    {"batch", "windows"}, {"horizon", "times of a forecast"}, {"channels", "of a time"}, {0}};
static const char *const horizon_shapes[] = {"batch=32 horizon=96 channels=7", "batch=16 horizon=96 channels=321",
                                             NULL};

static void build_forecast(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_tensor *y =
        sb_bench_normal(bench, "y", 0, 1, 3, SB_BENCH_SHAPE(sizes[BATCH], sizes[CHANNELS], sizes[HORIZON]));
    struct sb_tensor *statistics =
        sb_bench_constant(bench, "statistics", 0.5, 2, 3, SB_BENCH_SHAPE(sizes[BATCH], sizes[CHANNELS], 2));
    sb_bench_root(bench, sb_op_series_forecast(&bench->graph, "forecast", y, statistics));
}

static void build_loss(struct sb_bench_case *bench, const int64_t *sizes) {
    const int64_t *shape = SB_BENCH_SHAPE(sizes[BATCH], sizes[HORIZON], sizes[CHANNELS]);
    struct sb_forecast_loss_parameters p = {.name = "loss", .kind = SB_FORECAST_LOSS_SQUARED};
    p.prediction = sb_bench_normal(bench, "prediction", 0, 1, 3, shape);
    p.target = sb_bench_constant(bench, "target", -2, 2, 3, shape);
    sb_bench_root(bench, sb_op_forecast_loss(&bench->graph, p));
}

enum { AVERAGE_LENGTH = 1, AVERAGE_KERNEL };
static const struct simba_bench_parameter average_parameters[] = {
    {"rows", "a channel of a window each"}, {"length", "of a row"}, {"kernel", "values of a mean, odd"}, {0}};
static const char *const average_shapes[] = {"rows=896 length=336 kernel=25", NULL};

static void build_average(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_tensor *x = sb_bench_constant(bench, "x", -2, 2, 2, SB_BENCH_SHAPE(sizes[0], sizes[AVERAGE_LENGTH]));
    struct sb_tensor *remainder;
    sb_op_moving_average(&bench->graph, "average", x, sizes[AVERAGE_KERNEL], &remainder);
}

#define ENTRY(name, summary, formula, flops, parameters, shapes) \
    SB_BENCH_ENTRY(name, summary, formula, sb_bench_once, flops, parameters, shapes)

static const char four[] = "4 for each element of the largest input";

const struct sb_bench_kernel sb_bench_series[] = {
    {ENTRY("series/patches", "windows, normalised by their own statistics and cut into patches",
           "SERIES_PATCHES in src/ops/ops.h", four, patch_parameters, patch_shapes),
     .build = build_patches, .outer = "batch"},
    {ENTRY("series/forecast", "forecasts, back in the scale and the layout of the windows",
           "SERIES_FORECAST in src/ops/ops.h", four, horizon_parameters, horizon_shapes),
     .build = build_forecast, .outer = "batch"},
    {ENTRY("series/forecast_backward", "its gradient", "SERIES_FORECAST in src/ops/ops.h, GRADIENT", four,
           horizon_parameters, horizon_shapes),
     .build = build_forecast, .outer = "batch", .backward = true},
    {ENTRY("series/loss", "the mean squared error", "FORECAST_LOSS in src/ops/ops.h", four, horizon_parameters,
           horizon_shapes),
     .build = build_loss, .training = true},
    {ENTRY("series/loss_backward", "its gradient", "FORECAST_LOSS in src/ops/ops.h, GRADIENT", four, horizon_parameters,
           horizon_shapes),
     .build = build_loss, .backward = true},
    {ENTRY("series/moving_average", "trend and remainder of DLinear", "MOVING_AVERAGE in src/ops/ops.h",
           "kernel + 2 for each element", average_parameters, average_shapes),
     .build = build_average, .outer = "rows"},
    {{0}}};
