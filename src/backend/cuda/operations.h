/* The operations as CUDA kernels, one function for each; documented by the operation's page in ops/ops.h. */
#ifndef SB_CUDA_OPERATIONS_H
#define SB_CUDA_OPERATIONS_H

#include "backend/cuda/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- linear.cu */
bool cuda_linear(struct cuda_arguments *arguments);
size_t cuda_linear_scratch(const struct sb_node *node);
bool cuda_linear_weight_gradient(struct cuda_arguments *arguments);
size_t cuda_linear_weight_gradient_scratch(const struct sb_node *node);

/* ---- convolution.cu */
bool cuda_conv2d(struct cuda_arguments *arguments);
bool cuda_conv2d_input_gradient(struct cuda_arguments *arguments);
bool cuda_conv2d_weight_gradient(struct cuda_arguments *arguments);
size_t cuda_conv2d_weight_gradient_scratch(const struct sb_node *node);
bool cuda_depthwise_conv2d(struct cuda_arguments *arguments);
bool cuda_depthwise_conv2d_gradient(struct cuda_arguments *arguments);
size_t cuda_depthwise_conv2d_gradient_scratch(const struct sb_node *node);

/* ---- causal_conv1d.cu */
bool cuda_causal_conv1d(struct cuda_arguments *arguments);
bool cuda_causal_conv1d_gradient(struct cuda_arguments *arguments);
size_t cuda_causal_conv1d_gradient_scratch(const struct sb_node *node);

/* ---- normalisation.cu */
bool cuda_layer_norm(struct cuda_arguments *arguments);
bool cuda_layer_norm_gradient(struct cuda_arguments *arguments);
size_t cuda_layer_norm_gradient_scratch(const struct sb_node *node);
bool cuda_batch_norm(struct cuda_arguments *arguments);
size_t cuda_batch_norm_scratch(const struct sb_node *node);
bool cuda_batch_norm_gradient(struct cuda_arguments *arguments);
size_t cuda_batch_norm_gradient_scratch(const struct sb_node *node);

/* ---- scan.cu */
bool cuda_selective_scan(struct cuda_arguments *arguments);
size_t cuda_selective_scan_scratch(const struct sb_node *node);
bool cuda_selective_scan_gradient(struct cuda_arguments *arguments);
size_t cuda_selective_scan_gradient_scratch(const struct sb_node *node);

/* ---- einfft.cu */
bool cuda_spectrum(struct cuda_arguments *arguments);
size_t cuda_spectrum_scratch(const struct sb_node *node);
bool cuda_spectrum_prepare(struct cuda_device *device, const struct sb_node *node, struct simba_error *error);
bool cuda_synthesis(struct cuda_arguments *arguments);
size_t cuda_synthesis_scratch(const struct sb_node *node);
bool cuda_synthesis_prepare(struct cuda_device *device, const struct sb_node *node, struct simba_error *error);
bool cuda_complex_matrix(struct cuda_arguments *arguments);
bool cuda_complex_matrix_gradient(struct cuda_arguments *arguments);

/* ---- elementwise.cu */
bool cuda_activate(struct cuda_arguments *arguments);
bool cuda_activation_gradient(struct cuda_arguments *arguments);
bool cuda_add(struct cuda_arguments *arguments);
bool cuda_multiply(struct cuda_arguments *arguments);
bool cuda_negative_exp(struct cuda_arguments *arguments);
bool cuda_scale_rows(struct cuda_arguments *arguments);
bool cuda_add_row(struct cuda_arguments *arguments);
bool cuda_add_row_gradient(struct cuda_arguments *arguments);
size_t cuda_add_row_gradient_scratch(const struct sb_node *node);
bool cuda_dropout(struct cuda_arguments *arguments);
bool cuda_fill(struct cuda_arguments *arguments);
bool cuda_copy(struct cuda_arguments *arguments);
bool cuda_normalise_image(struct cuda_arguments *arguments);

/* ---- shape.cu */
bool cuda_permute(struct cuda_arguments *arguments);
bool cuda_slice_tokens(struct cuda_arguments *arguments);
bool cuda_concat_tokens(struct cuda_arguments *arguments);
bool cuda_reverse_tokens(struct cuda_arguments *arguments);
bool cuda_mix_box(struct cuda_arguments *arguments);

/* ---- mix_images.cu */
bool cuda_mix_images(struct cuda_arguments *arguments);

/* ---- reduction.cu */
bool cuda_token_mean(struct cuda_arguments *arguments);
bool cuda_token_mean_gradient(struct cuda_arguments *arguments);
bool cuda_token_max(struct cuda_arguments *arguments);
bool cuda_token_max_gradient(struct cuda_arguments *arguments);

/* ---- loss.cu */
bool cuda_cross_entropy(struct cuda_arguments *arguments);
size_t cuda_cross_entropy_scratch(const struct sb_node *node);
bool cuda_cross_entropy_gradient(struct cuda_arguments *arguments);
size_t cuda_cross_entropy_gradient_scratch(const struct sb_node *node);

/* ---- series.cu */
bool cuda_series_patches(struct cuda_arguments *arguments);
size_t cuda_series_patches_scratch(const struct sb_node *node);
bool cuda_series_forecast(struct cuda_arguments *arguments);
bool cuda_series_forecast_gradient(struct cuda_arguments *arguments);
bool cuda_forecast_loss(struct cuda_arguments *arguments);
size_t cuda_forecast_loss_scratch(const struct sb_node *node);
bool cuda_forecast_loss_gradient(struct cuda_arguments *arguments);
bool cuda_moving_average(struct cuda_arguments *arguments);

/* ---- drop_path.cu */
bool cuda_drop_path_scale(struct cuda_arguments *arguments);

/* ---- optimiser.cu */
bool cuda_accumulate(struct cuda_arguments *arguments);
bool cuda_gradient_norm(struct cuda_arguments *arguments);
size_t cuda_gradient_norm_scratch(const struct sb_node *node);
bool cuda_loss_scaling(struct cuda_arguments *arguments);
bool cuda_adamw(struct cuda_arguments *arguments);
bool cuda_average(struct cuda_arguments *arguments);

#ifdef __cplusplus
}
#endif

#endif
