/* Sums over many rows in two stages, both in fixed order: partial sums of so many rows each, then their sum. */
#ifndef SB_CUDA_SUMS_H
#define SB_CUDA_SUMS_H

#include "backend/cuda/kernel.h"

/* At least so many rows are worth a thread of the first stage; more parts than so many would only take memory. */
static const int64_t CUDA_LEAST_PART_ROWS = 256, CUDA_MOST_PARTS = 1024;

/* Rows that one thread sums in the first stage. */
static inline int64_t cuda_part_rows(int64_t rows) {
    const int64_t needed = (rows + CUDA_MOST_PARTS - 1) / CUDA_MOST_PARTS;
    return needed > CUDA_LEAST_PART_ROWS ? needed : CUDA_LEAST_PART_ROWS;
}
/* The number of partial sums of a column. */
static inline int64_t cuda_parts(int64_t rows) {
    const int64_t part_rows = cuda_part_rows(rows);
    return (rows + part_rows - 1) / part_rows;
}
/* Bytes of scratch memory for them: double [cuda_parts(rows), columns]. */
static inline size_t cuda_parts_bytes(int64_t rows, int64_t columns) {
    return (size_t)(cuda_parts(rows) * columns) * sizeof(double);
}

template <typename Term>
static __global__ void cuda_sum_part_rows(int64_t count, int64_t rows, int64_t part_rows, int64_t columns, Term term,
                                          double *parts) {
    CUDA_ELEMENTS(i, count) {
        const int64_t column = i % columns, first = i / columns * part_rows;
        const int64_t end = first + part_rows < rows ? first + part_rows : rows;
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
    return cuda_launch(arguments, cuda_parts(rows) * columns, cuda_sum_part_rows<Term>, rows, cuda_part_rows(rows),
                       columns, term, parts) &&
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
