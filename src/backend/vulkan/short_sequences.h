/* What the kernels of many short sequences share, on drivers that compute on a CPU: a subgroup takes four neighbouring
 * channels per lane and one sample after another, and reads texels. */
#ifndef SB_VULKAN_SHORT_SEQUENCES_H
#define SB_VULKAN_SHORT_SEQUENCES_H

#include "backend/vulkan/lower.h"

/* Their code is unrolled over all tokens of a sample. */
enum { VK_SHORT_TOKENS = 16 };

/* Whether the device and the shape are made for them. */
bool vk_short_sequences(const struct vk_limits *limits, int64_t tokens, int64_t channels);
/* Whether a tensor can be read as texels row by row: the first one, and the pitch in texels. An absent one is fine. */
bool vk_short_texels(struct vk_lowering *lowering, const struct sb_tensor *tensor, uint32_t *first, uint32_t *pitch);
/* Whether a tensor, or scratch in its place, can be written as 64-bit words of a row's quads. */
bool vk_short_target(const struct sb_tensor *tensor);
/* The grid: groups[0] along the channels, groups[1] over the samples, whose workgroups take one after
 * another: the same on every machine, and so many that no invocation's loops go round too often (`rounds` for each
 * sample). */
void vk_short_groups(const struct vk_limits *limits, int64_t channels, int64_t samples, int64_t rounds,
                     uint32_t groups[2]);

#endif
