/* What a physical device can do, read before it is opened, and what the --disable mask leaves of it. */
#include "backend/vulkan/quirks.h"
#include "backend/vulkan/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_extension(const VkExtensionProperties *extensions, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(extensions[i].extensionName, name)) return true;
    return false;
}

/* The size that all pipelines run with, where there is a choice. */
static uint32_t choose_subgroup_size(unsigned quirks, uint32_t smallest, uint32_t largest) {
    const uint32_t wish = quirks & 1u << VK_QUIRK_NARROW_SUBGROUPS ? 16 : 32;
    return wish < smallest ? smallest : wish > largest ? largest : wish;
}

/* A family that computes; one without graphics is left to the other uses of the device only if it is all there is:
 * the general family is the one every driver tests most. */
static bool choose_queue(VkPhysicalDevice device, struct vk_capabilities *capabilities) {
    VkQueueFamilyProperties families[32];
    uint32_t count = 32;
    vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families);
    int best = -1;
    for (uint32_t i = 0; i < count; i++) {
        if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || !families[i].queueCount) continue;
        if (best < 0 ||
            (families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT && !(families[best].queueFlags & VK_QUEUE_GRAPHICS_BIT)))
            best = (int)i;
    }
    if (best < 0) return false;
    capabilities->queue_family = (uint32_t)best;
    capabilities->timestamp_bits = families[best].timestampValidBits;
    return true;
}

static const uint32_t subgroup_needs =
    VK_NEEDS_SUBGROUP_ARITHMETIC | VK_NEEDS_SUBGROUP_BALLOT | VK_NEEDS_SUBGROUP_SHUFFLE;

#ifndef VK_WITHOUT_COOPERATIVE_MATRIX
/* Sizes that divide the kernels' tiles; in parts of 16 bytes, in which cooperative matrices are loaded. */
static bool fits_tiles(uint32_t size) {
    return size == 8 || size == 16 || size == 32;
}

/* The largest matrices of halves summed in float32: the more work in one instruction, the fewer loads for it. Vulkan
 * does not tell which are fastest. */
static bool read_cooperative(VkPhysicalDevice device, struct vk_cooperative *cooperative, struct simba_error *error) {
    VkCooperativeMatrixPropertiesKHR *sizes = NULL;
    uint32_t count = 0;
    VK(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, &count, NULL));
    sizes = sb_allocate(count ? count : 1, sizeof *sizes, error);
    if (!sizes) goto error;
    for (uint32_t i = 0; i < count; i++) sizes[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
    if (count) VK(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, &count, sizes));
    for (uint32_t i = 0; i < count; i++) {
        const VkCooperativeMatrixPropertiesKHR *s = &sizes[i];
        if (s->AType == VK_COMPONENT_TYPE_FLOAT16_KHR && s->BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
            s->CType == VK_COMPONENT_TYPE_FLOAT32_KHR && s->ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
            s->scope == VK_SCOPE_SUBGROUP_KHR && fits_tiles(s->MSize) && fits_tiles(s->NSize) && fits_tiles(s->KSize) &&
            s->MSize * s->NSize * s->KSize > cooperative->rows * cooperative->columns * cooperative->depth)
            *cooperative = (struct vk_cooperative){.rows = s->MSize, .columns = s->NSize, .depth = s->KSize};
    }
    free(sizes);
    return true;

error:
    free(sizes);
    return false;
}
#endif

