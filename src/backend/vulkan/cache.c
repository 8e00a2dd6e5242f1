/* The pipeline cache on disk: one file per device and driver, $XDG_CACHE_HOME/simba/NAME.pipelines. Drivers are known
 * to crash on foreign data, so the header must match in every field; whatever does not is a miss, never an error. */
#include "backend/vulkan/runtime.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_VERSION = 1 };

struct cache_header {
    char magic[8]; /* "simbapc" */
    uint32_t version, vendor, device, driver;
    uint8_t uuid[VK_UUID_SIZE];
    uint64_t bytes, checksum; /* of what follows */
};

/* FNV-1a, 64 bits. */
static uint64_t checksum(const uint8_t *bytes, size_t size) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static struct cache_header make_header(const struct vk_device *device, const uint8_t *bytes, size_t size) {
    const VkPhysicalDeviceProperties *properties = &device->capabilities.properties;
    struct cache_header header;
    memset(&header, 0, sizeof header);
    memcpy(header.magic, "simbapc", 8);
    header.version = CACHE_VERSION;
    header.vendor = properties->vendorID;
    header.device = properties->deviceID;
    header.driver = properties->driverVersion;
    memcpy(header.uuid, properties->pipelineCacheUUID, VK_UUID_SIZE);
    header.bytes = size;
    header.checksum = checksum(bytes, size);
    return header;
}

/* Leaves the path empty when there is no place for caches. */
static void choose_path(struct vk_device *device) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const VkPhysicalDeviceProperties *properties = &device->capabilities.properties;
    char directory[3072];
    int length = -1;
    /* The specification of XDG_CACHE_HOME says that relative paths are to be ignored. */
    if (cache && cache[0] == '/')
        length = snprintf(directory, sizeof directory, "%s/simba", cache);
    else if (home && home[0])
        length = snprintf(directory, sizeof directory, "%s/.cache/simba", home);
    if (length < 0 || (size_t)length >= sizeof directory) return;
    length = snprintf(device->cache_path, sizeof device->cache_path, "%s/%04x-%04x-", directory, properties->vendorID,
                      properties->deviceID);
    for (unsigned i = 0; i < VK_UUID_SIZE; i++)
        length += snprintf(device->cache_path + length, sizeof device->cache_path - (size_t)length, "%02x",
                           properties->pipelineCacheUUID[i]);
    snprintf(device->cache_path + length, sizeof device->cache_path - (size_t)length, ".pipelines");
}

bool vk_cache_init(struct vk_device *device, bool no_cache, struct simba_error *error) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    const uint8_t *data = NULL;
    if (!no_cache) choose_path(device);
    if (device->cache_path[0] && sb_read_file(device->cache_path, 0, &bytes, &size, NULL) &&
        size >= sizeof(struct cache_header)) {
        data = bytes + sizeof(struct cache_header);
        size -= sizeof(struct cache_header);
        const struct cache_header expected = make_header(device, data, size);
        if (memcmp(&expected, bytes, sizeof expected)) {
            sb_log(&device->base.log, SIMBA_LOG_DEBUG, "%s does not fit this device and driver and is made anew",
                   device->cache_path);
            data = NULL;
        }
    }
    if (!data) size = 0;
    const VkResult result = vkCreatePipelineCache(
        device->handle,
        &(VkPipelineCacheCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, .initialDataSize = size, .pInitialData = data},
        NULL, &device->cache);
    free(bytes);
    device->cache_bytes = size;
    VK(result);
    return true;

error:
    return false;
}

/* Written when pipelines were added. A cache that cannot be written costs time, not correctness. */
static void save(struct vk_device *device) {
    size_t size = 0;
    if (!device->cache_path[0] || vkGetPipelineCacheData(device->handle, device->cache, &size, NULL) != VK_SUCCESS ||
        size <= device->cache_bytes)
        return;
    uint8_t *bytes = malloc(size);
    if (bytes && vkGetPipelineCacheData(device->handle, device->cache, &size, bytes) == VK_SUCCESS) {
        const struct cache_header header = make_header(device, bytes, size);
        char directory[sizeof device->cache_path];
        memcpy(directory, device->cache_path, sizeof directory);
        *strrchr(directory, '/') = '\0';
        struct sb_writer writer;
        struct simba_error error;
        bool written = sb_make_directories(directory, &error) && sb_writer_open(&writer, device->cache_path, &error);
        if (written) {
            written = sb_writer_write(&writer, &header, sizeof header, &error) &&
                      sb_writer_write(&writer, bytes, size, &error);
            if (written)
                written = sb_writer_commit(&writer, &error);
            else
                sb_writer_discard(&writer);
        }
        if (!written) sb_log(&device->base.log, SIMBA_LOG_DEBUG, "No pipeline cache: %s", error.message);
    }
    free(bytes);
}

void vk_cache_finish(struct vk_device *device) {
    if (!device->cache) return;
    save(device);
    vkDestroyPipelineCache(device->handle, device->cache, NULL);
    device->cache = VK_NULL_HANDLE;
}
