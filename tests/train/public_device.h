/* The wishes of tests/device.h through the public interface. */
#ifndef TESTS_TRAIN_PUBLIC_DEVICE_H
#define TESTS_TRAIN_PUBLIC_DEVICE_H

#include "simba/simba.h"

#include "../device.h"

/* `choice` NULL: a Vulkan device. Ends the process as open_device does. */
static inline struct simba_device *open_public_device(const char *choice) {
    const struct sb_device_parameters wished = wished_device();
    struct simba_device_info *list = NULL;
    int count = 0, preferred = 0;
    char note[256] = "";
    struct simba_error error = {0};
    if (simba_list_devices(&list, &count, note, &error))
        for (int i = 0; i < count; i++) preferred += list[i].preferred;
    simba_free(list);
    if (!choice) choice = wished.choice;
    if (!choice && !preferred && !error.message[0]) {
        printf("skipped: no Vulkan device. %s\n", note);
        exit(EXIT_SKIPPED);
    }
    struct simba_device *device = simba_device_open(&(struct simba_device_options){.choice = choice,
                                                                                   .disable = wished.disable,
                                                                                   .quirks = wished.quirks,
                                                                                   .validate = wished.validate,
                                                                                   .log = wished.log},
                                                    &error);
    if (!device) {
        const bool no_layer = wished.validate && strstr(error.message, "is not installed");
        printf("%s: %s\n", no_layer ? "skipped" : "FAILED", error.message);
        exit(no_layer ? EXIT_SKIPPED : 1);
    }
    return device;
}

/* The number of messages of the validation layer, as a number of failures. */
static inline int close_public_device(struct simba_device *device) {
    const int messages = simba_device_validation_messages(device);
    if (messages) printf("FAILED: %d messages of the validation layer\n", messages);
    simba_device_close(device);
    return messages;
}

#endif
