#include "backend/vulkan/product.h"

#include "backend/vulkan/grid.h"

#include <string.h>

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

/* How a product is going to be computed. */
struct plan {
    enum { TILES, PANEL, COOPERATIVE } kind; /* matrix_product.comp, panel_product.comp, cooperative_product.comp */
    uint32_t tile_rows, tile_columns, step;
    uint32_t a, b, bias, residual; /* PANEL: first texels */
    /* COOPERATIVE: subgroups of the tile, matrices of each. */
    uint32_t subgroup_rows, subgroup_columns, fragment_rows, fragment_columns;
};

/* A matrix as texels: every row must start at a multiple of four floats. `rows` rows of `columns` at `pitch`, repeated
 * for each group. */
static bool as_texels(struct vk_lowering *lowering, uint64_t address, uint32_t rows, uint32_t columns, uint32_t pitch,
                      uint32_t groups, uint32_t group, uint32_t *first) {
    const uint64_t floats = (uint64_t)(rows ? rows - 1 : 0) * pitch + (uint64_t)(groups - 1) * group + columns;
    *first = 0;
    return !address || (columns % 4 == 0 && (rows <= 1 || pitch % 4 == 0) && (groups == 1 || group % 4 == 0) &&
                        vk_texels(lowering, address, floats * sizeof(float), first));
}

/* On such a device panels are many times faster than tiles. */
static bool has_panels(const struct vk_lowering *lowering) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    return limits->software && limits->subgroup_shuffle && limits->subgroup_ballot && limits->int64;
}

bool vk_product_wants_texels(const struct vk_lowering *lowering, const struct vk_product *product) {
    return has_panels(lowering) && product->columns % 4 == 0;
}

static bool fits_panel(struct vk_lowering *lowering, const struct vk_product *p, struct plan *plan) {
    const struct vk_gather *g = p->gather;
    if (!vk_product_wants_texels(lowering, p) || p->y % 8 || p->saved % 8 || p->y_pitch % 2 || p->y_group % 2)
        return false;
    const uint32_t a_rows = g ? g->batch * g->image_height * g->image_width : p->a_transposed ? p->depth : p->rows;
    const uint32_t a_columns = g ? g->channels : p->a_transposed ? p->rows : p->depth;
    const uint32_t b_rows = p->b_transposed ? p->columns : p->depth;
    const uint32_t b_columns = p->b_transposed ? p->depth : p->columns;
    const uint32_t residual_rows = g && !p->a_transposed ? g->batch * g->target_image : p->rows;
    return as_texels(lowering, p->a, a_rows, a_columns, g ? g->channels : p->a_pitch, p->groups, p->a_group,
                     &plan->a) &&
           as_texels(lowering, p->b, b_rows, b_columns, p->b_pitch, p->groups, p->b_group, &plan->b) &&
           as_texels(lowering, p->bias, 1, p->groups * p->columns, 0, 1, 0, &plan->bias) &&
           as_texels(lowering, p->residual, residual_rows, p->columns, p->residual_pitch, p->groups, p->y_group,
                     &plan->residual);
}

/* NVIDIA's matrix units cut off towards zero with every 16 terms: over so many, an error of 4e-6 of the sum. */
enum { LONGEST_COOPERATIVE_SUM = 4096 };

/* `splits`: the depth can be divided. A software device takes 2.5 times as long for them as for panels (Mesa 26.1), so
 * there they serve those who run without panels (--disable subgroup). */
static bool is_cooperative(const struct vk_lowering *lowering, const struct vk_product *p, bool splits) {
    return vk_lowering_limits(lowering)->cooperative.rows && p->precision == SB_PRECISION_FP16 && !p->gather &&
           !has_panels(lowering) && (splits || p->depth <= LONGEST_COOPERATIVE_SUM);
}

static struct plan cooperative_plan(const struct vk_lowering *lowering) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    /* 64 x 64 outputs with 14 KiB of shared memory; software devices want no barriers between subgroups. */
    const uint32_t side = limits->software || 4 * limits->subgroup_size > limits->max_invocations ? 1 : 2;
    return (struct plan){.kind = COOPERATIVE,
                         .tile_rows = side * 32,
                         .tile_columns = side * 32,
                         .step = 32,
                         .subgroup_rows = side,
                         .subgroup_columns = side,
                         .fragment_rows = 32 / limits->cooperative.rows,
                         .fragment_columns = 32 / limits->cooperative.columns};
}

