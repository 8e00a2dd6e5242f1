#include "null_device.h"

#include "backend/vulkan/runtime.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory: allocated when it is mapped, and only what the host writes is */

struct block {
    VkDeviceSize size;
    void *mapped;
};

static VKAPI_ATTR void VKAPI_CALL memory_properties(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties *memory) {
    (void)device;
    memset(memory, 0, sizeof *memory);
    memory->memoryTypeCount = 2;
    memory->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    memory->memoryTypes[1].propertyFlags = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    memory->memoryHeapCount = 1;
    memory->memoryHeaps[0] = (VkMemoryHeap){(VkDeviceSize)1 << 40, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo *info,
                                               const VkAllocationCallbacks *callbacks, VkDeviceMemory *memory) {
    (void)device, (void)callbacks;
    struct block *block = calloc(1, sizeof *block);
    if (!block) return VK_ERROR_OUT_OF_HOST_MEMORY;
    block->size = info->allocationSize;
    *memory = (VkDeviceMemory)block;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL release(VkDevice device, VkDeviceMemory memory,
                                          const VkAllocationCallbacks *callbacks) {
    (void)device, (void)callbacks;
    struct block *block = (struct block *)memory;
    if (!block) return;
    free(block->mapped);
    free(block);
}

static VKAPI_ATTR VkResult VKAPI_CALL map(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset,
                                          VkDeviceSize size, VkMemoryMapFlags flags, void **mapped) {
    (void)device, (void)size, (void)flags;
    struct block *block = (struct block *)memory;
    if (!block->mapped) block->mapped = calloc(1, block->size);
    if (!block->mapped) return VK_ERROR_MEMORY_MAP_FAILED;
    *mapped = (char *)block->mapped + offset;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL unmap(VkDevice device, VkDeviceMemory memory) {
    (void)device, (void)memory;
}

/* ---- buffers: nothing but their sizes; addresses follow one another */

enum { ALIGNMENT = 256 };

struct buffer {
    VkDeviceSize size;
    VkDeviceAddress address;
};

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice device, const VkBufferCreateInfo *info,
                                                    const VkAllocationCallbacks *callbacks, VkBuffer *created) {
    static VkDeviceAddress next = 1 << 20;
    (void)device, (void)callbacks;
    struct buffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer) return VK_ERROR_OUT_OF_HOST_MEMORY;
    buffer->size = (info->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    buffer->address = next;
    next += buffer->size;
    *created = (VkBuffer)buffer;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_buffer(VkDevice device, VkBuffer buffer,
                                                 const VkAllocationCallbacks *callbacks) {
    (void)device, (void)callbacks;
    free((struct buffer *)buffer);
}

static VKAPI_ATTR void VKAPI_CALL requirements(VkDevice device, VkBuffer buffer, VkMemoryRequirements *needed) {
    (void)device;
    *needed = (VkMemoryRequirements){((struct buffer *)buffer)->size, ALIGNMENT, 3};
}

static VKAPI_ATTR VkResult VKAPI_CALL bind(VkDevice device, VkBuffer buffer, VkDeviceMemory memory,
                                           VkDeviceSize offset) {
    (void)device, (void)buffer, (void)memory, (void)offset;
    return VK_SUCCESS;
}

static VKAPI_ATTR VkDeviceAddress VKAPI_CALL address_of(VkDevice device, const VkBufferDeviceAddressInfo *info) {
    (void)device;
    return ((struct buffer *)info->buffer)->address;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_view(VkDevice device, const VkBufferViewCreateInfo *info,
                                                  const VkAllocationCallbacks *callbacks, VkBufferView *view) {
    (void)device, (void)info, (void)callbacks;
    *view = VK_NULL_HANDLE;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL update_sets(VkDevice device, uint32_t writes, const VkWriteDescriptorSet *write,
                                              uint32_t copies, const VkCopyDescriptorSet *copy) {
    (void)device, (void)writes, (void)write, (void)copies, (void)copy;
}

/* ---- commands */

static VKAPI_ATTR VkResult VKAPI_CALL allocate_commands(VkDevice device, const VkCommandBufferAllocateInfo *info,
                                                        VkCommandBuffer *commands) {
    static int none;
    (void)device;
    for (uint32_t i = 0; i < info->commandBufferCount; i++) commands[i] = (VkCommandBuffer)&none;
    return VK_SUCCESS;
}
static VKAPI_ATTR void VKAPI_CALL free_commands(VkDevice device, VkCommandPool pool, uint32_t count,
                                                const VkCommandBuffer *commands) {
    (void)device, (void)pool, (void)count, (void)commands;
}
static VKAPI_ATTR VkResult VKAPI_CALL begin(VkCommandBuffer commands, const VkCommandBufferBeginInfo *info) {
    (void)commands, (void)info;
    return VK_SUCCESS;
}
static VKAPI_ATTR VkResult VKAPI_CALL end(VkCommandBuffer commands) {
    (void)commands;
    return VK_SUCCESS;
}
static VKAPI_ATTR VkResult VKAPI_CALL reset(VkCommandBuffer commands, VkCommandBufferResetFlags flags) {
    (void)commands, (void)flags;
    return VK_SUCCESS;
}
static VKAPI_ATTR void VKAPI_CALL barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkPipelineStageFlags to,
                                          VkDependencyFlags flags, uint32_t memories, const VkMemoryBarrier *memory,
                                          uint32_t buffers, const VkBufferMemoryBarrier *buffer, uint32_t images,
                                          const VkImageMemoryBarrier *image) {
    (void)commands, (void)from, (void)to, (void)flags, (void)memories, (void)memory, (void)buffers, (void)buffer;
    (void)images, (void)image;
}
static VKAPI_ATTR void VKAPI_CALL fill(VkCommandBuffer commands, VkBuffer buffer, VkDeviceSize offset,
                                       VkDeviceSize size, uint32_t value) {
    (void)commands, (void)buffer, (void)offset, (void)size, (void)value;
}
static VKAPI_ATTR void VKAPI_CALL copy(VkCommandBuffer commands, VkBuffer from, VkBuffer to, uint32_t count,
                                       const VkBufferCopy *regions) {
    (void)commands, (void)from, (void)to, (void)count, (void)regions;
}
static VKAPI_ATTR void VKAPI_CALL bind_pipeline(VkCommandBuffer commands, VkPipelineBindPoint point,
                                                VkPipeline pipeline) {
    (void)commands, (void)point, (void)pipeline;
}
static VKAPI_ATTR void VKAPI_CALL bind_sets(VkCommandBuffer commands, VkPipelineBindPoint point,
                                            VkPipelineLayout layout, uint32_t first, uint32_t count,
                                            const VkDescriptorSet *sets, uint32_t offsets, const uint32_t *offset) {
    (void)commands, (void)point, (void)layout, (void)first, (void)count, (void)sets, (void)offsets, (void)offset;
}
static VKAPI_ATTR void VKAPI_CALL push(VkCommandBuffer commands, VkPipelineLayout layout, VkShaderStageFlags stages,
                                       uint32_t offset, uint32_t size, const void *values) {
    (void)commands, (void)layout, (void)stages, (void)offset, (void)size, (void)values;
}
static VKAPI_ATTR void VKAPI_CALL dispatch(VkCommandBuffer commands, uint32_t x, uint32_t y, uint32_t z) {
    (void)commands, (void)x, (void)y, (void)z;
}

/* ---- submitting and waiting */

static VKAPI_ATTR VkResult VKAPI_CALL create_fence(VkDevice device, const VkFenceCreateInfo *info,
                                                   const VkAllocationCallbacks *callbacks, VkFence *fence) {
    (void)device, (void)info, (void)callbacks;
    *fence = VK_NULL_HANDLE;
    return VK_SUCCESS;
}
static VKAPI_ATTR VkResult VKAPI_CALL reset_fences(VkDevice device, uint32_t count, const VkFence *fences) {
    (void)device, (void)count, (void)fences;
    return VK_SUCCESS;
}
static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice device, uint32_t count, const VkFence *fences,
                                                      VkBool32 all, uint64_t timeout) {
    (void)device, (void)count, (void)fences, (void)all, (void)timeout;
    return VK_SUCCESS;
}
static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t count, const VkSubmitInfo *submits,
                                             VkFence fence) {
    (void)queue, (void)count, (void)submits, (void)fence;
    return VK_SUCCESS;
}
static VKAPI_ATTR VkResult VKAPI_CALL wait_idle(VkDevice device) {
    (void)device;
    return VK_SUCCESS;
}

static void replace_functions(void) {
    vkGetPhysicalDeviceMemoryProperties = memory_properties;
    vkAllocateMemory = allocate;
    vkFreeMemory = release;
    vkMapMemory = map;
    vkUnmapMemory = unmap;
    vkCreateBuffer = create_buffer;
    vkDestroyBuffer = destroy_buffer;
    vkGetBufferMemoryRequirements = requirements;
    vkBindBufferMemory = bind;
    vkGetBufferDeviceAddress = address_of;
    vkCreateBufferView = create_view;
    vkUpdateDescriptorSets = update_sets;
    vkAllocateCommandBuffers = allocate_commands;
    vkFreeCommandBuffers = free_commands;
    vkBeginCommandBuffer = begin;
    vkEndCommandBuffer = end;
    vkResetCommandBuffer = reset;
    vkCmdPipelineBarrier = barrier;
    vkCmdFillBuffer = fill;
    vkCmdCopyBuffer = copy;
    vkCmdBindPipeline = bind_pipeline;
    vkCmdBindDescriptorSets = bind_sets;
    vkCmdPushConstants = push;
    vkCmdDispatch = dispatch;
    vkCreateFence = create_fence;
    vkResetFences = reset_fences;
    vkWaitForFences = wait_for_fences;
    vkQueueSubmit = submit;
    vkDeviceWaitIdle = wait_idle;
}

bool null_device_open(const struct sb_device_parameters *parameters, struct sb_device **device,
                      struct simba_error *error) {
    replace_functions();
    if (!sb_device_open(parameters, device, error)) return false;
    struct vk_device *vulkan = (struct vk_device *)*device;
    vulkan->instance.debug_utils = false; /* the driver would look into what it is to name */
    vulkan->capabilities.max_buffer = UINT64_MAX;
    return true;
}
