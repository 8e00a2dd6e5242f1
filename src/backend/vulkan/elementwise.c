/* Elementwise operations, and those that move one contiguous block per sample. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"

/* As in shaders/elementwise/function.glsl. */
enum function {
    FUNCTION_FILL = 1,
    FUNCTION_COPY,
    FUNCTION_NEGATIVE_EXP,
    FUNCTION_ADD,
    FUNCTION_MULTIPLY,
    FUNCTION_ACTIVATION = 16,
    FUNCTION_ACTIVATION_GRADIENT = 32
};

static bool pairs_fit(struct vk_lowering *lowering, const struct sb_tensor *tensor) {
    return !tensor || (sb_is_dense(tensor) && vk_tensor_address(lowering, tensor) % 8 == 0);
}

/* y = function(a, b, value); a and b may be absent. */
static bool lower(struct vk_lowering *lowering, uint32_t function, const struct sb_tensor *a, const struct sb_tensor *b,
                  const struct sb_tensor *y, float value) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const int64_t count = sb_elements(y);
    const uint64_t address[] = {vk_tensor_address(lowering, a), vk_tensor_address(lowering, b),
                                vk_tensor_address(lowering, y)};
    const uint32_t workgroup = vk_streaming_workgroup(limits);
    if (count % 2 == 0 && pairs_fit(lowering, a) && pairs_fit(lowering, b) && pairs_fit(lowering, y)) {
        const struct vk_elementwise_pairs_arguments arguments = {
            .a = address[0], .b = address[1], .y = address[2], .count = (uint32_t)(count / 2), .value = value};
        return vk_dispatch(lowering,
                           &(struct vk_dispatch){.kernel = vk_wide_words(limits) ? VK_KERNEL_ELEMENTWISE_PAIRS64
                                                                                 : VK_KERNEL_ELEMENTWISE_PAIRS,
                                                 .arguments = &arguments,
                                                 .constants = {workgroup, function},
                                                 .groups = {vk_groups(limits, count / 2, workgroup)}});
    }
    const struct vk_elementwise_rows_arguments arguments = {.a = address[0],
                                                            .b = address[1],
                                                            .y = address[2],
                                                            .count = (uint32_t)count,
                                                            .columns = (uint32_t)sb_columns(y),
                                                            .a_pitch = a ? (uint32_t)a->pitch : 0,
                                                            .b_pitch = b ? (uint32_t)b->pitch : 0,
                                                            .y_pitch = (uint32_t)y->pitch,
                                                            .value = value};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_ELEMENTWISE_ROWS,
                                                       .arguments = &arguments,
                                                       .constants = {workgroup, function},
                                                       .groups = {vk_groups(limits, count, workgroup)}});
}

bool vk_lower_fill(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower(lowering, FUNCTION_FILL, NULL, NULL, node->outputs[0], node->attributes.scale.value);
}

bool vk_lower_copy(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower(lowering, FUNCTION_COPY, node->inputs[0], NULL, node->outputs[0], 0);
}

bool vk_lower_add(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower(lowering, FUNCTION_ADD, node->inputs[0], node->inputs[1], node->outputs[0],
                 node->attributes.scale.value);
}

bool vk_lower_multiply(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower(lowering, FUNCTION_MULTIPLY, node->inputs[0], node->inputs[1], node->outputs[0], 0);
}

bool vk_lower_negative_exp(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower(lowering, FUNCTION_NEGATIVE_EXP, node->inputs[0], NULL, node->outputs[0], 0);
}

bool vk_lower_activation(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower(lowering, FUNCTION_ACTIVATION + (uint32_t)node->attributes.activation.kind, node->inputs[0], NULL,
                 node->outputs[0], node->attributes.activation.threshold);
}

bool vk_lower_activation_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower(lowering, FUNCTION_ACTIVATION_GRADIENT + (uint32_t)node->attributes.activation.kind, node->inputs[0],
                 node->inputs[1], node->outputs[0], 0);
}

bool vk_move_blocks(struct vk_lowering *lowering, const struct vk_blocks *blocks) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const uint64_t x = vk_tensor_address(lowering, blocks->x), y = vk_tensor_address(lowering, blocks->y);
    const int64_t odd = (blocks->count | blocks->x_first | blocks->x_step | blocks->y_first | blocks->y_step) % 2;
    const int64_t width = odd || x % 8 || y % 8 ? 1 : 2;
    const struct vk_blocks_arguments arguments = {.x = x,
                                                  .y = y,
                                                  .scale = vk_tensor_address(lowering, blocks->scale),
                                                  .samples = (uint32_t)blocks->samples,
                                                  .count = (uint32_t)(blocks->count / width),
                                                  .x_first = (uint32_t)(blocks->x_first / width),
                                                  .x_step = (uint32_t)(blocks->x_step / width),
                                                  .y_first = (uint32_t)(blocks->y_first / width),
                                                  .y_step = (uint32_t)(blocks->y_step / width)};
    const enum vk_kernel wide = vk_wide_words(limits) ? VK_KERNEL_BLOCKS_PAIRS64 : VK_KERNEL_BLOCKS_PAIRS;
    /* Short blocks leave the lanes of a large workgroup without work. */
    const uint32_t workgroup = vk_workgroup(limits, blocks->count / width < 1024 ? 64 : 256);
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = width == 1 ? VK_KERNEL_BLOCKS : wide,
                                                       .arguments = &arguments,
                                                       .constants = {workgroup, blocks->scale != NULL},
                                                       .groups = {vk_groups(limits, blocks->count / width, workgroup),
                                                                  vk_group_rows(limits, blocks->samples)},
                                                       .concurrent = blocks->concurrent});
}

bool vk_lower_scale_rows(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0];
    const int64_t count = sb_elements(x) / x->shape[0];
    return vk_move_blocks(lowering, &(struct vk_blocks){.x = x,
                                                        .y = node->outputs[0],
                                                        .scale = node->inputs[1],
                                                        .samples = x->shape[0],
                                                        .count = count,
                                                        .x_step = count,
                                                        .y_step = count});
}

bool vk_lower_normalise_image(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *x = node->inputs[0];
    const uint32_t workgroup = vk_workgroup(limits, 256);
    const struct vk_normalise_image_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                           .constants = vk_tensor_address(lowering, node->inputs[1]),
                                                           .y = vk_tensor_address(lowering, node->outputs[0]),
                                                           .count = (uint32_t)sb_elements(x),
                                                           .channels = (uint32_t)sb_columns(x)};
    return vk_dispatch(lowering,
                       &(struct vk_dispatch){.kernel = VK_KERNEL_NORMALISE_IMAGE,
                                             .arguments = &arguments,
                                             .constants = {workgroup},
                                             .groups = {vk_groups(limits, (sb_elements(x) + 3) / 4, workgroup)}});
}
