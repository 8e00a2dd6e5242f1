/* Compute pipelines, one for each kernel and choice of specialisation constants. */
#include "backend/vulkan/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool create(struct vk_device *device, enum vk_kernel kernel, const uint32_t *constants, VkPipeline *pipeline,
                   struct simba_error *error) {
    const struct vk_kernel_info *info = &vk_kernels[kernel];
    VkShaderModule module = VK_NULL_HANDLE;
    VK(vkCreateShaderModule(device->handle,
                            &(VkShaderModuleCreateInfo){.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                                        .codeSize = info->word_count * sizeof(uint32_t),
                                                        .pCode = info->words},
                            NULL, &module));
    VkSpecializationMapEntry entries[VK_MAX_CONSTANTS];
    for (uint32_t i = 0; i < info->constant_count; i++)
        entries[i] = (VkSpecializationMapEntry){i, i * (uint32_t)sizeof(uint32_t), sizeof(uint32_t)};
    const VkSpecializationInfo specialisation = {.mapEntryCount = info->constant_count,
                                                 .pMapEntries = entries,
                                                 .dataSize = info->constant_count * sizeof(uint32_t),
                                                 .pData = constants};
    const VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT size = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
        .requiredSubgroupSize = device->limits.subgroup_size};
    const VkComputePipelineCreateInfo create_info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  /* Those who share a matrix must all be there. */
                  .flags = info->needs & VK_NEEDS_COOPERATIVE_MATRIX
                               ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT
                               : 0,
                  .pNext = device->capabilities.subgroup_size_control ? &size : NULL,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = &specialisation},
        .layout = device->layout};
    VK(vkCreateComputePipelines(device->handle, device->cache, 1, &create_info, NULL, pipeline));
    vk_device_name(device, VK_OBJECT_TYPE_PIPELINE, (uint64_t)*pipeline, info->name);
    vkDestroyShaderModule(device->handle, module, NULL);
    return true;

error:
    vkDestroyShaderModule(device->handle, module, NULL);
    return sb_fail_within(error, "Kernel %s: ", info->name);
}

static bool check(const struct vk_device *device, enum vk_kernel kernel, const uint32_t *constants,
                  struct simba_error *error) {
    const struct vk_kernel_info *info = &vk_kernels[kernel];
    if (info->needs & ~device->capabilities.available)
        return sb_fail(error, SIMBA_ERROR_INTERNAL,
                       "Kernel %s was chosen although the device lacks (or --disable hides) a feature it needs (mask "
                       "%#x of %#x).",
                       info->name, info->needs & ~device->capabilities.available, info->needs);
    if (info->has_workgroup && constants[0] > device->limits.max_invocations)
        return sb_fail(error, SIMBA_ERROR_INTERNAL,
                       "Kernel %s was given workgroups of %u invocations; the device allows %u.", info->name,
                       constants[0], device->limits.max_invocations);
    const uint32_t shared = info->shared_bytes ? info->shared_bytes(constants) : 0;
    if (shared > device->limits.max_shared_bytes)
        return sb_fail(
            error, SIMBA_ERROR_INTERNAL,
            "Kernel %s was given constants with which it takes %u bytes of shared memory; the device has %u.",
            info->name, shared, device->limits.max_shared_bytes);
    return true;
}

bool vk_pipeline_get(struct vk_device *device, enum vk_kernel kernel, const uint32_t *wanted, VkPipeline *pipeline,
                     struct simba_error *error) {
    const struct vk_kernel_info *info = &vk_kernels[kernel];
    uint32_t constants[VK_MAX_CONSTANTS] = {0};
    for (uint32_t i = 0; i < info->constant_count; i++) constants[i] = wanted[i] ? wanted[i] : info->constants[i];
    if (!check(device, kernel, constants, error)) return false;

    pthread_mutex_lock(&device->mutex);
    struct vk_pipeline *found = device->pipelines[kernel];
    while (found && memcmp(found->constants, constants, sizeof constants)) found = found->next;
    if (!found) {
        found = sb_allocate(1, sizeof *found, error);
        if (found && !create(device, kernel, constants, &found->handle, error)) {
            free(found);
            found = NULL;
        }
        if (found) {
            memcpy(found->constants, constants, sizeof constants);
            found->next = device->pipelines[kernel];
            device->pipelines[kernel] = found;
        }
    }
    if (found) *pipeline = found->handle;
    pthread_mutex_unlock(&device->mutex);
    return found != NULL;
}

void vk_pipelines_finish(struct vk_device *device) {
    for (int kernel = 0; kernel < VK_KERNEL_COUNT; kernel++)
        while (device->pipelines[kernel]) {
            struct vk_pipeline *pipeline = device->pipelines[kernel];
            device->pipelines[kernel] = pipeline->next;
            vkDestroyPipeline(device->handle, pipeline->handle, NULL);
            free(pipeline);
        }
}
