/* What a report says of a failure, for a person and a machine: comparisons are made up, the text is read. */
#include "../../src/cli/parity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

static struct simba_parity_result row(enum simba_parity_mode mode, int node, const char *name, double error) {
    return (struct simba_parity_result){.mode = mode,
                                        .case_name = "model",
                                        .step = mode == SIMBA_PARITY_STEPS,
                                        .tensor = name,
                                        .node = node,
                                        .node_name = node < 0 ? NULL : name,
                                        .operation = node < 0 ? NULL : "selective_scan",
                                        .shapes = node < 0 ? NULL : "[2, 4] -> [2, 4]",
                                        .kernels = node < 0 ? NULL : "scan_lanes(ROWS=4)",
                                        .elements = 8,
                                        .relative_error = error,
                                        .element_error = error,
                                        .worst_at = "[1, 3]",
                                        .got = 1.5,
                                        .expected = 1.25,
                                        .non_finite = isfinite(error) ? 0 : 2,
                                        .tolerance = 1e-5,
                                        .passed = error <= 1e-5};
}

static struct parity_report report;
static struct parity_comparison comparison;
static struct parity_search found = {.device_index = 3, .masks = "subgroup texel"};
static struct simba_parity_result rows[8];

static void begin(enum simba_device_kind against) {
    memset(&report, 0, sizeof report);
    memset(&comparison, 0, sizeof comparison);
    comparison = (struct parity_comparison){.name = "/home/somebody/model.json", .ran = true, .rows = rows};
    comparison.device.info = (struct simba_device_info){.name = "Strange GPU",
                                                        .backend = "vulkan",
                                                        .driver = "Driver 1.2",
                                                        .uuid = "0123456789abcdef0123456789abcdef",
                                                        .index = 3,
                                                        .features = "subgroup 16"};
    comparison.against.info =
        (struct simba_device_info){.name = "Other", .backend = "other", .kind = against, .index = 5};
    report.comparisons = &comparison;
    report.count = 1;
    snprintf(report.command, sizeof report.command, "simba parity model.json");
}

static void add(struct simba_parity_result result) {
    rows[comparison.count++] = result;
    comparison.summary.tensors++;
    comparison.summary.failed += !result.passed;
}

static char text[65536];

static void expect(void (*print)(FILE *, const struct parity_report *), const char *const *parts,
                   const char *const *absent) {
    FILE *stream = fmemopen(text, sizeof text, "w");
    assert_non_null(stream);
    print(stream, &report);
    fclose(stream);
    for (; *parts; parts++)
        if (!strstr(text, *parts)) fail_msg("\"%s\" is missing in:\n%s", *parts, text);
    for (; absent && *absent; absent++)
        if (strstr(text, *absent)) fail_msg("\"%s\" is in:\n%s", *absent, text);
}
#define TEXTS(...)          \
    (const char *const[]) { \
        __VA_ARGS__, NULL   \
    }

