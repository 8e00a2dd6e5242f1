/* The table of what drivers get wrong: which drivers it means, and how it is overruled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check.h"

#include "backend/vulkan/quirks.h"
#include "backend/vulkan/runtime.h"

static const struct vk_driver old_lavapipe = {VK_DRIVER_ID_MESA_LLVMPIPE, 0x10005, "Mesa 22.3.6 (LLVM 15.0.6)"},
                              new_lavapipe = {VK_DRIVER_ID_MESA_LLVMPIPE, 0x10005, "Mesa 25.0.7-2 (LLVM 19.1.7)"},
                              current_lavapipe = {VK_DRIVER_ID_MESA_LLVMPIPE, 0x10005, "Mesa 26.1.6 (LLVM 19.1.7)"},
                              swiftshader = {VK_DRIVER_ID_GOOGLE_SWIFTSHADER, 0x1ae0, ""},
                              intel = {VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA, 0x8086, "Mesa 25.0.7"},
                              nvidia = {VK_DRIVER_ID_NVIDIA_PROPRIETARY, 0x10de, "535.54.03"},
                              amdvlk = {VK_DRIVER_ID_AMD_OPEN_SOURCE, 0x1002, "2024.Q4.3 (LLPC)"},
                              radv = {VK_DRIVER_ID_MESA_RADV, 0x1002, "Mesa 25.0.7"};

static void test_versions(void **state) {
    (void)state;
    static const struct {
        const char *left, *right;
        int order;
    } cases[] = {
        {"22.3.6", "23", -1},
        {"23", "22.3.6", 1},
        {"23", "23.0.0", 0},
        {"9.9", "10", -1},
        {"22.10", "22.9", 1},
        {"22.3.6-1", "22.3.6", 0},
        {"25.0.7 (LLVM 19)", "25.0.8", -1},
        {"", "", 0},
        {"24.1.0-devel", "24.1", 0},
        {"1", "", 1},
        {"22.", "22", 0},
        {"535.54.03", "535.54.3", 0},
        {"4294967297.1", "4294967297.2", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (vk_version_compare(cases[i].left, cases[i].right) != cases[i].order)
            fail_msg("\"%s\" against \"%s\" is not %d", cases[i].left, cases[i].right, cases[i].order);
}

static void test_drivers(void **state) {
    (void)state;
    static const struct {
        enum vk_quirk quirk;
        const struct vk_driver *driver;
        bool applies;
    } cases[] = {
        {VK_QUIRK_SLOW_TEXEL_FETCH, &old_lavapipe, false},
        {VK_QUIRK_SLOW_TEXEL_FETCH, &new_lavapipe, true},
        {VK_QUIRK_SLOW_TEXEL_FETCH, &radv, false},
        {VK_QUIRK_SHORT_LOOPS, &old_lavapipe, true},
        {VK_QUIRK_SHORT_LOOPS, &swiftshader, false},
        {VK_QUIRK_INEXACT_EXPONENTIAL, &swiftshader, true},
        {VK_QUIRK_INEXACT_EXPONENTIAL, &new_lavapipe, true},
        {VK_QUIRK_INEXACT_EXPONENTIAL, &radv, false},
        {VK_QUIRK_NARROW_SUBGROUPS, &intel, true},
        {VK_QUIRK_NARROW_SUBGROUPS, &radv, false},
        {VK_QUIRK_NARROW_COOPERATIVE, &new_lavapipe, false},
        {VK_QUIRK_NARROW_COOPERATIVE, &current_lavapipe, true},
        {VK_QUIRK_MANY_REGISTERS, &radv, true},
        {VK_QUIRK_MANY_REGISTERS, &amdvlk, false},
        {VK_QUIRK_MANY_REGISTERS, &intel, false},
        {VK_QUIRK_MANY_REGISTERS, &nvidia, false},
        {VK_QUIRK_MANY_REGISTERS, &new_lavapipe, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (vk_quirk_applies(cases[i].quirk, cases[i].driver) != cases[i].applies)
            fail_msg("%s of \"%s\": not %d", vk_quirks[cases[i].quirk].name, cases[i].driver->info, cases[i].applies);
    /* A version that cannot be told has no bounds to lie within. */
    static const char *const unclear[] = {"", "Mesa ", "Mesa devel", "mesa 25"};
    for (size_t i = 0; i < sizeof unclear / sizeof unclear[0]; i++) {
        const struct vk_driver driver = {VK_DRIVER_ID_MESA_LLVMPIPE, 0, unclear[i]};
        assert_false(vk_quirk_applies(VK_QUIRK_SLOW_TEXEL_FETCH, &driver));
    }
}