static struct plan make_plan(struct vk_lowering *lowering, const struct vk_product *p, bool splits) {
    if (is_cooperative(lowering, p, splits)) return cooperative_plan(lowering);
    struct plan plan = {0};
    if (fits_panel(lowering, p, &plan)) {
        plan.kind = PANEL;
        /* Measured on Mesa 22.3 (Zen 4). Larger tiles fetch less for each multiplication and compile longer, which
         * only a long sum repays; 28 divides the token counts of images of 224 x 224. */
        const uint32_t lanes = vk_lowering_limits(lowering)->subgroup_size;
        const bool is_long = p->depth >= 256 && !p->a_transposed && p->rows > 16;
        /* Two texels of columns for each lane, where that leaves no more lanes idle at the edge than one. */
        const uint32_t column_tiles = divide_up(p->columns, 4 * lanes);
        const bool wide = lanes <= 8 && !is_long && !p->a_transposed && (column_tiles % 2 == 0 || column_tiles > 16);
        const uint32_t texels = wide ? 2 : 1;
        plan.tile_rows = p->rows <= 4 ? 4 : is_long ? 28 : 16;
        plan.tile_columns = 4 * texels * lanes;
        if (p->a_transposed)
            plan.step = 8;
        else if (plan.tile_rows == 4 && p->depth % 16 == 0)
            plan.step = 16;
        else
            plan.step = p->depth % 8 == 0 && texels == 1 ? 8 : 4;
    } else {
        plan.tile_rows = plan.tile_columns = 64;
        plan.step = 16;
    }
    return plan;
}

/* What the five kernels' dispatches have in common. `split_depth`: how much of the depth a workgroup sums; each split
 * has its own y, `split_stride` further on. The panel kernels count the pitches of what they read in texels. */
static bool dispatch_kernel(struct vk_lowering *lowering, const struct vk_product *p, const struct plan *plan,
                            enum vk_kernel kernel, const void *arguments, uint32_t split_depth) {
    const uint32_t lanes = vk_lowering_limits(lowering)->subgroup_size;
    struct vk_dispatch dispatch = {.kernel = kernel,
                                   .arguments = arguments,
                                   .groups = {divide_up(p->columns, plan->tile_columns),
                                              divide_up(p->rows, plan->tile_rows),
                                              p->groups * (p->depth ? divide_up(p->depth, split_depth) : 1)},
                                   .concurrent = p->concurrent};
    if (plan->kind == COOPERATIVE) {
        const struct vk_cooperative *matrix = &vk_lowering_limits(lowering)->cooperative;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_WORKGROUP] = plan->subgroup_rows * plan->subgroup_columns * lanes;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_MATRIX_ROWS] = matrix->rows;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_MATRIX_COLUMNS] = matrix->columns;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_MATRIX_DEPTH] = matrix->depth;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_SUBGROUP_ROWS] = plan->subgroup_rows;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_SUBGROUP_COLUMNS] = plan->subgroup_columns;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_FRAGMENT_ROWS] = plan->fragment_rows;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_FRAGMENT_COLUMNS] = plan->fragment_columns;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_TILE_DEPTH] = plan->step;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_A_TRANSPOSED] = p->a_transposed;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_B_TRANSPOSED] = p->b_transposed;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_ACTIVATION] = (uint32_t)p->activation;
        dispatch.constants[VK_COOPERATIVE_PRODUCT_EPILOGUE] = epilogue_of(p);
        dispatch.constants[VK_COOPERATIVE_PRODUCT_PRECISION] = (uint32_t)p->precision;
    } else if (plan->kind == PANEL) {
        const uint64_t texels[VK_MAX_TEXELS] = {p->a, p->b, p->residual, p->bias};
        memcpy(dispatch.texels, texels, sizeof texels);
        dispatch.constants[VK_PANEL_PRODUCT_WORKGROUP] = lanes;
        dispatch.constants[VK_PANEL_PRODUCT_TILE_ROWS] = plan->tile_rows;
        dispatch.constants[VK_PANEL_PRODUCT_STEP] = plan->step;
        dispatch.constants[VK_PANEL_PRODUCT_COLUMN_TEXELS] = plan->tile_columns / 4 / lanes;
        dispatch.constants[VK_PANEL_PRODUCT_A_TRANSPOSED] = p->a_transposed;
        dispatch.constants[VK_PANEL_PRODUCT_B_TRANSPOSED] = p->b_transposed;
        dispatch.constants[VK_PANEL_PRODUCT_ACTIVATION] = (uint32_t)p->activation;
        dispatch.constants[VK_PANEL_PRODUCT_EPILOGUE] = epilogue_of(p);
        dispatch.constants[VK_PANEL_PRODUCT_PRECISION] = (uint32_t)p->precision;
    } else {
        dispatch.constants[VK_MATRIX_PRODUCT_A_TRANSPOSED] = p->a_transposed;
        dispatch.constants[VK_MATRIX_PRODUCT_B_TRANSPOSED] = p->b_transposed;
        dispatch.constants[VK_MATRIX_PRODUCT_ACTIVATION] = (uint32_t)p->activation;
        dispatch.constants[VK_MATRIX_PRODUCT_EPILOGUE] = epilogue_of(p);
        dispatch.constants[VK_MATRIX_PRODUCT_PRECISION] = (uint32_t)p->precision;
    }
    return vk_dispatch(lowering, &dispatch);
}

