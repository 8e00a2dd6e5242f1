/* Compiling a graph: memory, and everything recorded once into command buffers. */
#include "backend/vulkan/runtime.h"

#include "ops/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one command buffer may hold by a rough estimate, on a slow GPU (100 GFLOP/s, 10 GB/s), so that a submit stays
 * far below the 2 s after which drivers take the device for hung. */
static const double seconds_per_commands = 0.25, assumed_flops = 1e11, assumed_bytes = 1e10;

static double estimate_seconds(const struct sb_node *node) {
    const struct sb_op_info *info = sb_op_info(node->op);
    if (!info || !info->cost) return 0;
    struct sb_cost cost = {0};
    info->cost(node, &cost);
    return (cost.flops + 4 * cost.special) / assumed_flops + cost.bytes / assumed_bytes;
}

static size_t dense_bytes(const struct sb_tensor *tensor) {
    return (size_t)sb_elements(tensor) * sb_dtype_size(tensor->dtype);
}

static size_t align_up(size_t value, size_t alignment) {
    return (value + alignment - 1) / alignment * alignment;
}

/* ---- memory */

static bool place_host_memory(struct vk_program *program, struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)program->base.device;
    const struct sb_graph *graph = program->base.graph;
    size_t upload = 0, download = 0;
    program->host_offset = sb_allocate((size_t)graph->tensor_count + 1, sizeof *program->host_offset, error);
    if (!program->host_offset) return false;
    for (int i = 0; i < graph->tensor_count; i++) {
        const struct sb_tensor *tensor = graph->tensors[i];
        program->host_offset[i] = -1;
        if (!tensor->is_input && !tensor->is_output) continue;
        size_t *end = tensor->is_input ? &upload : &download;
        program->host_offset[i] = (int64_t)*end;
        *end = align_up(*end + dense_bytes(tensor), 256);
    }
    for (int slot = 0; slot < SB_SLOTS; slot++) {
        if (!vk_buffer_init(device, upload, VK_MEMORY_UPLOAD, "the inputs of a step", &program->upload[slot], error) ||
            !vk_buffer_init(device, download, VK_MEMORY_READBACK, "the outputs of a step", &program->download[slot],
                            error))
            return false;
        memset(program->upload[slot].mapped, 0, program->upload[slot].size);
        memset(program->download[slot].mapped, 0, program->download[slot].size);
    }
    return true;
}

/* Runs every lowering without recording, and makes the memory that they ask for. */
static bool measure(struct vk_program *program, struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)program->base.device;
    const struct sb_graph *graph = program->base.graph;
    program->needs = sb_allocate((size_t)graph->node_count + 1, sizeof *program->needs, error);
    if (!program->needs) return false;
    struct vk_lowering lowering;
    vk_lowering_init(&lowering, program, VK_NULL_HANDLE, error);
    size_t scratch = 0, workspace = 0, arguments = 0;
    for (int i = 0; i < graph->node_count; i++) {
        struct vk_node_needs *needs = &program->needs[i];
        needs->arguments_first = arguments;
        if (!vk_lower_node(&lowering, graph->nodes[i])) return false;
        arguments += needs->arguments;
        if (needs->scratch > scratch) scratch = needs->scratch;
        if (needs->workspace > workspace) workspace = needs->workspace;
    }
    if (scratch && !vk_buffer_init(device, scratch, VK_MEMORY_DEVICE, "intermediate results of one operation",
                                   &program->scratch, error))
        return false;
    if (workspace &&
        !vk_buffer_init(device, workspace, VK_MEMORY_DEVICE, "Fourier transforms", &program->workspace, error))
        return false;
    return !arguments ||
           vk_buffer_init(device, arguments, VK_MEMORY_UPLOAD, "kernel arguments", &program->arguments, error);
}

/* ---- command buffers */

static bool begin_commands(struct vk_program *program, VkCommandBuffer *commands, struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)program->base.device;
    VK(vkAllocateCommandBuffers(device->handle,
                                &(VkCommandBufferAllocateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                               .commandPool = program->pool,
                                                               .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                               .commandBufferCount = 1},
                                commands));
    /* The two slots may be on their way at the same time. */
    VK(vkBeginCommandBuffer(*commands,
                            &(VkCommandBufferBeginInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                                        .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT}));
    vk_full_barrier(*commands);
    return true;
error:
    return false;
}

static bool uses(const struct sb_node *node, const struct sb_tensor *tensor) {
    for (int i = 0; i < SB_MAX_INPUTS; i++)
        if (node->inputs[i] && sb_storage(node->inputs[i]) == sb_storage(tensor)) return true;
    return false;
}

static bool phase_uses(const struct sb_graph *graph, enum sb_phase phase, const struct sb_tensor *tensor) {
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i]->phase == phase && uses(graph->nodes[i], tensor)) return true;
    return false;
}

