/* Stochastic depth, gradient accumulation, the gradient's norm, AdamW and the moving average. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"
#include "ops/ops.h"

#include <string.h>

bool vk_lower_drop_path_scale(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_drop_path_attributes *attributes = &node->attributes.drop_path;
    const int64_t batch = sb_elements(node->outputs[0]);
    const uint32_t workgroup = 64;
    const struct vk_drop_path_scale_arguments arguments = {.step = vk_tensor_address(lowering, node->inputs[0]),
                                                           .scale = vk_tensor_address(lowering, node->outputs[0]),
                                                           .batch = (uint32_t)batch,
                                                           .branch = attributes->branch,
                                                           .rate = attributes->rate,
                                                           .kept = 1 / (1 - attributes->rate)};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_DROP_PATH_SCALE,
                                                       .arguments = &arguments,
                                                       .constants = {workgroup},
                                                       .groups = {(uint32_t)((batch + workgroup - 1) / workgroup)}});
}

bool vk_lower_accumulate(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    uint32_t first[2] = {0};
    const enum vk_width width = vk_choose_width(lowering, sb_elements(node->inputs[0]),
                                                (const struct sb_tensor *const *)node->inputs, 2, first);
    const int64_t count = sb_elements(node->inputs[0]) / (width == VK_WIDTH_SCALAR ? 1 : 4);
    const struct vk_accumulate_arguments plain = {.gradient = vk_tensor_address(lowering, node->inputs[0]),
                                                  .accumulator = vk_tensor_address(lowering, node->inputs[1]),
                                                  .step = vk_tensor_address(lowering, node->inputs[2]),
                                                  .count = (uint32_t)count,
                                                  .scale = node->attributes.accumulate.scale};
    const struct vk_accumulate_quads_arguments quads = {.accumulator = plain.accumulator,
                                                        .step = plain.step,
                                                        .gradient_first = first[0],
                                                        .accumulator_first = first[1],
                                                        .count = plain.count,
                                                        .scale = plain.scale};
    const uint32_t workgroup = vk_streaming_workgroup(limits);
    struct vk_dispatch dispatch = {.kernel =
                                       width == VK_WIDTH_SCALAR ? VK_KERNEL_ACCUMULATE : VK_KERNEL_ACCUMULATE_WIDE,
                                   .arguments = &plain,
                                   .constants = {workgroup},
                                   .groups = {vk_groups(limits, count, workgroup)}};
    if (width == VK_WIDTH_QUADS) {
        dispatch.kernel = VK_KERNEL_ACCUMULATE_QUADS;
        dispatch.arguments = &quads;
        dispatch.texels[0] = plain.gradient;
        dispatch.texels[1] = plain.accumulator;
    }
    return vk_dispatch(lowering, &dispatch);
}

bool vk_lower_gradient_norm(struct vk_lowering *lowering, const struct sb_node *node) {
    /* Enough groups for any device. How many there are decides the order of summation, so it is always the same. */
    enum { GROUPS = 256, WORKGROUP = 128 };
    uint32_t first[1] = {0};
    const enum vk_width width = vk_choose_width(lowering, sb_elements(node->inputs[0]),
                                                (const struct sb_tensor *const *)node->inputs, 1, first);
    const uint32_t count = (uint32_t)(sb_elements(node->inputs[0]) / (width == VK_WIDTH_SCALAR ? 1 : 4));
    const uint64_t gradient = vk_tensor_address(lowering, node->inputs[0]);
    const uint64_t partial = vk_scratch_address(lowering, GROUPS * sizeof(float));
    const struct vk_gradient_squares_arguments plain = {.gradient = gradient, .partial = partial, .count = count};
    const struct vk_gradient_squares_quads_arguments quads = {
        .partial = partial, .gradient_first = first[0], .count = count};
    struct vk_dispatch dispatch = {.kernel = width == VK_WIDTH_SCALAR ? VK_KERNEL_GRADIENT_SQUARES
                                                                      : VK_KERNEL_GRADIENT_SQUARES_WIDE,
                                   .arguments = &plain,
                                   .constants = {WORKGROUP},
                                   .groups = {GROUPS}};
    if (width == VK_WIDTH_QUADS) {
        dispatch.kernel = VK_KERNEL_GRADIENT_SQUARES_QUADS;
        dispatch.arguments = &quads;
        dispatch.texels[0] = gradient;
    }
    if (!vk_dispatch(lowering, &dispatch)) return false;
    const struct vk_gradient_norm_arguments norm = {
        .partial = partial, .norm = vk_tensor_address(lowering, node->outputs[0]), .count = GROUPS};
    return vk_dispatch(lowering, &(struct vk_dispatch){
                                     .kernel = VK_KERNEL_GRADIENT_NORM, .arguments = &norm, .constants = {WORKGROUP}});
}

bool vk_lower_loss_scaling(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_loss_scaling_attributes *attributes = &node->attributes.loss_scaling;
    const struct vk_loss_scaling_arguments arguments = {.norm = vk_tensor_address(lowering, node->inputs[0]),
                                                        .loss = vk_tensor_address(lowering, node->inputs[1]),
                                                        .state = vk_tensor_address(lowering, node->outputs[0]),
                                                        .scaled = vk_tensor_address(lowering, node->outputs[1]),
                                                        .take1 = (float)(1 - attributes->beta1),
                                                        .take2 = (float)(1 - attributes->beta2),
                                                        .interval = (float)attributes->interval,
                                                        .smallest = SB_SMALLEST_LOSS_SCALE};
    return vk_dispatch(lowering,
                       &(struct vk_dispatch){.kernel = VK_KERNEL_LOSS_SCALING,
                                             .arguments = &arguments,
                                             .constants = {[VK_LOSS_SCALING_HAS_LOSS] = node->inputs[1] != NULL}});
}

