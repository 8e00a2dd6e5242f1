/* Sizes of workgroups and grids for the simple kernels, whose lanes stride over their elements a grid apart. */
#ifndef SB_VULKAN_GRID_H
#define SB_VULKAN_GRID_H

#include "backend/vulkan/lower.h"

/* `wished` invocations, or the most that the device allows. */
static inline uint32_t vk_workgroup(const struct vk_limits *limits, uint32_t wished) {
    return wished < limits->max_invocations ? wished : limits->max_invocations;
}

/* For kernels that do little more than load and store: a software driver has less to set up with large workgroups. */
static inline uint32_t vk_streaming_workgroup(const struct vk_limits *limits) {
    return vk_workgroup(limits, limits->software ? 1024 : 256);
}

/* How a kernel over dense tensors takes its elements: one by one; four at a time, through vec4 pointers; or four at a
 * time through texels, which is what pays on software drivers (shaders/common/quad.glsl). */
enum vk_width { VK_WIDTH_SCALAR, VK_WIDTH_WIDE, VK_WIDTH_QUADS };

/* The best width for tensors of which `count` elements each are taken; NULL entries are absent. With VK_WIDTH_QUADS
 * first[i] is the texel where tensor i begins, and a grid has an invocation for each quad. In elementwise.c. */
enum vk_width vk_choose_width(struct vk_lowering *lowering, int64_t count, const struct sb_tensor *const *tensors,
                              int tensor_count, uint32_t *first);

/* Workgroups for `count` elements, one to an invocation or, past 64 Ki groups, more. */
static inline uint32_t vk_groups(const struct vk_limits *limits, int64_t count, uint32_t workgroup) {
    int64_t groups = (count + workgroup - 1) / workgroup;
    if (groups > 65535) groups = 65535;
    return groups < limits->max_groups[0] ? (uint32_t)groups : limits->max_groups[0];
}

/* The y axis of a grid, for `count` rows or samples. */
static inline uint32_t vk_group_rows(const struct vk_limits *limits, int64_t count) {
    return count < limits->max_groups[1] ? (uint32_t)count : limits->max_groups[1];
}

/* A contiguous block of `count` elements of each sample: y[y_first + s y_step + i] = scale[s] x[x_first + s x_step + i]
 * + row[i] (scale NULL: 1; row NULL: 0). With `reversed` not 0 each sample has so many blocks, one behind the other,
 * and y has them in reverse order. In elementwise.c. */
struct vk_blocks {
    const struct sb_tensor *x, *y, *scale, *row;
    int64_t samples, count, x_first, x_step, y_first, y_step, reversed;
    bool concurrent;
};
bool vk_move_blocks(struct vk_lowering *lowering, const struct vk_blocks *blocks);

#endif
