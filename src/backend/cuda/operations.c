/* The table of the operations: what runs a node, and where it needs some, its scratch memory and preparation. */
#include "backend/cuda/operations.h"

const struct cuda_operation cuda_operations[SB_OP_COUNT] = {
    [SB_OP_ADD] = {cuda_add},         [SB_OP_MULTIPLY] = {cuda_multiply},
    [SB_OP_ADD_ROW] = {cuda_add_row}, [SB_OP_ADD_ROW_GRADIENT] = {cuda_add_row_gradient, cuda_add_row_gradient_scratch},
    [SB_OP_FILL] = {cuda_fill},
    [SB_OP_COPY] = {cuda_copy},
};
