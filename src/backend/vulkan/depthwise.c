/* The depth-wise convolution of the MLP mixer, and its gradients. */
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
};

static bool lay_out(struct vk_lowering *lowering, const struct sb_node *node, const struct sb_tensor *x,
                    struct layout *layout) {
    const int64_t channels = x->shape[3];
    if (sb_elements(x) >= (int64_t)UINT32_MAX / 2 || x->shape[0] > vk_lowering_limits(lowering)->max_groups[2])
        return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                "%s: the image is too large for the kernel; use a smaller batch with gradient "
                                "accumulation.",
                                node->name);
    layout->workgroup = channels <= 16 ? 16 : channels <= 32 ? 32 : 64;
    layout->channel_groups = (uint32_t)divide_up(channels, layout->workgroup);
    layout->side = (uint32_t)node->attributes.convolution.kernel_height;
    /* Two strips of four rows hold 18 inputs of a 3 x 3 filter; larger filters would not fit the registers so. */
    layout->rows = layout->side <= 3 ? 4 : 2;
    layout->strips = divide_up(x->shape[1], layout->rows);
    return true;
}

static bool lower_filter(struct vk_lowering *lowering, const struct layout *layout, const struct sb_tensor *x,
                         const struct vk_depthwise_arguments *arguments, enum sb_activation_kind activation,
                         bool flip) {
    return vk_dispatch(lowering,
                       &(struct vk_dispatch){
                           .kernel = VK_KERNEL_DEPTHWISE,
                           .arguments = arguments,
                           .constants = {[VK_DEPTHWISE_WORKGROUP] = layout->workgroup,
                                         [VK_DEPTHWISE_SIDE] = layout->side,
                                         [VK_DEPTHWISE_ROWS] = layout->rows,
                                         [VK_DEPTHWISE_ACTIVATION] = activation,
                                         [VK_DEPTHWISE_HAS_BIAS] = arguments->bias != 0,
                                         [VK_DEPTHWISE_SAVE] = arguments->saved != 0,
                                         [VK_DEPTHWISE_FLIP] = flip},
                           .groups = {layout->channel_groups, (uint32_t)layout->strips, (uint32_t)x->shape[0]},
                       });
}

bool vk_lower_depthwise_conv2d(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[X];
    struct layout layout;
    if (!lay_out(lowering, node, x, &layout)) return false;
    const struct vk_depthwise_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                     .weight = vk_tensor_address(lowering, node->inputs[WEIGHT]),
                                                     .bias = vk_tensor_address(lowering, node->inputs[BIAS]),
                                                     .y = vk_tensor_address(lowering, node->outputs[0]),
                                                     .saved = vk_tensor_address(lowering, node->outputs[1]),
                                                     .height = (uint32_t)x->shape[1],
                                                     .width = (uint32_t)x->shape[2],
                                                     .channels = (uint32_t)x->shape[3]};
    return lower_filter(lowering, &layout, x, &arguments, node->attributes.convolution.activation, false);
}

bool vk_lower_depthwise_conv2d_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *dp = node->inputs[GRADIENT_DP], *dx = node->outputs[GRADIENT_DX];
    const struct sb_tensor *dweight = node->outputs[GRADIENT_DWEIGHT], *dbias = node->outputs[GRADIENT_DBIAS];
    struct layout layout;
    if (!lay_out(lowering, node, dp, &layout)) return false;
    if (dx) {
        const struct vk_depthwise_arguments arguments = {.x = vk_tensor_address(lowering, dp),
                                                         .weight =
                                                             vk_tensor_address(lowering, node->inputs[GRADIENT_WEIGHT]),
                                                         .y = vk_tensor_address(lowering, dx),
                                                         .height = (uint32_t)dp->shape[1],
                                                         .width = (uint32_t)dp->shape[2],
                                                         .channels = (uint32_t)dp->shape[3]};
        if (!lower_filter(lowering, &layout, dp, &arguments, SB_ACTIVATION_NONE, true)) return false;
    }
    if (!dweight && !dbias) return true;
    /* Some 64 parts in all: enough to run at once, few to add up. */
    const int64_t batch = dp->shape[0], channels = dp->shape[3];
    const int64_t strips = divide_up(layout.strips * batch, 64), blocks = divide_up(layout.strips, strips);
    const size_t bytes = (size_t)(batch * blocks * channels) * sizeof(float);
    const struct vk_depthwise_weight_gradient_arguments arguments = {
        .dy = vk_tensor_address(lowering, dp),
        .x = vk_tensor_address(lowering, node->inputs[GRADIENT_X]),
        .dweight = vk_scratch_address(lowering, bytes * layout.side * layout.side),
        .dbias = vk_scratch_address(lowering, bytes),
        .height = (uint32_t)dp->shape[1],
        .width = (uint32_t)dp->shape[2],
        .channels = (uint32_t)channels,
        .strips = (uint32_t)strips};
    const struct vk_dispatch dispatch = {.kernel = VK_KERNEL_DEPTHWISE_WEIGHT_GRADIENT,
                                         .arguments = &arguments,
                                         .constants = {[VK_DEPTHWISE_WEIGHT_GRADIENT_WORKGROUP] = layout.workgroup,
                                                       [VK_DEPTHWISE_WEIGHT_GRADIENT_SIDE] = layout.side,
                                                       [VK_DEPTHWISE_WEIGHT_GRADIENT_ROWS] = layout.rows},
                                         .groups = {layout.channel_groups, (uint32_t)blocks, (uint32_t)batch},
                                         .concurrent = dx != NULL};
    if (!vk_dispatch(lowering, &dispatch)) return false;
    if (dweight && !vk_sum_partials(lowering, arguments.dweight, batch * blocks, dweight, false)) return false;
    return !dbias || vk_sum_partials(lowering, arguments.dbias, batch * blocks, dbias, dweight != NULL);
}
