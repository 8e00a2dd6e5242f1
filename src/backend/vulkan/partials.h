/* The second stage of sums that were split over workgroups. */
#ifndef SB_VULKAN_PARTIALS_H
#define SB_VULKAN_PARTIALS_H

#include "backend/vulkan/lower.h"

/* y [.., columns] (possibly pitched) = sum over `parts` of the dense x [parts, elements of y], in order. `concurrent`
 * as in vk_dispatch. */
bool vk_sum_partials(struct vk_lowering *lowering, uint64_t x, int64_t parts, const struct sb_tensor *y,
                     bool concurrent);

#endif
