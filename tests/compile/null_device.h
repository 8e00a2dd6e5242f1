/* A Vulkan device of which nothing but the compiler is there. */
#ifndef TESTS_COMPILE_NULL_DEVICE_H
#define TESTS_COMPILE_NULL_DEVICE_H

#include "backend/backend.h"

/* Drivers that compile for a device which is not there (Mesa's RADV with RADV_FORCE_FAMILY) have no memory to allocate
 * and crash when commands are recorded. On a device opened so memory is the host's, of any size, addresses are made up,
 * and recording, submitting and waiting do nothing; pipelines, layouts and shader modules still are the driver's. For
 * the whole process, and to be called after the devices were listed: volk's functions are variables, and others are put
 * into them. */
bool null_device_open(const struct sb_device_parameters *parameters, struct sb_device **device,
                      struct simba_error *error);

#endif