static bool dispatch_panel(struct vk_lowering *lowering, const struct vk_product *p, const struct plan *plan,
                           uint32_t split_depth, uint32_t split_stride) {
    const struct vk_panel_product_arguments arguments = {
        .y = p->y,
        .saved = p->saved,
        .row_scale = p->row_scale,
        .a_first = plan->a,
        .b_first = plan->b,
        .bias_first = plan->bias,
        .residual_first = plan->residual,
        .rows = p->rows,
        .columns = p->columns,
        .depth = p->depth,
        .groups = p->groups,
        .a_pitch = p->a_pitch / 4,
        .b_pitch = p->b_pitch / 4,
        .y_pitch = p->y_pitch,
        .residual_pitch = p->residual_pitch / 4,
        .a_group = p->a_group / 4,
        .b_group = p->b_group / 4,
        .y_group = p->y_group,
        .rows_per_sample = p->rows_per_sample,
        .split_depth = split_depth,
        .split_stride = split_stride,
        .threshold = p->threshold,
    };
    return dispatch_kernel(lowering, p, plan, VK_KERNEL_PANEL_PRODUCT, &arguments, split_depth);
}

static bool dispatch_convolution_panel(struct vk_lowering *lowering, const struct vk_product *p,
                                       const struct plan *plan, uint32_t split_depth, uint32_t split_stride) {
    const struct vk_gather *g = p->gather;
    const struct vk_convolution_panel_arguments arguments = {
        .y = p->y,
        .saved = p->saved,
        .row_scale = p->row_scale,
        .a_first = plan->a,
        .b_first = plan->b,
        .bias_first = plan->bias,
        .residual_first = plan->residual,
        .rows = p->rows,
        .columns = p->columns,
        .depth = p->depth,
        .groups = p->groups,
        .b_pitch = p->b_pitch / 4,
        .y_pitch = p->y_pitch,
        .residual_pitch = p->residual_pitch / 4,
        .b_group = p->b_group / 4,
        .y_group = p->y_group,
        .rows_per_sample = p->rows_per_sample,
        .split_depth = split_depth,
        .split_stride = split_stride,
        .threshold = p->threshold,
        .grid_height = g->grid_height,
        .grid_width = g->grid_width,
        .image_height = g->image_height,
        .image_width = g->image_width,
        .channels = g->channels / 4,
        .taps_x = g->taps_x,
        .scale = g->scale,
        .direction = g->direction,
        .origin_y = g->origin_y,
        .origin_x = g->origin_x,
        .target_image = g->target_image,
        .target_width = g->target_width,
        .target_step = g->target_step,
        .target_first = g->target_first,
    };
    return dispatch_kernel(lowering, p, plan, VK_KERNEL_CONVOLUTION_PANEL, &arguments, split_depth);
}

