/* Reports: every format with awkward texts, and the comparison with a report of before. */
#include "temporary.h"

#include "base/file.h"
#include "base/json.h"
#include "bench/bench.h"
#include "io/csv.h"
#include "simba/version.h"

#include <math.h>

static const struct simba_device_info awkward_device = {.name = "A \"GPU\", \xff of | sorts",
                                                        .backend = "vulkan",
                                                        .driver = "line\nbreak, comma; \\ backslash",
                                                        .uuid = "00112233445566778899aabbccddeeff",
                                                        .kind = SIMBA_DEVICE_DISCRETE};

static struct simba_bench_row timed_row(const char *name, double median) {
    return (struct simba_bench_row){.kind = "kernel",
                                    .name = name,
                                    .variant = "kernel(A=1, B=2) + \"other\"",
                                    .shape = "batch=1 tokens=2",
                                    .dtype = "float32",
                                    .subgroup_size = 8,
                                    .runs = 10,
                                    .median = median,
                                    .minimum = 0.9 * median,
                                    .p95 = 1.2 * median,
                                    .bytes = 4e9,
                                    .flops = 2e9,
                                    .ceiling_share = 0.5,
                                    .bound_by = "copy bandwidth",
                                    .error = 1e-7,
                                    .tolerance = 1e-5,
                                    .clock = "device",
                                    .caches = "warm"};
}

static struct simba_bench *report_of(const struct simba_device_info *info, const struct simba_bench_row *rows,
                                     int count) {
    struct simba_error error;
    struct simba_bench *bench = simba_bench_create(&error);
    struct sb_bench_device *device = bench ? sb_bench_report_device(bench, info, &error) : NULL;
    assert_non_null(device);
    for (int i = 0; i < count; i++) assert_true(sb_bench_report_row(bench, device, &rows[i], &error));
    return bench;
}

static struct simba_bench *awkward_report(void) {
    struct simba_bench_row rows[] = {timed_row("scan/forward", 2), timed_row("a,b \"c\" | \xc3\xa4 \xe2\x82\n", 1),
                                     timed_row("wrong", 1), timed_row("unsupported", 1), timed_row("ceiling/copy", 1)};
    rows[2].runs = 0;
    rows[2].error = INFINITY;
    rows[2].ceiling_share = NAN;
    rows[2].note = "WRONG";
    rows[3].runs = 0;
    rows[3].error = rows[3].tolerance = rows[3].ceiling_share = NAN;
    rows[3].bound_by = NULL;
    rows[3].unsupported = "it has none, says \"the driver\"";
    rows[4].kind = "ceiling"; /* in one second */
    rows[4].runs = 1;
    rows[4].flops = 0;
    rows[4].error = rows[4].tolerance = rows[4].ceiling_share = NAN;
    rows[4].bound_by = NULL;
    return report_of(&awkward_device, rows, 5);
}

static char *text_of(const struct simba_bench *bench, enum simba_bench_format format) {
    struct simba_error error;
    char *text = simba_bench_text(bench, format, &error);
    assert_non_null(text);
    return text;
}

static struct sb_json member(struct sb_json object, const char *name) {
    struct sb_json found;
    struct simba_error error;
    assert_true(sb_json_member(object, name, &found, &error));
    assert_non_null(found.value);
    return found;
}

static const char *string(struct sb_json object, const char *name) {
    const char *text = NULL;
    struct simba_error error = {0};
    if (!sb_json_string(object, name, &text, &error)) fail_msg("%s", error.message);
    return text;
}

static double number(struct sb_json object, const char *name) {
    double value = NAN;
    struct simba_error error = {0};
    if (!sb_json_double(object, name, -INFINITY, INFINITY, &value, &error)) fail_msg("%s", error.message);
    return value;
}

