/* Sums over many rows in two stages, both in fixed order: partial sums of a fixed number of rows each, then their sum.
 */
#ifndef SB_CUDA_SUMS_H
#define SB_CUDA_SUMS_H

#include "backend/cuda/kernel.h"

/* Rows that one thread sums in the first stage. */
enum { CUDA_PART_ROWS = 256 };

/* The number of partial sums of a column. */
static inline int64_t cuda_parts(int64_t rows) {
    return (rows + CUDA_PART_ROWS - 1) / CUDA_PART_ROWS;
}
/* Bytes of scratch memory for them: double [cuda_parts(rows), columns]. */
static inline size_t cuda_parts_bytes(int64_t rows, int64_t columns) {
    return (size_t)(cuda_parts(rows) * columns) * sizeof(double);
}

/* The second stage: sums[c] = sum over p of parts[p, c]. For operations with a first stage of their own. */
bool cuda_sum_parts(struct cuda_arguments *arguments, const double *parts, int64_t count, int64_t columns, float *sums);
/* Both stages: the column sums of a matrix. */
bool cuda_sum_rows(struct cuda_arguments *arguments, struct cuda_matrix matrix, int64_t rows, double *parts,
                   float *sums);

#endif