/* Tiles and cooperative matrices: their kernels have the same arguments. */
_Static_assert(sizeof(struct vk_matrix_product_arguments) == sizeof(struct vk_cooperative_product_arguments),
               "the arguments of the kernels differ");
static bool dispatch_matrix(struct vk_lowering *lowering, const struct vk_product *p, const struct plan *plan,
                            uint32_t split_depth, uint32_t split_stride) {
    const struct vk_matrix_product_arguments arguments = {
        .a = p->a,
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
        .threshold = p->threshold,
    };
    const enum vk_kernel kernel = plan->kind == COOPERATIVE ? VK_KERNEL_COOPERATIVE_PRODUCT : VK_KERNEL_MATRIX_PRODUCT;
    return dispatch_kernel(lowering, p, plan, kernel, &arguments, split_depth);
}

static bool dispatch_convolution(struct vk_lowering *lowering, const struct vk_product *p, const struct plan *plan,
                                 uint32_t split_depth, uint32_t split_stride) {
    const struct vk_gather *g = p->gather;
    const struct vk_convolution_product_arguments arguments = {
        .a = p->a,
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
        .b_pitch = p->b_pitch,
        .y_pitch = p->y_pitch,
        .residual_pitch = p->residual_pitch,
        .b_group = p->b_group,
        .y_group = p->y_group,
        .rows_per_sample = p->rows_per_sample,
        .split_depth = split_depth,
        .split_stride = split_stride,
        .threshold = p->threshold,
        .grid_height = g->grid_height,
        .grid_width = g->grid_width,
        .image_height = g->image_height,
        .image_width = g->image_width,
        .channels = g->channels,
        .taps_x = g->taps_x,
        .scale = g->scale,
        .direction = g->direction,
        .origin_y = g->origin_y,
        .origin_x = g->origin_x,
        .target_image = g->target_image,
        .target_width = g->target_width,
        .target_step = g->target_step,
        .target_first = g->target_first,
    };
    return dispatch_kernel(lowering, p, plan, VK_KERNEL_CONVOLUTION_PRODUCT, &arguments, split_depth);
}

static bool dispatch(struct vk_lowering *lowering, const struct vk_product *p, const struct plan *plan,
                     uint32_t split_depth, uint32_t split_stride) {
    if (p->gather)
        return plan->kind == PANEL ? dispatch_convolution_panel(lowering, p, plan, split_depth, split_stride)
                                   : dispatch_convolution(lowering, p, plan, split_depth, split_stride);
    return plan->kind == PANEL ? dispatch_panel(lowering, p, plan, split_depth, split_stride)
                               : dispatch_matrix(lowering, p, plan, split_depth, split_stride);
}

/* With so many rows it pays to turn a right factor stored [column, depth] around first: fetched as it is, the lanes'
 * rows are a power of two apart in memory and evict each other from the cache (measured: 54 against 85 GFLOP/s). */
enum { ROWS_WORTH_TURNING = 256 };

static bool turn_right_factor(struct vk_lowering *lowering, struct vk_product *p) {
    const uint32_t lanes = vk_lowering_limits(lowering)->subgroup_size;
    const uint64_t turned = vk_scratch_address(lowering, (size_t)p->groups * p->depth * p->columns * sizeof(float));
    for (uint32_t group = 0; group < p->groups; group++) {
        const uint64_t from = p->b + (uint64_t)group * p->b_group * sizeof(float);
        const uint64_t to = turned + (uint64_t)group * p->depth * p->columns * sizeof(float);
        uint32_t first;
        vk_texels(lowering, from, 0, &first);
        /* A convolution's weight of one tap. */
        const struct vk_pack_weight_texels_arguments arguments = {.y = to,
                                                                  .weight_first = first,
                                                                  .columns = p->columns,
                                                                  .column_texels = p->b_pitch / 4,
                                                                  .taps = 1,
                                                                  .padded_channels = p->depth};
        if (!vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_PACK_WEIGHT_TEXELS,
                                                         .arguments = &arguments,
                                                         .texels = {from},
                                                         .constants = {[VK_PACK_WEIGHT_TEXELS_WORKGROUP] = lanes},
                                                         .groups = {divide_up(p->columns / 2, lanes), p->depth / 4},
                                                         .concurrent = group > 0 || p->concurrent}))
            return false;
    }
    p->b = turned;
    p->b_transposed = false;
    p->b_pitch = p->columns;
    p->b_group = p->depth * p->columns;
    p->concurrent = false;
    return true;
}