static void json_is_valid(void **state) {
    (void)state;
    struct simba_bench *bench = awkward_report();
    char *text = text_of(bench, SIMBA_BENCH_JSON);
    struct simba_error error = {0};
    struct sb_json_document *document = sb_json_read_text("report", text, &error);
    if (!document) fail_msg("%s", error.message);
    const struct sb_json device = sb_json_element(member(sb_json_root(document), "devices"), 0);
    assert_string_equal(string(device, "name"), "A \"GPU\", ? of | sorts");
    assert_string_equal(string(device, "driver"), awkward_device.driver);
    assert_string_equal(string(device, "uuid"), awkward_device.uuid);
    const struct sb_json rows = member(device, "rows");
    assert_int_equal(sb_json_count(rows), 5);
    assert_float_equal(number(sb_json_element(rows, 0), "median_s"), 2, 0);
    assert_float_equal(number(sb_json_element(rows, 0), "gb_per_s"), 2, 1e-9);
    assert_string_equal(string(sb_json_element(rows, 1), "name"), "a,b \"c\" | \xc3\xa4 ??\n");
    assert_string_equal(string(sb_json_element(rows, 2), "status"), "wrong");
    assert_true(sb_json_is_null(member(sb_json_element(rows, 2), "median_s"))); /* never a zero */
    assert_string_equal(string(sb_json_element(rows, 3), "status"), "unsupported");
    assert_float_equal(number(sb_json_element(rows, 2), "bytes"), 4e9, 0);
    static const char *const of_runs[] = {"runs", "median_s", "minimum_s", "p95_s", "bytes", "flops", "specials"};
    for (size_t i = 0; i < sizeof of_runs / sizeof *of_runs; i++) {
        assert_true(sb_json_is_null(member(sb_json_element(rows, 3), of_runs[i])));
        assert_true(sb_json_is_null(member(sb_json_element(rows, 4), of_runs[i])));
    }
    assert_true(sb_json_is_null(member(sb_json_element(rows, 3), "gflop_per_s")));
    assert_float_equal(number(sb_json_element(rows, 4), "gb_per_s"), 4, 1e-9);
    /* Infinitely wrong, and not verified. */
    assert_true(sb_json_is_null(member(sb_json_element(rows, 2), "error")));
    assert_float_equal(number(sb_json_element(rows, 2), "tolerance"), 1e-5, 0);
    assert_true(sb_json_is_null(member(sb_json_element(rows, 4), "tolerance")));
    bool complete = false;
    assert_true(sb_json_bool(sb_json_root(document), "complete", &complete, &error));
    assert_true(complete);
    sb_json_destroy(document);
    simba_free(text);

    text = text_of(bench, SIMBA_BENCH_JSONL);
    int lines = 0;
    for (char *line = text, *end; *line; line = end + 1, lines++) {
        end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        document = sb_json_read_text("line", line, &error);
        if (!document) fail_msg("%s", error.message);
        assert_string_equal(string(sb_json_root(document), "uuid"), awkward_device.uuid);
        sb_json_destroy(document);
    }
    assert_int_equal(lines, 5);
    simba_free(text);
    simba_bench_destroy(bench);
}

static void csv_is_valid(void **state) {
    (void)state;
    struct simba_bench *bench = awkward_report();
    struct simba_error error = {0};
    const char *path = temporary("report.csv");
    assert_true(simba_bench_save(bench, SIMBA_BENCH_CSV, path, &error));
    struct sb_csv *csv = sb_csv_open(path, ',', &error);
    assert_non_null(csv);
    struct sb_record record;
    assert_true(sb_csv_next(csv, &record, &error));
    int columns = record.count, name = -1, median = -1, driver = -1;
    for (int i = 0; i < columns; i++) {
        if (strcmp(record.fields[i], "name") == 0) name = i;
        if (strcmp(record.fields[i], "median_s") == 0) median = i;
        if (strcmp(record.fields[i], "driver") == 0) driver = i;
    }
    assert_true(name >= 0 && median >= 0 && driver >= 0);
    static const char *const names[] = {"scan/forward", "a,b \"c\" | \xc3\xa4 ??\n", "wrong", "unsupported",
                                        "ceiling/copy"};
    static const char *const medians[] = {"2", "1", "", "", ""};
    for (int i = 0; i < 5; i++) {
        assert_true(sb_csv_next(csv, &record, &error));
        assert_int_equal(record.count, columns);
        assert_string_equal(record.fields[name], names[i]);
        assert_string_equal(record.fields[median], medians[i]);
        assert_string_equal(record.fields[driver], awkward_device.driver);
    }
    assert_true(sb_csv_next(csv, &record, &error));
    assert_int_equal(record.count, 0);
    sb_csv_close(csv);
    simba_bench_destroy(bench);
}

