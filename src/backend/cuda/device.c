/* CUDA devices: their list, opening, memory, and the object by which the library finds all this. */
#include "backend/cuda/module.h"
#include "backend/cuda/runtime.h"
#include "backend/cuda/transform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EMULATED_CAPABILITY = 9999,      /* as CUDA's own device emulation called itself */
    BLAS_WORKSPACE_BYTES = 32 << 20, /* what cuBLAS recommends for the newest; its own one is not ours to repeat */
};

static void describe_driver(struct sb_device_description *description, int driver, int runtime) {
    snprintf(description->backend, sizeof(description->backend), "cuda");
    snprintf(description->driver, sizeof(description->driver), "CUDA %d.%d, runtime %d.%d", driver / 1000,
             driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
}

/* A device whose properties cannot be had is listed with the reason; the others are none the worse for it. */
static void describe_failed(struct sb_device_description *description, int ordinal, const struct simba_error *error) {
    snprintf(description->name, sizeof(description->name), "CUDA device %d", ordinal);
    snprintf(description->reason, sizeof(description->reason), "its properties are not known: %.220s", error->message);
    description->kind = SB_DEVICE_DISCRETE;
}

static void describe(struct sb_device_description *description, const struct cudaDeviceProp *properties) {
    const bool emulated = properties->major == EMULATED_CAPABILITY;
    snprintf(description->name, sizeof(description->name), "%s", properties->name);
    for (int i = 0; i < 16; i++)
        snprintf(description->uuid + 2 * i, 3, "%02x", (unsigned)(unsigned char)properties->uuid.bytes[i]);
    description->kind = emulated                 ? SB_DEVICE_SOFTWARE
                        : properties->integrated ? SB_DEVICE_INTEGRATED
                                                 : SB_DEVICE_DISCRETE;
    description->memory_bytes = properties->totalGlobalMem;
    description->subgroup_size = properties->warpSize;
    description->usable = properties->major * 10 + properties->minor >= CUDA_OLDEST_CAPABILITY;
    if (description->usable)
        snprintf(description->reason, sizeof(description->reason),
                 "for checking other devices: used only when asked for with `--device cuda`");
    else
        snprintf(description->reason, sizeof(description->reason),
                 "its compute capability %d.%d is too old: the kernels of this build need %d.%d", properties->major,
                 properties->minor, CUDA_OLDEST_CAPABILITY / 10, CUDA_OLDEST_CAPABILITY % 10);
    if (emulated)
        snprintf(description->features, sizeof(description->features), "every kernel as a loop on the CPU, for tests");
    else
        snprintf(description->features, sizeof(description->features),
                 "compute capability %d.%d, cuBLAS without TF32, cuFFT", properties->major, properties->minor);
}

static bool list_devices(struct sb_device_description **list, int *count, char *note, struct simba_error *error) {
    int found = 0, driver = 0, runtime = 0;
    const cudaError_t result = cudaGetDeviceCount(&found);
    if (result != cudaSuccess || !found) {
        if (note)
            snprintf(note, 256, "The CUDA driver reports no device: %s (%s). `nvidia-smi` shows what it knows.",
                     cudaGetErrorString(result), cudaGetErrorName(result));
        return true;
    }
    if (!CUDA(cudaDriverGetVersion(&driver)) || !CUDA(cudaRuntimeGetVersion(&runtime))) return false;
    *list = sb_allocate((size_t)found, sizeof(**list), error);
    if (!*list) return false;
    for (int i = 0; i < found; i++) {
        struct sb_device_description *description = &(*list)[i];
        struct cudaDeviceProp properties;
        struct simba_error failure;
        describe_driver(description, driver, runtime);
        if (cuda_check(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties", __FILE__, __LINE__,
                       &failure))
            describe(description, &properties);
        else
            describe_failed(description, i, &failure);
    }
    *count = found;
    return true;
}

bool cuda_enter(const struct cuda_device *device, struct simba_error *error) {
    return CUDA(cudaSetDevice(device->ordinal));
}

bool cuda_finish(const struct cuda_device *device, struct simba_error *error) {
    return CUDA(cudaStreamSynchronize(device->stream));
}

bool cuda_allocate(const struct cuda_device *device, size_t bytes, void **memory, struct simba_error *error) {
    return CUDA(cudaMalloc(memory, bytes ? bytes : 1)) &&
           CUDA(cudaMemsetAsync(*memory, 0, bytes ? bytes : 1, device->stream));
}

/* Of whatever was made; the results say nothing that could still be acted upon. */
static void close_device(struct sb_device *device) {
    struct cuda_device *cuda = (struct cuda_device *)device;
    cudaSetDevice(cuda->ordinal);
    if (cuda->stream) cudaStreamSynchronize(cuda->stream);
    cuda_plans_destroy(cuda);
    if (cuda->blas) cublasDestroy(cuda->blas);
    cudaFree(cuda->blas_workspace);
    if (cuda->stream) cudaStreamDestroy(cuda->stream);
    free(cuda);
}

/* CUDA's number of the device: the list is sorted by others, but a UUID is a device's own. */
static bool find_ordinal(const struct sb_device_description *description, int *ordinal, struct simba_error *error) {
    int count = 0;
    if (!CUDA(cudaGetDeviceCount(&count))) return false;
    for (int i = 0; i < count; i++) {
        struct cudaDeviceProp properties;
        struct sb_device_description candidate;
        if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) {
            cudaGetLastError(); /* forgets it: this is not the one that was chosen, which has properties */
            continue;
        }
        describe(&candidate, &properties);
        *ordinal = i;
        if (!strcmp(candidate.uuid, description->uuid)) return true;
    }
    return sb_fail(error, SIMBA_ERROR_DEVICE, "The CUDA device \"%s\" is gone.", description->name);
}

