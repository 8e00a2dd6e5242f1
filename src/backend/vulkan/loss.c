/* Softmax cross-entropy: a loss for each row, then their sum in a fixed order. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"

enum { WORKGROUP = 64 };

/* Invocations that share a row. */
static uint32_t lanes_for(const struct vk_limits *limits, const struct sb_tensor *logits) {
    return limits->software || sb_columns(logits) < WORKGROUP ? 1 : WORKGROUP;
}

static void set_grid(const struct vk_limits *limits, struct vk_dispatch *dispatch, int64_t rows, uint32_t lanes) {
    const int64_t per_group = WORKGROUP / lanes, groups = (rows + per_group - 1) / per_group;
    dispatch->groups[0] = vk_groups(limits, groups, 1);
    dispatch->groups[1] = (uint32_t)((groups + dispatch->groups[0] - 1) / dispatch->groups[0]);
}

bool vk_lower_cross_entropy(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *logits = node->inputs[0], *target = node->inputs[1];
    const bool labels = target->dtype == SB_INT32;
    const int64_t rows = sb_rows(logits);
    const uint32_t lanes = lanes_for(limits, logits);
    const uint64_t losses = vk_scratch_address(lowering, (size_t)rows * sizeof(float));
    const struct vk_cross_entropy_arguments arguments = {.logits = vk_tensor_address(lowering, logits),
                                                         .labels = labels ? vk_tensor_address(lowering, target) : 0,
                                                         .distributions =
                                                             labels ? 0 : vk_tensor_address(lowering, target),
                                                         .statistics = vk_tensor_address(lowering, node->outputs[1]),
                                                         .losses = losses,
                                                         .rows = (uint32_t)rows,
                                                         .classes = (uint32_t)sb_columns(logits),
                                                         .smoothing = node->attributes.cross_entropy.smoothing};
    struct vk_dispatch dispatch = {
        .kernel = VK_KERNEL_CROSS_ENTROPY, .arguments = &arguments, .constants = {WORKGROUP, lanes, labels}};
    set_grid(limits, &dispatch, rows, lanes);
    if (!vk_dispatch(lowering, &dispatch)) return false;
    const struct vk_sum_losses_arguments sum = {.losses = losses,
                                                .loss = vk_tensor_address(lowering, node->outputs[0]),
                                                .count = (uint32_t)rows,
                                                .factor = node->attributes.cross_entropy.weight / (float)rows};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_SUM_LOSSES, .arguments = &sum});
}

bool vk_lower_cross_entropy_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *logits = node->inputs[1], *target = node->inputs[2];
    const bool labels = target->dtype == SB_INT32;
    const int64_t rows = sb_rows(logits);
    const uint32_t lanes = lanes_for(limits, logits);
    const struct vk_cross_entropy_gradient_arguments arguments = {
        .dloss = vk_tensor_address(lowering, node->inputs[0]),
        .logits = vk_tensor_address(lowering, logits),
        .labels = labels ? vk_tensor_address(lowering, target) : 0,
        .distributions = labels ? 0 : vk_tensor_address(lowering, target),
        .statistics = vk_tensor_address(lowering, node->inputs[3]),
        .dlogits = vk_tensor_address(lowering, node->outputs[0]),
        .rows = (uint32_t)rows,
        .classes = (uint32_t)sb_columns(logits),
        .smoothing = node->attributes.cross_entropy.smoothing,
        .factor = node->attributes.cross_entropy.weight / (float)rows};
    struct vk_dispatch dispatch = {
        .kernel = VK_KERNEL_CROSS_ENTROPY_GRADIENT, .arguments = &arguments, .constants = {WORKGROUP, lanes, labels}};
    set_grid(limits, &dispatch, rows, lanes);
    return vk_dispatch(lowering, &dispatch);
}
