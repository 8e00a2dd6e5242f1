/* Listing the devices, opening one, and the few things done on a device at once. */
#include "backend/vulkan/quirks.h"
#include "backend/vulkan/runtime.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum sb_device_kind kind_of(VkPhysicalDeviceType type) {
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return SB_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return SB_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return SB_DEVICE_SOFTWARE;
    default:
        return SB_DEVICE_VIRTUAL;
    }
}

static void describe(const struct vk_capabilities *capabilities, struct sb_device_description *description) {
    snprintf(description->name, sizeof description->name, "%s", capabilities->properties.deviceName);
    snprintf(description->backend, sizeof description->backend, "vulkan");
    snprintf(description->driver, sizeof description->driver, "%s", capabilities->driver);
    for (unsigned i = 0; i < VK_UUID_SIZE; i++)
        snprintf(description->uuid + 2 * i, sizeof description->uuid - 2 * i, "%02x", capabilities->uuid[i]);
    description->kind = kind_of(capabilities->properties.deviceType);
    for (uint32_t i = 0; i < capabilities->memory.memoryHeapCount; i++) {
        const VkMemoryHeap *heap = &capabilities->memory.memoryHeaps[i];
        if (heap->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT && heap->size > description->memory_bytes)
            description->memory_bytes = heap->size;
    }
    description->usable = !capabilities->missing[0];
    snprintf(description->reason, sizeof description->reason, "%s",
             capabilities->missing[0] ? capabilities->missing
             : description->kind == SB_DEVICE_SOFTWARE
                 ? "software device: it computes on the CPU, many times slower than a GPU"
                 : "");
    vk_capabilities_text(capabilities, description->features, sizeof description->features);
    description->subgroup_size = (int)capabilities->limits.subgroup_size;
    snprintf(description->quirks, sizeof description->quirks, "%s", capabilities->quirk_text);
}

static bool list_devices(struct sb_device_description **list, int *count, char *note, struct simba_error *error) {
    *list = NULL;
    *count = 0;
    char reason[256] = "";
    bool available = false;
    struct vk_instance instance;
    if (!vk_instance_init(&instance, false, NULL, &available, reason, error)) return false;
    if (note) memcpy(note, reason, sizeof reason);
    if (!available) return true;
    VkPhysicalDevice *devices = NULL;
    uint32_t device_count = 0;
    struct vk_capabilities capabilities;
    bool done = vk_instance_devices(&instance, &devices, &device_count, error);
    if (done) {
        *list = sb_allocate(device_count ? device_count : 1, sizeof **list, error);
        done = *list != NULL;
    }
    for (uint32_t i = 0; done && i < device_count; i++) {
        done = vk_capabilities_read(devices[i], &(struct sb_device_parameters){0}, &capabilities, error);
        if (done) describe(&capabilities, &(*list)[i]);
    }
    if (done) {
        *count = (int)device_count;
        if (!device_count && note) snprintf(note, 256, "the Vulkan drivers on this machine report no device");
    } else {
        free(*list);
        *list = NULL;
    }
    free(devices);
    vk_instance_finish(&instance);
    return done;
}

static void close_device(struct sb_device *base) {
    struct vk_device *device = (struct vk_device *)base;
    if (!device) return;
    if (device->handle) {
        vkDeviceWaitIdle(device->handle);
        vk_buffer_finish(device, &device->staging);
        vkDestroyFence(device->handle, device->transfer_fence, NULL);
        vkDestroyCommandPool(device->handle, device->transfer_pool, NULL);
        vk_pipelines_finish(device);
        vk_cache_finish(device);
        vkDestroyPipelineLayout(device->handle, device->layout, NULL);
        vkDestroyDescriptorSetLayout(device->handle, device->texel_layout, NULL);
        vkDestroyDevice(device->handle, NULL);
    }
    vk_instance_finish(&device->instance);
    if (device->has_mutexes) {
        pthread_mutex_destroy(&device->mutex);
        pthread_mutex_destroy(&device->staging_mutex);
    }
    free(device);
}

