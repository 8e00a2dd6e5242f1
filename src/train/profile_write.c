/* A profile as files: a trace that Perfetto opens, and its numbers as JSON. */
#include "base/file.h"
#include "base/memory.h"
#include "ops/ops.h"
#include "train/profile.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool write_document(const char *path, const cJSON *document, struct simba_error *error) {
    char *text = cJSON_PrintUnformatted(document);
    if (!text) return sb_fail(error, SIMBA_ERROR_MEMORY, "There is no memory for what is to be written to %s.", path);
    struct sb_writer writer;
    bool fine = sb_writer_open(&writer, path, error);
    if (fine) {
        fine = sb_writer_write(&writer, text, strlen(text), error) && sb_writer_write(&writer, "\n", 1, error);
        if (fine)
            fine = sb_writer_commit(&writer, error);
        else
            sb_writer_discard(&writer);
    }
    free(text);
    return fine;
}

/* ---- the trace. Times are whole nanoseconds since the first step began, so that the end of a slice and the beginning
 * of the next one are the same number; the format wants microseconds. */

enum track { TRACK_STEPS, TRACK_HOST, TRACK_PARTS, TRACK_OPERATIONS, TRACK_COUNT };
enum { DEVICE = 1, HOST = 2 };

struct trace {
    const struct simba_profile *profile;
    cJSON *events;
    bool failed; /* no memory */
};

static cJSON *add_event(struct trace *trace, const char *kind, const char *name, enum track track) {
    cJSON *event = cJSON_CreateObject();
    const bool device = track == TRACK_PARTS || track == TRACK_OPERATIONS;
    if (!event || !cJSON_AddStringToObject(event, "name", name) || !cJSON_AddStringToObject(event, "ph", kind) ||
        !cJSON_AddNumberToObject(event, "pid", device ? DEVICE : HOST) ||
        !cJSON_AddNumberToObject(event, "tid", track + 1) || !cJSON_AddItemToArray(trace->events, event)) {
        cJSON_Delete(event);
        trace->failed = true;
        return NULL;
    }
    return event;
}

/* "process_name" and the like: what a track or process is called, and where it stands. */
static void add_name(struct trace *trace, const char *what, enum track track, const char *name) {
    cJSON *event = add_event(trace, "M", what, track),
          *arguments = event ? cJSON_AddObjectToObject(event, "args") : NULL;
    if (!arguments || !cJSON_AddStringToObject(arguments, "name", name)) trace->failed = true;
}

/* Its "args" object, NULL when the memory is gone. */
static cJSON *add_slice(struct trace *trace, const char *name, enum track track, int64_t begin, int64_t end) {
    cJSON *slice = add_event(trace, "X", name, track);
    if (!slice || !cJSON_AddNumberToObject(slice, "ts", (double)begin / 1000) ||
        !cJSON_AddNumberToObject(slice, "dur", (double)(end - begin) / 1000)) {
        trace->failed = true;
        return NULL;
    }
    cJSON *arguments = cJSON_AddObjectToObject(slice, "args");
    if (!arguments) trace->failed = true;
    return arguments;
}

static void add_number(struct trace *trace, cJSON *object, const char *name, double value) {
    if (object && !cJSON_AddNumberToObject(object, name, value)) trace->failed = true;
}

static void add_text(struct trace *trace, cJSON *object, const char *name, const char *value) {
    if (object && !cJSON_AddStringToObject(object, name, value)) trace->failed = true;
}

static int64_t nanoseconds(double seconds) {
    return llround(1e9 * seconds);
}

static void add_host(struct trace *trace, const struct sb_profile_flight *flight, double origin) {
    static const char *const names[] = {"wait for the loader", "wait for the device", "fill in inputs", "submit"};
    const double times[] = {flight->begun, flight->loaded, flight->freed, flight->filled, flight->submitted};
    for (int i = 0; i < 4; i++) {
        cJSON *arguments =
            add_slice(trace, names[i], TRACK_HOST, nanoseconds(times[i] - origin), nanoseconds(times[i + 1] - origin));
        add_number(trace, arguments, "step", (double)flight->step + 1);
        add_number(trace, arguments, "micro_batch", (double)flight->micro_batch);
    }
}

