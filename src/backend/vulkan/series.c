/* Forecasts of time series: windows to tokens, forecasts back, their loss, and the moving average. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"
#include "ops/ops.h"

enum { WORKGROUP = 64 };

/* Of values of a row that one invocation moves between windows and rows. */
enum { CHUNK = 16 };

static void set_chunk_grid(const struct vk_limits *limits, struct vk_dispatch *dispatch, int64_t rows, int64_t values) {
    dispatch->groups[0] = vk_groups(limits, rows, WORKGROUP);
    dispatch->groups[1] = vk_group_rows(limits, (values + CHUNK - 1) / CHUNK);
}

static bool lower_statistics(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_series_patches_attributes *attributes = &node->attributes.series_patches;
    const struct sb_tensor *x = node->inputs[0];
    const int64_t rows = x->shape[0] * x->shape[2];
    const uint32_t groups = vk_groups(limits, rows, WORKGROUP);
    /* The kernel goes twice over the times, eight at a time, for each of its rows. */
    const int64_t rounds = (2 * ((x->shape[1] + 7) / 8) + 1) * (rows / ((int64_t)groups * WORKGROUP) + 1);
    if (attributes->normalise != SB_NORMALISE_NONE && rounds > limits->iterations)
        return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                "windows of %lld values are too long for this device, whose loops end early.",
                                (long long)x->shape[1]);
    const struct vk_series_statistics_arguments arguments = {
        .x = vk_tensor_address(lowering, x),
        .statistics = vk_tensor_address(lowering, node->outputs[SB_SERIES_PATCHES_STATISTICS]),
        .batch = (uint32_t)x->shape[0],
        .times = (uint32_t)x->shape[1],
        .channels = (uint32_t)x->shape[2],
        .epsilon = attributes->epsilon};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_SERIES_STATISTICS,
                                                       .arguments = &arguments,
                                                       .constants = {WORKGROUP, attributes->normalise},
                                                       .groups = {groups}});
}

bool vk_lower_series_patches(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_series_patches_attributes *attributes = &node->attributes.series_patches;
    const struct sb_tensor *x = node->inputs[0], *tokens = node->outputs[SB_SERIES_PATCHES_TOKENS];
    const int64_t rows = x->shape[0] * x->shape[2], patches = tokens->shape[1];
    if (!lower_statistics(lowering, node)) return false;
    const struct vk_series_patches_arguments arguments = {
        .x = vk_tensor_address(lowering, x),
        .statistics = vk_tensor_address(lowering, node->outputs[SB_SERIES_PATCHES_STATISTICS]),
        .tokens = vk_tensor_address(lowering, tokens),
        .rows = (uint32_t)rows,
        .times = (uint32_t)x->shape[1],
        .channels = (uint32_t)x->shape[2],
        .patches = (uint32_t)patches,
        .size = (uint32_t)attributes->patch,
        .stride = (uint32_t)attributes->stride};
    struct vk_dispatch dispatch = {.kernel = VK_KERNEL_SERIES_PATCHES,
                                   .arguments = &arguments,
                                   .constants = {WORKGROUP, CHUNK, attributes->mix_channels}};
    set_chunk_grid(limits, &dispatch, rows, patches * attributes->patch);
    return vk_dispatch(lowering, &dispatch);
}

/* Between [B, C, T] and the forecast [B, T, C]. */
static bool lower_forecast(struct vk_lowering *lowering, const struct sb_node *node, const struct sb_tensor *forecast,
                           bool gradient) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const int64_t rows = forecast->shape[0] * forecast->shape[2], times = forecast->shape[1];
    const struct vk_series_forecast_arguments arguments = {.x = vk_tensor_address(lowering, node->inputs[0]),
                                                           .statistics = vk_tensor_address(lowering, node->inputs[1]),
                                                           .y = vk_tensor_address(lowering, node->outputs[0]),
                                                           .rows = (uint32_t)rows,
                                                           .times = (uint32_t)times,
                                                           .channels = (uint32_t)forecast->shape[2]};
    struct vk_dispatch dispatch = {
        .kernel = VK_KERNEL_SERIES_FORECAST, .arguments = &arguments, .constants = {WORKGROUP, CHUNK, gradient}};
    set_chunk_grid(limits, &dispatch, rows, times);
    return vk_dispatch(lowering, &dispatch);
}

bool vk_lower_series_forecast(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower_forecast(lowering, node, node->outputs[0], false);
}

bool vk_lower_series_forecast_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower_forecast(lowering, node, node->inputs[0], true);
}

static bool takes_all(const struct sb_node *node, const struct sb_tensor *prediction) {
    return node->attributes.forecast_loss.channels == prediction->shape[2];
}

/* What the loss of each value counts. */
static float mean_factor(const struct sb_node *node, const struct sb_tensor *prediction) {
    const struct sb_forecast_loss_attributes *attributes = &node->attributes.forecast_loss;
    return attributes->weight / (float)(sb_rows(prediction) * attributes->channels);
}