static void names_the_operation(void **state) {
    (void)state;
    begin(SIMBA_DEVICE_REFERENCE);
    add(row(SIMBA_PARITY_ISOLATED, 4, "block1.fine", 1e-7));
    add(row(SIMBA_PARITY_ACCUMULATED, 4, "block1.fine", 1e-7));
    add(row(SIMBA_PARITY_ISOLATED, 5, "block1.scan", 1e-3));
    add(row(SIMBA_PARITY_ACCUMULATED, 5, "block1.scan", 1e-3));
    add(row(SIMBA_PARITY_ISOLATED, 6, "block1.behind", 1e-7));
    add(row(SIMBA_PARITY_ACCUMULATED, 6, "block1.behind", 1e-4));
    report.searches = &found;
    report.search_count = 1;
    assert_false(parity_judge(&report, -1).passed);
    expect(parity_print_text,
           TEXTS("FAIL  model.json", "wrong by itself, given right inputs", "node 5: block1.scan (selective_scan)",
                 "[1, 3]: 1.5, expected 1.25", "shapes [2, 4] -> [2, 4]", "kernels scan_lanes(ROWS=4)",
                 "2 nodes are over their tolerance, from node 5 on", "goes wrong by itself is selective_scan",
                 "than the C reference", "not to be trusted",
                 "passes with --disable subgroup:", "Each of these alone is enough: subgroup texel"),
           TEXTS("also wrong", "/home/somebody"));
    expect(parity_print_block,
           TEXTS("command  simba parity model.json", "Strange GPU", "Driver 1.2", "0123456789abcdef0123456789abcdef",
                 "FAILED: 1 of 1", "first    model.json, isolated: block1.scan (selective_scan)",
                 "kernels scan_lanes(ROWS=4)", "helps    --disable subgroup\nhelps    --disable texel\n"),
           TEXTS("/home/somebody"));
    struct parity_search other = {.device_index = 3, .quirks = "short-loops"};
    report.searches = &other;
    expect(parity_print_words, TEXTS("Everything that failed passes with --quirk short-loops=on"), NULL);
    snprintf(comparison.device.quirks, sizeof comparison.device.quirks, "slow-texel-fetch=off");
    expect(parity_print_words, TEXTS("--quirk slow-texel-fetch=off,short-loops=on"), NULL);
    other.comes_and_goes = true;
    expect(parity_print_words, TEXTS("It comes and goes"), TEXTS("--quirk"));
    other.comes_and_goes = false;
    other.quirks[0] = '\0';
    expect(parity_print_words, TEXTS("does not help, alone or together"), NULL);
}

static void tells_kinds_of_failure_apart(void **state) {
    (void)state;
    begin(SIMBA_DEVICE_REFERENCE);
    add(row(SIMBA_PARITY_ISOLATED, 5, "block1.scan", 1e-7));
    add(row(SIMBA_PARITY_ACCUMULATED, 5, "block1.scan", 1e-4));
    expect(parity_print_words, TEXTS("No operation is wrong by itself", "from block1.scan (selective_scan)"), NULL);
    begin(SIMBA_DEVICE_REFERENCE);
    add(row(SIMBA_PARITY_ISOLATED, 5, "block1.scan", 1e-7));
    add(row(SIMBA_PARITY_STEPS, -1, "update", 1));
    expect(parity_print_text, TEXTS("right when it runs alone", "step 1", "wrong order", "update"), NULL);
    begin(SIMBA_DEVICE_REFERENCE);
    add(row(SIMBA_PARITY_REPEATED, -1, "weights", 1));
    expect(parity_print_text, TEXTS("DIFFERS", "other bits"), NULL);
    begin(SIMBA_DEVICE_REFERENCE);
    comparison.ran = false;
    snprintf(comparison.error.message, sizeof comparison.error.message, "Device lost.");
    assert_false(parity_judge(&report, -1).passed);
    expect(parity_print_text, TEXTS("could not be compared: Device lost.", "1 model could not be run"),
           TEXTS("differ"));
}

static void judges_two_devices_alike(void **state) {
    (void)state;
    begin(SIMBA_DEVICE_DISCRETE);
    add(row(SIMBA_PARITY_ISOLATED, 5, "block1.scan", 1e-3));
    expect(parity_print_words, TEXTS("Which of the two is wrong", "--device 3 --against cpu", "--device 5"),
           TEXTS("not to be trusted"));
    begin(SIMBA_DEVICE_DISCRETE);
    add(row(SIMBA_PARITY_ISOLATED, 5, "block1.scan", 1e-7));
    assert_true(parity_judge(&report, -1).passed);
    expect(parity_print_words, TEXTS("compute these models alike", "--device 3 --against cpu"),
           TEXTS("can be trusted"));
}

