/* The part of cuFFT that the module uses, on the CPU: see cuda_runtime_api.h. */
#ifndef TESTS_CUFFT_H
#define TESTS_CUFFT_H

#include "cuda_runtime_api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    CUFFT_SUCCESS,
    CUFFT_INVALID_PLAN,
    CUFFT_ALLOC_FAILED,
    CUFFT_INVALID_TYPE,
    CUFFT_INVALID_VALUE,
    CUFFT_INTERNAL_ERROR,
    CUFFT_EXEC_FAILED,
    CUFFT_SETUP_FAILED,
    CUFFT_INVALID_SIZE,
    CUFFT_NOT_SUPPORTED = 16
} cufftResult;
typedef enum { CUFFT_Z2Z = 0x69 } cufftType;
enum { CUFFT_FORWARD = -1, CUFFT_INVERSE = 1 };
typedef int cufftHandle;
typedef struct {
    double x, y;
} cufftDoubleComplex;

cufftResult cufftCreate(cufftHandle *plan);
cufftResult cufftSetAutoAllocation(cufftHandle plan, int automatic);
/* `batch` dense transforms of `rank` axes, one behind the other. *work_bytes: how large a work area they need. */
cufftResult cufftMakePlanMany(cufftHandle plan, int rank, int *sizes, int *in_sizes, int in_stride, int in_distance,
                              int *out_sizes, int out_stride, int out_distance, cufftType type, int batch,
                              size_t *work_bytes);
cufftResult cufftSetWorkArea(cufftHandle plan, void *area);
cufftResult cufftSetStream(cufftHandle plan, cudaStream_t stream);
cufftResult cufftExecZ2Z(cufftHandle plan, cufftDoubleComplex *in, cufftDoubleComplex *out, int direction);
cufftResult cufftDestroy(cufftHandle plan);

#ifdef __cplusplus
}
#endif

#endif