bool vk_lower_forecast_loss(struct vk_lowering *lowering, const struct sb_node *node) {
    /* How many groups there are decides the order of summation: as many on every device. */
    enum { GROUPS = 256, SUM_WORKGROUP = 128 };
    const struct sb_forecast_loss_attributes *attributes = &node->attributes.forecast_loss;
    const struct sb_tensor *prediction = node->inputs[0];
    const bool all = takes_all(node, prediction);
    const int64_t count = sb_rows(prediction) * attributes->channels;
    uint32_t first[2] = {0};
    const enum vk_width width =
        vk_choose_width(lowering, all ? count : 1, (const struct sb_tensor *const *)node->inputs, 2, first);
    const uint64_t partial = vk_scratch_address(lowering, GROUPS * sizeof(float));
    const struct vk_forecast_loss_arguments plain = {.prediction = vk_tensor_address(lowering, prediction),
                                                     .goal = vk_tensor_address(lowering, node->inputs[1]),
                                                     .partial = partial,
                                                     .count = (uint32_t)count,
                                                     .columns = (uint32_t)prediction->shape[2],
                                                     .first_channel = (uint32_t)attributes->first_channel,
                                                     .channels = (uint32_t)attributes->channels,
                                                     .delta = attributes->delta};
    const struct vk_forecast_loss_quads_arguments quads = {.partial = partial,
                                                           .prediction_first = first[0],
                                                           .goal_first = first[1],
                                                           .count = (uint32_t)(count / 4),
                                                           .delta = attributes->delta};
    struct vk_dispatch dispatch = {.kernel = VK_KERNEL_FORECAST_LOSS,
                                   .arguments = &plain,
                                   .constants = {SUM_WORKGROUP, (uint32_t)attributes->kind, all},
                                   .groups = {GROUPS}};
    if (width == VK_WIDTH_QUADS) {
        dispatch.kernel = VK_KERNEL_FORECAST_LOSS_QUADS;
        dispatch.arguments = &quads;
        dispatch.texels[0] = plain.prediction;
        dispatch.texels[1] = plain.goal;
    }
    if (!vk_dispatch(lowering, &dispatch)) return false;
    const struct vk_sum_losses_arguments sum = {.losses = partial,
                                                .loss = vk_tensor_address(lowering, node->outputs[0]),
                                                .count = GROUPS,
                                                .factor = mean_factor(node, prediction)};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_SUM_LOSSES,
                                                       .arguments = &sum,
                                                       .constants = {[VK_SUM_LOSSES_WORKGROUP] = SUM_WORKGROUP}});
}

bool vk_lower_forecast_loss_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_forecast_loss_attributes *attributes = &node->attributes.forecast_loss;
    const struct sb_tensor *prediction = node->inputs[1], *goal = node->inputs[2];
    const bool all = takes_all(node, prediction);
    const int64_t elements = sb_elements(prediction);
    uint32_t first[3] = {0};
    const enum vk_width width = vk_choose_width(
        lowering, all ? elements : 1, (const struct sb_tensor *const[]){prediction, goal, node->outputs[0]}, 3, first);
    const int64_t count = width == VK_WIDTH_QUADS ? elements / 4 : elements;
    const struct vk_forecast_loss_gradient_arguments plain = {.dloss = vk_tensor_address(lowering, node->inputs[0]),
                                                              .prediction = vk_tensor_address(lowering, prediction),
                                                              .goal = vk_tensor_address(lowering, goal),
                                                              .dprediction =
                                                                  vk_tensor_address(lowering, node->outputs[0]),
                                                              .count = (uint32_t)count,
                                                              .columns = (uint32_t)prediction->shape[2],
                                                              .first_channel = (uint32_t)attributes->first_channel,
                                                              .channels = (uint32_t)attributes->channels,
                                                              .delta = attributes->delta,
                                                              .factor = mean_factor(node, prediction)};
    const struct vk_forecast_loss_gradient_quads_arguments quads = {.dloss = plain.dloss,
                                                                    .dprediction = plain.dprediction,
                                                                    .prediction_first = first[0],
                                                                    .goal_first = first[1],
                                                                    .count = plain.count,
                                                                    .delta = plain.delta,
                                                                    .factor = plain.factor};
    const uint32_t workgroup = vk_streaming_workgroup(limits);
    struct vk_dispatch dispatch = {.kernel = VK_KERNEL_FORECAST_LOSS_GRADIENT,
                                   .arguments = &plain,
                                   .constants = {workgroup, (uint32_t)attributes->kind, all},
                                   .groups = {vk_groups(limits, count, workgroup)}};
    if (width == VK_WIDTH_QUADS) {
        dispatch.kernel = VK_KERNEL_FORECAST_LOSS_GRADIENT_QUADS;
        dispatch.arguments = &quads;
        dispatch.texels[0] = plain.prediction;
        dispatch.texels[1] = plain.goal;
    }
    return vk_dispatch(lowering, &dispatch);
}

bool vk_lower_moving_average(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *x = node->inputs[0];
    const int64_t rows = sb_rows(x), length = sb_columns(x), kernel = node->attributes.moving_average.kernel;
    const uint32_t block = limits->software ? 16 : 1;
    const int64_t blocks = rows * ((length + block - 1) / block);
    const uint32_t groups = vk_groups(limits, blocks, WORKGROUP);
    const int64_t rounds = (kernel + block + 1) * (blocks / ((int64_t)groups * WORKGROUP) + 1);
    if (rounds > limits->iterations)
        return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                "a moving average over %lld values is too long for this device, whose loops end early.",
                                (long long)kernel);
    const struct vk_moving_average_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                          .trend = vk_tensor_address(lowering, node->outputs[0]),
                                                          .remainder = vk_tensor_address(lowering, node->outputs[1]),
                                                          .rows = (uint32_t)rows,
                                                          .times = (uint32_t)length,
                                                          .around = (uint32_t)(kernel / 2)};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_MOVING_AVERAGE,
                                                       .arguments = &arguments,
                                                       .constants = {WORKGROUP, block},
                                                       .groups = {groups}});
}