/* The most of the depth that one invocation may sum: on software drivers its loops end at some point. */
static uint32_t longest_depth(const struct vk_lowering *lowering, const struct plan *plan) {
    if (plan->kind == COOPERATIVE) return LONGEST_COOPERATIVE_SUM;
    const uint32_t iterations = vk_lowering_limits(lowering)->iterations;
    if (iterations == VK_MANY_ITERATIONS) return INT32_MAX;
    /* The tiled kernel has loops for loading and for multiplying within each step, the panels one loop in all. */
    const uint32_t rounds = plan->kind == PANEL ? 1 : 2 * plan->step + 2;
    return iterations / rounds * plan->step;
}

/* The rows of a product from `first` on, which is a multiple of what rows_at_once counts in. */
static struct vk_product rows_from(const struct vk_product *product, uint32_t first, uint32_t rows,
                                   struct vk_gather *gather) {
    struct vk_product p = *product;
    uint64_t a_rows = first, y_rows = first, a_pitch = p.a_pitch;
    if (p.gather) {
        *gather = *p.gather;
        const uint64_t image = first / (gather->grid_height * gather->grid_width);
        gather->batch = rows / (gather->grid_height * gather->grid_width);
        a_rows = image * gather->image_height * gather->image_width;
        a_pitch = gather->channels;
        y_rows = image * gather->target_image;
        p.gather = gather;
    }
    p.rows = rows;
    p.a += a_rows * a_pitch * sizeof(float);
    p.y += y_rows * p.y_pitch * sizeof(float);
    if (p.saved) p.saved += y_rows * p.groups * p.columns * sizeof(float);
    if (p.residual) p.residual += y_rows * p.residual_pitch * sizeof(float);
    if (p.row_scale) p.row_scale += first / p.rows_per_sample * sizeof(float);
    p.concurrent = product->concurrent || first > 0;
    return p;
}

/* How many rows the y axis of a grid takes: whole images or samples where rows know theirs; 0: not even one. */
static uint32_t rows_at_once(const struct vk_lowering *lowering, const struct vk_product *p, const struct plan *plan) {
    const uint64_t most = (uint64_t)vk_lowering_limits(lowering)->max_groups[1] * plan->tile_rows;
    const uint32_t unit = p->gather      ? p->gather->grid_height * p->gather->grid_width
                          : p->row_scale ? p->rows_per_sample
                                         : 1;
    return most >= p->rows ? p->rows : (uint32_t)(most / unit * unit);
}

static bool sums_only(const struct vk_product *p) {
    return p->groups == 1 && !p->gather && !p->bias && !p->row_scale && !p->saved && !p->activation &&
           p->y_pitch == p->columns && (!p->residual || p->residual_pitch == p->columns);
}

static bool lower_product(struct vk_lowering *lowering, const struct vk_product *product) {
    struct vk_product p = *product;
    struct plan plan = make_plan(lowering, &p, sums_only(&p));
    if (plan.kind == PANEL && p.b_transposed && p.rows >= ROWS_WORTH_TURNING) {
        if (!turn_right_factor(lowering, &p)) return false;
        plan = make_plan(lowering, &p, sums_only(&p));
    }
    if (p.depth > longest_depth(lowering, &plan)) {
        if (sums_only(&p)) return vk_lower_split_product(lowering, &p);
        return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                "a matrix product over %u inputs is too long for this device, whose loops end early.",
                                p.depth);
    }
    const uint32_t at_once = rows_at_once(lowering, &p, &plan);
    if (p.rows && !at_once)
        return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                "an image or sample of %u positions is more than a grid of the device can have; use a "
                                "smaller one.",
                                p.rows_per_sample);
    for (uint32_t first = 0; first < p.rows; first += at_once) {
        struct vk_gather gather;
        const uint32_t left = p.rows - first;
        const struct vk_product part = rows_from(&p, first, left < at_once ? left : at_once, &gather);
        plan = make_plan(lowering, &part, sums_only(&p));
        if (!dispatch(lowering, &part, &plan, p.depth ? p.depth : 1, 0)) return false;
    }
    return true;
}

