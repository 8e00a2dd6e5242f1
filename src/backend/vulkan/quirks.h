/* What drivers get wrong, or do so slowly, or so well, that another way is better: a table with reasons, asked once
 * when a device is opened. Lowerings do not see drivers, only what follows for them, in struct vk_limits. */
#ifndef SB_VULKAN_QUIRKS_H
#define SB_VULKAN_QUIRKS_H

#include <volk.h>

#include "backend/backend.h"

enum vk_quirk {
    VK_QUIRK_SLOW_TEXEL_FETCH,
    VK_QUIRK_SHORT_LOOPS,
    VK_QUIRK_INEXACT_EXPONENTIAL,
    VK_QUIRK_NARROW_SUBGROUPS,
    VK_QUIRK_NARROW_COOPERATIVE,
    VK_QUIRK_MANY_REGISTERS,
    VK_QUIRK_COUNT
};
/* By enum vk_quirk. */
extern const struct sb_quirk vk_quirks[VK_QUIRK_COUNT];

/* A driver as it describes itself. */
struct vk_driver {
    VkDriverId id;
    uint32_t vendor;  /* of the device, by PCI */
    const char *info; /* "Mesa 22.3.6 (LLVM 15.0.6)" */
};

/* Versions are numbers with dots, compared number by number, a missing one being 0; what follows them ("-2",
 * " (LLVM 15.0.6)") does not count. Less than, equal to or greater than 0 as strcmp. */
int vk_version_compare(const char *left, const char *right);

/* Whether the table says so of this driver. */
bool vk_quirk_applies(enum vk_quirk quirk, const struct vk_driver *driver);

/* The quirks to reckon with, as bits (1 << quirk), of this driver but as `wishes` says: "NAME=on,NAME=off", NULL: none.
 * Writes their names, and which were switched by a wish, into `text` of `size` bytes. */
bool vk_quirks_choose(const struct vk_driver *driver, const char *wishes, unsigned *quirks, char *text, size_t size,
                      struct simba_error *error);

#endif
