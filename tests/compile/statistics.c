#include "statistics.h"

#include "backend/vulkan/runtime.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STATISTICS = 64, MAX_EXTENSIONS = 32 };

struct kept {
    VkPipeline pipeline;
    uint32_t count;
    VkPipelineExecutableStatisticKHR statistics[MAX_STATISTICS];
};

/* Of one device at a time. */
static struct kept *kept;
static size_t kept_count;
static bool incomplete; /* the driver or the memory failed for one of them */

static PFN_vkCreateDevice create_device;
static PFN_vkCreateComputePipelines create_pipelines;

static VKAPI_ATTR VkResult VKAPI_CALL create_device_with_statistics(VkPhysicalDevice physical,
                                                                    const VkDeviceCreateInfo *info,
                                                                    const VkAllocationCallbacks *callbacks,
                                                                    VkDevice *device) {
    const char *extensions[MAX_EXTENSIONS];
    if (info->enabledExtensionCount >= MAX_EXTENSIONS) return VK_ERROR_INITIALIZATION_FAILED;
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++) extensions[i] = info->ppEnabledExtensionNames[i];
    extensions[info->enabledExtensionCount] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    const VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pNext = (void *)info->pNext,
        .pipelineExecutableInfo = VK_TRUE};
    VkDeviceCreateInfo with = *info;
    with.pNext = &features;
    with.enabledExtensionCount++;
    with.ppEnabledExtensionNames = extensions;
    return create_device(physical, &with, callbacks, device);
}

static void keep(VkDevice device, VkPipeline pipeline) {
    /* A handle that comes again was destroyed in between. */
    for (size_t i = 0; i < kept_count; i++)
        if (kept[i].pipeline == pipeline) kept[i].pipeline = VK_NULL_HANDLE;
    struct kept *grown = realloc(kept, (kept_count + 1) * sizeof *kept);
    incomplete = incomplete || !grown;
    if (!grown) return;
    kept = grown;
    struct kept *added = &kept[kept_count];
    memset(added, 0, sizeof *added);
    added->pipeline = pipeline;
    added->count = MAX_STATISTICS;
    for (int i = 0; i < MAX_STATISTICS; i++)
        added->statistics[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
    const VkPipelineExecutableInfoKHR first = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
                                               .pipeline = pipeline}; /* a compute pipeline has one */
    if (vkGetPipelineExecutableStatisticsKHR(device, &first, &added->count, added->statistics) == VK_SUCCESS)
        kept_count++;
    else
        incomplete = true;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_pipelines_with_statistics(VkDevice device, VkPipelineCache cache,
                                                                       uint32_t count,
                                                                       const VkComputePipelineCreateInfo *infos,
                                                                       const VkAllocationCallbacks *callbacks,
                                                                       VkPipeline *pipelines) {
    for (uint32_t i = 0; i < count; i++) {
        VkComputePipelineCreateInfo with = infos[i];
        with.flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR;
        const VkResult result = create_pipelines(device, cache, 1, &with, callbacks, &pipelines[i]);
        if (result != VK_SUCCESS) return result;
        keep(device, pipelines[i]);
    }
    return VK_SUCCESS;
}

void statistics_begin(void) {
    create_device = vkCreateDevice;
    create_pipelines = vkCreateComputePipelines;
    vkCreateDevice = create_device_with_statistics;
    vkCreateComputePipelines = create_pipelines_with_statistics;
}

static bool same(const struct kept *left, const struct kept *right) {
    bool equal = left->count == right->count;
    for (uint32_t i = 0; equal && i < left->count; i++)
        equal = !memcmp(&left->statistics[i].value, &right->statistics[i].value, sizeof left->statistics[i].value);
    return equal;
}

/* Which kernel of the table it is, and with which constants; NULL: none. */
static const struct vk_pipeline *find(const struct vk_device *device, VkPipeline pipeline, int *kernel) {
    for (*kernel = 0; *kernel < VK_KERNEL_COUNT; ++*kernel)
        for (const struct vk_pipeline *one = device->pipelines[*kernel]; one; one = one->next)
            if (one->handle == pipeline) return one;
    return NULL;
}

static void write(const struct vk_device *device, const struct kept *one, FILE *file) {
    int kernel;
    const struct vk_pipeline *pipeline = find(device, one->pipeline, &kernel);
    fprintf(file, "{\"kernel\": \"%s\", \"constants\": [", pipeline ? vk_kernels[kernel].name : "vkfft");
    for (uint32_t i = 0; pipeline && i < vk_kernels[kernel].constant_count; i++)
        fprintf(file, "%s%u", i ? ", " : "", pipeline->constants[i]);
    fprintf(file, "], \"statistics\": {");
    for (uint32_t i = 0; i < one->count; i++) {
        const VkPipelineExecutableStatisticKHR *statistic = &one->statistics[i];
        fprintf(file, "%s\"%s\": ", i ? ", " : "", statistic->name);
        if (statistic->format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR)
            fprintf(file, "%.17g", statistic->value.f64);
        else if (statistic->format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR)
            fprintf(file, "%lld", (long long)statistic->value.i64);
        else
            fprintf(file, "%llu", (unsigned long long)statistic->value.u64); /* BOOL32 fills all of it with 0 or 1 */
    }
    fprintf(file, "}}\n");
}

bool statistics_write(struct sb_device *device, FILE *file) {
    const bool complete = kept_count > 0 && !incomplete;
    for (size_t i = 0; i < kept_count; i++) {
        int kernel;
        bool again = false;
        if (!find((struct vk_device *)device, kept[i].pipeline, &kernel))
            for (size_t j = 0; !again && j < i; j++) again = same(&kept[j], &kept[i]);
        if (!again) write((struct vk_device *)device, &kept[i], file);
    }
    free(kept);
    kept = NULL;
    kept_count = 0;
    return complete;
}
