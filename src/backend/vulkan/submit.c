/* Running a compiled program, and looking at its tensors. */
#include "backend/vulkan/runtime.h"

#include <stdlib.h>
#include <string.h>

void *vk_program_host(struct sb_program *base, int slot, const struct sb_tensor *tensor) {
    struct vk_program *program = (struct vk_program *)base;
    const int64_t offset = program->host_offset[tensor->index];
    if (offset < 0) return NULL;
    return (tensor->is_input ? &program->upload[slot] : &program->download[slot])->mapped + offset;
}

bool vk_program_wait(struct sb_program *base, int slot, struct simba_error *error) {
    struct vk_program *program = (struct vk_program *)base;
    if (!program->running[slot]) return true;
    program->running[slot] = false;
    return vk_device_wait((struct vk_device *)base->device, program->fences[slot], error);
}

static void add_submit(struct vk_program *program, uint32_t *count, const VkCommandBuffer *commands) {
    program->submits[(*count)++] =
        (VkSubmitInfo){.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = commands};
}

static bool queue_submit(struct vk_device *device, uint32_t count, const VkSubmitInfo *submits, VkFence fence,
                         struct simba_error *error) {
    VK(vkResetFences(device->handle, 1, &fence));
    pthread_mutex_lock(&device->mutex);
    const VkResult result = vkQueueSubmit(device->queue, count, submits, fence);
    pthread_mutex_unlock(&device->mutex);
    VK(result);
    return true;
error:
    return false;
}

bool vk_program_submit(struct sb_program *base, int slot, unsigned phases, struct simba_error *error) {
    struct vk_program *program = (struct vk_program *)base;
    if (!vk_program_wait(base, slot, error)) return false;
    uint32_t count = 0;
    const struct vk_commands *recorded = program->phases[program->profile ? slot : 0];
    for (int phase = 0; phase < SB_PHASE_COUNT; phase++) {
        if (!(phases & 1u << phase) || !recorded[phase].count) continue;
        add_submit(program, &count, &program->begin[slot][phase]);
        for (uint32_t i = 0; i < recorded[phase].count; i++) add_submit(program, &count, &recorded[phase].buffers[i]);
    }
    add_submit(program, &count, &program->end[slot]);
    if (!queue_submit((struct vk_device *)base->device, count, program->submits, program->fences[slot], error))
        return false;
    program->running[slot] = true;
    program->timed_phases[slot] = phases;
    return true;
}

static bool wait_all(struct sb_program *program, struct simba_error *error) {
    for (int slot = 0; slot < SB_SLOTS; slot++)
        if (!vk_program_wait(program, slot, error)) return false;
    return true;
}

bool vk_program_run_node(struct sb_program *base, int slot, int node, struct simba_error *error) {
    (void)slot; /* the node works on what lies in device memory */
    struct vk_program *program = (struct vk_program *)base;
    struct vk_device *device = (struct vk_device *)base->device;
    struct vk_lowering lowering;
    if (!wait_all(base, error)) return false;
    VK(vkResetCommandBuffer(program->single, 0));
    VK(vkBeginCommandBuffer(program->single,
                            &(VkCommandBufferBeginInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                                        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT}));
    vk_full_barrier(program->single);
    vk_lowering_init(&lowering, program, program->single, error);
    const bool lowered = vk_lower_node(&lowering, base->graph->nodes[node]);
    vk_full_barrier(program->single);
    VK(vkEndCommandBuffer(program->single));
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &program->single};
    return lowered && queue_submit(device, 1, &submit, program->single_fence, error) &&
           vk_device_wait(device, program->single_fence, error);
error:
    return false;
}

/* A tensor's storage, from its first to its last element, copied to the host; the caller frees it. */
static unsigned char *fetch(struct vk_program *program, const struct sb_tensor *tensor, struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)program->base.device;
    const struct vk_buffer *space = program->spaces[sb_storage(tensor)->space];
    unsigned char *bytes = sb_allocate(1, sb_bytes(tensor), error);
    if (bytes && !vk_buffer_read(device, (struct vk_buffer *)space, (VkDeviceSize)sb_address(tensor), bytes,
                                 sb_bytes(tensor), error)) {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}

bool vk_program_read(struct sb_program *base, const struct sb_tensor *tensor, void *dense, struct simba_error *error) {
    struct vk_program *program = (struct vk_program *)base;
    if (!wait_all(base, error)) return false;
    unsigned char *bytes = fetch(program, tensor, error);
    if (!bytes) return false;
    const size_t size = sb_dtype_size(tensor->dtype), row = (size_t)sb_columns(tensor) * size;
    for (int64_t i = 0; i < sb_rows(tensor); i++)
        memcpy((unsigned char *)dense + (size_t)i * row, bytes + (size_t)(i * tensor->pitch) * size, row);
    free(bytes);
    return true;
}

bool vk_program_write(struct sb_program *base, const struct sb_tensor *tensor, const void *dense,
                      struct simba_error *error) {
    struct vk_program *program = (struct vk_program *)base;
    if (!wait_all(base, error)) return false;
    /* What lies between the rows of a pitched tensor belongs to others: it is read and written back. */
    unsigned char *bytes = fetch(program, tensor, error);
    if (!bytes) return false;
    const size_t size = sb_dtype_size(tensor->dtype), row = (size_t)sb_columns(tensor) * size;
    for (int64_t i = 0; i < sb_rows(tensor); i++)
        memcpy(bytes + (size_t)(i * tensor->pitch) * size, (const unsigned char *)dense + (size_t)i * row, row);
    const bool done = vk_buffer_write((struct vk_device *)base->device,
                                      (struct vk_buffer *)program->spaces[sb_storage(tensor)->space],
                                      (VkDeviceSize)sb_address(tensor), bytes, sb_bytes(tensor), error);
    free(bytes);
    return done;
}
