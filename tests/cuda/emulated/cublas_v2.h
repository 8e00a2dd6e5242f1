/* The part of cuBLAS that the module uses, on the CPU: see cuda_runtime_api.h. */
#ifndef TESTS_CUBLAS_H
#define TESTS_CUBLAS_H

#include "cuda_runtime_api.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    CUBLAS_STATUS_SUCCESS = 0,
    CUBLAS_STATUS_ALLOC_FAILED = 3,
    CUBLAS_STATUS_INVALID_VALUE = 7
} cublasStatus_t;
typedef enum { CUBLAS_OP_N, CUBLAS_OP_T } cublasOperation_t;
typedef enum { CUBLAS_DEFAULT_MATH = 0, CUBLAS_PEDANTIC_MATH = 2 } cublasMath_t;
typedef enum { CUBLAS_ATOMICS_NOT_ALLOWED, CUBLAS_ATOMICS_ALLOWED } cublasAtomicsMode_t;
typedef struct cublasContext *cublasHandle_t;

const char *cublasGetStatusName(cublasStatus_t status);
cublasStatus_t cublasCreate(cublasHandle_t *handle);
cublasStatus_t cublasDestroy(cublasHandle_t handle);
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream);
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t bytes);
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode);
cublasStatus_t cublasSetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t mode);
/* Column-major: c = alpha op(a) op(b) + beta c for each of `batch`, op(a) [m, k], op(b) [k, n]. */
cublasStatus_t cublasSgemmStridedBatched_64(cublasHandle_t handle, cublasOperation_t operation_a,
                                            cublasOperation_t operation_b, int64_t m, int64_t n, int64_t k,
                                            const float *alpha, const float *a, int64_t pitch_a, long long stride_a,
                                            const float *b, int64_t pitch_b, long long stride_b, const float *beta,
                                            float *c, int64_t pitch_c, long long stride_c, int64_t batch);

#ifdef __cplusplus
}
#endif

#endif
