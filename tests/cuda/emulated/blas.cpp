/* cuBLAS on the CPU: sums in float32 and in order, which is the least exact way that a card may take. */
#include "cublas_v2.h"
#include "emulated.h"

#include <vector>

struct cublasContext {
    cudaStream_t stream;
};

const char *cublasGetStatusName(cublasStatus_t status) {
    switch (status) {
    case CUBLAS_STATUS_SUCCESS:
        return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_ALLOC_FAILED:
        return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
        return "CUBLAS_STATUS_INVALID_VALUE";
    }
    return "unknown";
}

cublasStatus_t cublasCreate(cublasHandle_t *handle) {
    *handle = new cublasContext{};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t, void *workspace, size_t) {
    emulated_close(workspace);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) {
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t, cublasAtomicsMode_t) {
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemmStridedBatched_64(cublasHandle_t handle, cublasOperation_t operation_a,
                                            cublasOperation_t operation_b, int64_t m, int64_t n, int64_t k,
                                            const float *alpha, const float *a, int64_t pitch_a, long long stride_a,
                                            const float *b, int64_t pitch_b, long long stride_b, const float *beta,
                                            float *c, int64_t pitch_c, long long stride_c, int64_t batch) {
    const bool transpose_a = operation_a == CUBLAS_OP_T, transpose_b = operation_b == CUBLAS_OP_T;
    if (!handle->stream || m < 0 || n < 0 || k < 0 || pitch_a < (transpose_a ? k : m) ||
        pitch_b < (transpose_b ? n : k) || pitch_c < m)
        return CUBLAS_STATUS_INVALID_VALUE;
    emulated_check(a, "cuBLAS");
    emulated_check(b, "cuBLAS");
    emulated_check(c, "cuBLAS");
    emulated_enter();
    std::vector<float> sums(static_cast<size_t>(m));
    for (int64_t item = 0; item < batch; item++)
        for (int64_t column = 0; column < n; column++) {
            const float *left = a + item * stride_a, *right = b + item * stride_b;
            float *to = c + item * stride_c + column * pitch_c;
            sums.assign(sums.size(), 0);
            for (int64_t i = 0; i < k; i++) {
                const float factor = right[transpose_b ? i * pitch_b + column : column * pitch_b + i];
                for (int64_t row = 0; row < m; row++)
                    sums[static_cast<size_t>(row)] +=
                        factor * left[transpose_a ? row * pitch_a + i : i * pitch_a + row];
            }
            /* As cuBLAS: with beta 0, c is not read. */
            for (int64_t row = 0; row < m; row++)
                to[row] = *alpha * sums[static_cast<size_t>(row)] + (*beta != 0 ? *beta * to[row] : 0);
        }
    emulated_leave();
    return CUBLAS_STATUS_SUCCESS;
}
