/* The search for features that are at fault, on a device whose faults are known: what the command calls of the library
 * is played here. */
#include "../../src/cli/parity.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

struct simba_device {
    struct simba_device_info info;
    char disabled[256];
};

static const char *const tiers[] = {"int64", "fp16", "subgroup", "texel"};
static bool (*is_wrong)(const char *disabled); /* the device with these left unused */
static int runs, open_devices, messages_of_each;

const char *simba_device_tier(const struct simba_device *device, int index) {
    (void)device;
    return index < 4 ? tiers[index] : NULL;
}
const struct simba_device_info *simba_device_describe(const struct simba_device *device) {
    return &device->info;
}
struct simba_device *cli_device_open(const struct cli_device *options, struct simba_error *error) {
    (void)error;
    struct simba_device *device = calloc(1, sizeof *device);
    assert_non_null(device);
    assert_string_equal(options->choice, "2"); /* the same device */
    device->info.index = 2;
    snprintf(device->disabled, sizeof device->disabled, "%s %s", options->disable,
             options->quirks ? options->quirks : "");
    /* It has all of these but the textures. */
    for (int i = 0; i < 3; i++)
        if (!strstr(options->disable, tiers[i])) strcat(device->info.features, tiers[i]);
    open_devices++;
    return device;
}
int simba_device_validation_messages(const struct simba_device *device) {
    (void)device;
    return messages_of_each;
}
void simba_device_close(struct simba_device *device) {
    open_devices -= device != NULL;
    free(device);
}
bool simba_known_quirk(int index, struct simba_quirk *quirk) {
    static const char *const names[] = {"short-loops", "slow-texel-fetch"};
    if (index >= 2) return false;
    quirk->name = names[index];
    return true;
}
bool parity_run_model(const struct parity_models *models, int index, struct simba_device *device,
                      struct simba_device *reference, struct parity_comparison *comparison,
                      struct simba_parity_summary *summary, struct simba_error *error) {
    (void)error;
    (void)comparison;
    assert_string_not_equal(models->names[index], "passed already");
    const bool wrong = is_wrong(device->disabled);
    /* Against itself without any feature the device is wrong where it is wrong only with one. */
    *summary = (struct simba_parity_summary){.tensors = 10, .failed = wrong ? 3 : 0, .worst = reference->info.index};
    runs++;
    return true;
}
void parity_progress_begin(int parts) {
    assert_true(parts > 0);
}

static bool lacks(const char *disabled, const char *word) {
    return strstr(disabled, word) == NULL;
}
static bool with_subgroup(const char *disabled) {
    return lacks(disabled, "subgroup");
}
static bool with_subgroup_and_texel(const char *disabled) { /* either one away is enough */
    return lacks(disabled, "subgroup") && lacks(disabled, "texel");
}
static bool with_subgroup_or_texel(const char *disabled) { /* both must go */
    return lacks(disabled, "subgroup") || lacks(disabled, "texel");
}
static bool without_quirk(const char *disabled) {
    return lacks(disabled, "slow-texel-fetch=on");
}
static bool always(const char *disabled) {
    (void)disabled;
    return true;
}

static void search(bool (*wrong)(const char *), const char *disable, struct parity_report *report) {
    static const char *const names[] = {"failed", "passed already"};
    const struct parity_models models = {.names = names, .count = 2};
    const struct cli_device options = {.disable = disable};
    struct simba_device device = {.info = {.index = 2, .quirks = "slow-texel-fetch (switched off), short-loops"}},
                        reference = {.info.index = 7};
    struct simba_error error;
    *report = (struct parity_report){.count = 2};
    report->comparisons = calloc(2, sizeof *report->comparisons);
    assert_non_null(report->comparisons);
    report->comparisons[0] = (struct parity_comparison){.name = "failed", .ran = true, .summary.failed = 3};
    report->comparisons[1] = (struct parity_comparison){.name = "passed already", .ran = true};
    is_wrong = wrong;
    runs = 0;
    assert_true(parity_search_masks(&models, &options, &device, &reference, report, &error));
    assert_int_equal(report->search_count, 1);
    assert_int_equal(report->searches[0].device_index, 2);
    assert_int_equal(open_devices, 0);
}

