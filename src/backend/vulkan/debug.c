/* Names of objects, and the messages of the validation layer. The two functions of VK_EXT_debug_utils are looked up
 * for each instance: an instance without the extension must not disturb one that has it. */
#include "backend/vulkan/runtime.h"

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
    (void)types;
    struct vk_instance *instance = user;
    const bool counts =
        severity & (VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT);
    if (counts) atomic_fetch_add(&instance->messages, 1);
    sb_log(instance->log, counts ? SIMBA_LOG_WARNING : SIMBA_LOG_DEBUG, "vulkan: %s", data->pMessage);
    return VK_FALSE;
}

bool vk_debug_init(struct vk_instance *instance, struct simba_error *error) {
    const PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(instance->handle, "vkCreateDebugUtilsMessengerEXT");
    if (!create) return true;
    const VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = instance};
    VK(create(instance->handle, &info, NULL, &instance->messenger));
    return true;
error:
    return false;
}

void vk_debug_finish(struct vk_instance *instance) {
    if (!instance->messenger) return;
    const PFN_vkDestroyDebugUtilsMessengerEXT destroy =
        (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(instance->handle, "vkDestroyDebugUtilsMessengerEXT");
    if (destroy) destroy(instance->handle, instance->messenger, NULL);
    instance->messenger = VK_NULL_HANDLE;
}

void vk_device_name(const struct vk_device *device, VkObjectType type, uint64_t object, const char *name) {
    if (!device->instance.debug_utils) return;
    const PFN_vkSetDebugUtilsObjectNameEXT set = (PFN_vkSetDebugUtilsObjectNameEXT)vkGetInstanceProcAddr(
        device->instance.handle, "vkSetDebugUtilsObjectNameEXT");
    if (!set) return;
    set(device->handle, &(VkDebugUtilsObjectNameInfoEXT){.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                                         .objectType = type,
                                                         .objectHandle = object,
                                                         .pObjectName = name});
}