bool vk_lower_adamw(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_adamw_attributes *attributes = &node->attributes.adamw;
    uint32_t first[4] = {0};
    const enum vk_width width = vk_choose_width(lowering, sb_elements(node->inputs[0]),
                                                (const struct sb_tensor *const *)node->inputs, 4, first);
    const int64_t count = sb_elements(node->inputs[0]) / (width == VK_WIDTH_SCALAR ? 1 : 4);
    uint64_t address[8];
    for (int i = 0; i < 8; i++) address[i] = vk_tensor_address(lowering, node->inputs[i]);
    const struct vk_adamw_arguments plain = {.parameter = address[0],
                                             .gradient = address[1],
                                             .moment1 = address[2],
                                             .moment2 = address[3],
                                             .step = address[4],
                                             .norm = address[5],
                                             .loss = address[6],
                                             .scaled = address[7],
                                             .count = (uint32_t)count,
                                             .keep1 = (float)attributes->beta1,
                                             .keep2 = (float)attributes->beta2,
                                             .take1 = (float)(1 - attributes->beta1),
                                             .take2 = (float)(1 - attributes->beta2),
                                             .epsilon = attributes->epsilon,
                                             .rate_factor = attributes->rate_factor,
                                             .weight_decay = attributes->weight_decay,
                                             .clip_norm = attributes->clip_norm};
    const struct vk_adamw_quads_arguments quads = {.parameter = address[0],
                                                   .moment1 = address[2],
                                                   .moment2 = address[3],
                                                   .step = address[4],
                                                   .norm = address[5],
                                                   .loss = address[6],
                                                   .scaled = address[7],
                                                   .parameter_first = first[0],
                                                   .gradient_first = first[1],
                                                   .moment1_first = first[2],
                                                   .moment2_first = first[3],
                                                   .count = (uint32_t)count,
                                                   .keep1 = (float)attributes->beta1,
                                                   .keep2 = (float)attributes->beta2,
                                                   .take1 = (float)(1 - attributes->beta1),
                                                   .take2 = (float)(1 - attributes->beta2),
                                                   .epsilon = attributes->epsilon,
                                                   .rate_factor = attributes->rate_factor,
                                                   .weight_decay = attributes->weight_decay,
                                                   .clip_norm = attributes->clip_norm};
    const uint32_t workgroup = vk_streaming_workgroup(limits);
    struct vk_dispatch dispatch = {.kernel = width == VK_WIDTH_SCALAR ? VK_KERNEL_ADAMW : VK_KERNEL_ADAMW_WIDE,
                                   .arguments = &plain,
                                   .constants = {workgroup, node->inputs[6] != NULL, node->inputs[7] != NULL},
                                   .groups = {vk_groups(limits, count, workgroup)}};
    if (width == VK_WIDTH_QUADS) {
        dispatch.kernel = VK_KERNEL_ADAMW_QUADS;
        dispatch.arguments = &quads;
        memcpy(dispatch.texels, address, sizeof dispatch.texels);
    }
    return vk_dispatch(lowering, &dispatch);
}

bool vk_lower_average(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    uint32_t first[2] = {0};
    const enum vk_width width = vk_choose_width(lowering, sb_elements(node->inputs[0]),
                                                (const struct sb_tensor *const *)node->inputs, 2, first);
    const int64_t count = sb_elements(node->inputs[0]) / (width == VK_WIDTH_SCALAR ? 1 : 4);
    const struct vk_average_arguments plain = {.value = vk_tensor_address(lowering, node->inputs[0]),
                                               .average = vk_tensor_address(lowering, node->inputs[1]),
                                               .norm = vk_tensor_address(lowering, node->inputs[2]),
                                               .loss = vk_tensor_address(lowering, node->inputs[3]),
                                               .count = (uint32_t)count,
                                               .share = node->attributes.average.share};
    const struct vk_average_quads_arguments quads = {.average = plain.average,
                                                     .norm = plain.norm,
                                                     .loss = plain.loss,
                                                     .value_first = first[0],
                                                     .average_first = first[1],
                                                     .count = plain.count,
                                                     .share = plain.share};
    const uint32_t workgroup = vk_streaming_workgroup(limits);
    struct vk_dispatch dispatch = {.kernel = width == VK_WIDTH_SCALAR ? VK_KERNEL_AVERAGE : VK_KERNEL_AVERAGE_WIDE,
                                   .arguments = &plain,
                                   .constants = {workgroup, node->inputs[3] != NULL},
                                   .groups = {vk_groups(limits, count, workgroup)}};
    if (width == VK_WIDTH_QUADS) {
        dispatch.kernel = VK_KERNEL_AVERAGE_QUADS;
        dispatch.arguments = &quads;
        dispatch.texels[0] = plain.value;
        dispatch.texels[1] = plain.average;
    }
    return vk_dispatch(lowering, &dispatch);
}
