/* cuFFT's plans, made once for each size and kept with the device, and the work area that they share. */
#ifndef SB_CUDA_TRANSFORM_H
#define SB_CUDA_TRANSFORM_H

#include "backend/cuda/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes what is missing for `count` transforms of `length` x 4 complex doubles, one behind the other. */
bool cuda_plan_prepare(struct cuda_device *device, int64_t length, int64_t count, struct simba_error *error);
/* In place; `direction`: CUFFT_FORWARD or CUFFT_INVERSE, unscaled. */
bool cuda_plan_run(const struct cuda_device *device, int64_t length, int64_t count, cufftDoubleComplex *values,
                   int direction, struct simba_error *error);
/* And frees the work area. */
void cuda_plans_destroy(struct cuda_device *device);

#ifdef __cplusplus
}
#endif

#endif
