/* Matrix products: one description for LINEAR, its weight gradient and the convolutions, and the choice among the
 * kernels that can compute it. */
#ifndef SB_VULKAN_PRODUCT_H
#define SB_VULKAN_PRODUCT_H

#include "backend/vulkan/lower.h"

/* The bits of the constant EPILOGUE (shaders/linear/epilogue.glsl). */
enum { VK_EPILOGUE_BIAS = 1, VK_EPILOGUE_RESIDUAL = 2, VK_EPILOGUE_ROW_SCALE = 4, VK_EPILOGUE_SAVED = 8 };

/* y[row, column] = residual + row_scale * activation(sum over depth of a[row, depth] b[depth, column] + bias), per
 * group. Pitches and strides are in elements; absent tensors have address 0. */
struct vk_product {
    uint64_t a, b, y, bias, residual, row_scale, saved;
    uint32_t rows, columns, depth, groups;
    uint32_t a_pitch, b_pitch, y_pitch, residual_pitch;
    uint32_t a_group, b_group, y_group; /* from one group to the next; the residual's is y's */
    uint32_t rows_per_sample;           /* of row_scale */
    bool a_transposed;                  /* stored [depth, row] */
    bool b_transposed;                  /* stored [column, depth] */
    enum sb_activation_kind activation;
    float threshold;
    bool concurrent; /* independent of the node's previous dispatch */
};
bool vk_lower_product(struct vk_lowering *lowering, const struct vk_product *product);

/* The same for sums over many rows (weight gradients): no epilogue but the addend, given as `residual` with y's
 * layout. The depth is split among workgroups where that is needed to fill the device. */
bool vk_lower_split_product(struct vk_lowering *lowering, const struct vk_product *product);

/* sums[column] = sum over rows of x (bias gradients). Independent of the node's previous dispatch. */
struct vk_column_sums {
    uint64_t x, sums;
    uint32_t rows, columns, x_pitch;
};
bool vk_lower_column_sums(struct vk_lowering *lowering, const struct vk_column_sums *column_sums);

#endif
