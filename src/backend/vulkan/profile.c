/* Where the time of a program goes: time stamps behind nodes and dispatches, and which kernels a node runs. */
#include "backend/vulkan/runtime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The slot's queries: nodes, beginnings of phases, dispatches. */
static uint32_t phase_query(const struct vk_program *program, enum sb_phase phase) {
    return (uint32_t)(program->base.graph->node_count + (int)phase);
}

static uint32_t dispatch_query(const struct vk_program *program, int dispatch) {
    return (uint32_t)(program->base.graph->node_count + SB_PHASE_COUNT + dispatch);
}

/* The first entry of the account that belongs to the node or to a later one; entries are in the order of nodes. */
static int first_dispatch(const struct vk_program *program, int node) {
    int low = 0, high = program->dispatch_count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (program->dispatches[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool vk_profile_init(struct vk_program *program, int slot, struct simba_error *error) {
    if (!program->profile) return true;
    const struct vk_device *device = (const struct vk_device *)program->base.device;
    VK(vkCreateQueryPool(
        device->handle,
        &(VkQueryPoolCreateInfo){
            .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
            .queryType = VK_QUERY_TYPE_TIMESTAMP,
            .queryCount = dispatch_query(program, program->profile_dispatches ? program->dispatch_count : 0)},
        NULL, &program->queries[slot]));
    return true;
error:
    return false;
}

static void stamp(struct vk_program *program, VkCommandBuffer commands, int slot, uint32_t query) {
    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, program->queries[slot], query);
}

void vk_profile_begin(struct vk_program *program, VkCommandBuffer commands, int slot, enum sb_phase phase) {
    if (!program->profile) return;
    const struct sb_graph *graph = program->base.graph;
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i]->phase == phase) vkCmdResetQueryPool(commands, program->queries[slot], (uint32_t)i, 1);
    for (int i = 0; program->profile_dispatches && i < program->dispatch_count; i++)
        if (graph->nodes[program->dispatches[i].node]->phase == phase)
            vkCmdResetQueryPool(commands, program->queries[slot], dispatch_query(program, i), 1);
    vkCmdResetQueryPool(commands, program->queries[slot], phase_query(program, phase), 1);
    stamp(program, commands, slot, phase_query(program, phase));
}

void vk_profile_node(struct vk_program *program, VkCommandBuffer commands, int slot, int node) {
    if (program->profile) stamp(program, commands, slot, (uint32_t)node);
}

bool vk_profile_dispatch(struct vk_lowering *lowering, const struct vk_dispatch_record *record) {
    struct vk_program *program = lowering->program;
    if (!program->accounts) return true;
    if (lowering->commands) {
        if (lowering->slot >= 0 && program->profile_dispatches)
            stamp(program, lowering->commands, lowering->slot,
                  dispatch_query(program, first_dispatch(program, record->node) + lowering->dispatches - 1));
        return true;
    }
    if (program->dispatch_count == program->dispatch_capacity) {
        const int capacity = program->dispatch_capacity ? 2 * program->dispatch_capacity : 64;
        struct vk_dispatch_record *grown = realloc(program->dispatches, (size_t)capacity * sizeof *grown);
        if (!grown) return vk_lowering_fail(lowering, SIMBA_ERROR_MEMORY, "No memory for the account of dispatches.");
        program->dispatches = grown;
        program->dispatch_capacity = capacity;
    }
    program->dispatches[program->dispatch_count++] = *record;
    return true;
}

static bool read_stamp(const struct vk_program *program, int slot, uint32_t query, uint64_t *ticks,
                       struct simba_error *error) {
    const struct vk_device *device = (const struct vk_device *)program->base.device;
    VK(vkGetQueryPoolResults(device->handle, program->queries[slot], query, 1, sizeof *ticks, ticks, sizeof *ticks,
                             VK_QUERY_RESULT_64_BIT));
    return true;
error:
    return false;
}

bool vk_program_times(struct sb_program *base, int slot, double *seconds, struct simba_error *error) {
    const struct vk_program *program = (const struct vk_program *)base;
    const struct sb_graph *graph = base->graph;
    memset(seconds, 0, (size_t)graph->node_count * sizeof *seconds);
    if (!program->profile)
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                       "%s has no times of its nodes: the device has no time stamps, or they were not asked for.",
                       program->name);
    if (!vk_program_wait(base, slot, error)) return false;
    for (int phase = 0; phase < SB_PHASE_COUNT; phase++) {
        if (!(program->timed_phases[slot] & 1u << phase) || !program->phases[slot][phase].count) continue;
        uint64_t before, now;
        if (!read_stamp(program, slot, phase_query(program, (enum sb_phase)phase), &before, error)) return false;
        for (int i = 0; i < graph->node_count; i++) {
            if ((int)graph->nodes[i]->phase != phase || !vk_lower_functions[graph->nodes[i]->op]) continue;
            if (!read_stamp(program, slot, (uint32_t)i, &now, error)) return false;
            seconds[i] = vk_device_seconds((const struct vk_device *)base->device, before, now);
            before = now;
        }
    }
    return true;
}

/* The time stamp in front of a node: that of the one before it in its phase, or of the phase's beginning. */
static uint32_t query_before(const struct vk_program *program, int node) {
    const struct sb_graph *graph = program->base.graph;
    const enum sb_phase phase = graph->nodes[node]->phase;
    for (int i = node - 1; i >= 0; i--)
        if (graph->nodes[i]->phase == phase && vk_lower_functions[graph->nodes[i]->op]) return (uint32_t)i;
    return phase_query(program, phase);
}

static void write_constants(const struct vk_dispatch_record *record, char *text, size_t size) {
    static const char *const of_transform[] = {"batch", "length", "columns", "inverse"};
    const bool transform = record->kernel == VK_KERNEL_COUNT;
    const uint32_t count = transform ? 4 : vk_kernels[record->kernel].constant_count;
    const char *const *names = transform ? of_transform : vk_kernels[record->kernel].constant_names;
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%s=%u", i ? ", " : "", names[i], record->constants[i]);
}

bool vk_program_dispatches(struct sb_program *base, int slot, int node,
                           void (*visit)(void *user, const struct sb_dispatch *dispatch), void *user,
                           struct simba_error *error) {
    const struct vk_program *program = (const struct vk_program *)base;
    const struct vk_device *device = (const struct vk_device *)base->device;
    const int first = first_dispatch(program, node);
    if (first == program->dispatch_count || program->dispatches[first].node != node) return true;
    if (!vk_program_wait(base, slot, error)) return false;
    const bool timed =
        program->profile_dispatches && program->timed_phases[slot] & 1u << base->graph->nodes[node]->phase;
    uint64_t before = 0, now = 0;
    if (timed && !read_stamp(program, slot, query_before(program, node), &before, error)) return false;
    for (int i = first; i < program->dispatch_count && program->dispatches[i].node == node; i++) {
        const struct vk_dispatch_record *record = &program->dispatches[i];
        char constants[512];
        write_constants(record, constants, sizeof constants);
        if (timed && !read_stamp(program, slot, dispatch_query(program, i), &now, error)) return false;
        const char *kernel = record->kernel == VK_KERNEL_COUNT ? "VkFFT" : vk_kernels[record->kernel].name;
        visit(user, &(struct sb_dispatch){.kernel = kernel,
                                          .constants = constants,
                                          .seconds = timed ? vk_device_seconds(device, before, now) : NAN});
        before = now;
    }
    return true;
}
