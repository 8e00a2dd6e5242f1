/* The CUDA module's own objects, and what an operation of it is given. The module is C but for its kernels (*.cu). All
 * of it is compiled a second time by an ordinary compiler, against tests/cuda/emulated in place of CUDA's headers, so
 * that every kernel is tested where there is no card. */
#ifndef SB_CUDA_RUNTIME_H
#define SB_CUDA_RUNTIME_H

/* Outside of extern "C": with nvcc they hold templates. */
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cufft.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
/* A function of ops.h has the name of its struct: a constructor's, to C++. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

#include "backend/backend.h"
#include "base/random.h"
#include "ops/ops.h"

#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

/* ---- error.c: true when the call has succeeded; otherwise *error, a pointer by this name, says in a sentence which
 * call has failed, how and where. */
#define CUDA(call) cuda_check((call), #call, __FILE__, __LINE__, error)
#define CUBLAS(call) cuda_check_blas((call), #call, __FILE__, __LINE__, error)
#define CUFFT(call) cuda_check_fft((call), #call, __FILE__, __LINE__, error)
bool cuda_check(cudaError_t result, const char *call, const char *file, int line, struct simba_error *error);
bool cuda_check_blas(cublasStatus_t result, const char *call, const char *file, int line, struct simba_error *error);
bool cuda_check_fft(cufftResult result, const char *call, const char *file, int line, struct simba_error *error);

/* ---- device.c */
struct cuda_plan; /* transform.c */
/* One stream for all that a device does, in the order of the calls: so nothing has to be synchronised, cuBLAS repeats
 * its bits, and all programs share cuBLAS' and cuFFT's work areas. */
struct cuda_device {
    struct sb_device base;
    int ordinal; /* CUDA's own number of the device */
    cudaStream_t stream;
    cublasHandle_t blas;
    void *blas_workspace;
    struct cuda_plan *plans; /* of cuFFT: a list, by size */
    void *fft_workspace;     /* as large as the plan that needs most wants it */
    size_t fft_workspace_bytes;
};
/* To be called first by whatever calls CUDA: the current device belongs to the thread. */
bool cuda_enter(const struct cuda_device *device, struct simba_error *error);
/* Waits for all work of the device. */
bool cuda_finish(const struct cuda_device *device, struct simba_error *error);
/* Zeroed. */
bool cuda_allocate(const struct cuda_device *device, size_t bytes, void **memory, struct simba_error *error);

struct cuda_memory {
    struct sb_memory base;
    unsigned char *bytes; /* of the device */
};
bool cuda_memory_create(struct sb_device *device, size_t bytes, const char *name, struct sb_memory **memory,
                        struct simba_error *error);
void cuda_memory_destroy(struct sb_memory *memory);
bool cuda_memory_write(struct sb_memory *memory, size_t offset, const void *bytes, size_t size,
                       struct simba_error *error);
bool cuda_memory_read(struct sb_memory *memory, size_t offset, void *bytes, size_t size, struct simba_error *error);

/* ---- program.c */
bool cuda_program_create(struct sb_device *device, const struct sb_program_parameters *parameters,
                         struct sb_program **program, struct simba_error *error);
void cuda_program_destroy(struct sb_program *program);
size_t cuda_program_memory(const struct sb_program *program);
void *cuda_program_host(struct sb_program *program, int slot, const struct sb_tensor *tensor);
bool cuda_program_submit(struct sb_program *program, int slot, unsigned phases, struct simba_error *error);
bool cuda_program_wait(struct sb_program *program, int slot, struct simba_error *error);
bool cuda_program_run_node(struct sb_program *program, int slot, int node, struct simba_error *error);
bool cuda_program_read(struct sb_program *program, const struct sb_tensor *tensor, void *dense,
                       struct simba_error *error);
bool cuda_program_write(struct sb_program *program, const struct sb_tensor *tensor, const void *dense,
                        struct simba_error *error);
bool cuda_program_times(struct sb_program *program, int slot, double *seconds, struct simba_error *error);

/* ---- operations. A tensor's memory, of the device: rows of `columns` values, `pitch` apart. */
struct cuda_span {
    void *data;                     /* NULL: the tensor is absent */
    const struct sb_tensor *tensor; /* of the host: never given to a kernel */
};

struct cuda_arguments {
    struct cuda_device *device;
    const struct sb_node *node;
    struct cuda_span in[SB_MAX_INPUTS], out[SB_MAX_OUTPUTS];
    void *scratch; /* of the device: as much as the operation asks for, undefined at first */
    struct simba_error *error;
};

struct cuda_operation {
    /* Puts the node's work into the device's stream. */
    bool (*run)(struct cuda_arguments *arguments);
    /* Bytes of scratch memory; NULL: none. All nodes of a program share the largest. */
    size_t (*scratch)(const struct sb_node *node);
    /* Makes cuFFT's plans, which take memory and have to be there before the first run; NULL: it has none. */
    bool (*prepare)(struct cuda_device *device, const struct sb_node *node, struct simba_error *error);
};
extern const struct cuda_operation cuda_operations[SB_OP_COUNT]; /* operations.c; run NULL: a view */

static inline int64_t cuda_axis(const struct cuda_span *span, int axis) {
    return span->tensor->shape[axis];
}

#ifdef __cplusplus
}
#endif

#endif
