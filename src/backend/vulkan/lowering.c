/* From nodes to commands: addresses, scratch, barriers and dispatches. */
#include "backend/vulkan/runtime.h"

#include "ops/ops.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SCRATCH_ALIGNMENT = 256, MAX_ARGUMENT_BYTES = 512 };

void vk_lowering_init(struct vk_lowering *lowering, struct vk_program *program, VkCommandBuffer commands,
                      struct simba_error *error) {
    memset(lowering, 0, sizeof *lowering);
    lowering->device = (struct vk_device *)program->base.device;
    lowering->program = program;
    lowering->commands = commands;
    lowering->error = error;
    lowering->slot = -1;
}

const struct vk_limits *vk_lowering_limits(const struct vk_lowering *lowering) {
    return &lowering->device->limits;
}

bool vk_lowering_fail(struct vk_lowering *lowering, enum simba_code code, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return sb_fail(lowering->error, code, "%s: %s", lowering->node->name, text);
}

uint64_t vk_tensor_address(struct vk_lowering *lowering, const struct sb_tensor *tensor) {
    if (!tensor) return 0;
    return lowering->program->spaces[sb_storage(tensor)->space]->address + (uint64_t)sb_address(tensor);
}

uint64_t vk_scratch_address(struct vk_lowering *lowering, size_t bytes) {
    const uint64_t address = lowering->program->scratch.address + lowering->used.scratch;
    lowering->used.scratch += (bytes + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
    return address;
}

/* ---- hazards: a barrier goes in front of a node only if it touches what was touched since the last one */

static bool overlaps(const struct vk_range *ranges, int count, struct vk_range range) {
    for (int i = 0; i < count; i++)
        if (ranges[i].begin < range.end && range.begin < ranges[i].end) return true;
    return false;
}

static struct vk_range tensor_range(struct vk_lowering *lowering, const struct sb_tensor *tensor) {
    const uint64_t address = vk_tensor_address(lowering, tensor);
    return (struct vk_range){address, address + sb_bytes(tensor)};
}

/* The operations that update some of their inputs in place. */
static bool writes_inputs(enum sb_op op) {
    return op == SB_OP_BATCH_NORM || op == SB_OP_ACCUMULATE || op == SB_OP_ADAMW || op == SB_OP_AVERAGE;
}

/* What the node reads and writes; room for every tensor and the two shared scratch memories. */
struct node_ranges {
    struct vk_range reads[SB_MAX_INPUTS], writes[SB_MAX_INPUTS + SB_MAX_OUTPUTS + 2];
    int read_count, write_count;
};

static void collect_ranges(struct vk_lowering *lowering, const struct sb_node *node, struct node_ranges *ranges) {
    const struct vk_program *program = lowering->program;
    const struct vk_node_needs *needs = &program->needs[node->index];
    ranges->read_count = ranges->write_count = 0;
    for (int i = 0; i < SB_MAX_INPUTS; i++) {
        if (!node->inputs[i]) continue;
        const struct vk_range range = tensor_range(lowering, node->inputs[i]);
        if (writes_inputs(node->op))
            ranges->writes[ranges->write_count++] = range;
        else
            ranges->reads[ranges->read_count++] = range;
    }
    for (int i = 0; i < SB_MAX_OUTPUTS; i++)
        if (node->outputs[i]) ranges->writes[ranges->write_count++] = tensor_range(lowering, node->outputs[i]);
    if (needs->scratch)
        ranges->writes[ranges->write_count++] =
            (struct vk_range){program->scratch.address, program->scratch.address + needs->scratch};
    if (needs->workspace)
        ranges->writes[ranges->write_count++] =
            (struct vk_range){program->workspace.address, program->workspace.address + needs->workspace};
}

static bool needs_barrier(const struct vk_lowering *lowering, const struct node_ranges *ranges) {
    if (lowering->read_count + ranges->read_count > VK_MAX_RANGES ||
        lowering->write_count + ranges->write_count > VK_MAX_RANGES)
        return true;
    for (int i = 0; i < ranges->read_count; i++)
        if (overlaps(lowering->writes, lowering->write_count, ranges->reads[i])) return true;
    for (int i = 0; i < ranges->write_count; i++)
        if (overlaps(lowering->writes, lowering->write_count, ranges->writes[i]) ||
            overlaps(lowering->reads, lowering->read_count, ranges->writes[i]))
            return true;
    return false;
}

static void compute_barrier(struct vk_lowering *lowering) {
    vkCmdPipelineBarrier(lowering->commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                         0, 1,
                         &(VkMemoryBarrier){.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                            .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
                                            .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT},
                         0, NULL, 0, NULL);
}

void vk_full_barrier(VkCommandBuffer commands) {
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                         &(VkMemoryBarrier){.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                            .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
                                            .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT |
                                                             VK_ACCESS_HOST_READ_BIT},
                         0, NULL, 0, NULL);
}