/* Every line of the table has as many cells. */
static void markdown_is_a_table(void **state) {
    (void)state;
    struct simba_bench *bench = awkward_report();
    char *text = text_of(bench, SIMBA_BENCH_MARKDOWN);
    int lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] != '|') continue;
        int cells = 0;
        for (char *at = line; *at; at++) cells += *at == '|' && (at == line || at[-1] != '\\');
        assert_int_equal(cells, 18);
        if (strstr(line, "scan/forward")) assert_non_null(strstr(line, "| 1.0e-07 | 1e-05 | device | warm | kernel("));
        lines++;
    }
    assert_int_equal(lines, 7);
    simba_free(text);
    simba_bench_destroy(bench);
}

/* ---- comparing */

struct seen {
    int count;
    enum simba_bench_verdict verdicts[16];
    char names[16][32], notes[16][128];
};

static void see(void *user, const struct simba_bench_change *change) {
    struct seen *seen = user;
    assert_true(seen->count < 16);
    seen->verdicts[seen->count] = change->verdict;
    snprintf(seen->names[seen->count], sizeof seen->names[0], "%s", change->name);
    snprintf(seen->notes[seen->count++], sizeof seen->notes[0], "%s", change->note ? change->note : "");
}

static struct simba_bench_comparison compare(const struct simba_bench_row *rows, int count,
                                             const struct simba_bench_choice *choice, const char *baseline,
                                             struct seen *seen) {
    struct simba_error error = {0};
    struct simba_bench_comparison comparison;
    struct simba_bench *bench = report_of(&awkward_device, rows, count);
    *seen = (struct seen){0};
    if (!simba_bench_compare(bench, baseline, choice, 0.1, see, seen, &comparison, &error))
        fail_msg("%s", error.message);
    simba_bench_destroy(bench);
    return comparison;
}

static void changes_are_judged(void **state) {
    (void)state;
    struct simba_error error = {0};
    const char *path = temporary("baseline.json");
    struct simba_bench_row before[] = {timed_row("same", 1),   timed_row("faster", 1), timed_row("slower", 1),
                                       timed_row("unsure", 1), timed_row("wrong", 1),  timed_row("lost", 1),
                                       timed_row("gone", 1),   timed_row("never", 1)};
    before[7].runs = 0;
    before[7].unsupported = "no";
    struct simba_bench *bench = report_of(&awkward_device, before, 8);
    assert_true(simba_bench_save(bench, SIMBA_BENCH_JSON, path, &error));
    simba_bench_destroy(bench);

    struct simba_bench_row now[] = {timed_row("same", 1.09),  timed_row("faster", 0.9), timed_row("slower", 1.3),
                                    timed_row("unsure", 1.3), timed_row("wrong", 1),    timed_row("lost", 1),
                                    timed_row("fresh", 1)};
    now[1].variant = "another kernel";
    now[3].minimum = 0.92; /* the fastest run is as it was */
    now[4].error = 1e-3;
    now[4].runs = 0;
    now[5].runs = 0;
    now[5].unsupported = "not any more";
    struct seen seen;
    struct simba_bench_comparison comparison = compare(now, 7, NULL, path, &seen);
    static const struct {
        const char *name;
        enum simba_bench_verdict verdict;
        const char *note;
    } expected[] = {{"same", SIMBA_BENCH_SAME, ""},     {"faster", SIMBA_BENCH_FASTER, "by other kernels"},
                    {"slower", SIMBA_BENCH_SLOWER, ""}, {"unsure", SIMBA_BENCH_UNSURE, ""},
                    {"wrong", SIMBA_BENCH_WRONG, ""},   {"lost", SIMBA_BENCH_MISSING, "unsupported: not any more"},
                    {"fresh", SIMBA_BENCH_NEW, ""},     {"gone", SIMBA_BENCH_MISSING, "not measured now"}};
    assert_int_equal(seen.count, 8);
    for (int i = 0; i < 8; i++) {
        assert_string_equal(seen.names[i], expected[i].name);
        assert_int_equal(seen.verdicts[i], expected[i].verdict);
        assert_string_equal(seen.notes[i], expected[i].note);
    }
    assert_true(comparison.failed);
    assert_int_equal(comparison.slower, 1);
    assert_int_equal(comparison.missing, 2);
    assert_string_equal(comparison.baseline_version, simba_version());

    /* What was not asked for is not missing, and what is unsure does not fail. */
    static const char *const names[] = {"s*", "unsure"};
    const struct simba_bench_choice some = {.names = names, .name_count = 2};
    comparison = compare(now, 1, &some, path, &seen);
    assert_int_equal(comparison.missing, 2); /* "slower" and "unsure" */
    static const char *const one_name[] = {"same"};
    const struct simba_bench_choice one = {.names = one_name, .name_count = 1};
    comparison = compare(now, 1, &one, path, &seen);
    assert_int_equal(seen.count, 1);
    assert_false(comparison.failed);
    const struct simba_bench_choice shaped = {.shape = "batch=1"};
    comparison = compare(&now[3], 1, &shaped, path, &seen);
    assert_int_equal(seen.count, 1);
    assert_false(comparison.failed);
}

