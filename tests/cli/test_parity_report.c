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
    assert_false(parity_passed(&report));
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
                 "kernels scan_lanes(ROWS=4)", "helps    --disable subgroup texel"),
           TEXTS("/home/somebody"));
    struct parity_search other = {.device_index = 3, .quirks = "short-loops"};
    report.searches = &other;
    expect(parity_print_words, TEXTS("Everything that failed passes with --quirk short-loops=on"), NULL);
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
    assert_false(parity_passed(&report));
    expect(parity_print_text, TEXTS("could not be compared: Device lost."), NULL);
}

static void judges_two_devices_alike(void **state) {
    (void)state;
    begin(SIMBA_DEVICE_DISCRETE);
    add(row(SIMBA_PARITY_ISOLATED, 5, "block1.scan", 1e-3));
    expect(parity_print_words, TEXTS("Which of the two is wrong", "--device 3 --against cpu", "--device 5"),
           TEXTS("not to be trusted"));
    begin(SIMBA_DEVICE_DISCRETE);
    add(row(SIMBA_PARITY_ISOLATED, 5, "block1.scan", 1e-7));
    assert_true(parity_passed(&report));
    expect(parity_print_words, TEXTS("compute these models alike", "--device 3 --against cpu"),
           TEXTS("can be trusted"));
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
           TEXTS("\": nan", "\": inf"));
    expect(parity_print_text, TEXTS("2 of 8 elements are infinite or not a number"), NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_operation), cmocka_unit_test(tells_kinds_of_failure_apart),
        cmocka_unit_test(judges_two_devices_alike), cmocka_unit_test(writes_no_number_that_json_lacks)};
    return cmocka_run_group_tests_name("parity report", tests, NULL, NULL);
}
