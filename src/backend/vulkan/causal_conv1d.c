/* The causal depthwise convolution of the Mamba block, and its gradient. */
#include "backend/vulkan/lowerings.h"
#include "backend/vulkan/partials.h"
#include "backend/vulkan/short_sequences.h"
#include "ops/ops.h"

enum { X, WEIGHT, BIAS, Y = 0 };
enum { GRADIENT_DY, GRADIENT_X, GRADIENT_WEIGHT, GRADIENT_BIAS, GRADIENT_DX = 0, GRADIENT_DWEIGHT, GRADIENT_DBIAS };
enum { WORKGROUP = 64 };

/* The batch is the grid's third axis. */
static bool fits(struct vk_lowering *lowering, const struct sb_node *node, const struct sb_tensor *x) {
    if (x->shape[0] <= vk_lowering_limits(lowering)->max_groups[2]) return true;
    return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                            "%s: a batch of %lld is more than a grid of the device can have; use a smaller batch with "
                            "gradient accumulation.",
                            node->name, (long long)x->shape[0]);
}

/* *done stays false, and nothing is done, where the kernel does not fit. */
static bool lower_short(struct vk_lowering *lowering, const struct sb_node *node, bool *done) {
    const struct sb_tensor *x = node->inputs[X], *weight = node->inputs[WEIGHT], *bias = node->inputs[BIAS];
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    struct vk_causal_conv1d_short_arguments arguments = {.weight = vk_tensor_address(lowering, weight),
                                                         .bias = vk_tensor_address(lowering, bias),
                                                         .y = vk_tensor_address(lowering, node->outputs[Y]),
                                                         .samples = (uint32_t)x->shape[0],
                                                         .channel_quads = (uint32_t)(x->shape[2] / 4)};
    *done = vk_short_sequences(limits, x->shape[1], x->shape[2]) && vk_short_target(node->outputs[Y]) &&
            vk_short_texels(lowering, x, &arguments.x_first, &arguments.x_pitch);
    if (!*done) return true;
    uint32_t groups[2];
    vk_short_groups(limits, x->shape[2], x->shape[0], 1, groups);
    const struct vk_dispatch dispatch = {
        .kernel = VK_KERNEL_CAUSAL_CONV1D_SHORT,
        .arguments = &arguments,
        .groups = {groups[0], groups[1]},
        .texels = {vk_tensor_address(lowering, x)},
        .constants = {[VK_CAUSAL_CONV1D_SHORT_WORKGROUP] = limits->subgroup_size,
                      [VK_CAUSAL_CONV1D_SHORT_TOKENS] = (uint32_t)x->shape[1],
                      [VK_CAUSAL_CONV1D_SHORT_TAPS] = (uint32_t)weight->shape[2],
                      [VK_CAUSAL_CONV1D_SHORT_POLYNOMIAL] = limits->polynomial_exponential,
                      [VK_CAUSAL_CONV1D_SHORT_SILU] = node->attributes.convolution.activation == SB_ACTIVATION_SILU,
                      [VK_CAUSAL_CONV1D_SHORT_HAS_BIAS] = bias != NULL}};
    return vk_dispatch(lowering, &dispatch);
}