static bool apply_mask(const char *disable, struct vk_capabilities *capabilities, struct simba_error *error) {
    static const uint32_t needs[SB_TIER_COUNT] = {
        [SB_TIER_INT64] = VK_NEEDS_INT64,
        [SB_TIER_FP16] = VK_NEEDS_FLOAT16,
        [SB_TIER_INT8] = VK_NEEDS_UINT8,
        [SB_TIER_SUBGROUP] = subgroup_needs,
        [SB_TIER_COOPMAT] = VK_NEEDS_COOPERATIVE_MATRIX,
    };
    unsigned tiers;
    if (!sb_tiers_read(disable, &tiers, error)) return false;
    for (unsigned i = 0; i < SB_TIER_COUNT; i++)
        if (tiers & 1u << i) capabilities->available &= ~needs[i];
    if (tiers & 1u << SB_TIER_UNIFIED) capabilities->unified = false;
    if (tiers & 1u << SB_TIER_TEXEL) capabilities->limits.texel_fetch = false;
    if (tiers & 1u << SB_TIER_TIMESTAMPS) capabilities->timestamp_bits = 0;
    return true;
}

static bool apply_quirks(const VkPhysicalDeviceVulkan12Properties *driver, const char *wishes,
                         struct vk_capabilities *capabilities, struct simba_error *error) {
    const struct vk_driver described = {driver->driverID, capabilities->properties.vendorID, driver->driverInfo};
    struct vk_limits *limits = &capabilities->limits;
    unsigned quirks;
    if (!vk_quirks_choose(&described, wishes, &quirks, capabilities->quirk_text, sizeof capabilities->quirk_text,
                          error))
        return false;
    capabilities->quirks = quirks;
    limits->texel_fetch = !(quirks & 1u << VK_QUIRK_SLOW_TEXEL_FETCH);
    limits->iterations = quirks & 1u << VK_QUIRK_SHORT_LOOPS ? VK_SOFTWARE_ITERATIONS : VK_MANY_ITERATIONS;
    limits->polynomial_exponential = quirks & 1u << VK_QUIRK_INEXACT_EXPONENTIAL;
    limits->registers = quirks & 1u << VK_QUIRK_MANY_REGISTERS ? 256 : 0;
    return true;
}

bool vk_capabilities_read(VkPhysicalDevice device, const struct sb_device_parameters *parameters,
                          struct vk_capabilities *capabilities, struct simba_error *error) {
    memset(capabilities, 0, sizeof *capabilities);
    VkExtensionProperties *extensions = NULL;
    vkGetPhysicalDeviceProperties(device, &capabilities->properties);
    vkGetPhysicalDeviceMemoryProperties(device, &capabilities->memory);
    const VkPhysicalDeviceLimits *limits = &capabilities->properties.limits;
    const uint32_t version = capabilities->properties.apiVersion;
    if (version < VK_API_VERSION_1_2) {
        snprintf(capabilities->missing, sizeof capabilities->missing,
                 "its driver offers Vulkan %u.%u; 1.2 is needed: a newer driver may have it",
                 VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
        return apply_mask(parameters->disable, capabilities, error);
    }
    uint32_t extension_count = 0;
    VK(vkEnumerateDeviceExtensionProperties(device, NULL, &extension_count, NULL));
    extensions = sb_allocate(extension_count ? extension_count : 1, sizeof *extensions, error);
    if (!extensions) goto error;
    if (extension_count) VK(vkEnumerateDeviceExtensionProperties(device, NULL, &extension_count, extensions));
    capabilities->memory_budget = has_extension(extensions, extension_count, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    const bool size_control = has_extension(extensions, extension_count, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);

    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT};
    const bool buffer_limit = has_extension(extensions, extension_count, VK_KHR_MAINTENANCE_4_EXTENSION_NAME);
    VkPhysicalDeviceMaintenance4PropertiesKHR buffers = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES_KHR};
    VkPhysicalDeviceVulkan12Properties properties12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
                                                       .pNext = size_control ? &sizes : NULL};
    VkPhysicalDeviceVulkan11Properties properties11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
                                                       .pNext = &properties12};
    VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                              .pNext = &properties11};
    if (buffer_limit) {
        buffers.pNext = properties.pNext;
        properties.pNext = &buffers;
    }
    vkGetPhysicalDeviceProperties2(device, &properties);
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT size_features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT};
    VkPhysicalDeviceVulkan12Features features12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                                   .pNext = size_control ? &size_features : NULL};