/* A card has one name and one UUID, whether Vulkan or CUDA drives it. */
static void backends_are_kept_apart(void **state) {
    (void)state;
    struct simba_error error = {0};
    const char *path = temporary("backends.json");
    struct simba_device_info other = awkward_device;
    snprintf(other.backend, sizeof other.backend, "cuda");
    const struct simba_bench_row slow = timed_row("row", 5), fast = timed_row("row", 1);
    struct simba_bench *bench = report_of(&other, &slow, 1);
    struct sb_bench_device *device = sb_bench_report_device(bench, &awkward_device, &error);
    assert_true(device && sb_bench_report_row(bench, device, &fast, &error));
    assert_true(simba_bench_save(bench, SIMBA_BENCH_JSON, path, &error));
    simba_bench_destroy(bench);
    struct seen seen;
    const struct simba_bench_comparison comparison = compare(&fast, 1, NULL, path, &seen);
    assert_int_equal(comparison.same, 1); /* against the other row it would be faster */
    assert_int_equal(seen.count, 1);
}

static const char *saved(struct simba_bench *bench, const char *name) {
    struct simba_error error = {0};
    const char *path = temporary(name);
    if (!simba_bench_save(bench, SIMBA_BENCH_JSON, path, &error)) fail_msg("%s", error.message);
    simba_bench_destroy(bench);
    return path;
}

/* Kernels are not missing where files were asked for, nor models of other files, nor another precision's rows. */
static void what_was_not_asked_for_is_not_missing(void **state) {
    (void)state;
    struct simba_bench_row before[] = {timed_row("scan/forward", 1), timed_row("model/mine/training", 1),
                                       timed_row("model/other/training", 1), timed_row("model/mine/inference", 1)};
    for (int i = 1; i < 4; i++) before[i].kind = "model";
    const char *path = saved(report_of(&awkward_device, before, 4), "asked.json");
    static const char *const files[] = {"some where/mine.json"};
    const struct simba_bench_choice choice = {.configurations = files, .configuration_count = 1};
    struct seen seen;
    struct simba_bench_comparison comparison = compare(&before[1], 1, &choice, path, &seen);
    assert_int_equal(seen.count, 2);
    assert_int_equal(comparison.missing, 1);
    assert_string_equal(seen.names[1], "model/mine/inference");

    struct simba_bench_row rounded[] = {timed_row("linear/forward", 1), timed_row("scan/forward", 1)};
    path = saved(report_of(&awkward_device, rounded, 2), "precision.json");
    rounded[0].dtype = "float32, bf16 factors";
    const struct simba_bench_choice bf16 = {.precision = "bf16"};
    comparison = compare(rounded, 2, &bf16, path, &seen);
    assert_int_equal(comparison.added, 1);
    assert_int_equal(comparison.same, 1);
    assert_false(comparison.failed);
    comparison = compare(rounded, 1, &bf16, path, &seen); /* the other one has no precision */
    assert_int_equal(comparison.missing, 1);
    rounded[0].shape = "batch=2 tokens=2"; /* other work is no substitute */
    comparison = compare(rounded, 2, &bf16, path, &seen);
    assert_int_equal(comparison.missing, 1);
}