/* How much of the depth a workgroup sums, so that there are enough of them. */
static uint32_t choose_split_depth(const struct vk_lowering *lowering, const struct vk_product *p,
                                   const struct plan *plan) {
    const uint32_t tiles = divide_up(p->columns, plan->tile_columns) * divide_up(p->rows, plan->tile_rows) * p->groups;
    uint32_t splits = wanted_groups(lowering) / tiles;
    if (splits > p->depth / 256) splits = p->depth / 256;
    /* Nor may one float collect so many terms that its rounding shows. */
    const uint32_t longest = longest_depth(lowering, plan) < 32768 ? longest_depth(lowering, plan) : 32768;
    const uint32_t fewest = divide_up(p->depth, longest);
    if (splits < fewest) splits = fewest;
    if (splits < 2) return p->depth ? p->depth : 1;
    return divide_up(divide_up(p->depth, splits), plan->step) * plan->step;
}

static bool sum_splits(struct vk_lowering *lowering, const struct vk_sum_splits_arguments *arguments) {
    const uint32_t groups = divide_up(arguments->count, 256);
    return vk_dispatch(
        lowering,
        &(struct vk_dispatch){.kernel = VK_KERNEL_SUM_SPLITS,
                              .arguments = arguments,
                              .constants = {[VK_SUM_SPLITS_WORKGROUP] = vk_workgroup(vk_lowering_limits(lowering), 256),
                                            [VK_SUM_SPLITS_ADDEND] = arguments->addend != 0,
                                            [VK_SUM_SPLITS_UNPACK] = arguments->taps != 0},
                              .groups = {groups < 4096 ? groups : 4096}});
}

static bool lower_split_product(struct vk_lowering *lowering, const struct vk_product *product) {
    const struct plan plan = make_plan(lowering, product, true);
    const uint32_t split_depth = choose_split_depth(lowering, product, &plan);
    if (split_depth >= product->depth) return dispatch(lowering, product, &plan, split_depth, 0);

    const uint32_t count = product->groups * product->rows * product->columns;
    const uint32_t splits = divide_up(product->depth, split_depth);
    struct vk_product partial = *product;
    partial.y = vk_scratch_address(lowering, (size_t)splits * count * sizeof(float));
    partial.residual = 0;
    return dispatch(lowering, &partial, &plan, split_depth, count) &&
           sum_splits(lowering, &(struct vk_sum_splits_arguments){.x = partial.y,
                                                                  .addend = product->residual,
                                                                  .y = product->y,
                                                                  .count = count,
                                                                  .splits = splits,
                                                                  .split_stride = count});
}

/* ---- matrices whose rows are no texels: copied first into some that are */

static bool pad(struct vk_lowering *lowering, struct vk_pad_matrix_arguments arguments, bool concurrent) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const uint32_t workgroup = 64, chunk = 8;
    return vk_dispatch(lowering,
                       &(struct vk_dispatch){.kernel = VK_KERNEL_PAD_MATRIX,
                                             .arguments = &arguments,
                                             .constants = {workgroup, chunk, arguments.addend != 0},
                                             .groups = {vk_groups(limits, arguments.rows, workgroup),
                                                        vk_group_rows(limits, divide_up(arguments.columns, chunk))},
                                             .concurrent = concurrent});
}

/* Scratch memory for a matrix of so many rows and columns. */
static uint64_t scratch_matrix(struct vk_lowering *lowering, uint32_t rows, uint32_t columns) {
    return vk_scratch_address(lowering, (size_t)rows * columns * sizeof(float));
}

