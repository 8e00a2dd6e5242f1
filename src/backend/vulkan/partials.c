#include "backend/vulkan/partials.h"

bool vk_sum_partials(struct vk_lowering *lowering, uint64_t x, int64_t parts, const struct sb_tensor *y,
                     bool concurrent) {
    const struct vk_sum_partials_arguments arguments = {.x = x,
                                                        .y = vk_tensor_address(lowering, y),
                                                        .parts = (uint32_t)parts,
                                                        .count = (uint32_t)sb_elements(y),
                                                        .columns = (uint32_t)sb_columns(y),
                                                        .y_pitch = (uint32_t)y->pitch};
    const int64_t groups = (sb_elements(y) + 63) / 64;
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_SUM_PARTIALS,
                                                       .arguments = &arguments,
                                                       .groups = {(uint32_t)(groups < 16384 ? groups : 16384)},
                                                       .concurrent = concurrent});
}