#ifndef VK_WITHOUT_COOPERATIVE_MATRIX
    const bool cooperative = has_extension(extensions, extension_count, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR cooperative_features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, .pNext = features12.pNext};
    if (cooperative) features12.pNext = &cooperative_features;
#endif
    VkPhysicalDeviceVulkan11Features features11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                                   .pNext = &features12};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &features11};
    vkGetPhysicalDeviceFeatures2(device, &features);

    memcpy(capabilities->uuid, properties11.deviceUUID, VK_UUID_SIZE);
    snprintf(capabilities->driver, sizeof capabilities->driver, "%.120s %.120s", properties12.driverName,
             properties12.driverInfo);
    capabilities->unified = capabilities->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU ||
                            capabilities->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
    capabilities->max_buffer = buffer_limit ? buffers.maxBufferSize : UINT64_MAX;
    capabilities->max_allocation = properties11.maxMemoryAllocationSize;
    if (!features12.bufferDeviceAddress || !features12.scalarBlockLayout)
        snprintf(capabilities->missing, sizeof capabilities->missing,
                 "its driver lacks %s, which every kernel uses: a newer driver may have it",
                 features12.bufferDeviceAddress ? "scalarBlockLayout" : "bufferDeviceAddress");
    else if (!choose_queue(device, capabilities))
        snprintf(capabilities->missing, sizeof capabilities->missing, "it has no queue that computes");

    uint32_t available = 0;
    const VkSubgroupFeatureFlags subgroup = properties11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT
                                                ? properties11.subgroupSupportedOperations
                                                : 0;
    if (features.features.shaderInt64) available |= VK_NEEDS_INT64;
    if (features12.shaderFloat16 && features11.storageBuffer16BitAccess) available |= VK_NEEDS_FLOAT16;
    if (features12.shaderInt8 && features12.storageBuffer8BitAccess) available |= VK_NEEDS_UINT8;
    if (subgroup & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) available |= VK_NEEDS_SUBGROUP_ARITHMETIC;
    if (subgroup & VK_SUBGROUP_FEATURE_BALLOT_BIT) available |= VK_NEEDS_SUBGROUP_BALLOT;
    if (subgroup & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) available |= VK_NEEDS_SUBGROUP_SHUFFLE;
    capabilities->full_subgroups = size_control && size_features.computeFullSubgroups;
#ifndef VK_WITHOUT_COOPERATIVE_MATRIX
    /* A matrix is spread over a whole subgroup, in shared memory of 16 bits, under Vulkan's memory model. */
    if (cooperative && cooperative_features.cooperativeMatrix && features12.vulkanMemoryModel &&
        capabilities->full_subgroups && available & VK_NEEDS_FLOAT16 &&
        !read_cooperative(device, &capabilities->limits.cooperative, error))
        goto error;
    if (capabilities->limits.cooperative.rows) available |= VK_NEEDS_COOPERATIVE_MATRIX;
