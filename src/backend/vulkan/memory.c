/* Device memory: one allocation and one buffer for each purpose. There are few of them and they are large. */
#include "backend/vulkan/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAGING_BYTES = 16 << 20 };

static int find_type(const struct vk_device *device, uint32_t allowed, VkMemoryPropertyFlags wanted) {
    const VkPhysicalDeviceMemoryProperties *memory = &device->capabilities.memory;
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++)
        if (allowed & 1u << i && (memory->memoryTypes[i].propertyFlags & wanted) == wanted) return (int)i;
    return -1;
}

/* The first that the device has of what suits the purpose, best first. */
static int choose_type(const struct vk_device *device, uint32_t allowed, enum vk_memory_kind kind) {
    enum {
        LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
        HOST = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
        CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT
    };
    const VkMemoryPropertyFlags wishes[3][4] = {
        [VK_MEMORY_DEVICE] = {device->capabilities.unified ? LOCAL | HOST | CACHED : LOCAL,
                              device->capabilities.unified ? LOCAL | HOST : LOCAL, LOCAL, 0},
        [VK_MEMORY_UPLOAD] = {HOST, HOST, HOST, HOST},
        [VK_MEMORY_READBACK] = {HOST | CACHED, HOST, HOST, HOST},
    };
    for (int i = 0; i < 4; i++) {
        const int type = find_type(device, allowed, wishes[kind][i]);
        if (type >= 0) return type;
    }
    return -1;
}

/* What the heap has left, or its size when the driver does not tell. */
static VkDeviceSize heap_left(const struct vk_device *device, uint32_t heap) {
    if (!device->capabilities.memory_budget) return device->capabilities.memory.memoryHeaps[heap].size;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                                    .pNext = &budget};
    vkGetPhysicalDeviceMemoryProperties2(device->physical, &properties);
    return budget.heapBudget[heap] > budget.heapUsage[heap] ? budget.heapBudget[heap] - budget.heapUsage[heap] : 0;
}

static bool fail_size(const struct vk_device *device, VkDeviceSize size, const char *purpose, const char *what,
                      VkDeviceSize available, struct simba_error *error) {
    return sb_fail(error, SIMBA_ERROR_MEMORY,
                   "%s does not have the memory for %s: %.1f MiB are needed, %s %.1f MiB. Lower train.batch_size (and "
                   "raise train.accumulation to keep the effective batch), or the image or sequence length.",
                   device->base.description.name, purpose, (double)size / 1048576, what, (double)available / 1048576);
}

bool vk_buffer_init(struct vk_device *device, VkDeviceSize size, enum vk_memory_kind kind, const char *purpose,
                    struct vk_buffer *buffer, struct simba_error *error) {
    memset(buffer, 0, sizeof *buffer);
    buffer->size = size ? size : 256;
    const struct vk_capabilities *capabilities = &device->capabilities;
    if (buffer->size > capabilities->max_buffer)
        return fail_size(device, size, purpose, "one buffer can have", capabilities->max_buffer, error);
    VK(vkCreateBuffer(
        device->handle,
        &(VkBufferCreateInfo){.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                              .size = buffer->size,
                              .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
                                       VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                                       VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT},
        NULL, &buffer->handle));
    VkMemoryRequirements requirements;
    vkGetBufferMemoryRequirements(device->handle, buffer->handle, &requirements);
    const int type = choose_type(device, requirements.memoryTypeBits, kind);
    if (type < 0) {
        sb_fail(error, SIMBA_ERROR_DEVICE, "%s has no kind of memory for %s.", device->base.description.name, purpose);
        goto error;
    }
    const VkMemoryType *memory_type = &device->capabilities.memory.memoryTypes[type];
    const VkMemoryAllocateFlagsInfo flags = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                             .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
    const VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                       .pNext = &flags,
                                       .allocationSize = requirements.size,
                                       .memoryTypeIndex = (uint32_t)type};
    const VkResult result = vkAllocateMemory(device->handle, &info, NULL, &buffer->memory);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY) {
        buffer->memory = VK_NULL_HANDLE;
        const VkDeviceSize left = heap_left(device, memory_type->heapIndex);
        if (requirements.size <= left && requirements.size > capabilities->max_allocation)
            fail_size(device, requirements.size, purpose, "one piece of its memory can have",
                      capabilities->max_allocation, error);
        else
            fail_size(device, requirements.size, purpose,
                      capabilities->memory_budget ? "there are left" : "the device has in all", left, error);
        goto error;
    }
    VK(result);
    VK(vkBindBufferMemory(device->handle, buffer->handle, buffer->memory, 0));
    if (kind != VK_MEMORY_DEVICE ||
        (device->capabilities.unified && memory_type->propertyFlags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)) {
        void *mapped = NULL;
        VK(vkMapMemory(device->handle, buffer->memory, 0, VK_WHOLE_SIZE, 0, &mapped));
        buffer->mapped = mapped;
    }
    buffer->address = vkGetBufferDeviceAddress(
        device->handle,
        &(VkBufferDeviceAddressInfo){.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = buffer->handle});
    vk_device_name(device, VK_OBJECT_TYPE_BUFFER, (uint64_t)buffer->handle, purpose);
    if (kind == VK_MEMORY_DEVICE && !vk_texel_view_create(device, buffer, error)) goto error;
    return true;