static void add_operation(struct trace *trace, const struct sb_node *node, double seconds, int64_t begin, int64_t end) {
    struct sb_cost cost = {0};
    sb_op_info(node->op)->cost(node, &cost);
    cJSON *arguments = add_slice(trace, node->name, TRACK_OPERATIONS, begin, end);
    add_text(trace, arguments, "operation", sb_op_info(node->op)->name);
    if (!(seconds > 0)) return;
    add_number(trace, arguments, "GFLOP/s", 1e-9 * cost.flops / seconds);
    add_number(trace, arguments, "GB/s", 1e-9 * cost.bytes / seconds);
}

/* One micro-batch on the device, not before `ready`; returns its end. Its clock tells how long the nodes took: they
 * stand one behind the other from when both the device and the inputs were ready, but so that they end before their
 * results were there. */
static double add_device(struct trace *trace, int index, double ready, double origin) {
    const struct simba_profile *profile = trace->profile;
    const struct sb_graph *graph = profile->graph;
    const struct sb_profile_flight *flight = &profile->flights[index];
    const double *seconds = profile->seconds + (size_t)index * (size_t)graph->node_count;
    double all = 0;
    for (int i = 0; i < graph->node_count; i++) all += seconds[i];
    double begin = fmax(ready, fmin(fmax(index ? ready : profile->since, flight->filled), flight->done - all));
    for (int part = SB_PROFILE_FORWARD; part <= SB_PROFILE_UPDATE; part++) {
        if (part == SB_PROFILE_UPDATE && flight->micro_batch + 1 < profile->micro_batches) continue;
        const double part_begin = begin;
        for (int i = 0; i < graph->node_count; i++) {
            const struct sb_node *node = graph->nodes[i];
            if (!sb_profile_computes(node) || (int)sb_profile_part(profile, node) != part) continue;
            add_operation(trace, node, seconds[i], nanoseconds(begin - origin),
                          nanoseconds(begin + seconds[i] - origin));
            begin += seconds[i];
        }
        if (begin == part_begin) continue; /* there is no such part */
        cJSON *arguments = add_slice(trace, sb_profile_part_name((enum sb_profile_part)part), TRACK_PARTS,
                                     nanoseconds(part_begin - origin), nanoseconds(begin - origin));
        add_number(trace, arguments, "step", (double)flight->step + 1);
        add_number(trace, arguments, "micro_batch", (double)flight->micro_batch);
    }
    return begin;
}

static void add_all(struct trace *trace) {
    const struct simba_profile *profile = trace->profile;
    const int flights = profile->steps * profile->micro_batches;
    const double origin = profile->flights[0].begun;
    add_name(trace, "process_name", TRACK_PARTS, profile->device->name);
    add_name(trace, "thread_name", TRACK_PARTS, "parts of a step");
    add_name(trace, "thread_name", TRACK_OPERATIONS, "operations");
    add_name(trace, "process_name", TRACK_HOST, "host");
    add_name(trace, "thread_name", TRACK_STEPS, "steps");
    add_name(trace, "thread_name", TRACK_HOST, "trainer");
    double device_free = origin;
    for (int i = 0; i < flights && !trace->failed; i++) {
        const struct sb_profile_flight *flight = &profile->flights[i];
        if (flight->micro_batch == 0) {
            const struct sb_profile_flight *last = &profile->flights[i + profile->micro_batches - 1];
            char name[32];
            snprintf(name, sizeof name, "step %lld", (long long)flight->step + 1);
            add_slice(trace, name, TRACK_STEPS, nanoseconds(flight->begun - origin),
                      nanoseconds(last->submitted - origin));
        }
        add_host(trace, flight, origin);
        device_free = add_device(trace, i, device_free, origin);
    }
}

bool simba_profile_write_trace(const struct simba_profile *profile, const char *path, struct simba_error *error) {
    cJSON *document = cJSON_CreateObject();
    struct trace trace = {.profile = profile,
                          .events = document ? cJSON_AddArrayToObject(document, "traceEvents") : NULL};
    trace.failed = !trace.events || !cJSON_AddStringToObject(document, "displayTimeUnit", "ms");
    if (!trace.failed) add_all(&trace);
    const bool fine = trace.failed ? sb_fail(error, SIMBA_ERROR_MEMORY, "There is no memory for the trace %s.", path)
                                   : write_document(path, document, error);
    cJSON_Delete(document);
    return fine;
}

