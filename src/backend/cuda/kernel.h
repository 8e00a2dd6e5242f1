/* What the kernels (*.cu) have in common. Their style: one thread for each element of the result, in a loop of
 * CUDA_ELEMENTS; sums inside of a thread, in double and in fixed order; no atomics and no shared memory. It is not the
 * fastest way, but one that can be read beside the reference, repeats its bits on every card, and runs as a plain loop
 * where it is emulated. Where a sum has too many terms for one thread, two kernels do it: see cuda_sum_rows. */
#ifndef SB_CUDA_KERNEL_H
#define SB_CUDA_KERNEL_H

#include "backend/cuda/operations.h"

#include <cuda_runtime.h>
#include <math.h>

#ifdef __CUDACC__
#define CUDA_START(kernel, blocks, threads, stream, ...) kernel<<<blocks, threads, 0, stream>>>(__VA_ARGS__)
#endif

/* The elements `name` = 0 .. count - 1 that fall to this thread. */
#define CUDA_ELEMENTS(name, count)                                                               \
    for (int64_t name = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; name < (int64_t)(count); \
         name += (int64_t)gridDim.x * blockDim.x)

/* Runs kernel(count, values...) with a thread for each of `count` elements, as far as there are that many. Static, here
 * and below: a type of one file's own is no other file's type of that name. */
template <typename... Parameters, typename... Values>
static bool cuda_launch(struct cuda_arguments *arguments, int64_t count, void (*kernel)(int64_t, Parameters...),
                        Values... values) {
    constexpr int64_t threads = 128, most_blocks = 65536;
    struct simba_error *error = arguments->error;
    if (count <= 0) return true;
    const int64_t wanted = (count + threads - 1) / threads, blocks = wanted < most_blocks ? wanted : most_blocks;
    CUDA_START(kernel, (unsigned)blocks, (unsigned)threads, arguments->device->stream, count,
               static_cast<Parameters>(values)...);
    return CUDA(cudaGetLastError());
}

/* A float tensor for a kernel: rows of `columns` values, `pitch` apart. */
struct cuda_matrix {
    float *data; /* NULL: absent */
    int64_t columns, pitch;

    __device__ float *row(int64_t index) const { return data + index * pitch; }
    /* Element `index`, counted without the gaps between rows. */
    __device__ float &operator[](int64_t index) const { return data[index / columns * pitch + index % columns]; }
};

static inline struct cuda_matrix cuda_matrix_of(const struct cuda_span *span) {
    if (!span->data) return {nullptr, 1, 1};
    return {(float *)span->data, sb_columns(span->tensor), span->tensor->pitch};
}

/* A dense tensor of floats, or NULL when it is absent. */
static inline float *cuda_floats(const struct cuda_span *span) {
    return (float *)span->data;
}

#endif
