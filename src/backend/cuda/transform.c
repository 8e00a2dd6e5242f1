#include "backend/cuda/transform.h"

#include <limits.h>
#include <stdlib.h>

enum { BLOCKS = 4 };

struct cuda_plan {
    struct cuda_plan *next;
    int64_t length, count;
    cufftHandle handle;
};

static const struct cuda_plan *find_plan(const struct cuda_device *device, int64_t length, int64_t count) {
    const struct cuda_plan *plan = device->plans;
    while (plan && (plan->length != length || plan->count != count)) plan = plan->next;
    return plan;
}

bool cuda_plan_prepare(struct cuda_device *device, int64_t length, int64_t count, struct simba_error *error) {
    if (find_plan(device, length, count)) return true;
    if (length > INT_MAX / BLOCKS || count > INT_MAX)
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED, "cuFFT's plans are for fewer than 2^31 numbers and transforms.");
    struct cuda_plan *plan = sb_allocate(1, sizeof(*plan), error);
    if (!plan) return false;
    int sizes[] = {(int)length, BLOCKS};
    plan->length = length;
    plan->count = count;
    if (!CUFFT(cufftPlanMany(&plan->handle, 2, sizes, NULL, 1, 0, NULL, 1, 0, CUFFT_Z2Z, (int)count))) {
        free(plan);
        return false;
    }
    plan->next = device->plans;
    device->plans = plan;
    return CUFFT(cufftSetStream(plan->handle, device->stream));
}

bool cuda_plan_run(const struct cuda_device *device, int64_t length, int64_t count, cufftDoubleComplex *values,
                   int direction, struct simba_error *error) {
    return CUFFT(cufftExecZ2Z(find_plan(device, length, count)->handle, values, values, direction));
}

void cuda_plans_destroy(struct cuda_device *device) {
    while (device->plans) {
        struct cuda_plan *plan = device->plans;
        device->plans = plan->next;
        cufftDestroy(plan->handle);
        free(plan);
    }
}
