/* Operations that move elements without changing them. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"

bool vk_lower_permute(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *x = node->inputs[0], *y = node->outputs[0];
    struct vk_permute_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                             .y = vk_tensor_address(lowering, y),
                                             .count = (uint32_t)sb_elements(y),
                                             .shape = {1, 1, 1, 1, 1}};
    uint32_t strides[SB_MAX_RANK], stride = 1;
    for (int axis = x->rank - 1; axis >= 0; axis--) {
        strides[axis] = stride;
        stride *= (uint32_t)x->shape[axis];
    }
    for (int axis = 0; axis < y->rank; axis++) {
        const int padded = axis + SB_MAX_RANK - y->rank;
        arguments.shape[padded] = (uint32_t)y->shape[axis];
        arguments.stride[padded] = strides[node->attributes.permute.axes[axis]];
    }
    const uint32_t workgroup = vk_workgroup(limits, 256);
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_PERMUTE,
                                                       .arguments = &arguments,
                                                       .constants = {workgroup},
                                                       .groups = {vk_groups(limits, sb_elements(y), workgroup)}});
}

bool vk_lower_slice_tokens(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0];
    const struct sb_slice_attributes *slice = &node->attributes.slice;
    const int64_t channels = x->shape[2];
    return vk_move_blocks(lowering, &(struct vk_blocks){.x = x,
                                                        .y = node->outputs[0],
                                                        .samples = x->shape[0],
                                                        .count = slice->count * channels,
                                                        .x_first = slice->first * channels,
                                                        .x_step = x->shape[1] * channels,
                                                        .y_step = slice->count * channels});
}

bool vk_lower_concat_tokens(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *y = node->outputs[0];
    int64_t first = 0;
    for (int i = 0; i < 2; i++) {
        const struct sb_tensor *x = node->inputs[i];
        const int64_t count = x->shape[1] * x->shape[2];
        if (!vk_move_blocks(lowering, &(struct vk_blocks){.x = x,
                                                          .y = y,
                                                          .samples = x->shape[0],
                                                          .count = count,
                                                          .x_step = count,
                                                          .y_first = first,
                                                          .y_step = y->shape[1] * y->shape[2],
                                                          .concurrent = i > 0}))
            return false;
        first += count;
    }
    return true;
}

bool vk_lower_reverse_tokens(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0];
    const int64_t tokens = x->shape[1], channels = x->shape[2];
    return vk_move_blocks(lowering, &(struct vk_blocks){.x = x,
                                                        .y = node->outputs[0],
                                                        .samples = x->shape[0],
                                                        .count = channels,
                                                        .x_step = tokens * channels,
                                                        .y_step = tokens * channels,
                                                        .reversed = tokens});
}

bool vk_lower_mix_box(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *x = node->inputs[0];
    const int64_t count = x->shape[2] * x->shape[3];
    const uint32_t workgroup = vk_workgroup(limits, 256);
    const struct vk_mix_box_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                   .box = vk_tensor_address(lowering, node->inputs[1]),
                                                   .y = vk_tensor_address(lowering, node->outputs[0]),
                                                   .batch = (uint32_t)x->shape[0],
                                                   .height = (uint32_t)x->shape[1],
                                                   .width = (uint32_t)x->shape[2],
                                                   .channels = (uint32_t)x->shape[3],
                                                   .scale = (int32_t)node->attributes.mix.scale};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_MIX_BOX,
                                                       .arguments = &arguments,
                                                       .constants = {workgroup},
                                                       .groups = {vk_groups(limits, count, workgroup),
                                                                  vk_group_rows(limits, x->shape[0] * x->shape[1])}});
}

bool vk_lower_mix_images(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *x = node->inputs[0], *erase = node->inputs[1], *mix = node->inputs[2];
    const int64_t count = x->shape[2] * x->shape[3];
    const uint32_t workgroup = vk_workgroup(limits, 256);
    /* Without boxes no invocation reads one, but Mesa 26 does all the same: a load from a uniform address there is one
     * scalar load, whether an invocation is active or not. */
    const struct vk_mix_images_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                      .erase = vk_tensor_address(lowering, erase ? erase : x),
                                                      .mix_table = vk_tensor_address(lowering, mix),
                                                      .step = vk_tensor_address(lowering, node->inputs[3]),
                                                      .y = vk_tensor_address(lowering, node->outputs[0]),
                                                      .batch = (uint32_t)x->shape[0],
                                                      .height = (uint32_t)x->shape[1],
                                                      .width = (uint32_t)x->shape[2],
                                                      .channels = (uint32_t)x->shape[3],
                                                      .boxes = erase ? (uint32_t)erase->shape[1] / 4 : 0};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_MIX_IMAGES,
                                                       .arguments = &arguments,
                                                       .constants = {[VK_MIX_IMAGES_WORKGROUP] = workgroup,
                                                                     [VK_MIX_IMAGES_ERASING] =
                                                                         (uint32_t)node->attributes.mix_images.erasing,
                                                                     [VK_MIX_IMAGES_MIXES] = mix != NULL},
                                                       .groups = {vk_groups(limits, count, workgroup),
                                                                  vk_group_rows(limits, x->shape[0] * x->shape[1])}});
}
