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

template <typename Term>
static __global__ void cuda_sum_part_rows(int64_t count, int64_t rows, int64_t columns, Term term, double *parts) {
    CUDA_ELEMENTS(i, count) {
        const int64_t column = i % columns, first = i / columns * CUDA_PART_ROWS;
        const int64_t end = first + CUDA_PART_ROWS < rows ? first + CUDA_PART_ROWS : rows;
        double sum = 0;
        for (int64_t row = first; row < end; row++) sum += term(row, column);
        parts[i] = sum;
    }
}

template <typename Number>
static __global__ void cuda_add_parts(int64_t columns, const double *parts, int64_t count, Number *sums) {
    CUDA_ELEMENTS(column, columns) {
        double sum = 0;
        for (int64_t part = 0; part < count; part++) sum += parts[part * columns + column];
        sums[column] = (Number)sum;
    }
}

/* Both stages: sums[column], float or double, of what term(row, column) gives for each row. */
template <typename Term, typename Number>
static bool cuda_sum_terms(struct cuda_arguments *arguments, int64_t rows, int64_t columns, Term term, double *parts,
                           Number *sums) {
    return cuda_launch(arguments, cuda_parts(rows) * columns, cuda_sum_part_rows<Term>, rows, columns, term, parts) &&
           cuda_launch(arguments, columns, cuda_add_parts<Number>, parts, cuda_parts(rows), sums);
}

/* Terms of double precision: a dense matrix of them. */
struct cuda_doubles {
    const double *data;
    int64_t columns;

    __device__ double operator()(int64_t row, int64_t column) const { return data[row * columns + column]; }
};

/* Both stages: the column sums of a matrix. */
bool cuda_sum_rows(struct cuda_arguments *arguments, struct cuda_matrix matrix, int64_t rows, double *parts,
                   float *sums);

#endif