bool vk_lower_causal_conv1d(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[X], *weight = node->inputs[WEIGHT], *bias = node->inputs[BIAS];
    const int64_t batch = x->shape[0], tokens = x->shape[1], channels = x->shape[2];
    bool done;
    if (!lower_short(lowering, node, &done)) return false;
    if (done) return true;
    if (!fits(lowering, node, x)) return false;
    const uint32_t block_tokens = 64;
    const struct vk_causal_conv1d_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                         .weight = vk_tensor_address(lowering, weight),
                                                         .bias = vk_tensor_address(lowering, bias),
                                                         .y = vk_tensor_address(lowering, node->outputs[Y]),
                                                         .tokens = (uint32_t)tokens,
                                                         .channels = (uint32_t)channels,
                                                         .x_pitch = (uint32_t)x->pitch,
                                                         .block_tokens = block_tokens};
    const struct vk_dispatch dispatch = {
        .kernel = VK_KERNEL_CAUSAL_CONV1D,
        .arguments = &arguments,
        .groups = {(uint32_t)((channels + WORKGROUP - 1) / WORKGROUP),
                   (uint32_t)((tokens + block_tokens - 1) / block_tokens), (uint32_t)batch},
        .constants = {[VK_CAUSAL_CONV1D_WORKGROUP] = WORKGROUP,
                      [VK_CAUSAL_CONV1D_TAPS] = (uint32_t)weight->shape[2],
                      [VK_CAUSAL_CONV1D_POLYNOMIAL] = vk_lowering_limits(lowering)->polynomial_exponential,
                      [VK_CAUSAL_CONV1D_SILU] = node->attributes.convolution.activation == SB_ACTIVATION_SILU,
                      [VK_CAUSAL_CONV1D_HAS_BIAS] = bias != NULL}};
    return vk_dispatch(lowering, &dispatch);
}

/* As lower_short. */
static bool lower_gradient_short(struct vk_lowering *lowering, const struct sb_node *node, bool *done) {
    const struct sb_tensor *dy = node->inputs[GRADIENT_DY], *x = node->inputs[GRADIENT_X];
    const struct sb_tensor *weight = node->inputs[GRADIENT_WEIGHT], *bias = node->inputs[GRADIENT_BIAS];
    const struct sb_tensor *dx = node->outputs[GRADIENT_DX];
    const struct sb_tensor *dweight = node->outputs[GRADIENT_DWEIGHT], *dbias = node->outputs[GRADIENT_DBIAS];
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const int64_t channels = x->shape[2], taps = weight->shape[2];
    struct vk_causal_conv1d_gradient_short_arguments arguments = {.weight = vk_tensor_address(lowering, weight),
                                                                  .bias = vk_tensor_address(lowering, bias),
                                                                  .dx_pitch =
                                                                      (uint32_t)((dx ? dx->pitch : channels) / 4),
                                                                  .samples = (uint32_t)x->shape[0],
                                                                  .channel_quads = (uint32_t)(channels / 4)};
    uint32_t dense;
    *done = vk_short_sequences(limits, x->shape[1], channels) && vk_short_target(dx) &&
            vk_short_texels(lowering, dy, &arguments.dy_first, &dense) &&
            vk_short_texels(lowering, x, &arguments.x_first, &arguments.x_pitch);
    if (!*done) return true;
    uint32_t groups[2];
    vk_short_groups(limits, channels, x->shape[0], 1, groups);
    const size_t bytes = (size_t)(groups[1] * channels) * sizeof(float);
    arguments.dx =
        dx ? vk_tensor_address(lowering, dx) : vk_scratch_address(lowering, (size_t)sb_elements(x) * sizeof(float));
    arguments.dweight = vk_scratch_address(lowering, bytes * (size_t)taps);
    arguments.dbias = bias ? vk_scratch_address(lowering, bytes) : 0;
    const struct vk_dispatch dispatch = {
        .kernel = VK_KERNEL_CAUSAL_CONV1D_GRADIENT_SHORT,
        .arguments = &arguments,
        .groups = {groups[0], groups[1]},
        .texels = {vk_tensor_address(lowering, dy), vk_tensor_address(lowering, x)},
        .constants = {[VK_CAUSAL_CONV1D_GRADIENT_SHORT_WORKGROUP] = limits->subgroup_size,
                      [VK_CAUSAL_CONV1D_GRADIENT_SHORT_TOKENS] = (uint32_t)x->shape[1],
                      [VK_CAUSAL_CONV1D_GRADIENT_SHORT_TAPS] = (uint32_t)taps,
                      [VK_CAUSAL_CONV1D_GRADIENT_SHORT_POLYNOMIAL] = limits->polynomial_exponential,
                      [VK_CAUSAL_CONV1D_GRADIENT_SHORT_SILU] =
                          node->attributes.convolution.activation == SB_ACTIVATION_SILU,
                      [VK_CAUSAL_CONV1D_GRADIENT_SHORT_HAS_BIAS] = bias != NULL}};
    if (!vk_dispatch(lowering, &dispatch)) return false;
    if (dweight && !vk_sum_partials(lowering, arguments.dweight, groups[1], dweight, false)) return false;
    return !dbias || vk_sum_partials(lowering, arguments.dbias, groups[1], dbias, dweight != NULL);
}

