/* The loader and the instance. */
#include "backend/vulkan/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t loader_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool loaded;

/* Mesa's software driver compiles shaders for 256-bit vectors unless LP_NATIVE_VECTOR_WIDTH says otherwise. It stays
 * so: 512 was tried and lost (Mesa 22.3, Zen 4): a load of 16 lanes takes three times as long as one of 8, matrix
 * products gain nothing, and the scan with its gradient needs 1.5 times the processor time. */
static bool load(void) {
    pthread_mutex_lock(&loader_mutex);
    if (!loaded) loaded = volkInitialize() == VK_SUCCESS;
    const bool result = loaded;
    pthread_mutex_unlock(&loader_mutex);
    return result;
}

static bool has_layer(const char *name) {
    uint32_t count = 0;
    if (vkEnumerateInstanceLayerProperties(&count, NULL) != VK_SUCCESS || !count) return false;
    VkLayerProperties *layers = calloc(count, sizeof *layers);
    bool found = false;
    if (layers && vkEnumerateInstanceLayerProperties(&count, layers) >= 0)
        for (uint32_t i = 0; i < count; i++) found |= !strcmp(layers[i].layerName, name);
    free(layers);
    return found;
}

static bool has_extension(const char *layer, const char *name) {
    uint32_t count = 0;
    if (vkEnumerateInstanceExtensionProperties(layer, &count, NULL) != VK_SUCCESS || !count) return false;
    VkExtensionProperties *extensions = calloc(count, sizeof *extensions);
    bool found = false;
    if (extensions && vkEnumerateInstanceExtensionProperties(layer, &count, extensions) >= 0)
        for (uint32_t i = 0; i < count; i++) found |= !strcmp(extensions[i].extensionName, name);
    free(extensions);
    return found;
}

bool vk_instance_init(struct vk_instance *instance, bool validate, const struct simba_log *log, bool *available,
                      char *note, struct simba_error *error) {
    static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";
    memset(instance, 0, sizeof *instance);
    instance->log = log;
    *available = false;
    if (!load()) {
        snprintf(note, 256, "no Vulkan loader found: install libvulkan1 (vulkan-loader) and the driver of your GPU");
        return true;
    }
    /* A loader for Vulkan 1.0 lacks the function and rejects a higher version. */
    uint32_t version = VK_API_VERSION_1_0;
    if (vkEnumerateInstanceVersion) vkEnumerateInstanceVersion(&version);
    if (version < VK_API_VERSION_1_2) {
        snprintf(note, 256, "the Vulkan loader is for version %u.%u; 1.2 is needed: update libvulkan1",
                 VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
        return true;
    }
    if (validate && !has_layer(validation_layer))
        return sb_fail(error, SIMBA_ERROR_DEVICE,
                       "Validation was asked for, but %s is not installed. On Debian and Ubuntu it is in the package "
                       "vulkan-validationlayers.",
                       validation_layer);
    const char *extensions[3];
    uint32_t extension_count = 0;
    instance->debug_utils = has_extension(NULL, VK_EXT_DEBUG_UTILS_EXTENSION_NAME) ||
                            (validate && has_extension(validation_layer, VK_EXT_DEBUG_UTILS_EXTENSION_NAME));
    if (instance->debug_utils) extensions[extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    const VkValidationFeatureEnableEXT enabled[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
    const VkValidationFeaturesEXT features = {.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                              .enabledValidationFeatureCount = 1,
                                              .pEnabledValidationFeatures = enabled};
    const bool configurable = validate && has_extension(validation_layer, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
    if (configurable) extensions[extension_count++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;

    const char *layer = validation_layer;
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .pApplicationName = "simba",
                                           .pEngineName = "simba",
                                           .apiVersion = VK_API_VERSION_1_2};
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pNext = configurable ? &features : NULL,
                                       .pApplicationInfo = &application,
                                       .enabledLayerCount = validate ? 1 : 0,
                                       .ppEnabledLayerNames = &layer,
                                       .enabledExtensionCount = extension_count,
                                       .ppEnabledExtensionNames = extensions};
    const VkResult result = vkCreateInstance(&info, NULL, &instance->handle);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
        instance->handle = VK_NULL_HANDLE;
        snprintf(note, 256, "no Vulkan driver found: install the driver of your GPU, or mesa-vulkan-drivers");
        return true;
    }
    VK(result);
    /* The loader's functions dispatch by their handles: once loaded they serve every instance and device. */
    pthread_mutex_lock(&loader_mutex);
    if (!volkGetLoadedInstance()) volkLoadInstance(instance->handle);
    pthread_mutex_unlock(&loader_mutex);
    if (validate && instance->debug_utils && !vk_debug_init(instance, error)) goto error;
    *available = true;
    return true;

error:
    vk_instance_finish(instance);
    return false;
}

void vk_instance_finish(struct vk_instance *instance) {
    if (!instance->handle) return;
    vk_debug_finish(instance);
    vkDestroyInstance(instance->handle, NULL);
    instance->handle = VK_NULL_HANDLE;
}

bool vk_instance_devices(const struct vk_instance *instance, VkPhysicalDevice **devices, uint32_t *count,
                         struct simba_error *error) {
    *devices = NULL;
    *count = 0;
    VK(vkEnumeratePhysicalDevices(instance->handle, count, NULL));
    *devices = sb_allocate(*count ? *count : 1, sizeof **devices, error);
    if (!*devices) return false;
    if (*count) VK(vkEnumeratePhysicalDevices(instance->handle, count, *devices));
    return true;

error:
    free(*devices);
    *devices = NULL;
    return false;
}