/* Copies between the slot's dense host memory and the tensor, row by row when it is pitched. */
static bool record_copy(struct vk_program *program, VkCommandBuffer commands, int slot, const struct sb_tensor *tensor,
                        struct simba_error *error) {
    const struct vk_buffer *space = program->spaces[sb_storage(tensor)->space];
    const struct vk_buffer *host = tensor->is_input ? &program->upload[slot] : &program->download[slot];
    const VkDeviceSize dense = (VkDeviceSize)program->host_offset[tensor->index];
    const VkDeviceSize address = (VkDeviceSize)sb_address(tensor), size = sb_dtype_size(tensor->dtype);
    const int64_t rows = sb_is_dense(tensor) ? 1 : sb_rows(tensor);
    const VkDeviceSize row = dense_bytes(tensor) / (VkDeviceSize)rows;
    VkBufferCopy *regions = sb_allocate((size_t)rows, sizeof *regions, error);
    if (!regions) return false;
    for (int64_t i = 0; i < rows; i++) {
        const VkDeviceSize at_host = dense + (VkDeviceSize)i * row;
        const VkDeviceSize at_device = address + (VkDeviceSize)(i * tensor->pitch) * size;
        regions[i] =
            tensor->is_input ? (VkBufferCopy){at_host, at_device, row} : (VkBufferCopy){at_device, at_host, row};
    }
    if (tensor->is_input)
        vkCmdCopyBuffer(commands, host->handle, space->handle, (uint32_t)rows, regions);
    else
        vkCmdCopyBuffer(commands, space->handle, host->handle, (uint32_t)rows, regions);
    free(regions);
    return true;
}

static bool record_transfers(struct vk_program *program, int slot, struct simba_error *error) {
    const struct sb_graph *graph = program->base.graph;
    for (int phase = 0; phase < SB_PHASE_COUNT; phase++) {
        VkCommandBuffer *commands = &program->begin[slot][phase];
        if (!begin_commands(program, commands, error)) return false;
        for (int i = 0; i < graph->tensor_count; i++) {
            const struct sb_tensor *tensor = graph->tensors[i];
            if (tensor->is_input && phase_uses(graph, (enum sb_phase)phase, tensor) &&
                !record_copy(program, *commands, slot, tensor, error))
                return false;
        }
        VK(vkEndCommandBuffer(*commands));
    }
    if (!begin_commands(program, &program->end[slot], error)) return false;
    for (int i = 0; i < graph->tensor_count; i++)
        if (graph->tensors[i]->is_output && !graph->tensors[i]->is_input &&
            !record_copy(program, program->end[slot], slot, graph->tensors[i], error))
            return false;
    vk_full_barrier(program->end[slot]);
    VK(vkEndCommandBuffer(program->end[slot]));
    return true;
error:
    return false;
}

static bool append_commands(struct vk_program *program, struct vk_commands *list, struct simba_error *error) {
    if (list->count == list->capacity) {
        const uint32_t capacity = list->capacity ? 2 * list->capacity : 4;
        VkCommandBuffer *grown = realloc(list->buffers, capacity * sizeof *grown);
        if (!grown) return sb_fail(error, SIMBA_ERROR_MEMORY, "No memory for the list of command buffers.");
        list->buffers = grown;
        list->capacity = capacity;
    }
    if (!begin_commands(program, &list->buffers[list->count], error)) return false;
    list->count++;
    return true;
}

static bool record_phase(struct vk_program *program, int slot, enum sb_phase phase, struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)program->base.device;
    const struct sb_graph *graph = program->base.graph;
    struct vk_commands *list = &program->phases[slot][phase];
    struct vk_lowering lowering;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    double seconds = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const struct sb_node *node = graph->nodes[i];
        if (node->phase != phase || !vk_lower_functions[node->op]) continue;
        const double estimate = device->limits.software ? 0 : estimate_seconds(node);
        if (commands && seconds + estimate > seconds_per_commands) {
            VK(vkEndCommandBuffer(commands));
            commands = VK_NULL_HANDLE;
        }
        if (!commands) {
            const bool first = list->count == 0;
            if (!append_commands(program, list, error)) return false;
            commands = list->buffers[list->count - 1];
            vk_lowering_init(&lowering, program, commands, error);
            seconds = 0;
            lowering.slot = slot;
            if (first) vk_profile_begin(program, commands, slot, phase);
        }
        seconds += estimate;
        if (!vk_lower_node(&lowering, node)) return false;
        vk_profile_node(program, commands, slot, i);
    }
    if (commands) VK(vkEndCommandBuffer(commands));
    return true;
error:
    return false;
}