static void finish(struct parity_report *report) {
    free(report->comparisons);
    free(report->searches);
    free(report->tiers);
}

static void one_feature(void **state) {
    (void)state;
    struct parity_report report;
    search(with_subgroup, NULL, &report);
    assert_string_equal(report.searches[0].masks, "subgroup");
    assert_int_equal(runs, 7); /* nothing changed, each feature, the other quirk; what helps twice */
    finish(&report);
    search(with_subgroup_and_texel, "fp16", &report);
    assert_string_equal(report.searches[0].masks, "subgroup texel");
    finish(&report);
}

static void several_features(void **state) {
    (void)state;
    struct parity_report report;
    search(with_subgroup_or_texel, NULL, &report);
    assert_string_equal(report.searches[0].masks, "subgroup,texel");
    finish(&report);
}

static void no_feature(void **state) {
    (void)state;
    struct parity_report report;
    search(always, NULL, &report);
    assert_true(!report.searches[0].masks[0] && !report.searches[0].quirks[0]);
    assert_int_equal(runs, 7);
    finish(&report);
}

static int right_run; /* the one of which nothing is wrong */
static bool now_and_then(const char *disabled) {
    (void)disabled;
    return runs + 1 != right_run;
}

/* No feature is blamed for a fault that comes and goes. */
static void a_fault_that_comes_and_goes(void **state) {
    (void)state;
    struct parity_report report;
    right_run = 1;
    search(now_and_then, NULL, &report);
    assert_true(report.searches[0].comes_and_goes && !report.searches[0].masks[0] && !report.searches[0].quirks[0]);
    assert_int_equal(runs, 1);
    finish(&report);
    right_run = 3; /* with a feature disabled, once */
    messages_of_each = 1;
    search(now_and_then, NULL, &report);
    messages_of_each = 0;
    assert_true(!report.searches[0].comes_and_goes && !report.searches[0].masks[0] && !report.searches[0].quirks[0]);
    assert_int_equal(report.validation_messages, runs); /* a device is opened for each run */
    finish(&report);
}

static void a_quirk(void **state) {
    (void)state;
    struct parity_report report;
    search(without_quirk, NULL, &report);
    assert_string_equal(report.searches[0].quirks, "slow-texel-fetch");
    assert_string_equal(report.searches[0].masks, "");
    finish(&report);
}

static void table_of_features(void **state) {
    (void)state;
    static const char *const names[] = {"failed"};
    const struct parity_models models = {.names = names, .count = 1};
    struct simba_device device = {.info = {.index = 2, .features = "int64fp16subgroup"}}, reference = {.info.index = 7};
    struct parity_report report = {0};
    struct simba_error error;
    is_wrong = with_subgroup;
    messages_of_each = 1;
    assert_true(parity_compare_tiers(&models, &(struct cli_device){0}, &device, &reference, &report, &error));
    messages_of_each = 0;
    assert_int_equal(report.validation_messages, 11);
    static const char *const on[] = {"none", "int64",         "fp16",         "subgroup",         "texel",
                                     "all",  "all but int64", "all but fp16", "all but subgroup", "all but texel"};
    assert_int_equal(report.tier_count, 10);
    for (int i = 0; i < 10; i++) {
        const struct parity_tier *tier = &report.tiers[i];
        const bool there = i != 4 && i != 9, wrong = there && (i == 3 || (i >= 5 && i != 8));
        assert_string_equal(tier->on, on[i]);
        assert_int_equal(tier->device_index, 2);
        assert_int_equal(tier->not_there, !there);
        assert_true(tier->ran[0] == there && tier->ran[1] == (there && i > 0));
        assert_int_equal(tier->failed[0], wrong ? 3 : 0);
        /* the reference, the device itself */
        assert_true(tier->worst[0] == (there ? 7 : 0) && tier->worst[1] == (there && i ? 2 : 0));
    }
    assert_int_equal(open_devices, 0);
    finish(&report);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_feature), cmocka_unit_test(several_features),
                                       cmocka_unit_test(no_feature),  cmocka_unit_test(a_fault_that_comes_and_goes),
                                       cmocka_unit_test(a_quirk),     cmocka_unit_test(table_of_features)};
    return cmocka_run_group_tests_name("parity search", tests, NULL, NULL);
}