static bool open_device(const struct sb_device_parameters *parameters, const struct sb_device_description *description,
                        struct sb_device **device, struct simba_error *error) {
    struct cuda_device *created = sb_allocate(1, sizeof(*created), error);
    if (!created) return false;
    created->base.backend = sb_cuda_module.backend;
    created->base.description = *description;
    created->base.log = parameters->log;
    if (!find_ordinal(description, &created->ordinal, error) || !cuda_enter(created, error) ||
        !CUDA(cudaStreamCreateWithFlags(&created->stream, cudaStreamNonBlocking)) ||
        !CUBLAS(cublasCreate(&created->blas)) || !CUBLAS(cublasSetStream(created->blas, created->stream)) ||
        !cuda_allocate(created, BLAS_WORKSPACE_BYTES, &created->blas_workspace, error) ||
        !CUBLAS(cublasSetWorkspace(created->blas, created->blas_workspace, BLAS_WORKSPACE_BYTES)) ||
        !CUBLAS(cublasSetMathMode(created->blas, CUBLAS_PEDANTIC_MATH)) ||
        !CUBLAS(cublasSetAtomicsMode(created->blas, CUBLAS_ATOMICS_NOT_ALLOWED))) {
        close_device(&created->base);
        return sb_fail_within(error, "While opening the CUDA device \"%s\": ", description->name);
    }
    *device = &created->base;
    return true;
}

static int validation_messages(const struct sb_device *device) {
    (void)device;
    return 0;
}

bool cuda_memory_create(struct sb_device *device, size_t bytes, const char *name, struct sb_memory **memory,
                        struct simba_error *error) {
    const struct cuda_device *cuda = (const struct cuda_device *)device;
    struct cuda_memory *created = sb_allocate(1, sizeof(*created), error);
    if (!created) return false;
    created->base.device = device;
    created->base.size = bytes;
    void *memory_of_device = NULL;
    if (!cuda_enter(cuda, error) || !cuda_allocate(cuda, bytes, &memory_of_device, error)) {
        cudaFree(memory_of_device);
        free(created);
        return sb_fail_within(error, "While making \"%s\": ", name ? name : "");
    }
    created->bytes = memory_of_device;
    *memory = &created->base;
    return true;
}

void cuda_memory_destroy(struct sb_memory *memory) {
    struct cuda_memory *cuda = (struct cuda_memory *)memory;
    cudaSetDevice(((struct cuda_device *)memory->device)->ordinal);
    cudaFree(cuda->bytes);
    free(cuda);
}

bool cuda_memory_write(struct sb_memory *memory, size_t offset, const void *bytes, size_t size,
                       struct simba_error *error) {
    const struct cuda_device *device = (const struct cuda_device *)memory->device;
    return cuda_enter(device, error) &&
           CUDA(cudaMemcpyAsync(((struct cuda_memory *)memory)->bytes + offset, bytes, size, cudaMemcpyHostToDevice,
                                device->stream)) &&
           cuda_finish(device, error);
}

bool cuda_memory_read(struct sb_memory *memory, size_t offset, void *bytes, size_t size, struct simba_error *error) {
    const struct cuda_device *device = (const struct cuda_device *)memory->device;
    return cuda_enter(device, error) &&
           CUDA(cudaMemcpyAsync(bytes, ((struct cuda_memory *)memory)->bytes + offset, size, cudaMemcpyDeviceToHost,
                                device->stream)) &&
           cuda_finish(device, error);
}

static const struct sb_backend backend = {
    .name = "cuda",
    .only_when_asked = true,
    .list = list_devices,
    .open = open_device,
    .close = close_device,
    .validation_messages = validation_messages,
    .memory_create = cuda_memory_create,
    .memory_destroy = cuda_memory_destroy,
    .memory_write = cuda_memory_write,
    .memory_read = cuda_memory_read,
    .program_create = cuda_program_create,
    .program_destroy = cuda_program_destroy,
    .program_memory = cuda_program_memory,
    .program_host = cuda_program_host,
    .program_submit = cuda_program_submit,
    .program_wait = cuda_program_wait,
    .program_run_node = cuda_program_run_node,
    .program_read = cuda_program_read,
    .program_write = cuda_program_write,
    .program_times = cuda_program_times,
};

const struct sb_cuda_module sb_cuda_module = {
    .version = SIMBA_VERSION, .commit = SIMBA_COMMIT, .sizes = SB_CUDA_SHARED_SIZES, .backend = &backend};
