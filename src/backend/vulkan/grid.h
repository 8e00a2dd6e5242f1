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

/* Two floats as one 64-bit integer: pays on software drivers only (shaders/common/pair.glsl). */
static inline bool vk_wide_words(const struct vk_limits *limits) {
    return limits->software && limits->int64;
}

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
 * (scale NULL: 1). In elementwise.c. */
struct vk_blocks {
    const struct sb_tensor *x, *y, *scale;
    int64_t samples, count, x_first, x_step, y_first, y_step;
    bool concurrent;
};
bool vk_move_blocks(struct vk_lowering *lowering, const struct vk_blocks *blocks);

#endif
