/* Elementwise operations, and those that move one contiguous block per sample. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"
#include "backend/vulkan/product.h"

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

enum vk_width vk_choose_width(struct vk_lowering *lowering, int64_t count, const struct sb_tensor *const *tensors,
                              int tensor_count, uint32_t *first) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    if (count % 4 != 0) return VK_WIDTH_SCALAR;
    const int64_t groups = (count / 4 + vk_streaming_workgroup(limits) - 1) / vk_streaming_workgroup(limits);
    bool quads = limits->software && limits->int64 && groups <= limits->max_groups[0];
    for (int i = 0; i < tensor_count; i++) {
        first[i] = 0;
        if (!tensors[i]) continue;
        const uint64_t address = vk_tensor_address(lowering, tensors[i]);
        if (!sb_is_dense(tensors[i]) || address % 16 != 0) return VK_WIDTH_SCALAR;
        quads = quads && vk_texels(lowering, address, sb_bytes(tensors[i]), &first[i]);
    }
    return quads ? VK_WIDTH_QUADS : VK_WIDTH_WIDE;
}

static bool lower_rows(struct vk_lowering *lowering, uint32_t function, const struct sb_tensor *a,
                       const struct sb_tensor *b, const struct sb_tensor *y, float value) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const uint32_t workgroup = vk_streaming_workgroup(limits);
    const struct vk_elementwise_rows_arguments arguments = {.a = vk_tensor_address(lowering, a),
                                                            .b = vk_tensor_address(lowering, b),
                                                            .y = vk_tensor_address(lowering, y),
                                                            .count = (uint32_t)sb_elements(y),
                                                            .columns = (uint32_t)sb_columns(y),
                                                            .a_pitch = a ? (uint32_t)a->pitch : 0,
                                                            .b_pitch = b ? (uint32_t)b->pitch : 0,
                                                            .y_pitch = (uint32_t)y->pitch,
                                                            .value = value};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_ELEMENTWISE_ROWS,
                                                       .arguments = &arguments,
                                                       .constants = {workgroup, function},
                                                       .groups = {vk_groups(limits, sb_elements(y), workgroup)}});
}

/* y = function(a, b, value); a and b may be absent. */
static bool lower(struct vk_lowering *lowering, uint32_t function, const struct sb_tensor *a, const struct sb_tensor *b,
                  const struct sb_tensor *y, float value) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    uint32_t first[3] = {0};
    const enum vk_width width =
        vk_choose_width(lowering, sb_elements(y), (const struct sb_tensor *const[]){a, b, y}, 3, first);
    if (width == VK_WIDTH_SCALAR) return lower_rows(lowering, function, a, b, y, value);
    const uint32_t workgroup = vk_streaming_workgroup(limits);
    const int64_t count = sb_elements(y) / 4;
    const uint64_t at_a = vk_tensor_address(lowering, a), at_b = vk_tensor_address(lowering, b);
    const uint64_t at_y = vk_tensor_address(lowering, y);
    const struct vk_elementwise_dense_arguments dense = {
        .a = at_a, .b = at_b, .y = at_y, .count = (uint32_t)count, .value = value};
    const struct vk_elementwise_quads_arguments quads = {
        .y = at_y, .a_first = first[0], .b_first = first[1], .count = (uint32_t)count, .value = value};
    struct vk_dispatch dispatch = {.kernel = VK_KERNEL_ELEMENTWISE_DENSE,
                                   .arguments = &dense,
                                   .constants = {workgroup, function},
                                   .groups = {vk_groups(limits, count, workgroup)}};
    if (width == VK_WIDTH_QUADS) {
        dispatch.kernel = VK_KERNEL_ELEMENTWISE_QUADS;
        dispatch.arguments = &quads;
        /* A texel buffer that the function does not read still needs some memory. */
        dispatch.texels[0] = a ? at_a : at_y;
        dispatch.texels[1] = b ? at_b : at_y;
    }
    return vk_dispatch(lowering, &dispatch);
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
    const int64_t all = blocks->count | blocks->x_first | blocks->x_step | blocks->y_first | blocks->y_step;
    uint32_t first[3] = {0};
    enum vk_width width =
        vk_choose_width(lowering, all % 4 ? 1 : blocks->count,
                        (const struct sb_tensor *const[]){blocks->x, blocks->row, blocks->y}, 3, first);
    const int64_t unit = width == VK_WIDTH_SCALAR ? 1 : 4, count = blocks->count / unit;
    /* Short blocks leave the lanes of a large workgroup without work. */
    const uint32_t workgroup = vk_workgroup(limits, count < 1024 ? 64 : 256);
    /* The kernel for quads does not loop. */
    if (width == VK_WIDTH_QUADS &&
        (blocks->samples > limits->max_groups[2] || (count + workgroup - 1) / workgroup > limits->max_groups[0] ||
         blocks->reversed > limits->max_groups[1]))
        width = VK_WIDTH_WIDE;
    const struct vk_blocks_arguments arguments = {.x = vk_tensor_address(lowering, blocks->x),
                                                  .y = vk_tensor_address(lowering, blocks->y),
                                                  .scale = vk_tensor_address(lowering, blocks->scale),
                                                  .row = vk_tensor_address(lowering, blocks->row),
                                                  .samples = (uint32_t)blocks->samples,
                                                  .count = (uint32_t)count,
                                                  .x_first = (uint32_t)(blocks->x_first / unit),
                                                  .x_step = (uint32_t)(blocks->x_step / unit),
                                                  .y_first = (uint32_t)(blocks->y_first / unit),
                                                  .y_step = (uint32_t)(blocks->y_step / unit),
                                                  .blocks = (uint32_t)blocks->reversed};
    const struct vk_blocks_quads_arguments quads = {.y = arguments.y,
                                                    .scale = arguments.scale,
                                                    .count = arguments.count,
                                                    .x_first = first[0] + arguments.x_first,
                                                    .x_step = arguments.x_step,
                                                    .y_first = arguments.y_first,
                                                    .y_step = arguments.y_step,
                                                    .row_first = first[1]};
    struct vk_dispatch dispatch = {
        .kernel = width == VK_WIDTH_SCALAR ? VK_KERNEL_BLOCKS : VK_KERNEL_BLOCKS_WIDE,
        .arguments = &arguments,
        .constants = {workgroup, blocks->scale != NULL, blocks->row != NULL, blocks->reversed != 0},
        .groups = {vk_groups(limits, count, workgroup), blocks->reversed ? vk_group_rows(limits, blocks->reversed) : 1,
                   blocks->samples < limits->max_groups[2] ? (uint32_t)blocks->samples : limits->max_groups[2]},
        .concurrent = blocks->concurrent};
    if (width == VK_WIDTH_QUADS) {
        dispatch.kernel = VK_KERNEL_BLOCKS_QUADS;
        dispatch.arguments = &quads;
        dispatch.texels[0] = arguments.x;
        dispatch.texels[1] = arguments.row;
    }
    return vk_dispatch(lowering, &dispatch);
}

