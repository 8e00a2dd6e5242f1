#include "backend/cuda/transform.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

enum { BLOCKS = 4 };

struct cuda_plan {
    struct cuda_plan *next;
    int64_t length, count;
    cufftHandle handle; /* without a work area of its own */
};

static const struct cuda_plan *find_plan(const struct cuda_device *device, int64_t length, int64_t count) {
    const struct cuda_plan *plan = device->plans;
    while (plan && (plan->length != length || plan->count != count)) plan = plan->next;
    return plan;
}

/* Makes the one work area of all plans large enough. */
static bool grow_workspace(struct cuda_device *device, size_t bytes, struct simba_error *error) {
    if (device->fft_workspace && bytes <= device->fft_workspace_bytes) return true;
    void *larger = NULL;
    if (!cuda_allocate(device, bytes, &larger, error) || !cuda_finish(device, error)) {
        cudaFree(larger);
        return false;
    }
    cudaFree(device->fft_workspace);
    device->fft_workspace = larger;
    device->fft_workspace_bytes = bytes;
    return true;
}

static bool make_plan(struct cuda_device *device, struct cuda_plan *plan, struct simba_error *error) {
    int sizes[] = {(int)plan->length, BLOCKS};
    size_t bytes = 0;
    return CUFFT(cufftSetAutoAllocation(plan->handle, 0)) &&
           CUFFT(cufftMakePlanMany(plan->handle, 2, sizes, NULL, 1, 0, NULL, 1, 0, CUFFT_Z2Z, (int)plan->count,
                                   &bytes)) &&
           CUFFT(cufftSetStream(plan->handle, device->stream)) && grow_workspace(device, bytes, error);
}

bool cuda_plan_prepare(struct cuda_device *device, int64_t length, int64_t count, struct simba_error *error) {
    if (find_plan(device, length, count)) return true;
    if (length > INT_MAX / BLOCKS || count > INT_MAX / (length * BLOCKS))
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                       "%" PRId64 " transforms of %" PRId64 " x %d numbers are too much for cuFFT, whose plans are for "
                       "fewer than 2^31 numbers in all. Take a smaller train.batch_size.",
                       count, length, BLOCKS);
    struct cuda_plan *plan = sb_allocate(1, sizeof(*plan), error);
    if (!plan) return false;
    plan->length = length;
    plan->count = count;
    if (!CUFFT(cufftCreate(&plan->handle))) {
        free(plan);
        return false;
    }
    if (!make_plan(device, plan, error)) {
        cufftDestroy(plan->handle);
        free(plan);
        return false;
    }
    plan->next = device->plans;
    device->plans = plan;
    return true;
}

bool cuda_plan_run(const struct cuda_device *device, int64_t length, int64_t count, cufftDoubleComplex *values,
                   int direction, struct simba_error *error) {
    const struct cuda_plan *plan = find_plan(device, length, count);
    /* The area may have grown since the last time. */
    return CUFFT(cufftSetWorkArea(plan->handle, device->fft_workspace)) &&
           CUFFT(cufftExecZ2Z(plan->handle, values, values, direction));
}

void cuda_plans_destroy(struct cuda_device *device) {
    while (device->plans) {
        struct cuda_plan *plan = device->plans;
        device->plans = plan->next;
        cufftDestroy(plan->handle);
        free(plan);
    }
    cudaFree(device->fft_workspace);
}
