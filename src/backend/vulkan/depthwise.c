/* The depth-wise convolution of the MLP mixer, and its gradients. Software drivers take four channels to a lane, as
 * texels, wherever the channels divide by four. */
#include "backend/vulkan/lowerings.h"
#include "backend/vulkan/partials.h"
#include "ops/ops.h"

enum { X, WEIGHT, BIAS };
enum { GRADIENT_DP, GRADIENT_X, GRADIENT_WEIGHT };
enum { GRADIENT_DX, GRADIENT_DWEIGHT, GRADIENT_DBIAS };

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* How an image is cut: channels over the lanes of a workgroup, strips of rows over workgroups. */
struct layout {
    uint32_t workgroup, channel_groups, side, rows;
    int64_t strips; /* of an image */
    bool texels;
};

static struct layout lay_out(const struct vk_lowering *lowering, const struct sb_node *node,
                             const struct sb_tensor *x) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const int64_t channels = x->shape[3];
    struct layout layout;
    layout.texels = limits->software && limits->int64 && channels % 4 == 0;
    layout.workgroup = layout.texels ? limits->subgroup_size : channels <= 16 ? 16 : channels <= 32 ? 32 : 64;
    layout.channel_groups = (uint32_t)divide_up(layout.texels ? channels / 4 : channels, layout.workgroup);
    layout.side = (uint32_t)node->attributes.convolution.kernel_height;
    /* Four rows have 18 inputs under a 3 x 3 filter; larger filters would not leave registers for as many. */
    layout.rows = layout.side <= 3 ? 4 : 2;
    layout.strips = divide_up(x->shape[1], layout.rows);
    return layout;
}

struct filter {
    const struct sb_tensor *x, *weight, *bias, *y, *saved;
    enum sb_activation_kind activation;
    enum sb_precision precision;
    bool flip;
};

static bool lower_filter_texels(struct vk_lowering *lowering, const struct layout *layout, const struct filter *filter,
                                const struct vk_depthwise_texels_arguments *arguments, const uint64_t addresses[3]) {
    const struct vk_dispatch dispatch = {
        .kernel = VK_KERNEL_DEPTHWISE_TEXELS,
        .arguments = arguments,
        .constants = {[VK_DEPTHWISE_TEXELS_WORKGROUP] = layout->workgroup,
                      [VK_DEPTHWISE_TEXELS_SIDE] = layout->side,
                      [VK_DEPTHWISE_TEXELS_ROWS] = layout->rows,
                      [VK_DEPTHWISE_TEXELS_ACTIVATION] = filter->activation,
                      [VK_DEPTHWISE_TEXELS_HAS_BIAS] = filter->bias != NULL,
                      [VK_DEPTHWISE_TEXELS_SAVE] = filter->saved != NULL,
                      [VK_DEPTHWISE_TEXELS_FLIP] = filter->flip,
                      [VK_DEPTHWISE_TEXELS_PRECISION] = (uint32_t)filter->precision},
        .groups = {layout->channel_groups, (uint32_t)layout->strips, (uint32_t)filter->x->shape[0]},
        .texels = {addresses[0], addresses[1], addresses[2]}};
    return vk_dispatch(lowering, &dispatch);
}

static bool lower_filter(struct vk_lowering *lowering, const struct sb_node *node, struct filter filter) {
    const struct sb_tensor *x = filter.x;
    struct layout layout = lay_out(lowering, node, x);
    struct vk_depthwise_texels_arguments texels = {.y = vk_tensor_address(lowering, filter.y),
                                                   .saved = vk_tensor_address(lowering, filter.saved),
                                                   .height = (uint32_t)x->shape[1],
                                                   .width = (uint32_t)x->shape[2],
                                                   .channels = (uint32_t)x->shape[3]};
    uint64_t addresses[3];
    if (layout.texels && vk_tensor_texels(lowering, x, &addresses[0], &texels.x_first) &&
        vk_tensor_texels(lowering, filter.weight, &addresses[1], &texels.weight_first) &&
        vk_tensor_texels(lowering, filter.bias, &addresses[2], &texels.bias_first))
        return lower_filter_texels(lowering, &layout, &filter, &texels, addresses);
    layout.texels = false;
    layout.workgroup = 64;
    layout.channel_groups = (uint32_t)divide_up(x->shape[3], layout.workgroup);
    const struct vk_depthwise_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                     .weight = vk_tensor_address(lowering, filter.weight),
                                                     .bias = vk_tensor_address(lowering, filter.bias),
                                                     .y = texels.y,
                                                     .saved = texels.saved,
                                                     .height = texels.height,
                                                     .width = texels.width,
                                                     .channels = texels.channels};
    const struct vk_dispatch dispatch = {
        .kernel = VK_KERNEL_DEPTHWISE,
        .arguments = &arguments,
        .constants = {[VK_DEPTHWISE_WORKGROUP] = layout.workgroup,
                      [VK_DEPTHWISE_SIDE] = layout.side,
                      [VK_DEPTHWISE_ROWS] = layout.rows,
                      [VK_DEPTHWISE_ACTIVATION] = filter.activation,
                      [VK_DEPTHWISE_HAS_BIAS] = filter.bias != NULL,
                      [VK_DEPTHWISE_SAVE] = filter.saved != NULL,
                      [VK_DEPTHWISE_FLIP] = filter.flip,
                      [VK_DEPTHWISE_PRECISION] = (uint32_t)filter.precision},
        .groups = {layout.channel_groups, (uint32_t)layout.strips, (uint32_t)x->shape[0]}};
    return vk_dispatch(lowering, &dispatch);
}

