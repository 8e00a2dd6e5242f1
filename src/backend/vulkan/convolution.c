/* Convolutions as matrix products: the image is gathered (shaders/convolution/gather.glsl), the weight packed. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"
#include "backend/vulkan/product.h"
#include "ops/ops.h"

struct geometry {
    uint32_t batch, height, width, channels;      /* of x */
    uint32_t out_height, out_width, out_channels; /* of y */
    uint32_t kernel_height, kernel_width, taps;
    uint32_t stride, padding;
    enum sb_precision precision;
};

static struct geometry geometry_of(const struct sb_node *node, const struct sb_tensor *x, const struct sb_tensor *y) {
    const struct sb_convolution_attributes *attributes = &node->attributes.convolution;
    return (struct geometry){.batch = (uint32_t)x->shape[0],
                             .height = (uint32_t)x->shape[1],
                             .width = (uint32_t)x->shape[2],
                             .channels = (uint32_t)x->shape[3],
                             .out_height = (uint32_t)y->shape[1],
                             .out_width = (uint32_t)y->shape[2],
                             .out_channels = (uint32_t)y->shape[3],
                             .kernel_height = (uint32_t)attributes->kernel_height,
                             .kernel_width = (uint32_t)attributes->kernel_width,
                             .taps = (uint32_t)(attributes->kernel_height * attributes->kernel_width),
                             .stride = (uint32_t)attributes->stride,
                             .padding = (uint32_t)attributes->padding,
                             .precision = node->precision};
}

static uint32_t groups_for(uint64_t count) {
    const uint64_t groups = (count + 255) / 256;
    return groups < 4096 ? (uint32_t)groups : 4096;
}

/* An image with `padded` channels, copied only where that is more than it has. */
static bool pad_channels(struct vk_lowering *lowering, const struct sb_tensor *x, uint32_t padded, uint64_t *address) {
    const uint32_t channels = (uint32_t)sb_columns(x), count = (uint32_t)(sb_rows(x) * padded);
    *address = vk_tensor_address(lowering, x);
    if (channels == padded) return true;
    if (sb_rows(x) * padded >= VK_MAX_ELEMENTS)
        return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                "%lld pixels with %u channels are more than a kernel can index; use a smaller batch, "
                                "with gradient accumulation.",
                                (long long)sb_rows(x), padded);
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const uint64_t from = *address;
    *address = vk_scratch_address(lowering, (size_t)count * sizeof(float));
    uint32_t first;
    if (limits->software && limits->int64 && channels == 3 && padded == 4 && sb_rows(x) % 4 == 0 &&
        vk_texels(lowering, from, (uint64_t)sb_bytes(x), &first)) {
        const uint32_t lanes = limits->subgroup_size, quads = (uint32_t)(sb_rows(x) / 4);
        const uint32_t groups = (quads + lanes - 1) / lanes; /* over two axes of the grid, if need be */
        const uint32_t across = groups < limits->max_groups[0] ? groups : limits->max_groups[0];
        const struct vk_pad_colours_arguments colours = {.y = *address, .x_first = first, .quads = quads};
        return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_PAD_COLOURS,
                                                           .arguments = &colours,
                                                           .texels = {from},
                                                           .constants = {[VK_PAD_COLOURS_WORKGROUP] = lanes},
                                                           .groups = {across, (groups + across - 1) / across},
                                                           .concurrent = true});
    }
    const struct vk_pad_channels_arguments arguments = {
        .x = from, .y = *address, .count = count, .channels = channels, .padded_channels = padded};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_PAD_CHANNELS,
                                                       .arguments = &arguments,
                                                       .constants = {vk_workgroup(limits, 256)},
                                                       .groups = {groups_for(count)},
                                                       .concurrent = true});
}

/* How many channels the left factor of `product` is to have. */
static uint32_t padded_channels(const struct vk_lowering *lowering, uint32_t channels, uint32_t columns) {
    return vk_product_wants_texels(lowering, &(struct vk_product){.columns = columns}) ? (channels + 3) / 4 * 4
                                                                                       : channels;
}

/* The taps of the kernel at first, first + step, .. in both directions. */
struct taps {
    uint32_t first_y, first_x, step, count_y, count_x;
};

static uint32_t count_taps(uint32_t size, uint32_t first, uint32_t step) {
    return first < size ? (size - first + step - 1) / step : 0;
}

