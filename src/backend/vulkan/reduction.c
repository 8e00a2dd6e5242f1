/* Means and maxima over tokens: one invocation for each sample and channel, and for each block of tokens where they are
 * many. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"
#include "backend/vulkan/partials.h"

enum { WORKGROUP = 64, BLOCK_TOKENS = 4096 };

static uint32_t blocks_of(const struct sb_tensor *tokens) {
    return (uint32_t)((tokens->shape[1] + BLOCK_TOKENS - 1) / BLOCK_TOKENS);
}

static uint32_t groups_for(const struct sb_tensor *tokens) {
    return (uint32_t)((tokens->shape[0] * tokens->shape[2] + WORKGROUP - 1) / WORKGROUP);
}

bool vk_lower_token_mean(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0], *y = node->outputs[0];
    const uint32_t blocks = blocks_of(x);
    const struct vk_token_mean_arguments arguments = {
        .x = vk_tensor_address(lowering, x),
        .y = blocks > 1 ? vk_scratch_address(lowering, (size_t)(blocks * sb_elements(y)) * sizeof(float))
                        : vk_tensor_address(lowering, y),
        .batch = (uint32_t)x->shape[0],
        .tokens = (uint32_t)x->shape[1],
        .channels = (uint32_t)x->shape[2],
        .block_tokens = BLOCK_TOKENS};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_TOKEN_MEAN,
                                                       .arguments = &arguments,
                                                       .constants = {WORKGROUP},
                                                       .groups = {groups_for(x), blocks}}) &&
           (blocks == 1 || vk_sum_partials(lowering, arguments.y, blocks, y, false));
}

bool vk_lower_token_mean_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *dx = node->outputs[0];
    const struct vk_token_mean_gradient_arguments arguments = {.dy = vk_tensor_address(lowering, node->inputs[0]),
                                                               .dx = vk_tensor_address(lowering, dx),
                                                               .batch = (uint32_t)dx->shape[0],
                                                               .tokens = (uint32_t)dx->shape[1],
                                                               .channels = (uint32_t)dx->shape[2],
                                                               .block_tokens = BLOCK_TOKENS};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_TOKEN_MEAN_GRADIENT,
                                                       .arguments = &arguments,
                                                       .constants = {WORKGROUP},
                                                       .groups = {groups_for(dx), blocks_of(dx)}});
}

bool vk_lower_token_max(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0], *y = node->outputs[0];
    const uint32_t blocks = blocks_of(x), count = (uint32_t)sb_elements(y);
    const size_t bytes = (size_t)blocks * count * sizeof(float);
    const uint64_t y_address = vk_tensor_address(lowering, y);
    const uint64_t index_address = vk_tensor_address(lowering, node->outputs[1]);
    const struct vk_token_max_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                     .y = blocks > 1 ? vk_scratch_address(lowering, bytes) : y_address,
                                                     .index = blocks > 1 ? vk_scratch_address(lowering, bytes)
                                                                         : index_address,
                                                     .batch = (uint32_t)x->shape[0],
                                                     .tokens = (uint32_t)x->shape[1],
                                                     .channels = (uint32_t)x->shape[2],
                                                     .block_tokens = BLOCK_TOKENS};
    if (!vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_TOKEN_MAX,
                                                     .arguments = &arguments,
                                                     .constants = {WORKGROUP},
                                                     .groups = {groups_for(x), blocks}}))
        return false;
    if (blocks == 1) return true;
    const struct vk_token_max_blocks_arguments second = {.x = arguments.y,
                                                         .block_index = arguments.index,
                                                         .y = y_address,
                                                         .index = index_address,
                                                         .count = count,
                                                         .blocks = blocks};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_TOKEN_MAX_BLOCKS,
                                                       .arguments = &second,
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
                                                              .channels = (uint32_t)dx->shape[2],
                                                              .block_tokens = BLOCK_TOKENS};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_TOKEN_MAX_GRADIENT,
                                                       .arguments = &arguments,
                                                       .constants = {WORKGROUP},
                                                       .groups = {groups_for(dx), blocks_of(dx)}});
}