bool vk_lower_depthwise_conv2d(struct vk_lowering *lowering, const struct sb_node *node) {
    return lower_filter(lowering, node,
                        (struct filter){.x = node->inputs[X],
                                        .weight = node->inputs[WEIGHT],
                                        .bias = node->inputs[BIAS],
                                        .y = node->outputs[0],
                                        .saved = node->outputs[1],
                                        .activation = node->attributes.convolution.activation,
                                        .precision = node->precision});
}

bool vk_lower_depthwise_conv2d_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *dp = node->inputs[GRADIENT_DP], *dx = node->outputs[GRADIENT_DX];
    const struct sb_tensor *dweight = node->outputs[GRADIENT_DWEIGHT], *dbias = node->outputs[GRADIENT_DBIAS];
    if (dx &&
        !lower_filter(
            lowering, node,
            (struct filter){
                .x = dp, .weight = node->inputs[GRADIENT_WEIGHT], .y = dx, .precision = node->precision, .flip = true}))
        return false;
    if (!dweight && !dbias) return true;
    struct layout layout = lay_out(lowering, node, dp);
    /* Some 64 parts in all: enough to run at once, few to add up. */
    const int64_t batch = dp->shape[0], channels = dp->shape[3];
    int64_t strips = divide_up(layout.strips * batch, 64);
    const int64_t most = vk_lowering_limits(lowering)->iterations / (dp->shape[2] + 1);
    if (strips > most) strips = most > 0 ? most : 1;
    const int64_t blocks = divide_up(layout.strips, strips);
    const size_t bytes = (size_t)(batch * blocks * channels) * sizeof(float);
    struct vk_depthwise_weight_gradient_texels_arguments texels = {
        .dweight = vk_scratch_address(lowering, bytes * layout.side * layout.side),
        .dbias = vk_scratch_address(lowering, bytes),
        .height = (uint32_t)dp->shape[1],
        .width = (uint32_t)dp->shape[2],
        .channels = (uint32_t)channels,
        .strips = (uint32_t)strips};
    uint64_t dy_address, x_address;
    layout.texels = layout.texels && vk_tensor_texels(lowering, dp, &dy_address, &texels.dy_first) &&
                    vk_tensor_texels(lowering, node->inputs[GRADIENT_X], &x_address, &texels.x_first);
    if (layout.texels) {
        const struct vk_dispatch dispatch = {
            .kernel = VK_KERNEL_DEPTHWISE_WEIGHT_GRADIENT_TEXELS,
            .arguments = &texels,
            .constants = {[VK_DEPTHWISE_WEIGHT_GRADIENT_TEXELS_WORKGROUP] = layout.workgroup,
                          [VK_DEPTHWISE_WEIGHT_GRADIENT_TEXELS_SIDE] = layout.side,
                          [VK_DEPTHWISE_WEIGHT_GRADIENT_TEXELS_ROWS] = layout.rows,
                          [VK_DEPTHWISE_WEIGHT_GRADIENT_TEXELS_PRECISION] = (uint32_t)node->precision},
            .groups = {layout.channel_groups, (uint32_t)blocks, (uint32_t)batch},
            .concurrent = dx != NULL,
            .texels = {dy_address, x_address}};
        if (!vk_dispatch(lowering, &dispatch)) return false;
    } else {
        const struct vk_depthwise_weight_gradient_arguments arguments = {
            .dy = vk_tensor_address(lowering, dp),
            .x = vk_tensor_address(lowering, node->inputs[GRADIENT_X]),
            .dweight = texels.dweight,
            .dbias = texels.dbias,
            .height = texels.height,
            .width = texels.width,
            .channels = texels.channels,
            .strips = texels.strips};
        const struct vk_dispatch dispatch = {
            .kernel = VK_KERNEL_DEPTHWISE_WEIGHT_GRADIENT,
            .arguments = &arguments,
            .constants = {[VK_DEPTHWISE_WEIGHT_GRADIENT_WORKGROUP] = 64,
                          [VK_DEPTHWISE_WEIGHT_GRADIENT_SIDE] = layout.side,
                          [VK_DEPTHWISE_WEIGHT_GRADIENT_ROWS] = layout.rows,
                          [VK_DEPTHWISE_WEIGHT_GRADIENT_PRECISION] = (uint32_t)node->precision},
            .groups = {(uint32_t)divide_up(channels, 64), (uint32_t)blocks, (uint32_t)batch},
            .concurrent = dx != NULL};
        if (!vk_dispatch(lowering, &dispatch)) return false;
    }
    if (dweight && !vk_sum_partials(lowering, texels.dweight, batch * blocks, dweight, false)) return false;
    return !dbias || vk_sum_partials(lowering, texels.dbias, batch * blocks, dbias, dweight != NULL);
}