static void test_table(void **state) {
    (void)state;
    for (int i = 0; i < VK_QUIRK_COUNT; i++) {
        const struct sb_quirk *quirk = sb_known_quirk(i);
        assert_non_null(quirk);
        assert_ptr_equal(quirk, &vk_quirks[i]);
        assert_true(quirk->name[0] && quirk->drivers[0] && quirk->effect[0] && quirk->reason[0] && quirk->reference[0]);
        assert_null(strpbrk(quirk->name, "=, "));
    }
    assert_null(sb_known_quirk(VK_QUIRK_COUNT));
}

static void choose(const struct vk_driver *driver, const char *wishes, unsigned expected, const char *text) {
    unsigned quirks = 0;
    char found[256];
    CHECK(vk_quirks_choose(driver, wishes, &quirks, found, sizeof found, &error));
    assert_int_equal(quirks, expected);
    assert_string_equal(found, text);
}

static void test_wishes(void **state) {
    (void)state;
    const unsigned texel = 1u << VK_QUIRK_SLOW_TEXEL_FETCH, loops = 1u << VK_QUIRK_SHORT_LOOPS,
                   exponential = 1u << VK_QUIRK_INEXACT_EXPONENTIAL;
    choose(&nvidia, NULL, 0, "");
    choose(&radv, NULL, 1u << VK_QUIRK_MANY_REGISTERS, "many-registers");
    choose(&radv, "many-registers=off", 0, "many-registers (switched off)");
    choose(&old_lavapipe, "", loops | exponential, "short-loops, inexact-exponential");
    choose(&old_lavapipe, "short-loops=off", exponential, "short-loops (switched off), inexact-exponential");
    choose(&nvidia, "slow-texel-fetch=on,short-loops=on", texel | loops,
           "slow-texel-fetch (switched on), short-loops (switched on)");
    choose(&nvidia, "short-loops=on,short-loops=off", 0, "short-loops (switched off)");
    char small[8];
    unsigned quirks = 0;
    CHECK(vk_quirks_choose(&old_lavapipe, NULL, &quirks, small, sizeof small, &error));
    assert_string_equal(small, "short-l");
    assert_int_equal(quirks, loops | exponential);
}

static void refuse(const char *wishes, const char *part) {
    struct sb_quirk_wishes read;
    assert_false(sb_quirks_read(wishes, &read, &error));
    assert_int_equal(error.code, SIMBA_ERROR_ARGUMENT);
    if (!strstr(error.message, part)) fail_msg("\"%s\": \"%s\" does not say \"%s\"", wishes, error.message, part);
}

static void test_wrong_wishes(void **state) {
    (void)state;
    refuse("short-loop=on", "Unknown quirk \"short-loop\". Known are slow-texel-fetch, short-loops, ");
    refuse("short-loops", "expected short-loops=on or short-loops=off, found \"short-loops\"");
    refuse("short-loops=yes", "found \"short-loops=yes\"");
    refuse("short-loops=onward", "found \"short-loops=onward\"");
    refuse("slow-texel-fetch=on,=on", "Unknown quirk \"\"");
}

