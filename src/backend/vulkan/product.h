/* Matrix products: one description for LINEAR, its weight gradient and the convolutions, and the choice among the
 * kernels that can compute it. */
#ifndef SB_VULKAN_PRODUCT_H
#define SB_VULKAN_PRODUCT_H

#include "backend/vulkan/lower.h"

/* The bits of the constant EPILOGUE (shaders/linear/epilogue.glsl). */
enum { VK_EPILOGUE_BIAS = 1, VK_EPILOGUE_RESIDUAL = 2, VK_EPILOGUE_ROW_SCALE = 4, VK_EPILOGUE_SAVED = 8 };

/* An image [batch, image_height, image_width, channels] as the left factor of a product (shaders/convolution/
 * gather.glsl): its rows are the pixels of a grid for each batch item, its columns [tap, channel]. The tap (ty, tx) of
 * the pixel (r, c) is at (r, c) * scale + origin + direction * (ty, tx); zero outside the image. */
struct vk_gather {
    uint32_t batch, grid_height, grid_width, image_height, image_width, channels, taps_x;
    int32_t scale, direction, origin_y, origin_x;
    /* Where the pixel's row of y is: batch item * target_image + target_first + (r * target_width + c) * target_step.
     */
    uint32_t target_image, target_width, target_step, target_first;
};

/* y[row, column] = residual + row_scale * activation(sum over depth of a[row, depth] b[depth, column] + bias), per
 * group. Pitches and strides are in elements; absent tensors have address 0. */
struct vk_product {
    uint64_t a, b, y, bias, residual, row_scale, saved;
    uint32_t rows, columns, depth, groups;
    uint32_t a_pitch, b_pitch, y_pitch, residual_pitch;
    uint32_t a_group, b_group, y_group; /* from one group to the next; the residual's is y's */
    uint32_t rows_per_sample;           /* of row_scale */
    const struct vk_gather *gather;     /* a is an image, without groups; NULL: a is a matrix */
    bool a_transposed;                  /* stored [depth, row], or the rows are the gather's columns */
    bool b_transposed;                  /* stored [column, depth] */
    enum sb_activation_kind activation;
    float threshold;
    enum sb_precision precision; /* to which a and b are rounded */
    bool concurrent;             /* independent of the node's previous dispatch */
};
bool vk_lower_product(struct vk_lowering *lowering, const struct vk_product *product);
/* Whether the product would read its factors as texels, for which images need a multiple of four channels. */
bool vk_product_wants_texels(const struct vk_lowering *lowering, const struct vk_product *product);

/* The same for sums over many rows (weight gradients): no epilogue but the addend, given as `residual` with y's dense
 * layout. The depth is split among workgroups where that is needed to fill the device. */
bool vk_lower_split_product(struct vk_lowering *lowering, const struct vk_product *product);

/* The weight gradient of a convolution: the rows of the product are [tap, padded channel], and y is PyTorch's weight
 * [column, channel, tap]. */
struct vk_unpack {
    uint32_t taps, channels, padded_channels;
};
bool vk_lower_unpacked_product(struct vk_lowering *lowering, const struct vk_product *product,
                               const struct vk_unpack *unpack);

/* sums[column] = sum over rows of x (bias gradients). Independent of the node's previous dispatch. */
struct vk_column_sums {
    uint64_t x, sums;
    uint32_t rows, columns, x_pitch;
};
bool vk_lower_column_sums(struct vk_lowering *lowering, const struct vk_column_sums *column_sums);

#endif
