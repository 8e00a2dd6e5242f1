/* Fourier transforms of the program's FFT workspace, planned by VkFFT.
 *
 * VkFFT writes GLSL for each (batch, length, columns), compiles it with glslang and works on VkBuffers through
 * descriptor sets, so that a transform is limited to the device's largest storage buffer range: a larger one is cut
 * into chunks of the batch, each with a buffer of its own over its part of the workspace. The compiled binaries are
 * kept on disk beside the pipeline cache. Plans are made one at a time: VkFFT uses process-wide state of its compiler.
 */
#include "backend/vulkan/runtime.h"

#include "backend/vulkan/vkfft.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t plan_mutex = PTHREAD_MUTEX_INITIALIZER;

struct chunk {
    struct vkfft *plan;
    VkBuffer buffer; /* over this chunk's part of the workspace */
    VkFence fence;
    uint64_t bytes;
};

struct vk_fft {
    struct vk_fft *next;
    int64_t batch, length, columns;
    int chunk_count;
    struct chunk chunks[];
};

static size_t transform_bytes(int64_t batch, int64_t length, int64_t columns) {
    return (size_t)(batch * length * columns) * 2 * sizeof(float);
}

uint64_t vk_fft_workspace(struct vk_lowering *lowering, int64_t batch, int64_t length, int64_t columns) {
    const size_t bytes = transform_bytes(batch, length, columns);
    if (bytes > lowering->used.workspace) lowering->used.workspace = bytes;
    return lowering->program->workspace.address;
}

static bool fail_plan(struct simba_error *error, const struct vk_fft *fft, const char *what, int result) {
    return sb_fail(error, SIMBA_ERROR_DEVICE,
                   "VkFFT %d could not %s the transform of %" PRId64 " x %" PRId64 " x %" PRId64
                   " (result %d). Delete the folder of caches (~/.cache/simba) and try again; if it stays, this length "
                   "is beyond this device: change the image or sequence length.",
                   vkfft_version(), what, fft->batch, fft->length, fft->columns, result);
}

/* Batches per chunk: all of them, or as many as the storage buffer range holds, in steps that keep buffers aligned to
 * the 256 bytes that are enough for every driver. */
static int64_t chunk_batches(const struct vk_device *device, int64_t batch, int64_t length, int64_t columns) {
    const uint64_t range = device->capabilities.properties.limits.maxStorageBufferRange;
    const uint64_t one = transform_bytes(1, length, columns);
    if ((uint64_t)batch * one <= range) return batch;
    const uint64_t fitting = range / one;
    uint64_t step = 1;
    while (step * one % 256) step *= 2;
    return (int64_t)(fitting / step * step);
}

static bool plan_chunk(struct vk_device *device, struct vk_fft *fft, struct chunk *chunk, int64_t batches,
                       struct simba_error *error) {
    struct vkfft_parameters parameters = {.physical_device = device->physical,
                                          .device = device->handle,
                                          .queue = device->queue,
                                          .command_pool = device->transfer_pool,
                                          .fence = chunk->fence,
                                          .buffer = chunk->buffer,
                                          .bytes = chunk->bytes,
                                          .batch = (uint64_t)batches,
                                          .length = (uint64_t)fft->length,
                                          .columns = (uint64_t)fft->columns};
    char name[96];
    snprintf(name, sizeof name, "fft-lut-%d-%" PRId64 "-%" PRId64 "-%" PRId64, vkfft_version(), batches, fft->length,
             fft->columns);
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (vk_disk_cache_read(device, name, &bytes, &size)) {
        parameters.binaries = bytes;
        const int result = vkfft_create(&parameters, &chunk->plan);
        free(bytes);
        if (!result) return true;
        parameters.binaries = NULL;
    }
    const int result = vkfft_create(&parameters, &chunk->plan);
    if (result) return fail_plan(error, fft, "plan", result);
    const void *binaries = vkfft_binaries(chunk->plan, &size);
    if (binaries) vk_disk_cache_write(device, name, binaries, size);
    return true;
}

/* The locks: VkFFT's compiler is the process's, and it uploads its tables through the device's queue. */
static bool plan_chunks(struct vk_device *device, struct vk_fft *fft, int64_t batches, struct simba_error *error) {
    static bool started;
    pthread_mutex_lock(&plan_mutex);
    if (!started) started = vkfft_start();
    bool done = started;
    if (!done) sb_fail(error, SIMBA_ERROR_DEVICE, "The shader compiler that VkFFT uses (glslang) does not start.");
    pthread_mutex_lock(&device->mutex);
    for (int i = 0; done && i < fft->chunk_count; i++) {
        const int64_t left = fft->batch - i * batches;
        done = plan_chunk(device, fft, &fft->chunks[i], left < batches ? left : batches, error);
    }
    pthread_mutex_unlock(&device->mutex);
    pthread_mutex_unlock(&plan_mutex);
    return done;
}