/* The physical device that was described: same UUID, name and driver. */
static bool find_physical(struct vk_device *device, const struct sb_device_parameters *parameters,
                          const struct sb_device_description *description, struct simba_error *error) {
    VkPhysicalDevice *devices = NULL;
    uint32_t count = 0;
    if (!vk_instance_devices(&device->instance, &devices, &count, error)) return false;
    bool read = true;
    for (uint32_t i = 0; read && !device->physical && i < count; i++) {
        struct sb_device_description found = {0};
        read = vk_capabilities_read(devices[i], parameters, &device->capabilities, error);
        if (!read) break;
        describe(&device->capabilities, &found);
        if (strcmp(found.uuid, description->uuid) || strcmp(found.name, description->name) ||
            strcmp(found.driver, description->driver))
            continue;
        device->physical = devices[i];
        device->base.description = found;
        device->base.description.index = description->index;
    }
    free(devices);
    if (!read) return false;
    if (!device->physical)
        return sb_fail(error, SIMBA_ERROR_DEVICE, "%s was there a moment ago and is gone; try again.",
                       description->name);
    if (device->capabilities.missing[0])
        return sb_fail(error, SIMBA_ERROR_DEVICE, "%s cannot be used: %s.", description->name,
                       device->capabilities.missing);
    return true;
}

static bool create_device(struct vk_device *device, struct simba_error *error) {
    const struct vk_capabilities *capabilities = &device->capabilities;
    const uint32_t available = capabilities->available;
    const char *extensions[3];
    uint32_t extension_count = 0;
    const bool cooperative = available & VK_NEEDS_COOPERATIVE_MATRIX;
    const bool controls_subgroups = capabilities->subgroup_size_control || cooperative;
    if (controls_subgroups) extensions[extension_count++] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
    if (capabilities->memory_budget) extensions[extension_count++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT size_control = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
        .subgroupSizeControl = capabilities->subgroup_size_control ? VK_TRUE : VK_FALSE,
        .computeFullSubgroups = cooperative ? VK_TRUE : VK_FALSE};
    VkPhysicalDeviceVulkan12Features features12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                                   .pNext = controls_subgroups ? &size_control : NULL,
                                                   .bufferDeviceAddress = VK_TRUE,
                                                   .scalarBlockLayout = VK_TRUE,
                                                   .shaderFloat16 = available & VK_NEEDS_FLOAT16 ? VK_TRUE : VK_FALSE,
                                                   .shaderInt8 = available & VK_NEEDS_UINT8 ? VK_TRUE : VK_FALSE,
                                                   .storageBuffer8BitAccess =
                                                       available & VK_NEEDS_UINT8 ? VK_TRUE : VK_FALSE,
                                                   .vulkanMemoryModel = cooperative ? VK_TRUE : VK_FALSE};
#ifndef VK_WITHOUT_COOPERATIVE_MATRIX
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR cooperative_features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
        .pNext = features12.pNext,
        .cooperativeMatrix = VK_TRUE};
    if (cooperative) {
        features12.pNext = &cooperative_features;
        extensions[extension_count++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
    }
#endif
    VkPhysicalDeviceVulkan11Features features11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                                   .pNext = &features12,
                                                   .storageBuffer16BitAccess =
                                                       available & VK_NEEDS_FLOAT16 ? VK_TRUE : VK_FALSE};
    const VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &features11,
        .features = {.shaderInt64 = available & VK_NEEDS_INT64 ? VK_TRUE : VK_FALSE}};
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = capabilities->queue_family,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &features,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queue,
                                     .enabledExtensionCount = extension_count,
                                     .ppEnabledExtensionNames = extensions};
    VK(vkCreateDevice(device->physical, &info, NULL, &device->handle));
    vkGetDeviceQueue(device->handle, capabilities->queue_family, 0, &device->queue);
    const VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = 128};
    if (!vk_texel_layout_create(device, error)) goto error;
    VK(vkCreatePipelineLayout(device->handle,
                              &(VkPipelineLayoutCreateInfo){.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                                            .setLayoutCount = 1,
                                                            .pSetLayouts = &device->texel_layout,
                                                            .pushConstantRangeCount = 1,
                                                            .pPushConstantRanges = &range},
                              NULL, &device->layout));
    VK(vkCreateCommandPool(device->handle,
                           &(VkCommandPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                                      .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                                      .queueFamilyIndex = capabilities->queue_family},
                           NULL, &device->transfer_pool));
    VK(vkAllocateCommandBuffers(device->handle,
                                &(VkCommandBufferAllocateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                               .commandPool = device->transfer_pool,
                                                               .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                               .commandBufferCount = 1},
                                &device->transfer_commands));
    VK(vkCreateFence(device->handle, &(VkFenceCreateInfo){.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO}, NULL,
                     &device->transfer_fence));
    return true;

