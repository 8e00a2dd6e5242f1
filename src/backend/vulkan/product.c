#include "backend/vulkan/product.h"

enum { TILE_ROWS = 64, TILE_COLUMNS = 64, TILE_DEPTH = 16 }; /* of matrix_product.comp */

static uint32_t divide_up(uint32_t a, uint32_t b) {
    return (a + b - 1) / b;
}

/* Workgroups that fill the device a few times over. */
static uint32_t wanted_groups(const struct vk_lowering *lowering) {
    return vk_lowering_limits(lowering)->software ? 16 : 1024;
}

static uint32_t epilogue_of(const struct vk_product *p) {
    return (p->bias ? VK_EPILOGUE_BIAS : 0) | (p->residual ? VK_EPILOGUE_RESIDUAL : 0) |
           (p->row_scale ? VK_EPILOGUE_ROW_SCALE : 0) | (p->saved ? VK_EPILOGUE_SAVED : 0);
}

/* `split_depth`: how much of the depth a workgroup sums; each split has its own y, `split_stride` further on. */
static bool dispatch(struct vk_lowering *lowering, const struct vk_product *p, uint32_t split_depth,
                     uint32_t split_stride) {
    const struct vk_matrix_product_arguments arguments = {.a = p->a,
                                                          .b = p->b,
                                                          .y = p->y,
                                                          .bias = p->bias,
                                                          .residual = p->residual,
                                                          .row_scale = p->row_scale,
                                                          .saved = p->saved,
                                                          .rows = p->rows,
                                                          .columns = p->columns,
                                                          .depth = p->depth,
                                                          .groups = p->groups,
                                                          .a_pitch = p->a_pitch,
                                                          .b_pitch = p->b_pitch,
                                                          .y_pitch = p->y_pitch,
                                                          .residual_pitch = p->residual_pitch,
                                                          .a_group = p->a_group,
                                                          .b_group = p->b_group,
                                                          .y_group = p->y_group,
                                                          .rows_per_sample = p->rows_per_sample,
                                                          .split_depth = split_depth,
                                                          .split_stride = split_stride,
                                                          .threshold = p->threshold};
    return vk_dispatch(
        lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_MATRIX_PRODUCT,
                                        .arguments = &arguments,
                                        .constants = {[VK_MATRIX_PRODUCT_A_TRANSPOSED] = p->a_transposed,
                                                      [VK_MATRIX_PRODUCT_B_TRANSPOSED] = p->b_transposed,
                                                      [VK_MATRIX_PRODUCT_ACTIVATION] = (uint32_t)p->activation,
                                                      [VK_MATRIX_PRODUCT_EPILOGUE] = epilogue_of(p)},
                                        .groups = {divide_up(p->columns, TILE_COLUMNS), divide_up(p->rows, TILE_ROWS),
                                                   p->groups * (p->depth ? divide_up(p->depth, split_depth) : 1)},
                                        .concurrent = p->concurrent});
}

bool vk_lower_product(struct vk_lowering *lowering, const struct vk_product *product) {
    return dispatch(lowering, product, product->depth ? product->depth : 1, 0);
}

bool vk_lower_split_product(struct vk_lowering *lowering, const struct vk_product *product) {
    const uint32_t tiles =
        divide_up(product->columns, TILE_COLUMNS) * divide_up(product->rows, TILE_ROWS) * product->groups;
    uint32_t splits = wanted_groups(lowering) / tiles;
    if (splits > product->depth / 256) splits = product->depth / 256;
    if (splits < 2) return vk_lower_product(lowering, product);

    const uint32_t split_depth = divide_up(divide_up(product->depth, splits), TILE_DEPTH) * TILE_DEPTH;
    const uint32_t count = product->groups * product->rows * product->columns;
    splits = divide_up(product->depth, split_depth);
    struct vk_product partial = *product;
    partial.y = vk_scratch_address(lowering, (size_t)splits * count * sizeof(float));
    partial.residual = 0;
    if (!dispatch(lowering, &partial, split_depth, count)) return false;
    const struct vk_sum_splits_arguments arguments = {.x = partial.y,
                                                      .addend = product->residual,
                                                      .y = product->y,
                                                      .count = count,
                                                      .splits = splits,
                                                      .split_stride = count};
    return vk_dispatch(lowering,
                       &(struct vk_dispatch){.kernel = VK_KERNEL_SUM_SPLITS,
                                             .arguments = &arguments,
                                             .constants = {[VK_SUM_SPLITS_ADDEND] = product->residual != 0},
                                             .groups = {divide_up(count, 256) < 4096 ? divide_up(count, 256) : 4096}});
}

bool vk_lower_column_sums(struct vk_lowering *lowering, const struct vk_column_sums *p) {
    uint32_t slices = divide_up(p->rows, 256);
    if (slices > 64) slices = 64;
    const uint32_t slice_rows = divide_up(p->rows, slices);
    slices = divide_up(p->rows, slice_rows);
    const uint64_t sums =
        slices == 1 ? p->sums : vk_scratch_address(lowering, (size_t)slices * p->columns * sizeof(float));
    const struct vk_column_sums_arguments arguments = {.x = p->x,
                                                       .sums = sums,
                                                       .rows = p->rows,
                                                       .columns = p->columns,
                                                       .x_pitch = p->x_pitch,
                                                       .slice_rows = slice_rows};
    if (!vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_COLUMN_SUMS,
                                                     .arguments = &arguments,
                                                     .groups = {divide_up(p->columns, 64), slices},
                                                     .concurrent = true}))
        return false;
    if (slices == 1) return true;
    const struct vk_sum_splits_arguments second = {
        .x = sums, .y = p->sums, .count = p->columns, .splits = slices, .split_stride = p->columns};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_SUM_SPLITS,
                                                       .arguments = &second,
                                                       .groups = {divide_up(p->columns, 256)}});
}
