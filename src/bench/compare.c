/* A report against one of before. */
#include "bench/bench.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row of the baseline; texts lie in its document. */
struct old_row {
    const char *kind, *name, *status, *variant, *shape, *dtype;
    double median, minimum, p95;
    bool met;
};
struct old_device {
    const char *name, *backend, *driver, *uuid;
    struct old_row *rows;
    int count;
    bool met;
};
struct baseline {
    struct sb_json_document *document;
    const char *version, *commit;
    bool complete;
    struct old_device *devices;
    int device_count;
};

/* A text, or null. */
static bool read_text(struct sb_json object, const char *name, const char **text, struct simba_error *error) {
    struct sb_json member;
    *text = NULL;
    if (!sb_json_member(object, name, &member, error)) return false;
    return !member.value || sb_json_is_null(member) || sb_json_string(object, name, text, error);
}

static bool read_needed(struct sb_json object, const char *name, const char **text, struct simba_error *error) {
    if (!read_text(object, name, text, error)) return false;
    return *text || sb_json_fail(error, object, "expected \"%s\", as a report of simba bench -o json has it.", name);
}

static bool read_number(struct sb_json object, const char *name, double *number, struct simba_error *error) {
    struct sb_json member;
    *number = NAN;
    if (!sb_json_member(object, name, &member, error)) return false;
    return !member.value || sb_json_is_null(member) || sb_json_double(object, name, 0, INFINITY, number, error);
}

static bool read_row(struct sb_json object, struct old_row *row, struct simba_error *error) {
    return read_needed(object, "kind", &row->kind, error) && read_needed(object, "name", &row->name, error) &&
           read_needed(object, "status", &row->status, error) && read_needed(object, "shape", &row->shape, error) &&
           read_needed(object, "dtype", &row->dtype, error) && read_text(object, "variant", &row->variant, error) &&
           read_number(object, "median_s", &row->median, error) &&
           read_number(object, "minimum_s", &row->minimum, error) && read_number(object, "p95_s", &row->p95, error);
}

static bool read_device(struct sb_json object, struct old_device *device, struct simba_error *error) {
    struct sb_json rows;
    if (!read_needed(object, "name", &device->name, error) || !read_text(object, "driver", &device->driver, error) ||
        !read_text(object, "backend", &device->backend, error) || !read_text(object, "uuid", &device->uuid, error) ||
        !sb_json_member(object, "rows", &rows, error))
        return false;
    if (!rows.value || !sb_json_is_array(rows))
        return sb_json_fail(error, object, "expected an array \"rows\", as a report of simba bench -o json has it.");
    device->count = sb_json_count(rows);
    device->rows = sb_allocate((size_t)device->count + 1, sizeof *device->rows, error);
    bool read = device->rows;
    for (int i = 0; read && i < device->count; i++) read = read_row(sb_json_element(rows, i), &device->rows[i], error);
    return read;
}

static bool read_baseline(const char *path, struct baseline *baseline, struct simba_error *error) {
    struct sb_json devices;
    *baseline = (struct baseline){.document = sb_json_read_file(path, error), .complete = true};
    if (!baseline->document) return false;
    const struct sb_json root = sb_json_root(baseline->document);
    if (!sb_json_member(root, "devices", &devices, error) || !read_text(root, "version", &baseline->version, error) ||
        !read_text(root, "commit", &baseline->commit, error) ||
        !sb_json_bool(root, "complete", &baseline->complete, error))
        return false;
    if (!devices.value || !sb_json_is_array(devices))
        return sb_json_fail(error, root,
                            "expected an array \"devices\": a baseline is what simba bench -o json --output wrote.");
    const int count = sb_json_count(devices);
    baseline->devices = sb_allocate((size_t)count + 1, sizeof *baseline->devices, error);
    if (!baseline->devices) return false;
    for (int i = 0; i < count; i++) {
        baseline->device_count++;
        if (!read_device(sb_json_element(devices, i), &baseline->devices[i], error)) return false;
    }
    return true;
}

static void finish_baseline(struct baseline *baseline) {
    for (int i = 0; i < baseline->device_count; i++) free(baseline->devices[i].rows);
    free(baseline->devices);
    sb_json_destroy(baseline->document);
}

/* ---- comparing */

struct comparing {
    const struct simba_bench_choice *choice;
    double threshold;
    void (*change)(void *user, const struct simba_bench_change *change);
    void *user;
    struct simba_bench_comparison *comparison;
};

