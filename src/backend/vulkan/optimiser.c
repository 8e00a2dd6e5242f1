/* Stochastic depth, gradient accumulation, the gradient's norm and AdamW. */
#include "backend/vulkan/grid.h"
#include "backend/vulkan/lowerings.h"

/* Which of three variants: floats, pairs of floats, pairs as 64-bit words. All tensors are dense and equally long. */
struct width {
    enum vk_kernel kernel;
    int64_t count;
};

static struct width choose(struct vk_lowering *lowering, const struct sb_tensor *const *tensors, int tensor_count,
                           const enum vk_kernel kernels[3]) {
    const int64_t count = sb_elements(tensors[0]);
    bool pairs = count % 2 == 0;
    for (int i = 0; i < tensor_count; i++) pairs = pairs && vk_tensor_address(lowering, tensors[i]) % 8 == 0;
    if (!pairs) return (struct width){kernels[0], count};
    return (struct width){kernels[vk_wide_words(vk_lowering_limits(lowering)) ? 2 : 1], count / 2};
}

bool vk_lower_drop_path_scale(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_drop_path_attributes *attributes = &node->attributes.drop_path;
    const int64_t batch = sb_elements(node->outputs[0]);
    const uint32_t workgroup = 64;
    const struct vk_drop_path_scale_arguments arguments = {.step = vk_tensor_address(lowering, node->inputs[0]),
                                                           .scale = vk_tensor_address(lowering, node->outputs[0]),
                                                           .batch = (uint32_t)batch,
                                                           .branch = attributes->branch,
                                                           .rate = attributes->rate,
                                                           .kept = 1 / (1 - attributes->rate)};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_DROP_PATH_SCALE,
                                                       .arguments = &arguments,
                                                       .constants = {workgroup},
                                                       .groups = {(uint32_t)((batch + workgroup - 1) / workgroup)}});
}

bool vk_lower_accumulate(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *const tensors[] = {node->inputs[0], node->inputs[1]};
    const struct width width = choose(
        lowering, tensors, 2,
        (const enum vk_kernel[]){VK_KERNEL_ACCUMULATE, VK_KERNEL_ACCUMULATE_PAIRS, VK_KERNEL_ACCUMULATE_PAIRS64});
    const uint32_t workgroup = vk_streaming_workgroup(limits);
    const struct vk_accumulate_arguments arguments = {.gradient = vk_tensor_address(lowering, tensors[0]),
                                                      .accumulator = vk_tensor_address(lowering, tensors[1]),
                                                      .step = vk_tensor_address(lowering, node->inputs[2]),
                                                      .count = (uint32_t)width.count,
                                                      .scale = node->attributes.accumulate.scale};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = width.kernel,
                                                       .arguments = &arguments,
                                                       .constants = {workgroup},
                                                       .groups = {vk_groups(limits, width.count, workgroup)}});
}

bool vk_lower_gradient_norm(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *gradient = node->inputs[0];
    const int64_t count = sb_elements(gradient);
    const uint64_t address = vk_tensor_address(lowering, gradient);
    if (address % 8 != 0)
        return vk_lowering_fail(lowering, SIMBA_ERROR_INTERNAL,
                                "the gradient does not begin at a multiple of 8 bytes.");
    /* Enough groups for any device; how many they are decides the order of summation, so they are always as many. */
    enum { GROUPS = 256, WORKGROUP = 128 };
    const uint64_t partial = vk_scratch_address(lowering, GROUPS * sizeof(float));
    const struct vk_gradient_squares_arguments squares = {
        .gradient = address, .partial = partial, .count = (uint32_t)(count / 2)};
    if (!vk_dispatch(lowering, &(struct vk_dispatch){.kernel = vk_wide_words(limits) ? VK_KERNEL_GRADIENT_SQUARES64
                                                                                     : VK_KERNEL_GRADIENT_SQUARES,
                                                     .arguments = &squares,
                                                     .constants = {WORKGROUP},
                                                     .groups = {GROUPS}}))
        return false;
    const struct vk_gradient_norm_arguments norm = {.partial = partial,
                                                    .gradient = address,
                                                    .norm = vk_tensor_address(lowering, node->outputs[0]),
                                                    .count = GROUPS,
                                                    .odd = count % 2 ? (uint32_t)count : 0};
    return vk_dispatch(lowering, &(struct vk_dispatch){
                                     .kernel = VK_KERNEL_GRADIENT_NORM, .arguments = &norm, .constants = {WORKGROUP}});
}

bool vk_lower_adamw(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_adamw_attributes *attributes = &node->attributes.adamw;
    const struct width width =
        choose(lowering, (const struct sb_tensor *const *)node->inputs, 4,
               (const enum vk_kernel[]){VK_KERNEL_ADAMW, VK_KERNEL_ADAMW_PAIRS, VK_KERNEL_ADAMW_PAIRS64});
    const uint32_t workgroup = vk_streaming_workgroup(limits);
    const struct vk_adamw_arguments arguments = {.parameter = vk_tensor_address(lowering, node->inputs[0]),
                                                 .gradient = vk_tensor_address(lowering, node->inputs[1]),
                                                 .moment1 = vk_tensor_address(lowering, node->inputs[2]),
                                                 .moment2 = vk_tensor_address(lowering, node->inputs[3]),
                                                 .step = vk_tensor_address(lowering, node->inputs[4]),
                                                 .norm = vk_tensor_address(lowering, node->inputs[5]),
                                                 .loss = vk_tensor_address(lowering, node->inputs[6]),
                                                 .count = (uint32_t)width.count,
                                                 .keep1 = (float)attributes->beta1,
                                                 .keep2 = (float)attributes->beta2,
                                                 .take1 = (float)(1 - attributes->beta1),
                                                 .take2 = (float)(1 - attributes->beta2),
                                                 .epsilon = attributes->epsilon,
                                                 .weight_decay = attributes->weight_decay,
                                                 .clip_norm = attributes->clip_norm};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = width.kernel,
                                                       .arguments = &arguments,
                                                       .constants = {workgroup, node->inputs[6] != NULL},
                                                       .groups = {vk_groups(limits, width.count, workgroup)}});
}
