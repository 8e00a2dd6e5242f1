/* Devices: every Vulkan device of the machine, the C reference (slow, exact, always there), and where simba's CUDA
 * module is built and loads, CUDA devices to compare with. */
#ifndef SIMBA_DEVICE_H
#define SIMBA_DEVICE_H

#include "simba/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum simba_device_kind {
    SIMBA_DEVICE_DISCRETE,
    SIMBA_DEVICE_INTEGRATED,
    SIMBA_DEVICE_VIRTUAL,
    SIMBA_DEVICE_SOFTWARE, /* Vulkan on the CPU, or CUDA's kernels in a test */
    SIMBA_DEVICE_REFERENCE /* the C reference: for checking, not for speed */
};

/* What is known of a device before it is opened. */
struct simba_device_info {
    char name[256];
    char backend[16]; /* "vulkan", "cuda", "cpu" */
    char driver[256]; /* name and version of the driver */
    char uuid[40];    /* 32 hexadecimal digits; empty when the device has none */
    enum simba_device_kind kind;
    int index;             /* what "--device 0" means */
    uint64_t memory_bytes; /* what a run may use; 0: not known */
    bool usable;
    bool preferred;     /* what simba_device_open takes when nothing is chosen */
    char reason[256];   /* why it is preferred, was passed over or is not usable */
    char features[512]; /* "subgroup 8, int64, float16, ...": for a person */
    char quirks[256];   /* names of what its driver gets wrong and is reckoned with, "short-loops, ..."; mostly empty */
};

/* All devices: Vulkan's in order of preference, CUDA's, the C reference. *devices is the caller's, to be released with
 * simba_free. That there is none but the reference is no error: `note` (256 bytes, or NULL) then says why, e.g. that no
 * Vulkan loader is installed; so it does when SIMBA_CUDA_MODULE names what is no module. It is empty otherwise. */
SIMBA_API bool simba_list_devices(struct simba_device_info **devices, int *count, char *note,
                                  struct simba_error *error);

/* What some drivers get wrong, or do so slowly that another way is better. The strings are static. */
struct simba_quirk {
    const char *name;      /* "short-loops" */
    const char *drivers;   /* which have it */
    const char *effect;    /* what is done about it */
    const char *reason;    /* what goes wrong otherwise */
    const char *reference; /* where that was seen */
};
/* All that are known, from index 0; false past the last. */
SIMBA_API bool simba_known_quirk(int index, struct simba_quirk *quirk);

/* "discrete", "integrated", "virtual", "software", "reference". */
SIMBA_API const char *simba_device_kind_name(enum simba_device_kind kind);

struct simba_device_options {
    /* Index; part of the name or UUID of a Vulkan device; "cpu": the C reference; "cuda": the first CUDA device,
     * "cuda:1" the second one; NULL: the preferred one. */
    const char *choice;
    /* Optional features to leave unused, with commas: int64, fp16, int8, subgroup, coopmat, unified, texel, timestamps;
     * NULL: none. A device does without those of them that it has; docs/drivers.md tells what each is. */
    const char *disable;
    /* Quirks to reckon with whatever the driver is, or not: "short-loops=on,slow-texel-fetch=off"; NULL: as is known of
     * the driver. The C reference has no driver, and so none. */
    const char *quirks;
    bool validate;        /* load Vulkan's validation layer; what it says becomes an error */
    bool no_cache;        /* do not read or write the pipeline cache on disk */
    struct simba_log log; /* also used by what is made from the device */
};

struct simba_device;

/* NULL `options`: all defaults. Never falls back silently: when the choice cannot be had, that is an error which lists
 * what there is. */
SIMBA_API struct simba_device *simba_device_open(const struct simba_device_options *options, struct simba_error *error);

/* After everything made from it. NULL is fine. */
SIMBA_API void simba_device_close(struct simba_device *device);

/* Valid as long as the device. */
SIMBA_API const struct simba_device_info *simba_device_describe(const struct simba_device *device);

/* The words that simba_device_options.disable knows for a device of this kind, by index from 0; NULL behind the last.
 */
SIMBA_API const char *simba_device_tier(const struct simba_device *device, int index);

/* How many messages the validation layer has had so far; 0 without it. */
SIMBA_API int simba_device_validation_messages(const struct simba_device *device);

#ifdef __cplusplus
}
#endif
#endif
