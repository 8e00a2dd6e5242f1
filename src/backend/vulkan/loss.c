/* Softmax cross-entropy: a loss for each row, then their sum in a fixed order. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"

enum { WORKGROUP = 64, SUM_WORKGROUP = 128 };

/* Invocations that share a row: on a software device one, as long as its two loops over the classes may go on. */
static bool choose_lanes(struct vk_lowering *lowering, const struct sb_tensor *logits, uint32_t *lanes) {
    const int64_t classes = sb_columns(logits), rows = sb_rows(logits);
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const int64_t most = (limits->iterations - 64) / 2; /* 64 for the sums over lanes */
    *lanes = limits->software || classes < WORKGROUP ? 1 : WORKGROUP;
    while (*lanes < WORKGROUP && classes > most * *lanes) *lanes *= 2;
    if (classes <= most * *lanes && rows <= (int64_t)limits->iterations * SUM_WORKGROUP) return true;
    return vk_lowering_fail(
        lowering, SIMBA_ERROR_UNSUPPORTED,
        "a cross-entropy over %lld rows of %lld classes is too much for this device, whose loops end early.",
        (long long)rows, (long long)classes);
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
    uint32_t lanes;
    if (!choose_lanes(lowering, logits, &lanes)) return false;
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
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_SUM_LOSSES,
                                                       .arguments = &sum,
                                                       .constants = {[VK_SUM_LOSSES_WORKGROUP] = SUM_WORKGROUP}});
}

bool vk_lower_cross_entropy_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *logits = node->inputs[1], *target = node->inputs[2];
    const bool labels = target->dtype == SB_INT32;
    const int64_t rows = sb_rows(logits);
    uint32_t lanes;
    if (!choose_lanes(lowering, logits, &lanes)) return false;
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
