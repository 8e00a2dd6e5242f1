#include "backend/vulkan/lowerings.h"

/* Workgroups for a loop over `count` elements whose lanes stride over the grid. */
static uint32_t groups_for(int64_t count) {
    const int64_t groups = (count + 255) / 256;
    return groups > 4096 ? 4096 : (uint32_t)groups;
}

bool vk_lower_add(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *a = node->inputs[0], *b = node->inputs[1], *y = node->outputs[0];
    const struct vk_add_arguments arguments = {.a = vk_tensor_address(lowering, a),
                                               .b = vk_tensor_address(lowering, b),
                                               .y = vk_tensor_address(lowering, y),
                                               .count = (uint32_t)sb_elements(y),
                                               .columns = (uint32_t)sb_columns(y),
                                               .a_pitch = (uint32_t)a->pitch,
                                               .b_pitch = (uint32_t)b->pitch,
                                               .y_pitch = (uint32_t)y->pitch,
                                               .value = node->attributes.scale.value};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_ADD,
                                                       .arguments = &arguments,
                                                       .groups = {groups_for(sb_elements(y))}});
}

bool vk_lower_fill(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *y = node->outputs[0];
    const struct vk_fill_arguments arguments = {.y = vk_tensor_address(lowering, y),
                                                .count = (uint32_t)sb_elements(y),
                                                .columns = (uint32_t)sb_columns(y),
                                                .y_pitch = (uint32_t)y->pitch,
                                                .value = node->attributes.scale.value};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_FILL,
                                                       .arguments = &arguments,
                                                       .groups = {groups_for(sb_elements(y))}});
}

bool vk_lower_copy(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0], *y = node->outputs[0];
    const struct vk_copy_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                .y = vk_tensor_address(lowering, y),
                                                .count = (uint32_t)sb_elements(y),
                                                .columns = (uint32_t)sb_columns(y),
                                                .x_pitch = (uint32_t)x->pitch,
                                                .y_pitch = (uint32_t)y->pitch};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_COPY,
                                                       .arguments = &arguments,
                                                       .groups = {groups_for(sb_elements(y))}});
}
