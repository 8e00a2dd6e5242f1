#include "api/api.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static struct simba_device_info describe(const struct sb_device_description *description) {
    struct simba_device_info info = {.kind = (enum simba_device_kind)description->kind,
                                     .index = description->index,
                                     .memory_bytes = description->memory_bytes,
                                     .usable = description->usable};
    memcpy(info.name, description->name, sizeof info.name);
    memcpy(info.backend, description->backend, sizeof info.backend);
    memcpy(info.driver, description->driver, sizeof info.driver);
    memcpy(info.uuid, description->uuid, sizeof info.uuid);
    memcpy(info.reason, description->reason, sizeof info.reason);
    memcpy(info.features, description->features, sizeof info.features);
    memcpy(info.quirks, description->quirks, sizeof info.quirks);
    return info;
}

bool simba_list_devices(struct simba_device_info **devices, int *count, char *note, struct simba_error *error) {
    struct sb_device_description *list = NULL;
    *devices = NULL;
    *count = 0;
    if (note) note[0] = '\0';
    if (!sb_device_list(&list, count, note, error)) return false;
    *devices = sb_allocate((size_t)*count, sizeof **devices, error);
    bool found = false;
    for (int i = 0; *devices && i < *count; i++) {
        (*devices)[i] = describe(&list[i]);
        /* The list is in order of preference. */
        if (!found && list[i].usable && !list[i].only_when_asked) found = (*devices)[i].preferred = true;
    }
    free(list);
    return *devices;
}

bool simba_known_quirk(int index, struct simba_quirk *quirk) {
    const struct sb_quirk *known = index >= 0 ? sb_known_quirk(index) : NULL;
    if (!known) return false;
    *quirk = (struct simba_quirk){.name = known->name,
                                  .drivers = known->drivers,
                                  .effect = known->effect,
                                  .reason = known->reason,
                                  .reference = known->reference};
    return true;
}

const char *simba_device_kind_name(enum simba_device_kind kind) {
    static const char *const names[] = {"discrete", "integrated", "virtual", "software", "reference"};
    return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

struct simba_device *simba_device_open(const struct simba_device_options *options, struct simba_error *error) {
    static const struct simba_device_options defaults = {0};
    if (!options) options = &defaults;
    struct simba_device *device = sb_allocate(1, sizeof *device, error);
    if (!device) return NULL;
    const struct sb_device_parameters parameters = {.choice = options->choice,
                                                    .disable = options->disable,
                                                    .quirks = options->quirks,
                                                    .validate = options->validate,
                                                    .no_cache = options->no_cache,
                                                    .log = options->log};
    if (!sb_device_open(&parameters, &device->device, error)) {
        free(device);
        return NULL;
    }
    device->info = describe(sb_device_describe(device->device));
    return device;
}

void simba_device_close(struct simba_device *device) {
    if (!device) return;
    sb_device_close(device->device);
    free(device);
}

const struct simba_device_info *simba_device_describe(const struct simba_device *device) {
    return &device->info;
}

const char *simba_device_tier(const struct simba_device *device, int index) {
    return sb_device_tier(device->device, index);
}

int simba_device_validation_messages(const struct simba_device *device) {
    return sb_device_validation_messages(device->device);
}
