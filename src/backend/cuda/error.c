/* CUDA's results as sentences. */
#include "backend/cuda/runtime.h"

#include <string.h>

static bool fail(struct simba_error *error, enum simba_code code, const char *what, const char *result,
                 const char *call, const char *file, int line) {
    const char *base = strrchr(file, '/');
    cudaGetLastError(); /* forgets it: the next launch would report it again */
    return sb_fail(error, code, "%s (%.*s returned %s at %s:%d).%s", what, (int)strcspn(call, "("), call, result,
                   base ? base + 1 : file, line,
                   code == SIMBA_ERROR_MEMORY ? " A smaller train.batch_size needs less; other programs may hold "
                                                "memory, too."
                                              : "");
}

bool cuda_check(cudaError_t result, const char *call, const char *file, int line, struct simba_error *error) {
    if (result == cudaSuccess) return true;
    if (result == cudaErrorMemoryAllocation) {
        const bool of_host = !strncmp(call, "cudaMallocHost(", 15);
        return fail(error, SIMBA_ERROR_MEMORY,
                    of_host ? "The host has no memory left that can be locked for copies to the CUDA device"
                            : "The CUDA device has no memory left",
                    cudaGetErrorName(result), call, file, line);
    }
    /* Kernels run behind the calls: what is reported here may be the failure of an earlier one. */
    return fail(error, SIMBA_ERROR_DEVICE, cudaGetErrorString(result), cudaGetErrorName(result), call, file, line);
}

bool cuda_check_blas(cublasStatus_t result, const char *call, const char *file, int line, struct simba_error *error) {
    if (result == CUBLAS_STATUS_SUCCESS) return true;
    if (result == CUBLAS_STATUS_ALLOC_FAILED)
        return fail(error, SIMBA_ERROR_MEMORY, "The CUDA device has no memory left for cuBLAS",
                    cublasGetStatusName(result), call, file, line);
    return fail(error, SIMBA_ERROR_DEVICE, "cuBLAS failed", cublasGetStatusName(result), call, file, line);
}

static const char *fft_result_name(cufftResult result) {
    switch (result) {
#define NAME(value) \
    case value:     \
        return #value
        NAME(CUFFT_SUCCESS);
        NAME(CUFFT_INVALID_PLAN);
        NAME(CUFFT_ALLOC_FAILED);
        NAME(CUFFT_INVALID_TYPE);
        NAME(CUFFT_INVALID_VALUE);
        NAME(CUFFT_INTERNAL_ERROR);
        NAME(CUFFT_EXEC_FAILED);
        NAME(CUFFT_SETUP_FAILED);
        NAME(CUFFT_INVALID_SIZE);
        NAME(CUFFT_NOT_SUPPORTED);
#undef NAME
    default:
        return "an unknown result";
    }
}

bool cuda_check_fft(cufftResult result, const char *call, const char *file, int line, struct simba_error *error) {
    if (result == CUFFT_SUCCESS) return true;
    if (result == CUFFT_ALLOC_FAILED)
        return fail(error, SIMBA_ERROR_MEMORY, "The CUDA device has no memory left for cuFFT", fft_result_name(result),
                    call, file, line);
    return fail(error, SIMBA_ERROR_DEVICE, "cuFFT failed", fft_result_name(result), call, file, line);
}
