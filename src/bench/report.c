/* Rows, and the texts that they point to. */
#include "bench/bench.h"

#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct simba_bench *simba_bench_create(struct simba_error *error) {
    return sb_allocate(1, sizeof(struct simba_bench), error);
}

void simba_bench_destroy(struct simba_bench *bench) {
    if (!bench) return;
    for (int i = 0; i < bench->device_count; i++) free(bench->devices[i].rows);
    free(bench->devices);
    sb_pool_finish(&bench->pool);
    free(bench);
}

/* Names of files and devices are bytes, JSON is UTF-8: what is none becomes a question mark. */
static void clean(char *text) {
    for (int length; *text; text += length) {
        length = sb_utf8_length((const uint8_t *)text);
        if (length) continue;
        *text = '?';
        length = 1;
    }
}

static bool keep(struct sb_pool *pool, const char **text, struct simba_error *error) {
    if (!*text) return true;
    const size_t size = strlen(*text) + 1;
    char *copy = sb_pool_allocate(pool, size, error);
    if (!copy) return false;
    memcpy(copy, *text, size);
    clean(copy);
    *text = copy;
    return true;
}

struct sb_bench_device *sb_bench_report_device(struct simba_bench *bench, const struct simba_device_info *info,
                                               struct simba_error *error) {
    struct sb_bench_device *grown = realloc(bench->devices, (size_t)(bench->device_count + 1) * sizeof *grown);
    if (!grown) {
        sb_fail(error, SIMBA_ERROR_MEMORY, "No memory for the benchmark's report.");
        return NULL;
    }
    bench->devices = grown;
    grown[bench->device_count] = (struct sb_bench_device){.info = *info};
    clean(grown[bench->device_count].info.name);
    clean(grown[bench->device_count].info.driver);
    return &grown[bench->device_count++];
}

bool sb_bench_report_row(struct simba_bench *bench, struct sb_bench_device *device, const struct simba_bench_row *row,
                         struct simba_error *error) {
    struct simba_bench_row copy = *row;
    const char **const texts[] = {&copy.kind,     &copy.name,  &copy.variant, &copy.shape,       &copy.dtype,
                                  &copy.bound_by, &copy.clock, &copy.caches,  &copy.unsupported, &copy.note};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!keep(&bench->pool, texts[i], error)) return false;
    if (device->count == device->capacity) {
        const int capacity = device->capacity ? 2 * device->capacity : 32;
        struct simba_bench_row *grown = realloc(device->rows, (size_t)capacity * sizeof *grown);
        if (!grown) return sb_fail(error, SIMBA_ERROR_MEMORY, "No memory for the benchmark's rows.");
        device->rows = grown;
        device->capacity = capacity;
    }
    device->rows[device->count++] = copy;
    return true;
}

bool sb_bench_row_wrong(const struct simba_bench_row *row) {
    return !isnan(row->tolerance) && !(row->error <= row->tolerance);
}

bool sb_bench_row_timed(const struct simba_bench_row *row) {
    return row->runs > 0;
}

struct simba_bench_summary simba_bench_summary(const struct simba_bench *bench) {
    struct simba_bench_summary summary = {.devices = bench->device_count};
    for (int i = 0; i < bench->device_count; i++)
        for (int k = 0; k < bench->devices[i].count; k++) {
            const struct simba_bench_row *row = &bench->devices[i].rows[k];
            summary.rows++;
            summary.timed += sb_bench_row_timed(row);
            summary.wrong += sb_bench_row_wrong(row);
            summary.unverified += sb_bench_row_timed(row) && isnan(row->error) && strcmp(row->kind, "ceiling") != 0;
            summary.unsupported += row->unsupported != NULL;
        }
    return summary;
}
