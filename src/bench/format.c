/* Reports as text. One table has the columns of CSV and the members of JSON. */
#include "bench/bench.h"

#include "base/bytes.h"
#include "base/file.h"
#include "simba/version.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *status(const struct simba_bench_row *row) {
    return row->unsupported ? "unsupported" : sb_bench_row_wrong(row) ? "wrong" : "timed";
}

/* A rate in units of 10^9 a second; NAN where nothing was timed. */
static double rate(const struct simba_bench_row *row, double of_a_run) {
    return sb_bench_row_timed(row) && of_a_run > 0 ? 1e-9 * of_a_run / row->median : NAN;
}

static bool is_ceiling(const struct simba_bench_row *row) {
    return strcmp(row->kind, "ceiling") == 0;
}

/* Of a run; a ceiling has rates alone. */
static double of_runs(const struct simba_bench_row *row, double value) {
    return sb_bench_row_timed(row) && !is_ceiling(row) ? value : NAN;
}

/* What a run of it comes to, timed or not. */
static double amount(const struct simba_bench_row *row, double value) {
    return row->unsupported || is_ceiling(row) ? NAN : value;
}

struct member {
    const char *name;
    const char *text; /* NULL: a number, or nothing */
    double number;
    bool is_text;
};
enum { MEMBERS = 25 };

/* All of a row, in the order of columns. */
static int members_of(const struct simba_bench_row *row, struct member members[MEMBERS]) {
    const struct member all[] = {{"kind", row->kind, 0, true},
                                 {"name", row->name, 0, true},
                                 {"status", status(row), 0, true},
                                 {"variant", row->variant, 0, true},
                                 {"shape", row->shape, 0, true},
                                 {"dtype", row->dtype, 0, true},
                                 {"subgroup_size", NULL, row->subgroup_size, false},
                                 {"runs", NULL, of_runs(row, row->runs), false},
                                 {"median_s", NULL, of_runs(row, row->median), false},
                                 {"minimum_s", NULL, of_runs(row, row->minimum), false},
                                 {"p95_s", NULL, of_runs(row, row->p95), false},
                                 {"bytes", NULL, amount(row, row->bytes), false},
                                 {"flops", NULL, amount(row, row->flops), false},
                                 {"specials", NULL, amount(row, row->specials), false},
                                 {"gb_per_s", NULL, rate(row, row->bytes), false},
                                 {"gflop_per_s", NULL, rate(row, row->flops), false},
                                 {"gspecial_per_s", NULL, rate(row, row->specials), false},
                                 {"ceiling_share", NULL, row->ceiling_share, false},
                                 {"bound_by", row->bound_by, 0, true},
                                 {"error", NULL, row->error, false},
                                 {"tolerance", NULL, row->tolerance, false},
                                 {"clock", row->clock, 0, true},
                                 {"caches", row->caches, 0, true},
                                 {"unsupported", row->unsupported, 0, true},
                                 {"note", row->note, 0, true}};
    _Static_assert(sizeof all / sizeof *all == MEMBERS, "the number of members");
    memcpy(members, all, sizeof all);
    return MEMBERS;
}

/* Where the row was measured; each row of CSV and JSONL has it. */
enum { PLACE_MEMBERS = 6 };
static void place_of(const struct simba_device_info *info, struct member members[PLACE_MEMBERS]) {
    const struct member all[PLACE_MEMBERS] = {
        {"device", info->name, 0, true},       {"backend", info->backend, 0, true},
        {"driver", info->driver, 0, true},     {"uuid", info->uuid[0] ? info->uuid : NULL, 0, true},
        {"version", simba_version(), 0, true}, {"commit", simba_commit(), 0, true}};
    memcpy(members, all, sizeof all);
}

/* ---- JSON */

static bool add_members(cJSON *object, const struct member *members, int count) {
    bool done = true;
    for (int i = 0; done && i < count; i++)
        done = members[i].text ? cJSON_AddStringToObject(object, members[i].name, members[i].text)
               : !members[i].is_text && isfinite(members[i].number)
                   ? cJSON_AddNumberToObject(object, members[i].name, members[i].number)
                   : cJSON_AddNullToObject(object, members[i].name);
    return done;
}

static bool add_row(cJSON *rows, const struct simba_bench_row *row) {
    struct member members[MEMBERS];
    cJSON *object = cJSON_CreateObject();
    if (object && cJSON_AddItemToArray(rows, object)) return add_members(object, members, members_of(row, members));
    cJSON_Delete(object);
    return false;
}