/* They reach the lowerings, and the description that users see; unknown ones are refused on every backend. */
static void test_on_a_device(void **state) {
    (void)state;
    struct sb_device_parameters parameters = wished_device();
    parameters.quirks = "slow-texel-fetch=on,short-loops=on,inexact-exponential=on";
    struct sb_device *opened = NULL;
    CHECK(sb_device_open(&parameters, &opened, &error));
    const struct vk_limits *limits = &((struct vk_device *)opened)->limits;
    assert_false(limits->texel_fetch);
    assert_true(limits->polynomial_exponential);
    assert_int_equal(limits->iterations, VK_SOFTWARE_ITERATIONS);
    assert_non_null(strstr(sb_device_describe(opened)->quirks, "short-loops (switched on)"));
    sb_device_close(opened);
    parameters.quirks = "slow-texel-fetch=off,short-loops=off,inexact-exponential=off";
    parameters.disable = NULL;
    CHECK(sb_device_open(&parameters, &opened, &error));
    limits = &((struct vk_device *)opened)->limits;
    assert_true(limits->texel_fetch);
    assert_false(limits->polynomial_exponential);
    assert_int_equal(limits->iterations, VK_MANY_ITERATIONS);
    sb_device_close(opened);
    const char *const choices[] = {wished_device().choice, "cpu"};
    for (int i = 0; i < 2; i++) {
        parameters = (struct sb_device_parameters){.choice = choices[i], .quirks = "no-such=on"};
        assert_false(sb_device_open(&parameters, &opened, &error));
        assert_int_equal(error.code, SIMBA_ERROR_ARGUMENT);
    }
}

/* Every word of the mask is taken by every backend, alone and with the others, and does what it says. */
static void test_mask(void **state) {
    (void)state;
    char all[128] = "";
    for (int i = 0; i < SB_TIER_COUNT; i++) {
        if (i) strcat(all, ",");
        strcat(all, sb_tier_names[i]);
        unsigned tiers = 0;
        CHECK(sb_tiers_read(sb_tier_names[i], &tiers, &error));
        assert_int_equal(tiers, 1u << i);
    }
    struct sb_device_parameters parameters = wished_device();
    parameters.disable = all;
    struct sb_device *opened = NULL;
    CHECK(sb_device_open(&parameters, &opened, &error));
    const struct vk_device *vulkan = (const struct vk_device *)opened;
    const struct vk_limits *limits = &vulkan->limits;
    assert_int_equal(vulkan->capabilities.available, 0);
    assert_false(limits->int64 || limits->subgroup_arithmetic || limits->subgroup_ballot || limits->subgroup_shuffle ||
                 limits->texel_fetch || vulkan->capabilities.unified || vulkan->capabilities.timestamp_bits);
    static const char *const gone[] = {"int64", "fp16", "int8", "subgroup a", ", cooperative", "unified", "time st"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_null(strstr(sb_device_describe(opened)->features, gone[i]));
    sb_device_close(opened);
    parameters = (struct sb_device_parameters){.choice = "cpu", .disable = all};
    CHECK(sb_device_open(&parameters, &opened, &error));
    sb_device_close(opened);
    parameters.disable = "int64,texels";
    assert_false(sb_device_open(&parameters, &opened, &error));
    assert_non_null(strstr(error.message, "Unknown feature to disable \"texels\". Known are int64, "));
}

int main(void) {
    const struct sb_device_parameters parameters = wished_device();
    device = open_device(&parameters);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions), cmocka_unit_test(test_drivers),      cmocka_unit_test(test_table),
        cmocka_unit_test(test_wishes),   cmocka_unit_test(test_wrong_wishes), cmocka_unit_test(test_on_a_device),
        cmocka_unit_test(test_mask),
    };
    const int failed = cmocka_run_group_tests_name("quirks", tests, NULL, NULL);
    return close_device(device) + failed ? 1 : 0;
}
