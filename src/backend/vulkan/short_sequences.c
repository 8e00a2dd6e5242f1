#include "backend/vulkan/short_sequences.h"

/* Enough for many processors. Not a multiple of their number: it decides the order of the sums over samples. */
enum { WORKGROUPS = 128 };

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

bool vk_short_sequences(const struct vk_limits *limits, int64_t tokens, int64_t channels) {
    return limits->software && limits->int64 && tokens <= VK_SHORT_TOKENS && channels % 4 == 0;
}

bool vk_short_texels(struct vk_lowering *lowering, const struct sb_tensor *tensor, uint32_t *first, uint32_t *pitch) {
    uint64_t address;
    if (!tensor) return true;
    *pitch = (uint32_t)(tensor->pitch / 4);
    return tensor->pitch % 4 == 0 && vk_tensor_texels(lowering, tensor, &address, first);
}

bool vk_short_target(const struct sb_tensor *tensor) {
    return !tensor || (tensor->pitch % 4 == 0 && sb_address(tensor) % 8 == 0);
}

void vk_short_groups(const struct vk_limits *limits, int64_t channels, int64_t samples, int64_t rounds,
                     uint32_t groups[2]) {
    const int64_t along = divide_up(channels, 4 * (int64_t)limits->subgroup_size);
    const int64_t least = divide_up(samples * rounds, limits->iterations / 2);
    int64_t over = divide_up(WORKGROUPS, along);
    if (over < least) over = least;
    if (over > samples) over = samples;
    if (over > limits->max_groups[1]) over = limits->max_groups[1];
    groups[0] = (uint32_t)along;
    groups[1] = (uint32_t)over;
}
