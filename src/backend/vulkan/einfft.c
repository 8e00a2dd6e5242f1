/* EinFFT's transforms. The transform over tokens is VkFFT's; what the 4 blocks and the realness of the input and the
 * result save is in the kernels before and behind it: 2 complex columns per channel of a block instead of 4. */
#include "backend/vulkan/lowerings.h"

#include <math.h>

/* Lanes over the channels of a block, and how many tokens one workgroup takes: enough for a few thousand elements. */
struct shape {
    int64_t batch, tokens, block;
    uint32_t workgroup, tokens_per_group;
};

static struct shape shape_of(const struct vk_lowering *lowering, const struct sb_tensor *real) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    struct shape shape = {.batch = real->shape[0], .tokens = real->shape[1], .block = real->shape[2] / 4};
    shape.workgroup = limits->subgroup_size;
    while (shape.workgroup < shape.block && shape.workgroup < 128) shape.workgroup *= 2;
    const int64_t wanted = limits->software ? 4096 : 256;
    const int64_t per_group = (wanted + shape.block - 1) / shape.block;
    shape.tokens_per_group = (uint32_t)(per_group < 1 ? 1 : per_group);
    return shape;
}

static uint32_t groups_over(const struct shape *shape, int64_t tokens) {
    return (uint32_t)((tokens + shape->tokens_per_group - 1) / shape->tokens_per_group);
}

bool vk_lower_spectrum(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *x = node->inputs[0], *row_scale = node->inputs[1], *z = node->outputs[0];
    const struct shape shape = shape_of(lowering, x);
    const uint64_t packed = vk_fft_workspace(lowering, shape.batch, shape.tokens, 2 * shape.block);
    const struct vk_spectrum_pack_arguments pack = {.x = vk_tensor_address(lowering, x),
                                                    .row_scale = vk_tensor_address(lowering, row_scale),
                                                    .packed = packed,
                                                    .tokens = (uint32_t)shape.tokens,
                                                    .block = (uint32_t)shape.block,
                                                    .tokens_per_group = shape.tokens_per_group,
                                                    .scale = 0.5f / sqrtf((float)shape.tokens)};
    const struct vk_spectrum_unpack_arguments unpack = {.packed = packed,
                                                        .z = vk_tensor_address(lowering, z),
                                                        .tokens = (uint32_t)shape.tokens,
                                                        .block = (uint32_t)shape.block,
                                                        .tokens_per_group = shape.tokens_per_group};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_SPECTRUM_PACK,
                                                       .arguments = &pack,
                                                       .constants = {[VK_SPECTRUM_PACK_WORKGROUP] = shape.workgroup,
                                                                     [VK_SPECTRUM_PACK_ROW_SCALE] = row_scale != NULL},
                                                       .groups = {1, groups_over(&shape, shape.tokens),
                                                                  (uint32_t)shape.batch}}) &&
           vk_fft(lowering, shape.batch, shape.tokens, 2 * shape.block, false) &&
           vk_dispatch(lowering, &(struct vk_dispatch){
                                     .kernel = VK_KERNEL_SPECTRUM_UNPACK,
                                     .arguments = &unpack,
                                     .constants = {[VK_SPECTRUM_UNPACK_WORKGROUP] = shape.workgroup},
                                     .groups = {1, groups_over(&shape, shape.tokens / 2 + 1), (uint32_t)shape.batch}});
}

bool vk_lower_synthesis(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *z = node->inputs[0], *residual = node->inputs[1], *row_scale = node->inputs[2];
    const struct sb_tensor *y = node->outputs[0];
    const struct shape shape = shape_of(lowering, y);
    const uint64_t packed = vk_fft_workspace(lowering, shape.batch, shape.tokens, 2 * shape.block);
    const struct vk_synthesis_pack_arguments pack = {.z = vk_tensor_address(lowering, z),
                                                     .packed = packed,
                                                     .tokens = (uint32_t)shape.tokens,
                                                     .block = (uint32_t)shape.block,
                                                     .tokens_per_group = shape.tokens_per_group};
    const struct vk_synthesis_unpack_arguments unpack = {.packed = packed,
                                                         .row_scale = vk_tensor_address(lowering, row_scale),
                                                         .residual = vk_tensor_address(lowering, residual),
                                                         .y = vk_tensor_address(lowering, y),
                                                         .tokens = (uint32_t)shape.tokens,
                                                         .block = (uint32_t)shape.block,
                                                         .tokens_per_group = shape.tokens_per_group,
                                                         .scale = 0.5f / sqrtf((float)shape.tokens)};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_SYNTHESIS_PACK,
                                                       .arguments = &pack,
                                                       .constants = {[VK_SYNTHESIS_PACK_WORKGROUP] = shape.workgroup},
                                                       .groups = {1, groups_over(&shape, shape.tokens / 2 + 1),
                                                                  (uint32_t)shape.batch}}) &&
           vk_fft(lowering, shape.batch, shape.tokens, 2 * shape.block, true) &&
           vk_dispatch(lowering,
                       &(struct vk_dispatch){.kernel = VK_KERNEL_SYNTHESIS_UNPACK,
                                             .arguments = &unpack,
                                             .constants = {[VK_SYNTHESIS_UNPACK_WORKGROUP] = shape.workgroup,
                                                           [VK_SYNTHESIS_UNPACK_ROW_SCALE] = row_scale != NULL,
                                                           [VK_SYNTHESIS_UNPACK_RESIDUAL] = residual != NULL},
                                             .groups = {1, groups_over(&shape, shape.tokens), (uint32_t)shape.batch}});
}

bool vk_lower_complex_matrix(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *weight = node->inputs[0];
    const struct vk_complex_matrix_arguments arguments = {.weight = vk_tensor_address(lowering, weight),
                                                          .matrix = vk_tensor_address(lowering, node->outputs[0]),
                                                          .groups = (uint32_t)weight->shape[1],
                                                          .rows = (uint32_t)weight->shape[2],
                                                          .columns = (uint32_t)weight->shape[3]};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_COMPLEX_MATRIX,
                                                       .arguments = &arguments,
                                                       .groups = {arguments.rows, arguments.groups}});
}

bool vk_lower_complex_matrix_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *dweight = node->outputs[0];
    const struct vk_complex_matrix_gradient_arguments arguments = {.dmatrix =
                                                                       vk_tensor_address(lowering, node->inputs[0]),
                                                                   .dweight = vk_tensor_address(lowering, dweight),
                                                                   .groups = (uint32_t)dweight->shape[1],
                                                                   .rows = (uint32_t)dweight->shape[2],
                                                                   .columns = (uint32_t)dweight->shape[3]};
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_COMPLEX_MATRIX_GRADIENT,
                                                       .arguments = &arguments,
                                                       .groups = {arguments.rows, arguments.groups}});
}
