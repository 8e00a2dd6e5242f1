/* The device of a test, by the environment's wishes:
 *   SIMBA_TEST_DEVICE      an index, part of a name or a UUID; otherwise the best Vulkan device
 *   SIMBA_TEST_DISABLE     feature tiers to leave unused, as --disable
 *   SIMBA_TEST_QUIRKS      what to reckon with or not of the driver, as --quirk
 *   SIMBA_TEST_VALIDATE=1  the validation layer; any message of it must fail the test
 * cmocka runs a group's setup and teardown, but does not count their failures: tests open and close in main. */
#ifndef TESTS_DEVICE_H
#define TESTS_DEVICE_H

#include "backend/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_SKIPPED = 77 };

static inline void print_log(void *user, enum simba_log_level level, const char *message) {
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", message);
}

static inline struct sb_device_parameters wished_device(void) {
    const char *validate = getenv("SIMBA_TEST_VALIDATE");
    return (struct sb_device_parameters){.choice = getenv("SIMBA_TEST_DEVICE"),
                                         .disable = getenv("SIMBA_TEST_DISABLE"),
                                         .quirks = getenv("SIMBA_TEST_QUIRKS"),
                                         .validate = validate && !strcmp(validate, "1"),
                                         .log = {print_log, NULL, SIMBA_LOG_WARNING}};
}

/* Ends the process, skipped, where the machine has no Vulkan device or lacks the validation layer that was wished for;
 * failed when a device is there and cannot be opened. */
static inline struct sb_device *open_device(const struct sb_device_parameters *parameters) {
    struct simba_error error = {0};
    struct sb_device_description *list = NULL;
    struct sb_device *device = NULL;
    int count = 0, usable = 0;
    char note[256] = "";
    if (!sb_device_list(&list, &count, note, &error)) {
        printf("FAILED: %s\n", error.message);
        exit(1);
    }
    for (int i = 0; i < count; i++) usable += list[i].usable && !list[i].only_when_asked;
    free(list);
    if (!usable && !parameters->choice) {
        printf("skipped: no Vulkan device. %s\n", note);
        exit(EXIT_SKIPPED);
    }
    if (!sb_device_open(parameters, &device, &error)) {
        const bool no_layer = parameters->validate && strstr(error.message, "is not installed");
        printf("%s: %s\n", no_layer ? "skipped" : "FAILED", error.message);
        exit(no_layer ? EXIT_SKIPPED : 1);
    }
    return device;
}

/* The number of messages of the validation layer, as a number of failures. */
static inline int close_device(struct sb_device *device) {
    const int messages = sb_device_validation_messages(device);
    if (messages) printf("FAILED: %d messages of the validation layer\n", messages);
    sb_device_close(device);
    return messages;
}

#endif