bool vk_lower_causal_conv1d_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[GRADIENT_X], *weight = node->inputs[GRADIENT_WEIGHT];
    const struct sb_tensor *bias = node->inputs[GRADIENT_BIAS], *dx = node->outputs[GRADIENT_DX];
    const struct sb_tensor *dweight = node->outputs[GRADIENT_DWEIGHT], *dbias = node->outputs[GRADIENT_DBIAS];
    const int64_t batch = x->shape[0], tokens = x->shape[1], channels = x->shape[2], taps = weight->shape[2];
    bool done;
    if (!lower_gradient_short(lowering, node, &done)) return false;
    if (done) return true;
    if (!fits(lowering, node, x)) return false;
    /* Long blocks where the batch alone makes many, so that the second stage has few to add. */
    int64_t block_tokens = (batch * tokens + 511) / 512;
    if (block_tokens < 64) block_tokens = 64;
    const int64_t most = vk_lowering_limits(lowering)->iterations / 2;
    if (block_tokens > most) block_tokens = most;
    const int64_t blocks = (tokens + block_tokens - 1) / block_tokens;
    const size_t bytes = (size_t)(batch * blocks * channels) * sizeof(float);
    const struct vk_causal_conv1d_gradient_arguments arguments = {
        .dy = vk_tensor_address(lowering, node->inputs[GRADIENT_DY]),
        .x = vk_tensor_address(lowering, x),
        .weight = vk_tensor_address(lowering, weight),
        .bias = vk_tensor_address(lowering, bias),
        .dx =
            dx ? vk_tensor_address(lowering, dx) : vk_scratch_address(lowering, (size_t)sb_elements(x) * sizeof(float)),
        .dweight = vk_scratch_address(lowering, bytes * (size_t)taps),
        .dbias = bias ? vk_scratch_address(lowering, bytes) : 0,
        .tokens = (uint32_t)tokens,
        .channels = (uint32_t)channels,
        .x_pitch = (uint32_t)x->pitch,
        .dx_pitch = (uint32_t)(dx ? dx->pitch : channels),
        .block_tokens = (uint32_t)block_tokens};
    const struct vk_dispatch dispatch = {
        .kernel = VK_KERNEL_CAUSAL_CONV1D_GRADIENT,
        .arguments = &arguments,
        .groups = {(uint32_t)((channels + WORKGROUP - 1) / WORKGROUP), (uint32_t)blocks, (uint32_t)batch},
        .constants = {[VK_CAUSAL_CONV1D_GRADIENT_WORKGROUP] = WORKGROUP,
                      [VK_CAUSAL_CONV1D_GRADIENT_TAPS] = (uint32_t)taps,
                      [VK_CAUSAL_CONV1D_GRADIENT_POLYNOMIAL] = vk_lowering_limits(lowering)->polynomial_exponential,
                      [VK_CAUSAL_CONV1D_GRADIENT_SILU] = node->attributes.convolution.activation == SB_ACTIVATION_SILU,
                      [VK_CAUSAL_CONV1D_GRADIENT_HAS_BIAS] = bias != NULL}};
    if (!vk_dispatch(lowering, &dispatch)) return false;
    if (dweight && !vk_sum_partials(lowering, arguments.dweight, batch * blocks, dweight, false)) return false;
    return !dbias || vk_sum_partials(lowering, arguments.dbias, batch * blocks, dbias, dweight != NULL);
}
