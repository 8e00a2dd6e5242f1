/* What is kept on disk between runs, in $XDG_CACHE_HOME/simba, a few files for each device and driver: the driver's
 * pipeline cache, and the binaries of VkFFT. Drivers are known to crash on foreign data, so the header must match in
 * every field; whatever does not is a miss, never an error, and what cannot be written costs time, not correctness. */
#include "backend/vulkan/runtime.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_VERSION = 1, CACHE_PATH = 4096 + 128 };

struct cache_header {
    char magic[8]; /* "simbavk" */
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
    memcpy(header.magic, "simbavk", 8);
    header.version = CACHE_VERSION;
    header.vendor = properties->vendorID;
    header.device = properties->deviceID;
    header.driver = properties->driverVersion;
    memcpy(header.uuid, properties->pipelineCacheUUID, VK_UUID_SIZE);
    header.bytes = size;
    header.checksum = checksum(bytes, size);
    return header;
}

/* Leaves the prefix empty when there is no place for caches. */
static void choose_prefix(struct vk_device *device) {
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
    char uuid[2 * VK_UUID_SIZE + 1];
    for (unsigned i = 0; i < VK_UUID_SIZE; i++)
        snprintf(uuid + 2 * i, sizeof uuid - 2 * i, "%02x", properties->pipelineCacheUUID[i]);
    snprintf(device->cache_prefix, sizeof device->cache_prefix, "%s/%04x-%04x-%s", directory, properties->vendorID,
             properties->deviceID, uuid);
}

static void make_path(const struct vk_device *device, const char *name, char *path, size_t size) {
    snprintf(path, size, "%s.%s", device->cache_prefix, name);
}

bool vk_disk_cache_read(const struct vk_device *device, const char *name, uint8_t **bytes, size_t *size) {
    char path[CACHE_PATH];
    if (!device->cache_prefix[0]) return false;
    make_path(device, name, path, sizeof path);
    uint8_t *file = NULL;
    size_t file_size = 0;
    if (!sb_read_file(path, 0, &file, &file_size, NULL)) return false;
    bool fits = file_size > sizeof(struct cache_header);
    if (fits) {
        *size = file_size - sizeof(struct cache_header);
        const struct cache_header expected = make_header(device, file + sizeof(struct cache_header), *size);
        fits = !memcmp(&expected, file, sizeof expected);
    }
    if (!fits) {
        sb_log(&device->base.log, SIMBA_LOG_DEBUG, "%s does not fit this device and driver and is made anew", path);
        free(file);
        return false;
    }
    memmove(file, file + sizeof(struct cache_header), *size);
    *bytes = file;
    return true;
}

void vk_disk_cache_write(const struct vk_device *device, const char *name, const void *bytes, size_t size) {
    char path[CACHE_PATH], directory[CACHE_PATH];
    if (!device->cache_prefix[0]) return;
    make_path(device, name, path, sizeof path);
    memcpy(directory, path, sizeof directory);
    *strrchr(directory, '/') = '\0';
    const struct cache_header header = make_header(device, bytes, size);
    struct sb_writer writer;
    struct simba_error error;
    bool written = sb_make_directories(directory, &error) && sb_writer_open(&writer, path, &error);
    if (written) {
        written =
            sb_writer_write(&writer, &header, sizeof header, &error) && sb_writer_write(&writer, bytes, size, &error);
        if (written)
            written = sb_writer_commit(&writer, &error);
        else
            sb_writer_discard(&writer);
    }
    if (!written) sb_log(&device->base.log, SIMBA_LOG_DEBUG, "Nothing is cached: %s", error.message);
}

bool vk_cache_init(struct vk_device *device, bool no_cache, struct simba_error *error) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (!no_cache) choose_prefix(device);
    if (!vk_disk_cache_read(device, "pipelines", &bytes, &size)) size = 0;
    const VkResult result = vkCreatePipelineCache(
        device->handle,
        &(VkPipelineCacheCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, .initialDataSize = size, .pInitialData = bytes},
        NULL, &device->cache);
    free(bytes);
    device->cache_bytes = size;
    VK(result);
    return true;

error:
    return false;
}

/* Written only when pipelines were added. */
static void save(struct vk_device *device) {
    size_t size = 0;
    if (vkGetPipelineCacheData(device->handle, device->cache, &size, NULL) != VK_SUCCESS || size <= device->cache_bytes)
        return;
    uint8_t *bytes = malloc(size);
    if (bytes && vkGetPipelineCacheData(device->handle, device->cache, &size, bytes) == VK_SUCCESS)
        vk_disk_cache_write(device, "pipelines", bytes, size);
    free(bytes);
}

void vk_cache_finish(struct vk_device *device) {
    if (!device->cache) return;
    save(device);
    vkDestroyPipelineCache(device->handle, device->cache, NULL);
    device->cache = VK_NULL_HANDLE;
}
