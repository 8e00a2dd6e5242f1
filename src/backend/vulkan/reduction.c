/* Means and maxima over tokens: one invocation for each sample and channel. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"

enum { WORKGROUP = 64 };

static uint32_t groups_for(const struct sb_tensor *tokens) {
    return (uint32_t)((tokens->shape[0] * tokens->shape[2] + WORKGROUP - 1) / WORKGROUP);
}

bool vk_lower_token_mean(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0];
    const struct vk_token_mean_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                      .y = vk_tensor_address(lowering, node->outputs[0]),
                                                      .batch = (uint32_t)x->shape[0],
                                                      .tokens = (uint32_t)x->shape[1],
                                                      .channels = (uint32_t)x->shape[2]};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_TOKEN_MEAN,
                                                       .arguments = &arguments,
                                                       .constants = {WORKGROUP},
                                                       .groups = {groups_for(x)}});
}

bool vk_lower_token_mean_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *dx = node->outputs[0];
    const struct vk_token_mean_gradient_arguments arguments = {.dy = vk_tensor_address(lowering, node->inputs[0]),
                                                               .dx = vk_tensor_address(lowering, dx),
                                                               .batch = (uint32_t)dx->shape[0],
                                                               .tokens = (uint32_t)dx->shape[1],
                                                               .channels = (uint32_t)dx->shape[2]};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_TOKEN_MEAN_GRADIENT,
                                                       .arguments = &arguments,
                                                       .constants = {WORKGROUP},
                                                       .groups = {groups_for(dx)}});
}

bool vk_lower_token_max(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0];
    const struct vk_token_max_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                     .y = vk_tensor_address(lowering, node->outputs[0]),
                                                     .index = vk_tensor_address(lowering, node->outputs[1]),
                                                     .batch = (uint32_t)x->shape[0],
                                                     .tokens = (uint32_t)x->shape[1],
                                                     .channels = (uint32_t)x->shape[2]};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_TOKEN_MAX,
                                                       .arguments = &arguments,
                                                       .constants = {WORKGROUP},
                                                       .groups = {groups_for(x)}});
}

bool vk_lower_token_max_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *dx = node->outputs[0];
    const struct vk_token_max_gradient_arguments arguments = {.dy = vk_tensor_address(lowering, node->inputs[0]),
                                                              .index = vk_tensor_address(lowering, node->inputs[1]),
                                                              .dx = vk_tensor_address(lowering, dx),
                                                              .batch = (uint32_t)dx->shape[0],
                                                              .tokens = (uint32_t)dx->shape[1],
                                                              .channels = (uint32_t)dx->shape[2]};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_TOKEN_MAX_GRADIENT,
                                                       .arguments = &arguments,
                                                       .constants = {WORKGROUP},
                                                       .groups = {groups_for(dx)}});
}