error:
    return false;
}

static bool open_device(const struct sb_device_parameters *parameters, const struct sb_device_description *description,
                        struct sb_device **opened, struct simba_error *error) {
    char note[256] = "";
    bool available = false;
    struct vk_device *device = sb_allocate(1, sizeof *device, error);
    if (!device) return false;
    device->base.backend = &sb_backend_vulkan;
    device->base.log = parameters->log;
    if (!vk_instance_init(&device->instance, parameters->validate, &device->base.log, &available, note, error))
        goto error;
    if (!available) {
        sb_fail(error, SIMBA_ERROR_DEVICE, "Vulkan cannot be used: %s.", note);
        goto error;
    }
    device->has_mutexes = !pthread_mutex_init(&device->mutex, NULL);
    if (device->has_mutexes && pthread_mutex_init(&device->staging_mutex, NULL)) {
        pthread_mutex_destroy(&device->mutex);
        device->has_mutexes = false;
    }
    if (!device->has_mutexes) {
        sb_fail(error, SIMBA_ERROR_MEMORY, "The system gives no more mutexes.");
        goto error;
    }
    if (!find_physical(device, parameters, description, error)) goto error;
    device->limits = device->capabilities.limits;
    if (!create_device(device, error)) goto error;
    if (!vk_cache_init(device, parameters->no_cache, error)) goto error;
    *opened = &device->base;
    return true;

error:
    close_device(&device->base);
    return false;
}

static int validation_messages(const struct sb_device *device) {
    return atomic_load(&((struct vk_device *)device)->instance.messages);
}

double vk_device_seconds(const struct vk_device *device, uint64_t begin, uint64_t end) {
    const uint32_t bits = device->capabilities.timestamp_bits;
    const uint64_t mask = bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;
    return 1e-9 * (double)device->capabilities.properties.limits.timestampPeriod * (double)((end - begin) & mask);
}

bool vk_device_wait(struct vk_device *device, VkFence fence, struct simba_error *error) {
    VK(vkWaitForFences(device->handle, 1, &fence, VK_TRUE, UINT64_MAX));
    return true;
error:
    return false;
}

bool vk_device_run(struct vk_device *device, vk_record_function record, void *user, struct simba_error *error) {
    pthread_mutex_lock(&device->mutex);
    VK(vkResetCommandBuffer(device->transfer_commands, 0));
    VK(vkBeginCommandBuffer(device->transfer_commands,
                            &(VkCommandBufferBeginInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                                        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT}));
    vk_full_barrier(device->transfer_commands);
    record(device->transfer_commands, user);
    vk_full_barrier(device->transfer_commands);
    VK(vkEndCommandBuffer(device->transfer_commands));
    VK(vkResetFences(device->handle, 1, &device->transfer_fence));
    VK(vkQueueSubmit(device->queue, 1,
                     &(VkSubmitInfo){.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                     .commandBufferCount = 1,
                                     .pCommandBuffers = &device->transfer_commands},
                     device->transfer_fence));
    if (!vk_device_wait(device, device->transfer_fence, error)) goto error;
    pthread_mutex_unlock(&device->mutex);
    return true;

error:
    pthread_mutex_unlock(&device->mutex);
    return false;
}

const struct sb_backend sb_backend_vulkan = {
    .name = "vulkan",
    .quirks = vk_quirks,
    .quirk_count = VK_QUIRK_COUNT,
    .list = list_devices,
    .open = open_device,
    .close = close_device,
    .has_tiers = true,
    .validation_messages = validation_messages,
    .ceiling = vk_device_ceiling,
    .memory_create = vk_memory_create,
    .memory_destroy = vk_memory_destroy,
    .memory_write = vk_memory_write,
    .memory_read = vk_memory_read,
    .program_create = vk_program_create,
    .program_destroy = vk_program_destroy,
    .program_memory = vk_program_memory,
    .program_host = vk_program_host,
    .program_submit = vk_program_submit,
    .program_wait = vk_program_wait,
    .program_run_node = vk_program_run_node,
    .program_read = vk_program_read,
    .program_write = vk_program_write,
    .program_times = vk_program_times,
    .program_dispatches = vk_program_dispatches,
};
