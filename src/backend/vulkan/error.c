/* Vulkan's results as sentences. */
#include "backend/vulkan/runtime.h"

#include <string.h>

const char *vk_result_name(VkResult result) {
    switch (result) {
#define NAME(value) \
    case value:     \
        return #value
        NAME(VK_SUCCESS);
        NAME(VK_NOT_READY);
        NAME(VK_TIMEOUT);
        NAME(VK_INCOMPLETE);
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY);
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        NAME(VK_ERROR_INITIALIZATION_FAILED);
        NAME(VK_ERROR_DEVICE_LOST);
        NAME(VK_ERROR_MEMORY_MAP_FAILED);
        NAME(VK_ERROR_LAYER_NOT_PRESENT);
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT);
        NAME(VK_ERROR_FEATURE_NOT_PRESENT);
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER);
        NAME(VK_ERROR_TOO_MANY_OBJECTS);
        NAME(VK_ERROR_FRAGMENTED_POOL);
        NAME(VK_ERROR_OUT_OF_POOL_MEMORY);
        NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE);
        NAME(VK_ERROR_FRAGMENTATION);
        NAME(VK_ERROR_UNKNOWN);
#undef NAME
    default:
        return "an unknown result";
    }
}

bool vk_fail(struct simba_error *error, VkResult result, const char *call, const char *file, int line) {
    const int name_length = (int)strcspn(call, "(");
    const char *base = strrchr(file, '/');
    base = base ? base + 1 : file;
    switch (result) {
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return sb_fail(error, SIMBA_ERROR_MEMORY,
                       "The device has no memory left (%.*s, %s:%d). A smaller train.batch_size needs less; other "
                       "programs on the device may hold memory, too.",
                       name_length, call, base, line);
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return sb_fail(error, SIMBA_ERROR_MEMORY,
                       "The Vulkan driver has no host memory left (%.*s, %s:%d). Close other programs or lower "
                       "train.batch_size.",
                       name_length, call, base, line);
    case VK_ERROR_DEVICE_LOST:
        return sb_fail(error, SIMBA_ERROR_DEVICE,
                       "The device was lost (%.*s, %s:%d): the driver reset it after a hang, a fault or its removal. "
                       "Results since the last checkpoint are gone; start again from it. If it happens again, update "
                       "the driver, look into the system's log for its message, and try a smaller train.batch_size.",
                       name_length, call, base, line);
    case VK_ERROR_INITIALIZATION_FAILED:
    case VK_ERROR_INCOMPATIBLE_DRIVER:
        return sb_fail(error, SIMBA_ERROR_DEVICE,
                       "The Vulkan driver refused to start (%.*s: %s, %s:%d). `vulkaninfo --summary` shows whether "
                       "other programs can use it.",
                       name_length, call, vk_result_name(result), base, line);
    default:
        return sb_fail(error, SIMBA_ERROR_DEVICE, "Vulkan failed: %.*s returned %s (%d) at %s:%d.", name_length, call,
                       vk_result_name(result), (int)result, base, line);
    }
}
