/* What a driver's compiler says of every compute pipeline (VK_KHR_pipeline_executable_properties). */
#ifndef TESTS_COMPILE_STATISTICS_H
#define TESTS_COMPILE_STATISTICS_H

#include "backend/backend.h"

#include <stdio.h>

/* Has every device opened from now on keep statistics of its pipelines, VkFFT's included. The product needs no code for
 * it: volk's functions are variables, in which this puts its own. Vulkan must have been loaded: list the devices first.
 */
void statistics_begin(void);
/* Writes what was kept of the pipelines that the device has now and forgets it, one JSON object on each line:
 *   {"kernel": "copy_rows", "constants": [256, 0], "statistics": {"VGPRs": 12, ...}}
 * `constants` in the order of the kernel table. Pipelines that are not of the table are those of VkFFT: "kernel":
 * "vkfft", without constants; each different one is written once. False when the driver did not tell of all. */
bool statistics_write(struct sb_device *device, FILE *file);

#endif