static bool add_ceilings(cJSON *device, const struct sb_ceiling *ceilings) {
    static const char *const names[SB_CEILING_COUNT] = {[SB_CEILING_COPY] = "copy_bytes",
                                                        [SB_CEILING_MULTIPLY_ADD] = "multiply_add_flops",
                                                        [SB_CEILING_SPECIAL] = "special_functions",
                                                        [SB_CEILING_MATRIX] = "matrix_unit_flops"};
    cJSON *object = cJSON_AddObjectToObject(device, "ceilings");
    for (int i = 0; object && i < SB_CEILING_COUNT; i++) {
        const bool known = ceilings[i].per_second > 0;
        cJSON *ceiling = cJSON_AddObjectToObject(object, names[i]);
        const struct member members[] = {
            {"per_second", NULL, known ? ceilings[i].per_second : NAN, false},
            {"how", known ? ceilings[i].how : NULL, 0, true},
            {"unsupported", ceilings[i].unsupported[0] ? ceilings[i].unsupported : NULL, 0, true}};
        if (!ceiling || !add_members(ceiling, members, 3)) return false;
    }
    return object;
}

static bool add_device(cJSON *devices, const struct sb_bench_device *device) {
    cJSON *object = cJSON_CreateObject();
    if (!object || !cJSON_AddItemToArray(devices, object)) {
        cJSON_Delete(object);
        return false;
    }
    const struct simba_device_info *info = &device->info;
    const struct member members[] = {{"name", info->name, 0, true},
                                     {"backend", info->backend, 0, true},
                                     {"kind", simba_device_kind_name(info->kind), 0, true},
                                     {"driver", info->driver, 0, true},
                                     {"uuid", info->uuid[0] ? info->uuid : NULL, 0, true},
                                     {"features", info->features, 0, true}};
    bool done =
        add_members(object, members, sizeof members / sizeof *members) && add_ceilings(object, device->ceilings);
    cJSON *rows = done ? cJSON_AddArrayToObject(object, "rows") : NULL;
    for (int i = 0; rows && i < device->count; i++)
        if (!add_row(rows, &device->rows[i])) return false;
    return rows;
}

static bool write_json(const struct simba_bench *bench, struct sb_bytes *bytes) {
    const struct member head[] = {{"version", simba_version(), 0, true}, {"commit", simba_commit(), 0, true}};
    cJSON *root = cJSON_CreateObject();
    cJSON *devices = add_members(root, head, 2) && cJSON_AddBoolToObject(root, "complete", !bench->incomplete)
                         ? cJSON_AddArrayToObject(root, "devices")
                         : NULL;
    bool done = devices;
    for (int i = 0; done && i < bench->device_count; i++) done = add_device(devices, &bench->devices[i]);
    char *text = done ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    if (text) {
        sb_put_text(bytes, text);
        sb_put_text(bytes, "\n");
    }
    cJSON_free(text);
    return text;
}

static bool write_jsonl(const struct simba_bench *bench, struct sb_bytes *bytes) {
    for (int i = 0; i < bench->device_count; i++)
        for (int k = 0; k < bench->devices[i].count; k++) {
            struct member members[MEMBERS], place[PLACE_MEMBERS];
            const int count = members_of(&bench->devices[i].rows[k], members);
            place_of(&bench->devices[i].info, place);
            cJSON *object = cJSON_CreateObject();
            char *text = add_members(object, members, count) && add_members(object, place, PLACE_MEMBERS)
                             ? cJSON_PrintUnformatted(object)
                             : NULL;
            cJSON_Delete(object);
            if (!text) return false;
            sb_put_text(bytes, text);
            sb_put_text(bytes, "\n");
            cJSON_free(text);
        }
    return true;
}

/* ---- CSV */

static void put_format(struct sb_bytes *bytes, const char *format, ...) SB_PRINTF(2, 3);
static void put_format(struct sb_bytes *bytes, const char *format, ...) {
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sb_put_text(bytes, text);
}

static void put_field(struct sb_bytes *bytes, const struct member *member, bool first) {
    if (!first) sb_put_text(bytes, ",");
    if (!member->is_text) {
        if (isfinite(member->number)) put_format(bytes, "%.9g", member->number);
        return;
    }
    if (!member->text) return;
    const bool quotes = strpbrk(member->text, ",\"\r\n") || member->text[0] == ' ';
    if (quotes) sb_put_text(bytes, "\"");
    for (const char *at = member->text; *at; at++) {
        if (*at == '"') sb_put_text(bytes, "\"");
        sb_put(bytes, at, 1);
    }
    if (quotes) sb_put_text(bytes, "\"");
}

static void write_csv(const struct simba_bench *bench, struct sb_bytes *bytes) {
    const struct simba_bench_row none = {.kind = ""};
    const struct simba_device_info nowhere = {0};
    struct member members[MEMBERS + PLACE_MEMBERS];
    const int count = members_of(&none, members);
    place_of(&nowhere, members + count);
    for (int i = 0; i < MEMBERS + PLACE_MEMBERS; i++) put_format(bytes, "%s%s", i ? "," : "", members[i].name);
    sb_put_text(bytes, "\r\n");
    for (int i = 0; i < bench->device_count; i++)
        for (int k = 0; k < bench->devices[i].count; k++) {
            members_of(&bench->devices[i].rows[k], members);
            place_of(&bench->devices[i].info, members + count);
            for (int m = 0; m < MEMBERS + PLACE_MEMBERS; m++) put_field(bytes, &members[m], m == 0);
            sb_put_text(bytes, "\r\n");
        }
}

