/* Memory seen as texel buffers. There is one view over each memory of the device, and a kernel that wants texels gets
 * a descriptor set with the views of the memories in which its tensors lie. */
#include "backend/vulkan/runtime.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXEL_BYTES = 16, MAX_SETS = 512 };

struct vk_texel_set {
    struct vk_texel_set *next;
    VkBufferView views[VK_MAX_TEXELS];
    VkDescriptorSet handle;
};

static uint64_t max_view_bytes(const struct vk_device *device) {
    return (uint64_t)device->capabilities.properties.limits.maxTexelBufferElements * TEXEL_BYTES;
}

bool vk_texel_layout_create(struct vk_device *device, struct simba_error *error) {
    VkDescriptorSetLayoutBinding bindings[VK_MAX_TEXELS];
    for (uint32_t i = 0; i < VK_MAX_TEXELS; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                     .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
                                                     .descriptorCount = 1,
                                                     .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VK(vkCreateDescriptorSetLayout(
        device->handle,
        &(VkDescriptorSetLayoutCreateInfo){.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                           .bindingCount = VK_MAX_TEXELS,
                                           .pBindings = bindings},
        NULL, &device->texel_layout));
    return true;
error:
    return false;
}

bool vk_texel_view_create(struct vk_device *device, struct vk_buffer *buffer, struct simba_error *error) {
    uint64_t bytes = buffer->size / TEXEL_BYTES * TEXEL_BYTES;
    if (bytes > max_view_bytes(device)) bytes = max_view_bytes(device);
    VK(vkCreateBufferView(device->handle,
                          &(VkBufferViewCreateInfo){.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                                                    .buffer = buffer->handle,
                                                    .format = VK_FORMAT_R32G32B32A32_SFLOAT,
                                                    .range = bytes},
                          NULL, &buffer->texels));
    return true;
error:
    return false;
}

static const struct vk_buffer *find_memory(const struct vk_program *program, uint64_t address) {
    for (int space = 0; space < SB_SPACE_COUNT; space++) {
        const struct vk_buffer *buffer = program->spaces[space];
        if (buffer && address >= buffer->address && address < buffer->address + buffer->size) return buffer;
    }
    /* Scratch has no memory yet in the measuring pass: its addresses count from 0. */
    return &program->scratch;
}

bool vk_texels(struct vk_lowering *lowering, uint64_t address, uint64_t bytes, uint32_t *first) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const uint64_t offset = address - find_memory(lowering->program, address)->address;
    *first = (uint32_t)(offset / TEXEL_BYTES);
    /* The twins load 64 bits at a time. */
    return (limits->texel_fetch || limits->int64) && offset % TEXEL_BYTES == 0 &&
           offset + bytes <= max_view_bytes(lowering->device);
}

uint64_t vk_texel_memory(const struct vk_program *program, uint64_t address) {
    return find_memory(program, address)->address;
}

bool vk_tensor_texels(struct vk_lowering *lowering, const struct sb_tensor *tensor, uint64_t *address,
                      uint32_t *first) {
    *address = vk_tensor_address(lowering, tensor);
    return !tensor || vk_texels(lowering, *address, sb_bytes(tensor), first);
}

static bool create_set(struct vk_lowering *lowering, struct vk_texel_set *set) {
    struct vk_device *device = lowering->device;
    struct vk_texel_sets *sets = &lowering->program->texels;
    struct simba_error *error = lowering->error;
    if (!sets->pool)
        VK(vkCreateDescriptorPool(
            device->handle,
            &(VkDescriptorPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                          .maxSets = MAX_SETS,
                                          .poolSizeCount = 1,
                                          .pPoolSizes =
                                              &(VkDescriptorPoolSize){.type = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
                                                                      .descriptorCount = MAX_SETS * VK_MAX_TEXELS}},
            NULL, &sets->pool));
    VK(vkAllocateDescriptorSets(device->handle,
                                &(VkDescriptorSetAllocateInfo){.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                                               .descriptorPool = sets->pool,
                                                               .descriptorSetCount = 1,
                                                               .pSetLayouts = &device->texel_layout},
                                &set->handle));
    vkUpdateDescriptorSets(device->handle, 1,
                           &(VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                                   .dstSet = set->handle,
                                                   .descriptorCount = VK_MAX_TEXELS,
                                                   .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
                                                   .pTexelBufferView = set->views},
                           0, NULL);
    return true;
error:
    return false;
}

bool vk_texel_set_get(struct vk_lowering *lowering, const uint64_t *addresses, uint32_t count, VkDescriptorSet *set) {
    struct vk_texel_sets *sets = &lowering->program->texels;
    VkBufferView views[VK_MAX_TEXELS];
    for (uint32_t i = 0; i < VK_MAX_TEXELS; i++) {
        const uint64_t address = i < count && addresses[i] ? addresses[i] : addresses[0];
        views[i] = find_memory(lowering->program, address)->texels;
    }
    struct vk_texel_set *found = sets->first;
    while (found && memcmp(found->views, views, sizeof views)) found = found->next;
    if (!found) {
        found = sb_allocate(1, sizeof *found, lowering->error);
        if (!found) return false;
        memcpy(found->views, views, sizeof views);
        if (!create_set(lowering, found)) {
            free(found);
            return false;
        }
        found->next = sets->first;
        sets->first = found;
    }
    *set = found->handle;
    return true;
}

void vk_texel_sets_finish(struct vk_program *program) {
    struct vk_device *device = (struct vk_device *)program->base.device;
    while (program->texels.first) {
        struct vk_texel_set *set = program->texels.first;
        program->texels.first = set->next;
        free(set);
    }
    vkDestroyDescriptorPool(device->handle, program->texels.pool, NULL);
}
