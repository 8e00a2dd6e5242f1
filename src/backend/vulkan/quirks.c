#include "backend/vulkan/quirks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct sb_quirk vk_quirks[VK_QUIRK_COUNT] = {
    [VK_QUIRK_SLOW_TEXEL_FETCH] =
        {.name = "slow-texel-fetch",
         .drivers = "lavapipe (llvmpipe) of Mesa 23 and later",
         .effect = "kernels that read texel buffers give way to their twins, which load through addresses",
         .reason =
             "a texel fetch calls a function compiled apart, several times slower than a gather instruction; Mesa's "
             "disk cache keeps that function without the vector width in its key, so that a process with another "
             "LP_NATIVE_VECTOR_WIDTH than the one before crashes in it",
         .reference = "docs/software-drivers.md: 22.3.6 and 25.0.7 were measured, nothing between them"},
    [VK_QUIRK_SHORT_LOOPS] =
        {.name = "short-loops",
         .drivers = "lavapipe (llvmpipe)",
         .effect = "work is cut so that the loops of an invocation go round less than 65536 times together",
         .reason =
             "the driver ends all loops of an invocation after 65535 rounds, without a word, and results are wrong",
         .reference = "docs/software-drivers.md: Mesa 22.3.6; tests/kernels `check --large`"},
    [VK_QUIRK_INEXACT_EXPONENTIAL] =
        {.name = "inexact-exponential",
         .drivers = "lavapipe (llvmpipe), SwiftShader",
         .effect = "scan, convolutions and activations compute 2^x by a polynomial",
         .reason = "exp2 has a relative error of 2.5e-5, too much for a recurrence over thousands of tokens",
         .reference = "shaders/common/exponential.glsl"},
    [VK_QUIRK_NARROW_SUBGROUPS] =
        {.name = "narrow-subgroups",
         .drivers = "Intel GPUs",
         .effect = "where the subgroup size can be chosen it is 16 instead of 32",
         .reason = "the register file is shared by the lanes: kernels with many values in registers spill at 32",
         .reference = "src/backend/vulkan/capabilities.c"},
    [VK_QUIRK_NARROW_COOPERATIVE] =
        {.name = "narrow-cooperative",
         .drivers = "lavapipe (llvmpipe) of Mesa 26 and later",
         .effect = "cooperative matrices are left alone where subgroups have more than 8 lanes",
         .reason = "for 16 lanes (LP_NATIVE_VECTOR_WIDTH=512) the driver crashes when it compiles a kernel with "
                   "cooperative matrices",
         .reference = "docs/software-drivers.md: Mesa 26.1.6"},
    [VK_QUIRK_MANY_REGISTERS] =
        {.name = "many-registers",
         .drivers = "RADV (AMD GPUs)",
         .effect = "the scan's gradient keeps all states of a chunk of tokens in registers, where they fill subgroups; "
                   "other GPUs go through shared memory",
         .reason =
             "it takes up to 256 registers of an invocation, which AMD's GPUs have, and which this compiler (ACO) "
             "fills without a spill; Intel's have 64 to 128 for 16 lanes, NVIDIA's 255, and what their compilers "
             "make of it nobody has seen",
         .reference = "docs/benchmarks/amd.md: Mesa 25.0.7, five families"},
};

/* Any line that fits is enough. An id or vendor of 0 fits all. Versions are looked for behind `prefix` in the driver's
 * text (lavapipe calls every version 1); a driver without that text does not fit. */
static const struct {
    enum vk_quirk quirk;
    VkDriverId id;
    uint32_t vendor;
    const char *prefix, *first, *before; /* first <= version < before; NULL: no bound */
} table[] = {
    {VK_QUIRK_SLOW_TEXEL_FETCH, VK_DRIVER_ID_MESA_LLVMPIPE, 0, "Mesa ", "23", NULL},
    {VK_QUIRK_SHORT_LOOPS, VK_DRIVER_ID_MESA_LLVMPIPE, 0, NULL, NULL, NULL},
    {VK_QUIRK_INEXACT_EXPONENTIAL, VK_DRIVER_ID_MESA_LLVMPIPE, 0, NULL, NULL, NULL},
    {VK_QUIRK_INEXACT_EXPONENTIAL, VK_DRIVER_ID_GOOGLE_SWIFTSHADER, 0, NULL, NULL, NULL},
    {VK_QUIRK_NARROW_SUBGROUPS, 0, 0x8086, NULL, NULL, NULL},
    {VK_QUIRK_NARROW_COOPERATIVE, VK_DRIVER_ID_MESA_LLVMPIPE, 0, "Mesa ", "26", NULL},
    {VK_QUIRK_MANY_REGISTERS, VK_DRIVER_ID_MESA_RADV, 0, NULL, NULL, NULL},
};

int vk_version_compare(const char *left, const char *right) {
    while (*left || *right) {
        char *left_end = (char *)left, *right_end = (char *)right;
        const unsigned long a = *left >= '0' && *left <= '9' ? strtoul(left, &left_end, 10) : 0;
        const unsigned long b = *right >= '0' && *right <= '9' ? strtoul(right, &right_end, 10) : 0;
        if (a != b) return a < b ? -1 : 1;
        left = *left_end == '.' ? left_end + 1 : "";
        right = *right_end == '.' ? right_end + 1 : "";
    }
    return 0;
}

bool vk_quirk_applies(enum vk_quirk quirk, const struct vk_driver *driver) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].quirk != quirk || (table[i].id && table[i].id != driver->id) ||
            (table[i].vendor && table[i].vendor != driver->vendor))
            continue;
        if (!table[i].prefix) return true;
        const char *version = strstr(driver->info, table[i].prefix);
        if (!version) continue;
        version += strlen(table[i].prefix);
        if (*version < '0' || *version > '9') continue;
        if ((!table[i].first || vk_version_compare(version, table[i].first) >= 0) &&
            (!table[i].before || vk_version_compare(version, table[i].before) < 0))
            return true;
    }
    return false;
}

bool vk_quirks_choose(const struct vk_driver *driver, const char *wishes, unsigned *quirks, char *text, size_t size,
                      struct simba_error *error) {
    struct sb_quirk_wishes wished;
    if (!sb_quirks_read(wishes, &wished, error)) return false;
    size_t used = 0;
    *quirks = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < VK_QUIRK_COUNT; i++) {
        const unsigned bit = 1u << i;
        const char *why = wished.on & bit ? " (switched on)" : wished.off & bit ? " (switched off)" : "";
        if (!(wished.off & bit) && (wished.on & bit || vk_quirk_applies((enum vk_quirk)i, driver))) *quirks |= bit;
        if ((!(*quirks & bit) && !*why) || used >= size) continue;
        const int written = snprintf(text + used, size - used, "%s%s%s", used ? ", " : "", vk_quirks[i].name, why);
        if (written > 0) used += (size_t)written;
    }
    return true;
}
