#include "backend/cuda/sums.h"

static __global__ void sum_parts(int64_t columns, const double *parts, int64_t count, float *sums) {
    CUDA_ELEMENTS(column, columns) {
        double sum = 0;
        for (int64_t part = 0; part < count; part++) sum += parts[part * columns + column];
        sums[column] = (float)sum;
    }
}

bool cuda_sum_parts(struct cuda_arguments *arguments, const double *parts, int64_t count, int64_t columns,
                    float *sums) {
    return cuda_launch(arguments, columns, sum_parts, parts, count, sums);
}

static __global__ void sum_part_rows(int64_t count, cuda_matrix matrix, int64_t rows, double *parts) {
    CUDA_ELEMENTS(i, count) {
        const int64_t column = i % matrix.columns, first = i / matrix.columns * CUDA_PART_ROWS;
        const int64_t end = first + CUDA_PART_ROWS < rows ? first + CUDA_PART_ROWS : rows;
        double sum = 0;
        for (int64_t row = first; row < end; row++) sum += matrix.row(row)[column];
        parts[i] = sum;
    }
}

bool cuda_sum_rows(struct cuda_arguments *arguments, struct cuda_matrix matrix, int64_t rows, double *parts,
                   float *sums) {
    return cuda_launch(arguments, cuda_parts(rows) * matrix.columns, sum_part_rows, matrix, rows, parts) &&
           cuda_sum_parts(arguments, parts, cuda_parts(rows), matrix.columns, sums);
}
