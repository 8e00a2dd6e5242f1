/* What keeps kernels within a device's limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check.h"

#include "backend/vulkan/runtime.h"

static void refuse(const uint32_t constants[VK_MAX_CONSTANTS], enum vk_kernel kernel, const char *part) {
    VkPipeline pipeline = VK_NULL_HANDLE;
    assert_false(vk_pipeline_get((struct vk_device *)device, kernel, constants, &pipeline, &error));
    if (!strstr(error.message, part)) fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

/* The constants decide how much it is, so the table's defaults are not all that is checked. */
static void test_shared_memory(void **state) {
    (void)state;
    const uint32_t defaults[VK_MAX_CONSTANTS] = {0}, larger[VK_MAX_CONSTANTS] = {[VK_SELECTIVE_SCAN_TOKENS] = 4096};
    VkPipeline pipeline = VK_NULL_HANDLE;
    CHECK(vk_pipeline_get((struct vk_device *)device, VK_KERNEL_SELECTIVE_SCAN, defaults, &pipeline, &error));
    refuse(larger, VK_KERNEL_SELECTIVE_SCAN, "bytes of shared memory; the device has");
    assert_int_equal(vk_kernels[VK_KERNEL_SELECTIVE_SCAN].shared_bytes(vk_kernels[VK_KERNEL_SELECTIVE_SCAN].constants),
                     4 * (2 * 8 * 64 + 2 * 8 * 16 + 8 * 128));
    assert_null(vk_kernels[VK_KERNEL_PERMUTE].shared_bytes);
}

static void test_invocations(void **state) {
    (void)state;
    const uint32_t larger[VK_MAX_CONSTANTS] = {[VK_PERMUTE_WORKGROUP] = 1u << 20};
    refuse(larger, VK_KERNEL_PERMUTE, "workgroups of 1048576 invocations; the device allows");
}

int main(void) {
    const struct sb_device_parameters parameters = wished_device();
    device = open_device(&parameters);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_memory),
        cmocka_unit_test(test_invocations),
    };
    const int failed = cmocka_run_group_tests_name("limits", tests, NULL, NULL);
    return close_device(device) + failed ? 1 : 0;
}
