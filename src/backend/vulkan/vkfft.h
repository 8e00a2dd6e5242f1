/* VkFFT behind a plain interface. The one translation unit that includes it is C++, because the older versions of the
 * library that distributions carry (1.2.26 in Debian 12) are not valid C. No function here is thread-safe. */
#ifndef SB_VULKAN_VKFFT_H
#define SB_VULKAN_VKFFT_H

#include <volk.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vkfft;

/* In place over the middle axis of [batch, length, columns] interleaved complex floats. */
struct vkfft_parameters {
    VkPhysicalDevice physical_device;
    VkDevice device;
    VkQueue queue; /* for tables: externally synchronised during creation */
    VkCommandPool command_pool;
    VkFence fence; /* unsignalled; VkFFT's until the plan is destroyed */
    VkBuffer buffer;
    uint64_t bytes;
    uint64_t batch, length, columns;
    const void *binaries; /* of vkfft_binaries for the same parameters, device and version; NULL: compile */
};

int vkfft_version(void);
/* The shader compiler; once for the process, before anything else. */
bool vkfft_start(void);
/* 0, or VkFFT's result code. */
int vkfft_create(const struct vkfft_parameters *parameters, struct vkfft **created);
int vkfft_append(struct vkfft *fft, VkCommandBuffer commands, bool inverse);
/* What can be given to vkfft_create later, when the plan was compiled; NULL otherwise. Owned by the plan. */
const void *vkfft_binaries(const struct vkfft *fft, size_t *size);
void vkfft_destroy(struct vkfft *fft);

#ifdef __cplusplus
}
#endif

#endif