static void emit(const struct comparing *comparing, const struct simba_bench_change *change) {
    struct simba_bench_comparison *comparison = comparing->comparison;
    int *const counts[] = {[SIMBA_BENCH_SAME] = &comparison->same,     [SIMBA_BENCH_FASTER] = &comparison->faster,
                           [SIMBA_BENCH_SLOWER] = &comparison->slower, [SIMBA_BENCH_UNSURE] = &comparison->unsure,
                           [SIMBA_BENCH_WRONG] = &comparison->wrong,   [SIMBA_BENCH_MISSING] = &comparison->missing,
                           [SIMBA_BENCH_NEW] = &comparison->added};
    ++*counts[change->verdict];
    if (comparing->change) comparing->change(comparing->user, change);
}

static bool same_text(const char *left, const char *right) {
    return strcmp(left ? left : "", right ? right : "") == 0;
}

/* By UUID, then by name; the only one belongs to the only one. A card has one UUID and name in Vulkan and in CUDA. */
static struct old_device *device_of(const struct baseline *baseline, const struct simba_bench *bench,
                                    const struct simba_device_info *info) {
    struct old_device *named = NULL;
    for (int i = 0; i < baseline->device_count; i++) {
        struct old_device *old = &baseline->devices[i];
        if (!same_text(old->backend, info->backend)) continue;
        if (info->uuid[0] && same_text(old->uuid, info->uuid)) return old;
        if (!named && same_text(old->name, info->name)) named = old;
    }
    if (named) return named;
    return baseline->device_count == 1 && bench->device_count == 1 ? &baseline->devices[0] : NULL;
}

static struct old_row *row_of(struct old_device *device, const struct simba_bench_row *row) {
    for (int i = 0; device && i < device->count; i++) {
        struct old_row *old = &device->rows[i];
        if (same_text(old->name, row->name) && same_text(old->shape, row->shape) && same_text(old->dtype, row->dtype))
            return old;
    }
    return NULL;
}

/* The same work in another precision is measured now: the baseline's was not asked for. */
static bool has_other_precision(const struct sb_bench_device *device, const struct old_row *old) {
    for (int i = 0; i < device->count; i++) {
        const struct simba_bench_row *row = &device->rows[i];
        if (same_text(old->name, row->name) && same_text(old->shape, row->shape) && !same_text(old->dtype, row->dtype))
            return true;
    }
    return false;
}

static bool was_timed(const struct old_row *old) {
    return old && strcmp(old->status, "timed") == 0 && old->median > 0;
}

/* What one run of a row and another differ by; NAN where the row says nothing of it. */
static double noise(double median, double minimum, double p95) {
    return median > 0 ? (p95 - minimum) / median : NAN;
}

static double if_timed(const struct simba_bench_row *row, double seconds) {
    return sb_bench_row_timed(row) ? seconds : NAN;
}

static enum simba_bench_verdict judge(const struct comparing *comparing, const struct simba_bench_row *row,
                                      const struct old_row *old) {
    if (sb_bench_row_wrong(row)) return SIMBA_BENCH_WRONG;
    if (!was_timed(old)) return SIMBA_BENCH_NEW;
    if (!sb_bench_row_timed(row)) return SIMBA_BENCH_MISSING;
    const double limit = 1 + comparing->threshold;
    if (row->median * limit < old->median) return SIMBA_BENCH_FASTER;
    if (row->median <= old->median * limit) return SIMBA_BENCH_SAME;
    /* Other work on the machine lifts the median first; a slower kernel lifts the fastest run, too. */
    return row->minimum > old->minimum * limit ? SIMBA_BENCH_SLOWER : SIMBA_BENCH_UNSURE;
}

static void compare_row(const struct comparing *comparing, const struct sb_bench_device *device,
                        const struct old_device *old_device, const struct simba_bench_row *row, struct old_row *old) {
    char note[1400] = "";
    const bool moved = old && old_device && !same_text(old_device->name, device->info.name);
    const bool driver = old && old_device && !same_text(old_device->driver, device->info.driver);
    const bool variant = was_timed(old) && sb_bench_row_timed(row) && !same_text(old->variant, row->variant);
    if (row->unsupported)
        snprintf(note, sizeof note, "unsupported: %s", row->unsupported);
    else
        snprintf(note, sizeof note, "%s%s%s%s%s%s", moved ? "on another device, " : "", moved ? old_device->name : "",
                 moved && (driver || variant) ? "; " : "", driver ? "with another driver" : "",
                 driver && variant ? "; " : "", variant ? "by other kernels" : "");
    const bool timed = was_timed(old);
    emit(comparing,
         &(struct simba_bench_change){.verdict = judge(comparing, row, old),
                                      .device = device->info.name,
                                      .name = row->name,
                                      .shape = row->shape,
                                      .dtype = row->dtype,
                                      .before = timed ? old->median : NAN,
                                      .after = if_timed(row, row->median),
                                      .noise_before = timed ? noise(old->median, old->minimum, old->p95) : NAN,
                                      .noise_after = if_timed(row, noise(row->median, row->minimum, row->p95)),
                                      .note = note[0] ? note : NULL});
    if (old) old->met = true;
}