/* ---- numbers */

static bool add_members(cJSON *object, const struct simba_profile_row *row, double all) {
    return object && cJSON_AddNumberToObject(object, "seconds", row->seconds) &&
           cJSON_AddNumberToObject(object, "share", all > 0 ? row->seconds / all : 0) &&
           cJSON_AddNumberToObject(object, "bytes", row->bytes) &&
           cJSON_AddNumberToObject(object, "flops", row->flops) &&
           cJSON_AddNumberToObject(object, "specials", row->specials);
}

static bool add_operations(cJSON *list, const struct simba_profile_row *rows, int count, double all) {
    for (int i = 0; list && i < count; i++) {
        cJSON *object = cJSON_CreateObject();
        if (!cJSON_AddItemToArray(list, object) || !cJSON_AddStringToObject(object, "operation", rows[i].name) ||
            !cJSON_AddNumberToObject(object, "nodes", rows[i].nodes) || !add_members(object, &rows[i], all))
            return false;
    }
    return list != NULL;
}

static bool add_nodes(cJSON *list, const struct simba_profile *profile, double all) {
    for (int i = 0; list && i < profile->graph->node_count; i++) {
        const struct sb_node *node = profile->graph->nodes[i];
        if (!sb_profile_computes(node)) continue;
        const struct simba_profile_row row = sb_profile_node(profile, node);
        cJSON *object = cJSON_CreateObject();
        if (!cJSON_AddItemToArray(list, object) || !cJSON_AddStringToObject(object, "node", node->name) ||
            !cJSON_AddStringToObject(object, "operation", sb_op_info(node->op)->name) ||
            !cJSON_AddStringToObject(object, "part", sb_profile_part_name(sb_profile_part(profile, node))) ||
            !add_members(object, &row, all))
            return false;
    }
    return list != NULL;
}

static bool add_summary(cJSON *document, const struct simba_profile *profile,
                        const struct simba_profile_summary *summary) {
    cJSON *step = cJSON_AddObjectToObject(document, "seconds_per_step");
    return cJSON_AddStringToObject(document, "device", profile->device->name) &&
           cJSON_AddStringToObject(document, "driver", profile->device->driver) &&
           cJSON_AddStringToObject(document, "model", profile->model) &&
           cJSON_AddNumberToObject(document, "first_step", (double)summary->first_step) &&
           cJSON_AddNumberToObject(document, "steps", summary->steps) &&
           cJSON_AddNumberToObject(document, "micro_batches", summary->micro_batches) && step &&
           cJSON_AddNumberToObject(step, "elapsed", summary->elapsed) &&
           cJSON_AddNumberToObject(step, "device", summary->device) &&
           cJSON_AddNumberToObject(step, "forward", summary->forward) &&
           cJSON_AddNumberToObject(step, "backward", summary->backward) &&
           cJSON_AddNumberToObject(step, "accumulate", summary->accumulate) &&
           cJSON_AddNumberToObject(step, "update", summary->update);
}

bool simba_profile_write_json(const struct simba_profile *profile, const char *path, struct simba_error *error) {
    struct simba_profile_summary summary;
    struct simba_profile_row *rows;
    int count;
    simba_profile_summary(profile, &summary);
    if (!simba_profile_rows(profile, 0, &rows, &count, error)) return false;
    cJSON *document = cJSON_CreateObject();
    bool fine = document && add_summary(document, profile, &summary) &&
                add_operations(cJSON_AddArrayToObject(document, "operations"), rows, count, summary.device) &&
                add_nodes(cJSON_AddArrayToObject(document, "nodes"), profile, summary.device);
    fine = fine ? write_document(path, document, error)
                : sb_fail(error, SIMBA_ERROR_MEMORY, "There is no memory for the profile %s.", path);
    cJSON_Delete(document);
    free(rows);
    return fine;
}