#endif
    capabilities->available = available;
    if (!apply_quirks(&properties12, parameters->quirks, capabilities, error)) goto error;
    if (capabilities->quirks & 1u << VK_QUIRK_NARROW_COOPERATIVE && properties11.subgroupSize > 8)
        capabilities->available &= ~(uint32_t)VK_NEEDS_COOPERATIVE_MATRIX;
    if (!apply_mask(parameters->disable, capabilities, error)) goto error;
    if (!(capabilities->available & VK_NEEDS_FLOAT16))
        capabilities->available &= ~(uint32_t)VK_NEEDS_COOPERATIVE_MATRIX;
    if (!(capabilities->available & VK_NEEDS_COOPERATIVE_MATRIX))
        capabilities->limits.cooperative = (struct vk_cooperative){0};
    available = capabilities->available;

    struct vk_limits *result = &capabilities->limits;
    result->subgroup_size = properties11.subgroupSize;
    result->max_invocations = limits->maxComputeWorkGroupInvocations;
    if (limits->maxComputeWorkGroupSize[0] < result->max_invocations)
        result->max_invocations = limits->maxComputeWorkGroupSize[0];
    /* Where all sizes are the same nothing is required: that would only add its limit of subgroups to a workgroup. */
    capabilities->subgroup_size_control = size_control && size_features.subgroupSizeControl &&
                                          sizes.minSubgroupSize < sizes.maxSubgroupSize &&
                                          sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT;
    if (capabilities->subgroup_size_control) {
        result->subgroup_size =
            choose_subgroup_size(capabilities->quirks, sizes.minSubgroupSize, sizes.maxSubgroupSize);
        const uint64_t invocations = (uint64_t)result->subgroup_size * sizes.maxComputeWorkgroupSubgroups;
        if (invocations < result->max_invocations) result->max_invocations = (uint32_t)invocations;
    } else if (sizes.minSubgroupSize < sizes.maxSubgroupSize) {
        /* The driver chooses the size, so the kernels that count on it cannot be used. */
        available = capabilities->available &= ~(subgroup_needs | VK_NEEDS_COOPERATIVE_MATRIX);
        result->cooperative = (struct vk_cooperative){0};
    }
    result->max_shared_bytes = limits->maxComputeSharedMemorySize;
    memcpy(result->max_groups, limits->maxComputeWorkGroupCount, sizeof result->max_groups);
    result->subgroup_arithmetic = available & VK_NEEDS_SUBGROUP_ARITHMETIC;
    result->subgroup_ballot = available & VK_NEEDS_SUBGROUP_BALLOT;
    result->subgroup_shuffle = available & VK_NEEDS_SUBGROUP_SHUFFLE;
    result->int64 = available & VK_NEEDS_INT64;
    result->software = capabilities->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (result->software) result->processors = processors > 0 ? (uint32_t)processors : 1;
    free(extensions);
    return true;

error:
    free(extensions);
    return false;
}

void vk_capabilities_text(const struct vk_capabilities *capabilities, char *text, size_t size) {
    const struct vk_limits *limits = &capabilities->limits;
    const uint32_t available = capabilities->available;
    char cooperative[160] = "";
#ifdef VK_WITHOUT_COOPERATIVE_MATRIX
    snprintf(cooperative, sizeof cooperative, "; built without cooperative matrices: %s",
             VK_WITHOUT_COOPERATIVE_MATRIX);
#else
    if (available & VK_NEEDS_COOPERATIVE_MATRIX)
        snprintf(cooperative, sizeof cooperative, ", cooperative matrices %ux%ux%u", limits->cooperative.rows,
                 limits->cooperative.columns, limits->cooperative.depth);
#endif
    snprintf(text, size, "Vulkan %u.%u, subgroup %u%s, %u KiB shared, %u invocations%s%s%s%s%s%s%s%s%s%s",
             VK_API_VERSION_MAJOR(capabilities->properties.apiVersion),
             VK_API_VERSION_MINOR(capabilities->properties.apiVersion), limits->subgroup_size,
             capabilities->subgroup_size_control ? " (required)" : "", limits->max_shared_bytes / 1024,
             limits->max_invocations, available & VK_NEEDS_SUBGROUP_ARITHMETIC ? ", subgroup arithmetic" : "",
             available & VK_NEEDS_SUBGROUP_BALLOT ? ", ballot" : "",
             available & VK_NEEDS_SUBGROUP_SHUFFLE ? ", shuffle" : "", available & VK_NEEDS_INT64 ? ", int64" : "",
             available & VK_NEEDS_FLOAT16 ? ", fp16" : "", available & VK_NEEDS_UINT8 ? ", int8" : "",
             capabilities->unified ? ", unified memory" : "", capabilities->timestamp_bits ? ", time stamps" : "",
             limits->texel_fetch ? ", texel fetch" : "", cooperative);
}