/* Rows of the baseline that were asked for and are not there; `device`: the one that was measured in their place, NULL:
 * none. */
static void report_missing(const struct comparing *comparing, const struct sb_bench_device *device,
                           const struct old_device *old_device) {
    if (comparing->choice->shape) return; /* another choice of shapes leaves rows out that the baseline has */
    for (int i = 0; i < old_device->count; i++) {
        const struct old_row *old = &old_device->rows[i];
        if (old->met || strcmp(old->kind, "ceiling") == 0 || !was_timed(old) ||
            !sb_bench_chosen(comparing->choice, old->kind, old->name) || (device && has_other_precision(device, old)))
            continue;
        emit(comparing,
             &(struct simba_bench_change){.verdict = SIMBA_BENCH_MISSING,
                                          .device = device ? device->info.name : old_device->name,
                                          .name = old->name,
                                          .shape = old->shape,
                                          .dtype = old->dtype,
                                          .before = old->median,
                                          .after = NAN,
                                          .noise_before = noise(old->median, old->minimum, old->p95),
                                          .noise_after = NAN,
                                          .note = device ? "not measured now" : "the device was not measured now"});
    }
}

static void compare_device(const struct comparing *comparing, const struct sb_bench_device *device,
                           struct old_device *old_device) {
    for (int i = 0; i < device->count; i++) {
        const struct simba_bench_row *row = &device->rows[i];
        if (strcmp(row->kind, "ceiling") == 0) continue; /* of the device, not of this library */
        compare_row(comparing, device, old_device, row, row_of(old_device, row));
    }
    if (!old_device) return;
    report_missing(comparing, device, old_device);
    old_device->met = true;
}

/* One device may be measured out of a baseline of several; several are meant to be all of their backend. */
static void report_missing_devices(const struct comparing *comparing, const struct simba_bench *bench,
                                   const struct baseline *baseline) {
    for (int i = 0; bench->device_count > 1 && i < baseline->device_count; i++) {
        const struct old_device *old = &baseline->devices[i];
        bool backend = false;
        for (int k = 0; k < bench->device_count; k++)
            backend = backend || same_text(old->backend, bench->devices[k].info.backend);
        if (backend && !old->met) report_missing(comparing, NULL, old);
    }
}

static bool check_devices(const struct simba_bench *bench, const char *path, const struct baseline *baseline,
                          struct simba_error *error) {
    for (int i = 0; i < bench->device_count; i++)
        if (device_of(baseline, bench, &bench->devices[i].info)) return true;
    if (!bench->device_count) return true;
    const struct simba_device_info *info = &bench->devices[0].info;
    const struct old_device *old = baseline->device_count ? &baseline->devices[0] : NULL;
    return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                   "%s: no device of this baseline is measured now: a row of %s (%s) was expected, and %s%s%s%s%s was "
                   "found. Choose its device with --device, or measure a baseline on this one.",
                   path, info->name, info->backend, old ? old->name : "no device", old && old->backend ? " (" : "",
                   old && old->backend ? old->backend : "", old && old->backend ? ")" : "",
                   baseline->device_count > 1 ? ", among others," : "");
}

bool simba_bench_compare(const struct simba_bench *bench, const char *path, const struct simba_bench_choice *choice,
                         double threshold, void (*change)(void *user, const struct simba_bench_change *change),
                         void *user, struct simba_bench_comparison *comparison, struct simba_error *error) {
    static const struct simba_bench_choice everything = {0};
    struct baseline baseline;
    *comparison = (struct simba_bench_comparison){0};
    const bool read = read_baseline(path, &baseline, error) && check_devices(bench, path, &baseline, error);
    if (read) {
        const struct comparing comparing = {.choice = choice ? choice : &everything,
                                            .threshold = threshold,
                                            .change = change,
                                            .user = user,
                                            .comparison = comparison};
        for (int i = 0; i < bench->device_count; i++)
            compare_device(&comparing, &bench->devices[i], device_of(&baseline, bench, &bench->devices[i].info));
        report_missing_devices(&comparing, bench, &baseline);
        snprintf(comparison->baseline_commit, sizeof comparison->baseline_commit, "%s",
                 baseline.commit ? baseline.commit : "");
        snprintf(comparison->baseline_version, sizeof comparison->baseline_version, "%s",
                 baseline.version ? baseline.version : "");
        comparison->baseline_incomplete = !baseline.complete;
        comparison->failed = comparison->slower || comparison->wrong || comparison->missing;
    }
    finish_baseline(&baseline);
    return read;
}
