#include "backend/vulkan/partials.h"

enum { WORKGROUP = 64, MAX_GROUPS = 16384 };

static bool sum(struct vk_lowering *lowering, const struct vk_sum_partials_arguments *arguments, bool concurrent) {
    const uint32_t groups = (uint32_t)(((uint64_t)arguments->count + WORKGROUP - 1) / WORKGROUP);
    return vk_dispatch(lowering, &(struct vk_dispatch){.kernel = VK_KERNEL_SUM_PARTIALS,
                                                       .arguments = arguments,
                                                       .constants = {WORKGROUP},
                                                       .groups = {groups < MAX_GROUPS ? groups : MAX_GROUPS},
                                                       .concurrent = concurrent});
}

bool vk_sum_partials(struct vk_lowering *lowering, uint64_t x, int64_t parts, const struct sb_tensor *y,
                     bool concurrent) {
    const int64_t count = sb_elements(y);
    /* An invocation sums the parts of so many elements; it may not go round its loops for ever (lower.h). */
    const int64_t elements = (count - 1) / ((int64_t)MAX_GROUPS * WORKGROUP) + 1;
    int64_t at_once = vk_lowering_limits(lowering)->iterations / elements - 1;
    if (at_once < 2) at_once = 2;
    struct vk_sum_partials_arguments arguments = {.x = x, .count = (uint32_t)count};
    if (parts > at_once) {
        /* Ranges of the parts first, into a shorter list of the same form. */
        const int64_t ranges = (parts + at_once - 1) / at_once;
        const size_t bytes = (size_t)count * sizeof(float);
        const uint64_t sums = vk_scratch_address(lowering, (size_t)ranges * bytes);
        for (int64_t range = 0; range < ranges; range++) {
            const int64_t first = range * at_once, left = parts - first;
            arguments.x = x + (uint64_t)first * bytes;
            arguments.y = sums + (uint64_t)range * bytes;
            arguments.parts = (uint32_t)(left < at_once ? left : at_once);
            arguments.columns = arguments.y_pitch = (uint32_t)count;
            if (!sum(lowering, &arguments, concurrent || range > 0)) return false;
        }
        arguments.x = sums;
        parts = ranges;
        concurrent = false;
    }
    arguments.y = vk_tensor_address(lowering, y);
    arguments.parts = (uint32_t)parts;
    arguments.columns = (uint32_t)sb_columns(y);
    arguments.y_pitch = (uint32_t)y->pitch;
    return sum(lowering, &arguments, concurrent);
}
