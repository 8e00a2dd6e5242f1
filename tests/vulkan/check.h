/* What the tests of this directory share: a device, and calls that must succeed. */
#ifndef TESTS_VULKAN_CHECK_H
#define TESTS_VULKAN_CHECK_H

#include "device.h"

static struct sb_device *device;
static struct simba_error error;

#define CHECK(call)                                            \
    do {                                                       \
        error.message[0] = '\0';                               \
        if (!(call)) fail_msg("%s: %s", #call, error.message); \
    } while (0)

#endif