/* The weight as [tap, padded channel, column]; for the input gradient the channels are the outputs. */
static bool pack_weight(struct vk_lowering *lowering, const struct geometry *g, const struct taps *taps,
                        uint64_t weight, bool backward, uint32_t padded, uint64_t *packed) {
    const uint32_t columns = backward ? g->channels : g->out_channels;
    const uint32_t count = taps->count_y * taps->count_x * padded * columns;
    *packed = vk_scratch_address(lowering, (size_t)count * sizeof(float));
    if (!count) return true;
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const uint32_t row = g->channels * g->taps; /* floats of the weight for one output */
    uint32_t first;
    if (!backward && limits->software && limits->int64 && padded == g->channels && row % 4 == 0 && columns % 2 == 0 &&
        vk_texels(lowering, weight, (uint64_t)row * columns * sizeof(float), &first)) {
        const struct vk_pack_weight_texels_arguments arguments = {.y = *packed,
                                                                  .weight_first = first,
                                                                  .columns = columns,
                                                                  .column_texels = row / 4,
                                                                  .taps = g->taps,
                                                                  .padded_channels = padded};
        const uint32_t lanes = limits->subgroup_size;
        return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_PACK_WEIGHT_TEXELS,
                                                           .arguments = &arguments,
                                                           .texels = {weight},
                                                           .constants = {[VK_PACK_WEIGHT_TEXELS_WORKGROUP] = lanes},
                                                           .groups = {(columns / 2 + lanes - 1) / lanes, row / 4},
                                                           .concurrent = true});
    }
    const uint32_t input_stride = g->taps, output_stride = g->taps * g->channels;
    const struct vk_pack_weight_arguments arguments = {.weight = weight,
                                                       .y = *packed,
                                                       .count = count,
                                                       .columns = columns,
                                                       .channels = backward ? g->out_channels : g->channels,
                                                       .padded_channels = padded,
                                                       .taps_x = taps->count_x,
                                                       .first_line = taps->first_y,
                                                       .first_tap = taps->first_x,
                                                       .step = taps->step,
                                                       .kernel_width = g->kernel_width,
                                                       .channel_stride = backward ? output_stride : input_stride,
                                                       .column_stride = backward ? input_stride : output_stride};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_PACK_WEIGHT,
                                                       .arguments = &arguments,
                                                       .constants = {vk_workgroup(limits, 256)},
                                                       .groups = {groups_for(count)},
                                                       .concurrent = true});
}

/* The input as seen by the forward convolution and by its weight gradient. */
static struct vk_gather gather_input(const struct geometry *g, uint32_t channels) {
    return (struct vk_gather){.batch = g->batch,
                              .grid_height = g->out_height,
                              .grid_width = g->out_width,
                              .image_height = g->height,
                              .image_width = g->width,
                              .channels = channels,
                              .taps_x = g->kernel_width,
                              .scale = (int32_t)g->stride,
                              .direction = 1,
                              .origin_y = -(int32_t)g->padding,
                              .origin_x = -(int32_t)g->padding,
                              .target_image = g->out_height * g->out_width,
                              .target_width = g->out_width,
                              .target_step = 1};
}

bool vk_lower_conv2d(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[SB_CONV2D_X], *y = node->outputs[0];
    const struct geometry g = geometry_of(node, x, y);
    const uint32_t channels = padded_channels(lowering, g.channels, g.out_channels);
    const struct taps taps = {.step = 1, .count_y = g.kernel_height, .count_x = g.kernel_width};
    const struct vk_gather gather = gather_input(&g, channels);
    uint64_t image, packed;
    return pad_channels(lowering, x, channels, &image) &&
           pack_weight(lowering, &g, &taps, vk_tensor_address(lowering, node->inputs[SB_CONV2D_WEIGHT]), false,
                       channels, &packed) &&
           vk_lower_product(lowering,
                            &(struct vk_product){.a = image,
                                                 .b = packed,
                                                 .y = vk_tensor_address(lowering, y),
                                                 .bias = vk_tensor_address(lowering, node->inputs[SB_CONV2D_BIAS]),
                                                 .rows = g.batch * g.out_height * g.out_width,
                                                 .columns = g.out_channels,
                                                 .depth = g.taps * channels,
                                                 .groups = 1,
                                                 .b_pitch = g.out_channels,
                                                 .y_pitch = g.out_channels,
                                                 .rows_per_sample = g.out_height * g.out_width,
                                                 .gather = &gather,
                                                 .activation = node->attributes.convolution.activation,
                                                 .precision = g.precision});
}

/* The pixels of dx whose position + padding is (py, px) modulo the stride meet the same taps: those that are (py, px)
 * modulo the stride. Each such class is a convolution of dy with stride 1. */
struct class {
    struct taps taps;
    uint32_t first_y, first_x; /* its first pixel */
    uint64_t packed;
};

static struct class class_of(const struct geometry *g, uint32_t py, uint32_t px) {
    const uint32_t stride = g->stride, padding = g->padding % stride;
    return (struct class){.taps = {.first_y = py,
                                   .first_x = px,
                                   .step = stride,
                                   .count_y = count_taps(g->kernel_height, py, stride),
                                   .count_x = count_taps(g->kernel_width, px, stride)},
                          .first_y = (py + stride - padding) % stride,
                          .first_x = (px + stride - padding) % stride};
}

