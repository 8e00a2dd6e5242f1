#include "backend/cuda/sums.h"

struct matrix_term {
    struct cuda_matrix matrix;

    __device__ double operator()(int64_t row, int64_t column) const { return matrix.row(row)[column]; }
};

bool cuda_sum_rows(struct cuda_arguments *arguments, struct cuda_matrix matrix, int64_t rows, double *parts,
                   float *sums) {
    return cuda_sum_terms(arguments, rows, matrix.columns, matrix_term{matrix}, parts, sums);
}
