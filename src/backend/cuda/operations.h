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

#ifdef __cplusplus
}
#endif

#endif
