/* The lowering of every operation; each is defined in the file of its family. */
#ifndef SB_VULKAN_LOWERINGS_H
#define SB_VULKAN_LOWERINGS_H

#include "backend/vulkan/lower.h"

/* linear.c */
bool vk_lower_linear(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_linear_weight_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* elementwise.c */
bool vk_lower_add(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_fill(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_copy(struct vk_lowering *lowering, const struct sb_node *node);

/* causal_conv1d.c */
bool vk_lower_causal_conv1d(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_causal_conv1d_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* scan.c */
bool vk_lower_selective_scan(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_selective_scan_gradient(struct vk_lowering *lowering, const struct sb_node *node);

/* normalisation.c */
bool vk_lower_layer_norm(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_layer_norm_gradient(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_batch_norm(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_batch_norm_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* depthwise.c */
bool vk_lower_depthwise_conv2d(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_depthwise_conv2d_gradient(struct vk_lowering *lowering, const struct sb_node *node);

#endif