static bool record(struct vk_program *program, struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)program->base.device;
    uint32_t most = 1;
    VK(vkCreateCommandPool(device->handle,
                           &(VkCommandPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                                      .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                                      .queueFamilyIndex = device->capabilities.queue_family},
                           NULL, &program->pool));
    for (int slot = 0; slot < SB_SLOTS; slot++) {
        if (!vk_profile_init(program, slot, error)) return false;
        VK(vkCreateFence(device->handle, &(VkFenceCreateInfo){.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO}, NULL,
                         &program->fences[slot]));
        if (!record_transfers(program, slot, error)) return false;
        /* Time stamps go to a pool of the slot; without them both slots replay the same commands. */
        if (slot && !program->profile) continue;
        uint32_t count = 1;
        for (int phase = 0; phase < SB_PHASE_COUNT; phase++) {
            if (!record_phase(program, slot, (enum sb_phase)phase, error)) return false;
            count += 1 + program->phases[slot][phase].count;
        }
        if (count > most) most = count;
    }
    VK(vkCreateFence(device->handle, &(VkFenceCreateInfo){.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO}, NULL,
                     &program->single_fence));
    VK(vkAllocateCommandBuffers(device->handle,
                                &(VkCommandBufferAllocateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                               .commandPool = program->pool,
                                                               .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                               .commandBufferCount = 1},
                                &program->single));
    program->submits = sb_allocate(most, sizeof *program->submits, error);
    return program->submits != NULL;
error:
    return false;
}

bool vk_program_create(struct sb_device *base, const struct sb_program_parameters *parameters,
                       struct sb_program **created, struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)base;
    struct vk_program *program = sb_allocate(1, sizeof *program, error);
    if (!program) return false;
    program->base.device = base;
    program->base.graph = parameters->graph;
    program->profile = parameters->profile && device->capabilities.timestamp_bits;
    program->accounts = parameters->profile;
    program->profile_dispatches = program->profile && parameters->profile_dispatches;
    if (parameters->profile && !program->profile)
        sb_log(&base->log, SIMBA_LOG_INFO, "%s has no time stamps: the profile will be empty", base->description.name);
    snprintf(program->name, sizeof program->name, "%s", parameters->name ? parameters->name : "program");
    for (int space = 0; space < SB_SPACE_COUNT; space++)
        if (space != SB_SPACE_ACTIVATION && parameters->spaces[space])
            program->spaces[space] = &((struct vk_memory *)parameters->spaces[space])->buffer;
    program->spaces[SB_SPACE_ACTIVATION] = &program->activations;
    for (int i = 0; i < parameters->graph->tensor_count; i++) {
        const struct sb_tensor *tensor = parameters->graph->tensors[i];
        if (program->spaces[sb_storage(tensor)->space]) continue;
        sb_fail(error, SIMBA_ERROR_INTERNAL, "%s: tensor %s lies in a shared space that was not given.", program->name,
                tensor->name);
        goto error;
    }
    if (!vk_buffer_init(device, parameters->plan->activation_bytes, VK_MEMORY_DEVICE, "the activations",
                        &program->activations, error) ||
        !vk_buffer_clear(device, &program->activations, error) || !place_host_memory(program, error) ||
        !measure(program, error) || !record(program, error))
        goto error;
    *created = &program->base;
    return true;

error:
    vk_program_destroy(&program->base);
    return false;
}

void vk_program_destroy(struct sb_program *base) {
    if (!base) return;
    struct vk_program *program = (struct vk_program *)base;
    struct vk_device *device = (struct vk_device *)base->device;
    for (int slot = 0; slot < SB_SLOTS; slot++)
        if (program->running[slot]) vk_device_wait(device, program->fences[slot], NULL);
    vk_ffts_finish(program);
    vk_texel_sets_finish(program);
    for (int slot = 0; slot < SB_SLOTS; slot++) {
        vkDestroyQueryPool(device->handle, program->queries[slot], NULL);
        vkDestroyFence(device->handle, program->fences[slot], NULL);
        vk_buffer_finish(device, &program->upload[slot]);
        vk_buffer_finish(device, &program->download[slot]);
        for (int phase = 0; phase < SB_PHASE_COUNT; phase++) free(program->phases[slot][phase].buffers);
    }
    vkDestroyFence(device->handle, program->single_fence, NULL);
    vkDestroyCommandPool(device->handle, program->pool, NULL);
    vk_buffer_finish(device, &program->arguments);
    vk_buffer_finish(device, &program->workspace);
    vk_buffer_finish(device, &program->scratch);
    vk_buffer_finish(device, &program->activations);
    free(program->submits);
    free(program->dispatches);
    free(program->needs);
    free(program->host_offset);
    free(program);
}

size_t vk_program_memory(const struct sb_program *base) {
    const struct vk_program *program = (const struct vk_program *)base;
    size_t bytes =
        program->activations.size + program->scratch.size + program->workspace.size + program->arguments.size;
    for (int slot = 0; slot < SB_SLOTS; slot++) bytes += program->upload[slot].size + program->download[slot].size;
    return bytes;
}