bool vk_lower_add_row(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0], *row = node->inputs[1];
    const int64_t count = sb_elements(row);
    return vk_move_blocks(lowering, &(struct vk_blocks){.x = x,
                                                        .y = node->outputs[0],
                                                        .row = row,
                                                        .samples = sb_elements(x) / count,
                                                        .count = count,
                                                        .x_step = count,
                                                        .y_step = count});
}

bool vk_lower_add_row_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *dy = node->inputs[0], *drow = node->outputs[0];
    const int64_t columns = sb_elements(drow);
    return vk_lower_column_sums(lowering, &(struct vk_column_sums){.x = vk_tensor_address(lowering, dy),
                                                                   .sums = vk_tensor_address(lowering, drow),
                                                                   .rows = (uint32_t)(sb_elements(dy) / columns),
                                                                   .columns = (uint32_t)columns,
                                                                   .x_pitch = (uint32_t)columns});
}

bool vk_lower_dropout(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_drop_path_attributes *attributes = &node->attributes.drop_path;
    const struct sb_tensor *x = node->inputs[0], *y = node->outputs[0];
    const int64_t batch = x->shape[0], count = sb_elements(x) / batch, quads = (count + 3) / 4;
    uint32_t first[2] = {0};
    enum vk_width width = vk_choose_width(lowering, count, (const struct sb_tensor *const[]){x, y}, 2, first);
    const uint32_t workgroup = vk_workgroup(limits, quads < 1024 ? 64 : 256);
    /* The kernel for quads does not loop. */
    if (width == VK_WIDTH_QUADS &&
        (batch > limits->max_groups[1] || (quads + workgroup - 1) / workgroup > limits->max_groups[0]))
        width = VK_WIDTH_WIDE;
    const struct vk_dropout_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                   .y = vk_tensor_address(lowering, y),
                                                   .step = vk_tensor_address(lowering, node->inputs[1]),
                                                   .batch = (uint32_t)batch,
                                                   .count = (uint32_t)count,
                                                   .branch = attributes->branch,
                                                   .rate = attributes->rate,
                                                   .kept = 1 / (1 - attributes->rate)};
    const struct vk_dropout_quads_arguments by_quads = {.y = arguments.y,
                                                        .step = arguments.step,
                                                        .x_first = first[0],
                                                        .batch = arguments.batch,
                                                        .count = (uint32_t)quads,
                                                        .branch = arguments.branch,
                                                        .rate = arguments.rate,
                                                        .kept = arguments.kept};
    struct vk_dispatch dispatch = {.kernel = width == VK_WIDTH_SCALAR ? VK_KERNEL_DROPOUT : VK_KERNEL_DROPOUT_WIDE,
                                   .arguments = &arguments,
                                   .constants = {workgroup},
                                   .groups = {vk_groups(limits, quads, workgroup), vk_group_rows(limits, batch)}};
    if (width == VK_WIDTH_QUADS) {
        dispatch.kernel = VK_KERNEL_DROPOUT_QUADS;
        dispatch.arguments = &by_quads;
        dispatch.texels[0] = arguments.x;
    }
    return vk_dispatch(lowering, &dispatch);
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
