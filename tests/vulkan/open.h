/* What the tests of the Vulkan room share: a device by the backend's own list, with the environment's wishes:
 * SIMBA_TEST_DEVICE a part of the name, SIMBA_TEST_DISABLE a --disable mask, SIMBA_TEST_VALIDATE=1 the validation
 * layer.
 */
#ifndef SB_TESTS_VULKAN_OPEN_H
#define SB_TESTS_VULKAN_OPEN_H

#include "backend/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void print_log(void *user, enum simba_log_level level, const char *message) {
    (void)user;
    if (level >= SIMBA_LOG_WARNING) fprintf(stderr, "%s\n", message);
}

/* NULL when the machine has no Vulkan device, so that a test can be skipped visibly. */
static inline struct sb_device *open_device_with(const char *disable) {
    struct simba_error error = {0};
    struct sb_device_description *list = NULL;
    int count = 0;
    char note[256] = "";
    if (!sb_backend_vulkan.list(&list, &count, note, &error)) {
        fprintf(stderr, "listing failed: %s\n", error.message);
        abort();
    }
    const char *wish = getenv("SIMBA_TEST_DEVICE");
    const char *validate = getenv("SIMBA_TEST_VALIDATE");
    const struct sb_device_parameters parameters = {.disable = disable ? disable : getenv("SIMBA_TEST_DISABLE"),
                                                    .validate = validate && !strcmp(validate, "1"),
                                                    .no_cache = true,
                                                    .log = {print_log, NULL, SIMBA_LOG_WARNING}};
    struct sb_device *device = NULL;
    for (int i = 0; i < count && !device; i++) {
        if (!list[i].usable || (wish && !strstr(list[i].name, wish))) continue;
        if (!sb_backend_vulkan.open(&parameters, &list[i], &device, &error)) {
            if (strstr(error.message, "is not installed")) {
                fprintf(stderr, "skipped: %s\n", error.message);
                exit(77);
            }
            fprintf(stderr, "opening %s failed: %s\n", list[i].name, error.message);
            abort();
        }
    }
    if (!device) fprintf(stderr, "no Vulkan device: %s\n", note);
    free(list);
    return device;
}

static inline struct sb_device *open_device(void) {
    return open_device_with(NULL);
}

#endif