static bool pad_factors(struct vk_lowering *lowering, const struct vk_product *p, struct vk_product *padded) {
    const uint32_t a_rows = p->a_transposed ? p->depth : p->rows, a_columns = p->a_transposed ? p->rows : p->depth;
    const uint32_t b_rows = p->b_transposed ? p->columns : p->depth;
    const uint32_t b_columns = p->b_transposed ? p->depth : p->columns;
    uint32_t first;
    bool concurrent = p->concurrent;
    if (!as_texels(lowering, p->a, a_rows, a_columns, p->a_pitch, 1, 0, &first)) {
        padded->a_pitch = divide_up(a_columns, 4) * 4;
        padded->a = scratch_matrix(lowering, a_rows, padded->a_pitch);
        const struct vk_pad_matrix_arguments a = {.x = p->a,
                                                  .y = padded->a,
                                                  .x_rows = a_rows,
                                                  .x_columns = a_columns,
                                                  .x_row = p->a_pitch,
                                                  .x_column = 1,
                                                  .rows = a_rows,
                                                  .columns = padded->a_pitch,
                                                  .y_pitch = padded->a_pitch};
        if (!pad(lowering, a, concurrent)) return false;
        concurrent = true;
    }
    if (padded->depth != p->depth || padded->columns != p->columns ||
        !as_texels(lowering, p->b, b_rows, b_columns, p->b_pitch, 1, 0, &first)) {
        padded->b_pitch = padded->columns;
        padded->b = scratch_matrix(lowering, padded->depth, padded->columns);
        padded->b_transposed = false;
        const struct vk_pad_matrix_arguments b = {.x = p->b,
                                                  .y = padded->b,
                                                  .x_rows = p->depth,
                                                  .x_columns = p->columns,
                                                  .x_row = p->b_transposed ? 1 : p->b_pitch,
                                                  .x_column = p->b_transposed ? p->b_pitch : 1,
                                                  .rows = padded->depth,
                                                  .columns = padded->columns,
                                                  .y_pitch = padded->columns};
        if (!pad(lowering, b, concurrent)) return false;
        concurrent = true;
    }
    if (!as_texels(lowering, p->bias, 1, p->columns, 0, 1, 0, &first)) {
        padded->bias = scratch_matrix(lowering, 1, padded->columns);
        const struct vk_pad_matrix_arguments bias = {.x = p->bias,
                                                     .y = padded->bias,
                                                     .x_rows = 1,
                                                     .x_columns = p->columns,
                                                     .x_column = 1,
                                                     .rows = 1,
                                                     .columns = padded->columns};
        if (!pad(lowering, bias, concurrent)) return false;
    }
    padded->concurrent = false;
    return true;
}

/* Copies the part of a padded result that was asked for, with the residual. */
static bool unpad(struct vk_lowering *lowering, const struct vk_product *p, uint64_t from, uint32_t pitch, uint64_t to,
                  uint32_t to_pitch, uint64_t residual) {
    return pad(lowering,
               (struct vk_pad_matrix_arguments){.x = from,
                                                .addend = residual,
                                                .y = to,
                                                .x_rows = p->rows,
                                                .x_columns = p->columns,
                                                .x_row = pitch,
                                                .x_column = 1,
                                                .rows = p->rows,
                                                .columns = p->columns,
                                                .y_pitch = to_pitch,
                                                .addend_pitch = p->residual_pitch},
               false);
}

typedef bool (*lower_function)(struct vk_lowering *lowering, const struct vk_product *product);

/* Lowers a product, as panels also where the alignment of its matrices stands in their way. */
static bool lower_padded(struct vk_lowering *lowering, const struct vk_product *p, lower_function lower) {
    struct plan plan = {0};
    uint32_t first;
    if (!has_panels(lowering) || p->gather || p->groups > 1 || !p->rows || !p->columns || !p->depth ||
        fits_panel(lowering, p, &plan))
        return lower(lowering, p);
    struct vk_product padded = *p;
    padded.columns = divide_up(p->columns, 4) * 4;
    if (p->a_transposed)
        padded.rows = divide_up(p->rows, 4) * 4;
    else
        padded.depth = divide_up(p->depth, 4) * 4;
    const bool other_result = padded.rows != p->rows || padded.columns != p->columns || p->y % 8 || p->saved % 8 ||
                              p->y_pitch % 2 ||
                              !as_texels(lowering, p->residual, p->rows, p->columns, p->residual_pitch, 1, 0, &first);
    if (!pad_factors(lowering, p, &padded)) return false;
    if (other_result) {
        padded.y_pitch = padded.y_group = padded.columns;
        padded.y = scratch_matrix(lowering, padded.rows, padded.columns);
        padded.residual = 0;
        if (p->saved) padded.saved = scratch_matrix(lowering, padded.rows, padded.columns);
    }
    if (!lower(lowering, &padded)) return false;
    if (!other_result) return true;
    if (p->saved && !unpad(lowering, p, padded.saved, padded.columns, p->saved, p->columns, 0)) return false;
    return unpad(lowering, p, padded.y, padded.columns, p->y, p->y_pitch, p->residual);
}

