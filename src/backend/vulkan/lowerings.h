/* The lowering of every operation; each is defined in the file of its family. */
#ifndef SB_VULKAN_LOWERINGS_H
#define SB_VULKAN_LOWERINGS_H

#include "backend/vulkan/lower.h"

/* convolution.c */
bool vk_lower_conv2d(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_conv2d_input_gradient(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_conv2d_weight_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* linear.c */
bool vk_lower_linear(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_linear_weight_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* elementwise.c */
bool vk_lower_activation(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_activation_gradient(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_add(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_multiply(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_negative_exp(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_scale_rows(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_add_row(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_add_row_gradient(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_dropout(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_fill(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_copy(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_normalise_image(struct vk_lowering *lowering, const struct sb_node *node);
/* shape.c */
bool vk_lower_permute(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_slice_tokens(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_concat_tokens(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_reverse_tokens(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_mix_images(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_mix_box(struct vk_lowering *lowering, const struct sb_node *node);
/* reduction.c */
bool vk_lower_token_mean(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_token_mean_gradient(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_token_max(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_token_max_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* loss.c */
bool vk_lower_cross_entropy(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_cross_entropy_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* series.c */
bool vk_lower_series_patches(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_series_forecast(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_series_forecast_gradient(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_forecast_loss(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_forecast_loss_gradient(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_moving_average(struct vk_lowering *lowering, const struct sb_node *node);
/* optimiser.c */
bool vk_lower_drop_path_scale(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_accumulate(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_gradient_norm(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_loss_scaling(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_adamw(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_average(struct vk_lowering *lowering, const struct sb_node *node);
/* causal_conv1d.c */
bool vk_lower_causal_conv1d(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_causal_conv1d_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* scan.c */
bool vk_lower_selective_scan(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_selective_scan_gradient(struct vk_lowering *lowering, const struct sb_node *node);

/* einfft.c */
bool vk_lower_spectrum(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_synthesis(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_complex_matrix(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_complex_matrix_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* normalisation.c */
bool vk_lower_layer_norm(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_layer_norm_gradient(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_batch_norm(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_batch_norm_gradient(struct vk_lowering *lowering, const struct sb_node *node);
/* depthwise.c */
bool vk_lower_depthwise_conv2d(struct vk_lowering *lowering, const struct sb_node *node);
bool vk_lower_depthwise_conv2d_gradient(struct vk_lowering *lowering, const struct sb_node *node);

#endif