/* ---- Markdown */

/* A cell: what would end it or the row is written otherwise. */
static void put_cell(struct sb_bytes *bytes, const char *text) {
    sb_put_text(bytes, " ");
    for (const char *at = text ? text : ""; *at; at++) {
        if (*at == '|') sb_put_text(bytes, "\\");
        sb_put(bytes, *at == '\n' || *at == '\r' ? " " : at, 1);
    }
    sb_put_text(bytes, " |");
}

static void put_number(struct sb_bytes *bytes, double number, const char *format, const char *unit) {
    char text[64] = "";
    if (!isnan(number)) snprintf(text, sizeof text, format, number);
    put_format(bytes, " %s%s |", text, text[0] ? unit : "");
}

static void put_row(struct sb_bytes *bytes, const struct simba_bench_row *row) {
    sb_put_text(bytes, "|");
    put_cell(bytes, row->name);
    put_cell(bytes, row->shape);
    put_cell(bytes, row->dtype);
    put_number(bytes, 1e3 * of_runs(row, row->median), "%.4g", "");
    put_number(bytes, 1e3 * of_runs(row, row->minimum), "%.4g", "");
    put_number(bytes, 1e3 * of_runs(row, row->p95), "%.4g", "");
    put_number(bytes, rate(row, row->bytes), "%.3g", "");
    put_number(bytes, rate(row, row->flops), "%.3g", "");
    put_number(bytes, rate(row, row->specials), "%.3g", "");
    put_number(bytes, 100 * row->ceiling_share, "%.0f", " %");
    put_cell(bytes, row->bound_by);
    put_number(bytes, row->error, "%.1e", "");
    put_number(bytes, row->tolerance, "%.0e", "");
    put_cell(bytes, row->unsupported ? NULL : row->clock);
    put_cell(bytes, row->unsupported ? NULL : row->caches);
    put_cell(bytes, row->unsupported ? NULL : row->variant);
    char reason[1200];
    snprintf(reason, sizeof reason, "unsupported: %s", row->unsupported ? row->unsupported : "");
    put_cell(bytes, row->unsupported ? reason : row->note);
    sb_put_text(bytes, "\n");
}

static void write_markdown(const struct simba_bench *bench, struct sb_bytes *bytes) {
    for (int i = 0; i < bench->device_count; i++) {
        const struct sb_bench_device *device = &bench->devices[i];
        const char *commit = simba_commit();
        put_format(bytes, "%s## %s\n\n", i ? "\n" : "", device->info.name);
        put_format(bytes, "Driver %s%s%s, subgroups of %d; simba %s%s%s.\n\n", device->info.driver,
                   device->info.uuid[0] ? ", UUID " : "", device->info.uuid,
                   device->count ? device->rows[0].subgroup_size : 0, simba_version(), commit ? ", commit " : "",
                   commit ? commit : "");
        sb_put_text(bytes,
                    "| benchmark | shape | dtype | median ms | min ms | p95 ms | GB/s | GFLOP/s | Gspecial/s | of "
                    "the ceiling | which is | error | tolerance | clock | caches | kernels | note |\n"
                    "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---|---:|---:|---|---|---|---|\n");
        for (int k = 0; k < device->count; k++) put_row(bytes, &device->rows[k]);
    }
    if (bench->incomplete) sb_put_text(bytes, "\nThe measurement was ended before its last row.\n");
}

char *simba_bench_text(const struct simba_bench *bench, enum simba_bench_format format, struct simba_error *error) {
    struct sb_bytes bytes = {0};
    bool done = true;
    switch (format) {
    case SIMBA_BENCH_MARKDOWN:
        write_markdown(bench, &bytes);
        break;
    case SIMBA_BENCH_CSV:
        write_csv(bench, &bytes);
        break;
    case SIMBA_BENCH_JSON:
        done = write_json(bench, &bytes);
        break;
    case SIMBA_BENCH_JSONL:
        done = write_jsonl(bench, &bytes);
        break;
    }
    sb_put(&bytes, "", 1);
    if (done && !bytes.failed) return (char *)bytes.bytes;
    free(bytes.bytes);
    sb_fail(error, SIMBA_ERROR_MEMORY, "No memory for the benchmark's report as text.");
    return NULL;
}

bool simba_bench_save(const struct simba_bench *bench, enum simba_bench_format format, const char *path,
                      struct simba_error *error) {
    char *text = simba_bench_text(bench, format, error);
    struct sb_writer writer;
    bool done = text && sb_writer_open(&writer, path, error);
    if (done) {
        done = sb_writer_write(&writer, text, strlen(text), error) && sb_writer_commit(&writer, error);
        if (!done) sb_writer_discard(&writer);
    }
    free(text);
    return done;
}