static void devices_are_not_dropped(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct simba_bench_comparison comparison;
    struct simba_device_info devices[3] = {awkward_device, awkward_device, awkward_device};
    for (int i = 0; i < 3; i++) {
        snprintf(devices[i].name, sizeof devices[i].name, "card %d", i);
        snprintf(devices[i].uuid, sizeof devices[i].uuid, "%032d", i);
    }
    const struct simba_bench_row row = timed_row("row", 1);
    struct simba_bench *bench = report_of(&devices[0], &row, 1);
    struct sb_bench_device *second = sb_bench_report_device(bench, &devices[1], &error);
    assert_true(second && sb_bench_report_row(bench, second, &row, &error));
    const char *path = saved(bench, "devices.json");

    /* None of them. */
    bench = report_of(&devices[2], &row, 1);
    assert_false(simba_bench_compare(bench, path, NULL, 0.1, NULL, NULL, &comparison, &error));
    assert_int_equal(error.code, SIMBA_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "card 2"));
    assert_non_null(strstr(error.message, "card 0"));
    simba_bench_destroy(bench);

    /* Another one in the place of the second one. */
    bench = report_of(&devices[0], &row, 1);
    second = sb_bench_report_device(bench, &devices[2], &error);
    assert_true(second && sb_bench_report_row(bench, second, &row, &error));
    struct seen seen = {0};
    assert_true(simba_bench_compare(bench, path, NULL, 0.1, see, &seen, &comparison, &error));
    assert_int_equal(comparison.same, 1);
    assert_int_equal(comparison.added, 1);
    assert_int_equal(comparison.missing, 1);
    assert_string_equal(seen.notes[2], "the device was not measured now");
    assert_true(comparison.failed);
    simba_bench_destroy(bench);

    /* One of them alone was asked for. */
    bench = report_of(&devices[1], &row, 1);
    assert_true(simba_bench_compare(bench, path, NULL, 0.1, NULL, NULL, &comparison, &error));
    assert_int_equal(comparison.same, 1);
    assert_false(comparison.failed);
    simba_bench_destroy(bench);
}

static void a_report_that_was_ended_says_so(void **state) {
    (void)state;
    const struct simba_bench_row row = timed_row("row", 1);
    struct simba_bench *bench = report_of(&awkward_device, &row, 1);
    bench->incomplete = true;
    char *text = text_of(bench, SIMBA_BENCH_MARKDOWN);
    assert_non_null(strstr(text, "ended before its last row"));
    simba_free(text);
    struct seen seen;
    struct simba_bench_comparison comparison = compare(&row, 1, NULL, saved(bench, "ended.json"), &seen);
    assert_true(comparison.baseline_incomplete);
    comparison = compare(&row, 1, NULL, saved(report_of(&awkward_device, &row, 1), "whole.json"), &seen);
    assert_false(comparison.baseline_incomplete);
}

static void broken_baselines_have_a_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {{"[]", "object"},
                 {"{}", "\"devices\""},
                 {"{\"devices\": 3}", "\"devices\""},
                 {"{\"devices\": [{\"name\": \"d\"}]}", "$.devices[0]"},
                 {"{\"devices\": [{\"name\": \"d\", \"rows\": [{\"kind\": \"kernel\"}]}]}", "$.devices[0].rows[0]"},
                 {"{\"devices\": [{\"name\": \"d\", \"rows\": [{\"kind\": \"kernel\", \"name\": \"n\", \"status\": "
                  "\"timed\", \"shape\": \"\", \"dtype\": \"\", \"median_s\": \"1\"}]}]}",
                  "median_s"}};
    struct simba_bench *bench = report_of(&awkward_device, NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct simba_error error = {0};
        struct simba_bench_comparison comparison;
        const char *path = temporary("broken.json");
        struct sb_writer writer;
        assert_true(sb_writer_open(&writer, path, &error) &&
                    sb_writer_write(&writer, cases[i].text, strlen(cases[i].text), &error) &&
                    sb_writer_commit(&writer, &error));
        assert_false(simba_bench_compare(bench, path, NULL, 0.1, NULL, NULL, &comparison, &error));
        if (!strstr(error.message, cases[i].part)) fail_msg("%s: %s", cases[i].text, error.message);
    }
    simba_bench_destroy(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(json_is_valid),
                                       cmocka_unit_test(csv_is_valid),
                                       cmocka_unit_test(markdown_is_a_table),
                                       cmocka_unit_test(changes_are_judged),
                                       cmocka_unit_test(what_was_not_asked_for_is_not_missing),
                                       cmocka_unit_test(devices_are_not_dropped),
                                       cmocka_unit_test(a_report_that_was_ended_says_so),
                                       cmocka_unit_test(backends_are_kept_apart),
                                       cmocka_unit_test(broken_baselines_have_a_place)};
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