void vk_lowering_order(struct vk_lowering *lowering, bool concurrent) {
    if (lowering->commands && (lowering->dispatches ? !concurrent : lowering->begins)) {
        compute_barrier(lowering);
        lowering->barriers++;
    }
    lowering->dispatches++;
}

/* ---- dispatches */

/* Where the block of this dispatch lies in the argument buffer. */
static uint64_t place_arguments(struct vk_lowering *lowering, const struct vk_kernel_info *info,
                                const void *arguments) {
    struct vk_program *program = lowering->program;
    const size_t offset = program->needs[lowering->node->index].arguments_first + lowering->used.arguments;
    lowering->used.arguments += (info->argument_bytes + 63) / 64 * 64;
    if (lowering->commands) memcpy(program->arguments.mapped + offset, arguments, info->argument_bytes);
    return program->arguments.address + offset;
}

/* The same dispatch of the kernel's twin: its arguments, then the address of each texel buffer. */
static bool dispatch_twin(struct vk_lowering *lowering, const struct vk_dispatch *dispatch) {
    const struct vk_kernel_info *info = &vk_kernels[dispatch->kernel];
    uint64_t block[MAX_ARGUMENT_BYTES / sizeof(uint64_t)] = {0};
    if (vk_kernels[info->twin].argument_bytes > sizeof block)
        return vk_lowering_fail(lowering, SIMBA_ERROR_INTERNAL, "kernel %s has too many arguments.", info->name);
    memcpy(block, dispatch->arguments, info->argument_bytes);
    for (uint32_t i = 0; i < info->texel_count; i++) {
        const uint64_t address = dispatch->texels[i] ? dispatch->texels[i] : dispatch->texels[0];
        block[info->twin_addresses / sizeof(uint64_t) + i] = vk_texel_memory(lowering->program, address);
    }
    struct vk_dispatch twin = *dispatch;
    twin.kernel = info->twin;
    twin.arguments = block;
    return vk_dispatch(lowering, &twin);
}

