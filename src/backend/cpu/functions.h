/* The reference functions, one per operation; each is documented by its operation's page in ops/ops.h. */
#ifndef SB_CPU_FUNCTIONS_H
#define SB_CPU_FUNCTIONS_H

#include "backend/cpu/reference.h"

bool cpu_linear(struct cpu_arguments *arguments);
bool cpu_linear_weight_gradient(struct cpu_arguments *arguments);
bool cpu_conv2d(struct cpu_arguments *arguments);
bool cpu_conv2d_input_gradient(struct cpu_arguments *arguments);
bool cpu_conv2d_weight_gradient(struct cpu_arguments *arguments);
bool cpu_depthwise_conv2d(struct cpu_arguments *arguments);
bool cpu_depthwise_conv2d_gradient(struct cpu_arguments *arguments);
bool cpu_causal_conv1d(struct cpu_arguments *arguments);
bool cpu_causal_conv1d_gradient(struct cpu_arguments *arguments);
bool cpu_layer_norm(struct cpu_arguments *arguments);
bool cpu_layer_norm_gradient(struct cpu_arguments *arguments);
bool cpu_batch_norm(struct cpu_arguments *arguments);
bool cpu_batch_norm_gradient(struct cpu_arguments *arguments);
bool cpu_selective_scan(struct cpu_arguments *arguments);
bool cpu_selective_scan_gradient(struct cpu_arguments *arguments);
bool cpu_spectrum(struct cpu_arguments *arguments);
bool cpu_synthesis(struct cpu_arguments *arguments);
bool cpu_complex_matrix(struct cpu_arguments *arguments);
bool cpu_complex_matrix_gradient(struct cpu_arguments *arguments);
bool cpu_activate(struct cpu_arguments *arguments);
bool cpu_activation_gradient(struct cpu_arguments *arguments);
bool cpu_add(struct cpu_arguments *arguments);
bool cpu_multiply(struct cpu_arguments *arguments);
bool cpu_negative_exp(struct cpu_arguments *arguments);
bool cpu_scale_rows(struct cpu_arguments *arguments);
bool cpu_add_row(struct cpu_arguments *arguments);
bool cpu_add_row_gradient(struct cpu_arguments *arguments);
bool cpu_dropout(struct cpu_arguments *arguments);
bool cpu_fill(struct cpu_arguments *arguments);
bool cpu_copy(struct cpu_arguments *arguments);
bool cpu_normalise_image(struct cpu_arguments *arguments);
bool cpu_permute(struct cpu_arguments *arguments);
bool cpu_slice_tokens(struct cpu_arguments *arguments);
bool cpu_concat_tokens(struct cpu_arguments *arguments);
bool cpu_reverse_tokens(struct cpu_arguments *arguments);
bool cpu_mix_images(struct cpu_arguments *arguments);
bool cpu_mix_box(struct cpu_arguments *arguments);
bool cpu_token_mean(struct cpu_arguments *arguments);
bool cpu_token_mean_gradient(struct cpu_arguments *arguments);
bool cpu_token_max(struct cpu_arguments *arguments);
bool cpu_token_max_gradient(struct cpu_arguments *arguments);
bool cpu_cross_entropy(struct cpu_arguments *arguments);
bool cpu_cross_entropy_gradient(struct cpu_arguments *arguments);
bool cpu_series_patches(struct cpu_arguments *arguments);
bool cpu_series_forecast(struct cpu_arguments *arguments);
bool cpu_series_forecast_gradient(struct cpu_arguments *arguments);
bool cpu_forecast_loss(struct cpu_arguments *arguments);
bool cpu_forecast_loss_gradient(struct cpu_arguments *arguments);
bool cpu_moving_average(struct cpu_arguments *arguments);
bool cpu_drop_path_scale(struct cpu_arguments *arguments);
bool cpu_accumulate(struct cpu_arguments *arguments);
bool cpu_gradient_norm(struct cpu_arguments *arguments);
bool cpu_loss_scaling(struct cpu_arguments *arguments);
bool cpu_adamw(struct cpu_arguments *arguments);
bool cpu_average(struct cpu_arguments *arguments);

#endif