static void destroy(struct vk_device *device, struct vk_fft *fft) {
    pthread_mutex_lock(&plan_mutex);
    for (int i = 0; i < fft->chunk_count; i++) {
        vkfft_destroy(fft->chunks[i].plan);
        vkDestroyBuffer(device->handle, fft->chunks[i].buffer, NULL);
        vkDestroyFence(device->handle, fft->chunks[i].fence, NULL);
    }
    pthread_mutex_unlock(&plan_mutex);
    free(fft);
}

static struct vk_fft *create(struct vk_program *program, int64_t batch, int64_t length, int64_t columns,
                             struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)program->base.device;
    const int64_t batches = chunk_batches(device, batch, length, columns);
    if (!batches) {
        sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                "A Fourier transform of %" PRId64 " tokens with %" PRId64
                " columns is larger than the storage buffer range of %s.",
                length, columns, device->base.description.name);
        return NULL;
    }
    const int chunk_count = (int)((batch + batches - 1) / batches);
    struct vk_fft *fft = sb_allocate(1, sizeof *fft + (size_t)chunk_count * sizeof fft->chunks[0], error);
    if (!fft) return NULL;
    *fft = (struct vk_fft){.batch = batch, .length = length, .columns = columns, .chunk_count = chunk_count};
    const size_t chunk_bytes = transform_bytes(batches, length, columns);
    const size_t all_bytes = transform_bytes(batch, length, columns);
    for (int i = 0; i < chunk_count; i++) {
        struct chunk *chunk = &fft->chunks[i];
        const size_t offset = (size_t)i * chunk_bytes;
        chunk->bytes = all_bytes - offset < chunk_bytes ? all_bytes - offset : chunk_bytes;
        VK(vkCreateFence(device->handle, &(VkFenceCreateInfo){.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO}, NULL,
                         &chunk->fence));
        VK(vkCreateBuffer(device->handle,
                          &(VkBufferCreateInfo){.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                                .size = chunk->bytes,
                                                .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT},
                          NULL, &chunk->buffer));
        VkMemoryRequirements requirements;
        vkGetBufferMemoryRequirements(device->handle, chunk->buffer, &requirements);
        if (offset % requirements.alignment) {
            sb_fail(error, SIMBA_ERROR_INTERNAL, "A part of the FFT workspace at byte %zu is not aligned to %zu.",
                    offset, (size_t)requirements.alignment);
            goto error;
        }
        VK(vkBindBufferMemory(device->handle, chunk->buffer, program->workspace.memory, offset));
    }
    if (!plan_chunks(device, fft, batches, error)) goto error;
    return fft;

error:
    destroy(device, fft);
    return NULL;
}

bool vk_fft(struct vk_lowering *lowering, int64_t batch, int64_t length, int64_t columns, bool inverse) {
    struct vk_program *program = lowering->program;
    if (length == 1) return true;
    vk_fft_workspace(lowering, batch, length, columns);
    vk_lowering_order(lowering, false);
    const struct vk_dispatch_record record = {
        .node = lowering->node->index,
        .kernel = VK_KERNEL_COUNT,
        .constants = {(uint32_t)batch, (uint32_t)length, (uint32_t)columns, inverse}};
    if (!lowering->commands) return vk_profile_dispatch(lowering, &record);
    struct vk_fft *fft = program->ffts;
    while (fft && (fft->batch != batch || fft->length != length || fft->columns != columns)) fft = fft->next;
    if (!fft) {
        fft = create(program, batch, length, columns, lowering->error);
        if (!fft) return sb_fail_within(lowering->error, "%s: ", lowering->node->name);
        fft->next = program->ffts;
        program->ffts = fft;
    }
    for (int i = 0; i < fft->chunk_count; i++) {
        const int result = vkfft_append(fft->chunks[i].plan, lowering->commands, inverse);
        if (result) return fail_plan(lowering->error, fft, "record", result);
    }
    return vk_profile_dispatch(lowering, &record);
}

void vk_ffts_finish(struct vk_program *program) {
    while (program->ffts) {
        struct vk_fft *fft = program->ffts;
        program->ffts = fft->next;
        destroy((struct vk_device *)program->base.device, fft);
    }
}
