/* The measured ceilings: that the work which is timed is really done, and that nothing the device does is above them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/vulkan/runtime.h"
#include "check.h"
#include "ops/ops.h"

#include <math.h>

static const char *const names[SB_CEILING_COUNT] = {"copy", "multiply-add", "special", "matrix"};
static struct sb_ceiling ceilings[SB_CEILING_COUNT];

static void test_figures(void **state) {
    (void)state;
    for (int kind = 0; kind < SB_CEILING_COUNT; kind++) {
        struct sb_ceiling *ceiling = &ceilings[kind];
        CHECK(sb_device_ceiling(device, (enum sb_ceiling_kind)kind, ceiling, &error));
        printf("%-12s %10.4g /s  %s%s\n", names[kind], ceiling->per_second, ceiling->how, ceiling->unsupported);
        assert_true(isfinite(ceiling->per_second));
        assert_true(ceiling->unsupported[0] ? ceiling->per_second == 0 && !ceiling->how[0]
                                            : ceiling->per_second > 0 && ceiling->how[0]);
        if (kind != SB_CEILING_MATRIX) assert_true(ceiling->per_second > 0); /* every device can do these */
    }
}

int main(void) {
    device = open_device(&(struct sb_device_parameters){0});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
    };
    const int failed = cmocka_run_group_tests_name("ceilings", tests, NULL, NULL);
    return close_device(device) + failed ? 1 : 0;
}