static bool has_pixels(const struct geometry *g, const struct class *class) {
    return class->first_y < g->height && class->first_x < g->width;
}

static bool lower_class(struct vk_lowering *lowering, const struct geometry *g, const struct class *class, uint64_t dy,
                        uint32_t channels, uint64_t dx, uint64_t addend, bool concurrent) {
    const struct taps *taps = &class->taps;
    const uint32_t rows = count_taps(g->height, class->first_y, g->stride);
    const uint32_t columns = count_taps(g->width, class->first_x, g->stride);
    const struct vk_gather gather = {.batch = g->batch,
                                     .grid_height = rows,
                                     .grid_width = columns,
                                     .image_height = g->out_height,
                                     .image_width = g->out_width,
                                     .channels = channels,
                                     .taps_x = taps->count_x ? taps->count_x : 1,
                                     .scale = 1,
                                     .direction = -1,
                                     .origin_y = (int32_t)((class->first_y + g->padding - taps->first_y) / g->stride),
                                     .origin_x = (int32_t)((class->first_x + g->padding - taps->first_x) / g->stride),
                                     .target_image = g->height * g->width,
                                     .target_width = g->width,
                                     .target_step = g->stride,
                                     .target_first = class->first_y * g->width + class->first_x};
    return vk_lower_product(lowering, &(struct vk_product){.a = dy,
                                                           .b = class->packed,
                                                           .y = dx,
                                                           .residual = addend,
                                                           .rows = g->batch * rows * columns,
                                                           .columns = g->channels,
                                                           .depth = taps->count_y * taps->count_x * channels,
                                                           .groups = 1,
                                                           .b_pitch = g->channels,
                                                           .y_pitch = g->channels,
                                                           .residual_pitch = g->channels,
                                                           .rows_per_sample = rows * columns,
                                                           .gather = &gather,
                                                           .precision = g->precision,
                                                           .concurrent = concurrent});
}

bool vk_lower_conv2d_input_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *dy = node->inputs[0], *dx = node->outputs[0];
    const struct geometry g = geometry_of(node, dx, dy);
    const uint32_t channels = padded_channels(lowering, g.out_channels, g.channels);
    const uint32_t count = g.stride * g.stride;
    enum { MAX_STRIDE = 8 };
    struct class classes[MAX_STRIDE * MAX_STRIDE];
    if (g.stride > MAX_STRIDE)
        return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                "the gradient of a convolution with stride %u is not available; the largest is %d.",
                                g.stride, (int)MAX_STRIDE);
    uint64_t image;
    if (!pad_channels(lowering, dy, channels, &image)) return false;
    for (uint32_t i = 0; i < count; i++) {
        classes[i] = class_of(&g, i / g.stride, i % g.stride);
        if (!pack_weight(lowering, &g, &classes[i].taps, vk_tensor_address(lowering, node->inputs[1]), true, channels,
                         &classes[i].packed))
            return false;
    }
    /* The first class waits for the packed weights, the others run beside it. */
    bool waited = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!has_pixels(&g, &classes[i])) continue;
        if (!lower_class(lowering, &g, &classes[i], image, channels, vk_tensor_address(lowering, dx),
                         vk_tensor_address(lowering, node->inputs[2]), waited))
            return false;
        waited = true;
    }
    return true;
}

bool vk_lower_conv2d_weight_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0], *dy = node->inputs[1];
    const struct sb_tensor *dweight = node->outputs[0], *dbias = node->outputs[1];
    const struct geometry g = geometry_of(node, x, dy);
    const uint32_t channels = padded_channels(lowering, g.channels, g.out_channels);
    const uint32_t pixels = g.batch * g.out_height * g.out_width;
    const struct vk_gather gather = gather_input(&g, channels);
    uint64_t image;
    if (dbias && !vk_lower_column_sums(lowering, &(struct vk_column_sums){.x = vk_tensor_address(lowering, dy),
                                                                          .sums = vk_tensor_address(lowering, dbias),
                                                                          .rows = pixels,
                                                                          .columns = g.out_channels,
                                                                          .x_pitch = g.out_channels}))
        return false;
    return pad_channels(lowering, x, channels, &image) &&
           vk_lower_unpacked_product(
               lowering,
               &(struct vk_product){.a = image,
                                    .b = vk_tensor_address(lowering, dy),
                                    .y = vk_tensor_address(lowering, dweight),
                                    .rows = g.taps * channels,
                                    .columns = g.out_channels,
                                    .depth = pixels,
                                    .groups = 1,
                                    .b_pitch = g.out_channels,
                                    .y_pitch = g.out_channels,
                                    .rows_per_sample = 1,
                                    .gather = &gather,
                                    .precision = g.precision,
                                    .a_transposed = true},
               &(struct vk_unpack){.taps = g.taps, .channels = g.channels, .padded_channels = channels});
}
