#include "backend/vulkan/lowerings.h"
#include "backend/vulkan/product.h"
#include "ops/ops.h"

bool vk_lower_linear(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_linear_attributes *attributes = &node->attributes.linear;
    const struct sb_tensor *a = node->inputs[SB_LINEAR_A], *b = node->inputs[SB_LINEAR_B];
    const struct sb_tensor *residual = node->inputs[SB_LINEAR_RESIDUAL];
    const struct sb_tensor *row_scale = node->inputs[SB_LINEAR_ROW_SCALE];
    const struct sb_tensor *y = node->outputs[SB_LINEAR_Y];
    const uint32_t groups = (uint32_t)attributes->groups;
    const uint32_t rows = (uint32_t)sb_rows(a);
    const uint32_t depth = (uint32_t)sb_columns(a) / groups, columns = (uint32_t)sb_columns(y) / groups;
    return vk_lower_product(
        lowering, &(struct vk_product){.a = vk_tensor_address(lowering, a),
                                       .b = vk_tensor_address(lowering, b),
                                       .y = vk_tensor_address(lowering, y),
                                       .bias = vk_tensor_address(lowering, node->inputs[SB_LINEAR_BIAS]),
                                       .residual = vk_tensor_address(lowering, residual),
                                       .row_scale = vk_tensor_address(lowering, row_scale),
                                       .saved = vk_tensor_address(lowering, node->outputs[SB_LINEAR_SAVED]),
                                       .rows = rows,
                                       .columns = columns,
                                       .depth = depth,
                                       .groups = groups,
                                       .a_pitch = (uint32_t)a->pitch,
                                       .b_pitch = attributes->transpose_b ? depth : columns,
                                       .y_pitch = (uint32_t)y->pitch,
                                       .residual_pitch = residual ? (uint32_t)residual->pitch : 0,
                                       .a_group = depth,
                                       .b_group = depth * columns,
                                       .y_group = columns,
                                       .rows_per_sample = row_scale ? rows / (uint32_t)sb_elements(row_scale) : rows,
                                       .b_transposed = attributes->transpose_b,
                                       .activation = attributes->activation,
                                       .threshold = attributes->threshold,
                                       .precision = node->precision});
}

bool vk_lower_linear_weight_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_linear_attributes *attributes = &node->attributes.linear;
    const struct sb_tensor *a = node->inputs[SB_WEIGHT_GRADIENT_A], *dy = node->inputs[SB_WEIGHT_GRADIENT_DY];
    const struct sb_tensor *dbias = node->outputs[SB_WEIGHT_GRADIENT_DBIAS];
    const uint32_t groups = (uint32_t)attributes->groups;
    const uint32_t rows = (uint32_t)sb_rows(a);
    /* The gradient has b's layout: its rows are a's columns, or with transpose_b those of dy. */
    const struct sb_tensor *left = attributes->transpose_b ? dy : a, *right = attributes->transpose_b ? a : dy;
    const uint32_t left_columns = (uint32_t)sb_columns(left) / groups;
    const uint32_t right_columns = (uint32_t)sb_columns(right) / groups;
    if (dbias && !vk_lower_column_sums(lowering, &(struct vk_column_sums){.x = vk_tensor_address(lowering, dy),
                                                                          .sums = vk_tensor_address(lowering, dbias),
                                                                          .rows = rows,
                                                                          .columns = (uint32_t)sb_columns(dy),
                                                                          .x_pitch = (uint32_t)dy->pitch}))
        return false;
    return vk_lower_split_product(
        lowering, &(struct vk_product){.a = vk_tensor_address(lowering, left),
                                       .b = vk_tensor_address(lowering, right),
                                       .y = vk_tensor_address(lowering, node->outputs[SB_WEIGHT_GRADIENT_DB]),
                                       .residual = vk_tensor_address(lowering, node->inputs[SB_WEIGHT_GRADIENT_ADDEND]),
                                       .rows = left_columns,
                                       .columns = right_columns,
                                       .depth = rows,
                                       .groups = groups,
                                       .a_pitch = (uint32_t)left->pitch,
                                       .b_pitch = (uint32_t)right->pitch,
                                       .y_pitch = right_columns,
                                       .residual_pitch = right_columns,
                                       .a_group = left_columns,
                                       .b_group = right_columns,
                                       .y_group = left_columns * right_columns,
                                       .rows_per_sample = left_columns,
                                       .precision = node->precision,
                                       .a_transposed = true,
                                       .concurrent = true});
}