bool vk_dispatch(struct vk_lowering *lowering, const struct vk_dispatch *dispatch) {
    struct vk_device *device = lowering->device;
    if (vk_kernels[dispatch->kernel].texel_count && !device->limits.texel_fetch)
        return dispatch_twin(lowering, dispatch);
    const struct vk_kernel_info *info = &vk_kernels[dispatch->kernel];
    uint32_t groups[3];
    for (int i = 0; i < 3; i++) {
        groups[i] = dispatch->groups[i] ? dispatch->groups[i] : 1;
        if (groups[i] > device->limits.max_groups[i])
            return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                    "kernel %s needs %" PRIu32 " workgroups in dimension %d, the device allows %" PRIu32
                                    "; use a smaller batch, with gradient accumulation.",
                                    info->name, groups[i], i, device->limits.max_groups[i]);
    }
    VkPipeline pipeline;
    if (!vk_pipeline_get(device, dispatch->kernel, dispatch->constants, &pipeline, lowering->error))
        return sb_fail_within(lowering->error, "%s: ", lowering->node->name);
    const void *push = dispatch->arguments;
    uint32_t push_bytes = info->argument_bytes;
    uint64_t address;
    if (info->by_address) {
        address = place_arguments(lowering, info, dispatch->arguments);
        push = &address;
        push_bytes = sizeof address;
    }
    struct vk_dispatch_record record = {.node = lowering->node->index, .kernel = dispatch->kernel};
    for (uint32_t i = 0; i < info->constant_count; i++)
        record.constants[i] = dispatch->constants[i] ? dispatch->constants[i] : info->constants[i];
    vk_lowering_order(lowering, dispatch->concurrent);
    if (!lowering->commands) return vk_profile_dispatch(lowering, &record);
    if (info->texel_count) {
        VkDescriptorSet set;
        if (!vk_texel_set_get(lowering, dispatch->texels, info->texel_count, &set)) return false;
        vkCmdBindDescriptorSets(lowering->commands, VK_PIPELINE_BIND_POINT_COMPUTE, device->layout, 0, 1, &set, 0,
                                NULL);
    }
    vkCmdBindPipeline(lowering->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdPushConstants(lowering->commands, device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes, push);
    vkCmdDispatch(lowering->commands, groups[0], groups[1], groups[2]);
    return vk_profile_dispatch(lowering, &record);
}

static bool check_sizes(struct vk_lowering *lowering, const struct sb_node *node) {
    for (int i = 0; i < SB_MAX_INPUTS + SB_MAX_OUTPUTS; i++) {
        const struct sb_tensor *tensor = i < SB_MAX_INPUTS ? node->inputs[i] : node->outputs[i - SB_MAX_INPUTS];
        if (tensor && sb_rows(tensor) * tensor->pitch >= VK_MAX_ELEMENTS)
            return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                    "%s has %" PRId64 " elements, more than a kernel can index; use a smaller batch, "
                                    "with gradient accumulation.",
                                    tensor->name, sb_elements(tensor));
    }
    return true;
}

bool vk_lower_node(struct vk_lowering *lowering, const struct sb_node *node) {
    const vk_lower_function function = vk_lower_functions[node->op];
    if (!function) return true; /* a view */
    struct vk_program *program = lowering->program;
    struct vk_node_needs *needs = &program->needs[node->index];
    struct node_ranges ranges = {0};
    lowering->node = node;
    lowering->dispatches = lowering->barriers = 0;
    lowering->used = (struct vk_node_needs){0};
    if (lowering->commands) {
        collect_ranges(lowering, node, &ranges);
        lowering->begins = program->profile || needs_barrier(lowering, &ranges);
    }
    if (!check_sizes(lowering, node) || !function(lowering, node)) return false;
    if (!lowering->commands) {
        lowering->used.arguments_first = needs->arguments_first;
        *needs = lowering->used;
        return true;
    }
    if (lowering->used.scratch != needs->scratch || lowering->used.workspace != needs->workspace ||
        lowering->used.arguments != needs->arguments)
        return vk_lowering_fail(lowering, SIMBA_ERROR_INTERNAL,
                                "its lowering asked for other memory when recording than when measuring.");
    if (!lowering->dispatches) return true;
    /* A barrier anywhere in the node has everything before it done; the node's own ranges stay open. */
    if (lowering->barriers) lowering->read_count = lowering->write_count = 0;
    memcpy(lowering->reads + lowering->read_count, ranges.reads, (size_t)ranges.read_count * sizeof ranges.reads[0]);
    lowering->read_count += ranges.read_count;
    memcpy(lowering->writes + lowering->write_count, ranges.writes,
           (size_t)ranges.write_count * sizeof ranges.writes[0]);
    lowering->write_count += ranges.write_count;
    return true;
}