/* Words, block and exit code go by one verdict. */
static void agrees_with_itself(void **state) {
    (void)state;
    begin(SIMBA_DEVICE_REFERENCE);
    add(row(SIMBA_PARITY_ISOLATED, 5, "backward/scan", 1e-7));
    add(row(SIMBA_PARITY_STEPS, -1, "update", 1e-7));
    assert_true(parity_judge(&report, 3).passed);
    expect(parity_print_text, TEXTS("can be trusted", "result   passed: 2 results of 1 model\n"), TEXTS("FAILED"));
    report.validation_messages = 2;
    expect(parity_print_text,
           TEXTS("not to be trusted yet", "result   FAILED: 2 validation messages", "they come first"),
           TEXTS("can be trusted", "passed:"));
    report.validation_messages = 0;
    struct parity_tier tier = {.device_index = 3, .on = "all but texel", .ran = {true}, .failed = {4}};
    report.tiers = &tier;
    report.tier_count = 1;
    assert_false(parity_judge(&report, -1).passed);
    expect(parity_print_text, TEXTS("not to be trusted yet", "FAILED: 1 choice of optional", "4 results are over"),
           TEXTS("can be trusted"));
    tier.failed[0] = 0;
    snprintf(tier.error.message, sizeof tier.error.message, "Device lost.");
    expect(parity_print_text, TEXTS("could not be run", "not everything could be compared: Device lost."),
           TEXTS("can be trusted"));
    tier.not_there = true;
    tier.error.message[0] = '\0';
    expect(parity_print_text, TEXTS("not there", "can be trusted"), NULL);
    report.tier_count = 0;
    /* Both have overflowed, and left a step out. */
    struct simba_parity_result norm = row(SIMBA_PARITY_STEPS, -1, "gradient norm", 0);
    norm.not_compared = true;
    norm.passed = false;
    add(norm);
    comparison.summary.failed = 0;
    comparison.summary.not_compared = 1;
    assert_false(parity_judge(&report, -1).passed);
    expect(parity_print_text,
           TEXTS("n/c ", "Not compared: 1 results", "left out 1 training step)", "1 result not compared"),
           TEXTS("can be trusted", "passed:"));
}

/* What was not tried is not praised. */
static void praises_what_was_compared(void **state) {
    (void)state;
    begin(SIMBA_DEVICE_REFERENCE);
    add(row(SIMBA_PARITY_ISOLATED, 5, "scan", 1e-7));
    expect(parity_print_words, TEXTS("every operation of inference", "training was not tried"), TEXTS("trusted"));
    add(row(SIMBA_PARITY_ISOLATED, 6, "backward/scan", 1e-7));
    expect(parity_print_words, TEXTS("every operation of training", "steps were not tried"), TEXTS("trusted"));
    add(row(SIMBA_PARITY_STEPS, -1, "update", 1e-7));
    comparison.against = comparison.device;
    expect(parity_print_text,
           TEXTS("compared with itself", "passed: 3 results of 1 model, of a device compared with itself"),
           TEXTS("trusted"));
}

static void writes_no_number_that_json_lacks(void **state) {
    (void)state;
    begin(SIMBA_DEVICE_REFERENCE);
    struct simba_parity_result wrong = row(SIMBA_PARITY_ISOLATED, 5, "block1.scan", INFINITY);
    wrong.got = NAN;
    add(wrong);
    expect(parity_print_json,
           TEXTS("\"relative_error\": null", "\"got\": null", "\"non_finite\": 2", "\"first_failure_isolated\"",
                 "\"kernels\": \"scan_lanes(ROWS=4)\"", "\"passed\": false"),
           TEXTS("\": nan", "\": inf", "/home/somebody"));
    expect(parity_print_text, TEXTS("2 of 8 elements are infinite or not a number"), NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_operation),       cmocka_unit_test(tells_kinds_of_failure_apart),
        cmocka_unit_test(judges_two_devices_alike),  cmocka_unit_test(agrees_with_itself),
        cmocka_unit_test(praises_what_was_compared), cmocka_unit_test(writes_no_number_that_json_lacks)};
    return cmocka_run_group_tests_name("parity report", tests, NULL, NULL);
}
