/* The operations as CUDA kernels, one function for each; documented by the operation's page in ops/ops.h. */
#ifndef SB_CUDA_OPERATIONS_H
#define SB_CUDA_OPERATIONS_H

#include "backend/cuda/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- elementwise.cu */
bool cuda_add(struct cuda_arguments *arguments);
bool cuda_add_row(struct cuda_arguments *arguments);
bool cuda_add_row_gradient(struct cuda_arguments *arguments);
size_t cuda_add_row_gradient_scratch(const struct sb_node *node);
bool cuda_copy(struct cuda_arguments *arguments);
bool cuda_fill(struct cuda_arguments *arguments);
bool cuda_multiply(struct cuda_arguments *arguments);

#ifdef __cplusplus
}
#endif

#endif