bool vk_lower_product(struct vk_lowering *lowering, const struct vk_product *product) {
    if (is_cooperative(lowering, product, sums_only(product))) return lower_product(lowering, product);
    return lower_padded(lowering, product, lower_product);
}

bool vk_lower_split_product(struct vk_lowering *lowering, const struct vk_product *product) {
    if (is_cooperative(lowering, product, true)) return lower_split_product(lowering, product);
    return lower_padded(lowering, product, lower_split_product);
}

bool vk_lower_unpacked_product(struct vk_lowering *lowering, const struct vk_product *product,
                               const struct vk_unpack *unpack) {
    const struct plan plan = make_plan(lowering, product, true);
    const uint32_t split_depth = choose_split_depth(lowering, product, &plan);
    const uint32_t splits = divide_up(product->depth, split_depth), size = product->rows * product->columns;
    struct vk_product partial = *product;
    partial.y = vk_scratch_address(lowering, (size_t)splits * size * sizeof(float));
    return dispatch(lowering, &partial, &plan, split_depth, size) &&
           sum_splits(lowering,
                      &(struct vk_sum_splits_arguments){.x = partial.y,
                                                        .addend = product->residual,
                                                        .y = product->y,
                                                        .count = unpack->taps * unpack->channels * product->columns,
                                                        .splits = splits,
                                                        .split_stride = size,
                                                        .x_pitch = product->columns,
                                                        .taps = unpack->taps,
                                                        .channels = unpack->channels,
                                                        .padded_channels = unpack->padded_channels});
}

bool vk_lower_column_sums(struct vk_lowering *lowering, const struct vk_column_sums *p) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    uint32_t first = 0;
    const bool by_texels = limits->software && as_texels(lowering, p->x, p->rows, p->columns, p->x_pitch, 1, 0, &first);
    const uint32_t group_columns = by_texels ? 4 * limits->subgroup_size : 64;
    const uint32_t groups = divide_up(p->columns, group_columns);
    uint32_t slices = wanted_groups(lowering) / groups;
    if (slices > p->rows / 64) slices = p->rows / 64;
    const uint32_t longest = (by_texels ? 8 : 1) * limits->iterations; /* rows that a slice may have */
    if (slices < divide_up(p->rows, longest)) slices = divide_up(p->rows, longest);
    if (slices < 1) slices = 1;
    const uint32_t slice_rows = divide_up(p->rows, slices);
    slices = divide_up(p->rows, slice_rows);
    const uint64_t sums =
        slices == 1 ? p->sums : vk_scratch_address(lowering, (size_t)slices * p->columns * sizeof(float));
    const struct vk_column_sums_texels_arguments texel_arguments = {.sums = sums,
                                                                    .x_first = first,
                                                                    .x_pitch = p->x_pitch / 4,
                                                                    .rows = p->rows,
                                                                    .columns = p->columns,
                                                                    .slice_rows = slice_rows};
    const struct vk_column_sums_arguments arguments = {.x = p->x,
                                                       .sums = sums,
                                                       .rows = p->rows,
                                                       .columns = p->columns,
                                                       .x_pitch = p->x_pitch,
                                                       .slice_rows = slice_rows};
    const struct vk_dispatch by_texel = {.kernel = VK_KERNEL_COLUMN_SUMS_TEXELS,
                                         .arguments = &texel_arguments,
                                         .texels = {p->x},
                                         .constants = {[VK_COLUMN_SUMS_TEXELS_WORKGROUP] = limits->subgroup_size},
                                         .groups = {groups, slices},
                                         .concurrent = true};
    const struct vk_dispatch by_address = {
        .kernel = VK_KERNEL_COLUMN_SUMS, .arguments = &arguments, .groups = {groups, slices}, .concurrent = true};
    if (!vk_dispatch(lowering, by_texels ? &by_texel : &by_address)) return false;
    return slices == 1 ||
           sum_splits(lowering,
                      &(struct vk_sum_splits_arguments){
                          .x = sums, .y = p->sums, .count = p->columns, .splits = slices, .split_stride = p->columns});
}