error:
    vk_buffer_finish(device, buffer);
    return false;
}

void vk_buffer_finish(struct vk_device *device, struct vk_buffer *buffer) {
    if (buffer->texels) vkDestroyBufferView(device->handle, buffer->texels, NULL);
    if (buffer->handle) vkDestroyBuffer(device->handle, buffer->handle, NULL);
    if (buffer->memory) vkFreeMemory(device->handle, buffer->memory, NULL);
    memset(buffer, 0, sizeof *buffer);
}

static void record_clear(VkCommandBuffer commands, void *user) {
    const struct vk_buffer *buffer = user;
    vkCmdFillBuffer(commands, buffer->handle, 0, VK_WHOLE_SIZE, 0);
}

bool vk_buffer_clear(struct vk_device *device, struct vk_buffer *buffer, struct simba_error *error) {
    if (buffer->mapped) {
        memset(buffer->mapped, 0, buffer->size);
        return true;
    }
    return vk_device_run(device, record_clear, buffer, error);
}

struct copy {
    VkBuffer from, to;
    VkBufferCopy region;
};

static void record_copy(VkCommandBuffer commands, void *user) {
    const struct copy *copy = user;
    vkCmdCopyBuffer(commands, copy->from, copy->to, 1, &copy->region);
}

/* Through the staging memory, piece by piece: from `source` into the buffer, or out of it into `target`. */
static bool transfer(struct vk_device *device, struct vk_buffer *buffer, VkDeviceSize offset, const void *source,
                     void *target, size_t size, struct simba_error *error) {
    pthread_mutex_lock(&device->staging_mutex);
    struct vk_buffer *staging = &device->staging;
    bool done = staging->handle ||
                vk_buffer_init(device, STAGING_BYTES, VK_MEMORY_READBACK, "transfers to the host", staging, error);
    for (size_t at = 0; done && at < size;) {
        const size_t part = size - at < STAGING_BYTES ? size - at : STAGING_BYTES;
        struct copy copy = source ? (struct copy){staging->handle, buffer->handle, {0, offset + at, part}}
                                  : (struct copy){buffer->handle, staging->handle, {offset + at, 0, part}};
        if (source) memcpy(staging->mapped, (const unsigned char *)source + at, part);
        done = vk_device_run(device, record_copy, &copy, error);
        if (done && target) memcpy((unsigned char *)target + at, staging->mapped, part);
        at += part;
    }
    pthread_mutex_unlock(&device->staging_mutex);
    return done;
}

bool vk_buffer_write(struct vk_device *device, struct vk_buffer *buffer, VkDeviceSize offset, const void *bytes,
                     size_t size, struct simba_error *error) {
    if (!buffer->mapped) return transfer(device, buffer, offset, bytes, NULL, size, error);
    memcpy(buffer->mapped + offset, bytes, size);
    return true;
}

bool vk_buffer_read(struct vk_device *device, struct vk_buffer *buffer, VkDeviceSize offset, void *bytes, size_t size,
                    struct simba_error *error) {
    if (!buffer->mapped) return transfer(device, buffer, offset, NULL, bytes, size, error);
    memcpy(bytes, buffer->mapped + offset, size);
    return true;
}

bool vk_memory_create(struct sb_device *base, size_t bytes, const char *name, struct sb_memory **memory,
                      struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)base;
    struct vk_memory *created = sb_allocate(1, sizeof *created, error);
    if (!created) return false;
    created->base.device = base;
    created->base.size = bytes;
    if (!vk_buffer_init(device, bytes, VK_MEMORY_DEVICE, name ? name : "a shared space", &created->buffer, error) ||
        !vk_buffer_clear(device, &created->buffer, error)) {
        vk_memory_destroy(&created->base);
        return false;
    }
    *memory = &created->base;
    return true;
}

void vk_memory_destroy(struct sb_memory *memory) {
    if (!memory) return;
    struct vk_memory *vulkan = (struct vk_memory *)memory;
    vk_buffer_finish((struct vk_device *)memory->device, &vulkan->buffer);
    free(vulkan);
}

static bool check_range(const struct sb_memory *memory, size_t offset, size_t size, struct simba_error *error) {
    if (offset <= memory->size && size <= memory->size - offset) return true;
    return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Bytes %zu to %zu of a device memory of %zu bytes were asked for.",
                   offset, offset + size, memory->size);
}

bool vk_memory_write(struct sb_memory *memory, size_t offset, const void *bytes, size_t size,
                     struct simba_error *error) {
    return check_range(memory, offset, size, error) &&
           vk_buffer_write((struct vk_device *)memory->device, &((struct vk_memory *)memory)->buffer, offset, bytes,
                           size, error);
}

bool vk_memory_read(struct sb_memory *memory, size_t offset, void *bytes, size_t size, struct simba_error *error) {
    return check_range(memory, offset, size, error) &&
           vk_buffer_read((struct vk_device *)memory->device, &((struct vk_memory *)memory)->buffer, offset, bytes,
                          size, error);
}
