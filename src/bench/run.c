/* From a choice to rows. */
#include "base/clock.h"
#include "bench/measure.h"

#include "base/json.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One row to be measured. */
struct item {
    const struct simba_bench_entry *entry;
    struct sb_bench_shape shape;
};

struct plan {
    const struct simba_bench_choice *choice;
    struct sb_pool pool;
    struct sb_bench_axes axes;
    struct sb_bench_model *files; /* two for each configuration */
    int file_count;
    struct item *items;
    int count;
};

bool sb_bench_chosen(const struct simba_bench_choice *choice, const char *kind, const char *name) {
    for (int i = 0; i < choice->name_count; i++)
        if (fnmatch(choice->names[i], name, 0) == 0) return true;
    if (choice->name_count) return false;
    /* With files and without names the files are what is asked for. */
    for (int i = 0; i < choice->configuration_count; i++)
        if (sb_bench_model_is_of_file(name, choice->configurations[i])) return true;
    return !choice->configuration_count && strcmp(kind, "model") != 0;
}

static const struct simba_bench_entry *entry_at(const struct plan *plan, int index) {
    if (index < plan->file_count) return &plan->files[index].entry;
    return simba_bench_entry(index - plan->file_count);
}

static bool is_taken(const struct plan *plan, int index) {
    const struct simba_bench_entry *entry = entry_at(plan, index);
    /* A file may be called like a model of the catalogue: without names it is the file that is meant. */
    if (index >= plan->file_count && plan->file_count && !plan->choice->name_count) return false;
    return sb_bench_chosen(plan->choice, entry->kind, entry->name);
}

static bool check_names(const struct plan *plan, struct simba_error *error) {
    for (int i = 0; i < plan->choice->name_count; i++) {
        const char *pattern = plan->choice->names[i], *known[256];
        int count = 0;
        bool found = false;
        const struct simba_bench_entry *entry;
        for (int k = 0; (entry = entry_at(plan, k)) && count < 255; k++) {
            known[count++] = entry->name;
            found = found || fnmatch(pattern, entry->name, 0) == 0;
        }
        known[count] = NULL;
        if (found) continue;
        const char *near = sb_nearest_word(pattern, known);
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "No benchmark is called \"%s\"%s%s%s. --list has their names.",
                       pattern, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    }
    return true;
}

static bool check_axes(const struct plan *plan, struct simba_error *error) {
    if (plan->choice->shape && !plan->axes.count)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "Shapes: NAME=VALUES was expected, as in \"tokens=49,196 batch=1..8\", and nothing was found.");
    for (int i = 0; i < plan->axes.count; i++) {
        const char *known[64];
        int count = 0;
        bool found = false;
        const struct simba_bench_entry *entry;
        for (int k = 0; (entry = entry_at(plan, k)); k++) {
            if (!is_taken(plan, k)) continue;
            found = found || sb_bench_parameter(entry, plan->axes.items[i].name) >= 0;
            for (int p = 0; entry->parameters[p].name && count < 63; p++) known[count++] = entry->parameters[p].name;
        }
        known[count] = NULL;
        if (found) continue;
        const char *near = sb_nearest_word(plan->axes.items[i].name, known);
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "Shapes: none of the benchmarks that are chosen has a parameter \"%s\"%s%s%s. --describe NAME "
                       "tells those of each.",
                       plan->axes.items[i].name, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    }
    return true;
}

static bool add_items(struct plan *plan, const struct simba_bench_entry *entry, struct simba_error *error) {
    struct sb_bench_shape *shapes;
    int count;
    if (!sb_bench_shapes(entry, &plan->axes, &shapes, &count, error)) return false;
    struct item *grown = realloc(plan->items, (size_t)(plan->count + count) * sizeof *grown);
    if (grown) {
        plan->items = grown;
        for (int i = 0; i < count; i++) grown[plan->count++] = (struct item){entry, shapes[i]};
    }
    free(shapes);
    return grown || sb_fail(error, SIMBA_ERROR_MEMORY, "No memory for the list of benchmarks.");
}

/* Rows are told apart by their names, in a report and against a baseline: no other model may have that of the last
 * file. */
static bool check_file(const struct plan *plan, const char *path, struct simba_error *error) {
    const char *name = plan->files[plan->file_count - 2].entry.name;
    for (int i = 0; i < plan->file_count - 2; i += 2)
        if (strcmp(plan->files[i].entry.name, name) == 0)
            return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                           "%s: its rows would be called %s as those of %s; give the file another name.", path, name,
                           plan->files[i].configuration);
    for (const struct sb_bench_model *model = sb_bench_models; model->entry.name; model++)
        if (strcmp(model->entry.name, name) == 0)
            return sb_fail(
                error, SIMBA_ERROR_ARGUMENT,
                "%s: its rows would be called %s, as those of the benchmark of that name; give a copy of the "
                "file another name, or measure that benchmark.",
                path, name);
    return true;
}

static bool make_plan(struct plan *plan, const struct simba_bench_choice *choice, struct simba_error *error) {
    *plan = (struct plan){.choice = choice};
    plan->files = sb_allocate(2 * (size_t)choice->configuration_count + 1, sizeof *plan->files, error);
    if (!plan->files) return false;
    for (int i = 0; i < choice->configuration_count; i++) {
        if (!sb_bench_model_of_file(choice->configurations[i], &plan->pool, &plan->files[plan->file_count], error))
            return false;
        plan->file_count += 2;
        if (!check_file(plan, choice->configurations[i], error)) return false;
    }
    if (!sb_bench_axes_read(choice->shape, &plan->axes, error) || !check_names(plan, error) || !check_axes(plan, error))
        return false;
    const struct simba_bench_entry *entry;
    for (int i = 0; (entry = entry_at(plan, i)); i++)
        if (is_taken(plan, i) && !add_items(plan, entry, error)) return false;
    return true;
}

static void finish_plan(struct plan *plan) {
    sb_bench_axes_finish(&plan->axes);
    free(plan->files);
    free(plan->items);
    sb_pool_finish(&plan->pool);
}

/* ---- measuring */

bool sb_bench_open_reference(struct sb_bench_session *session, struct simba_error *error) {
    return session->reference ||
           sb_device_open(&(struct sb_device_parameters){.choice = "cpu"}, &session->reference, error);
}

bool sb_bench_measure_ceilings(struct sb_bench_session *session, struct simba_error *error) {
    for (int kind = 0; session->wants_ceilings && !session->ceilings_known && kind < SB_CEILING_COUNT; kind++)
        if (!sb_device_ceiling(session->device, (enum sb_ceiling_kind)kind, &session->ceilings[kind], error))
            return false;
    session->ceilings_known = true;
    return true;
}

bool sb_bench_measure_ceiling(struct sb_bench_session *session, enum sb_ceiling_kind kind, struct sb_bench_draft *draft,
                              struct simba_error *error) {
    const struct sb_bench_shape none = {0};
    sb_bench_draft_init(draft, session, &sb_bench_ceilings[kind], &none, false);
    session->wants_ceilings = true; /* by name */
    if (!sb_bench_measure_ceilings(session, error)) return false;
    const struct sb_ceiling *ceiling = &session->ceilings[kind];
    if (!(ceiling->per_second > 0)) {
        sb_bench_draft_unsupported(draft, "%s", ceiling->unsupported);
        return true;
    }
    struct simba_bench_row *row = &draft->row;
    snprintf(draft->variant, sizeof draft->variant, "%s", ceiling->how);
    snprintf(draft->caches, sizeof draft->caches, "as the ceiling asks for");
    if (kind == SB_CEILING_MATRIX) snprintf(draft->dtype, sizeof draft->dtype, "float32, fp16 factors");
    *(kind == SB_CEILING_COPY      ? &row->bytes
      : kind == SB_CEILING_SPECIAL ? &row->specials
                                   : &row->flops) = ceiling->per_second;
    row->runs = 1;
    row->median = row->minimum = row->p95 = 1;
    row->clock = strstr(ceiling->how, "host") ? "host" : "device";
    sb_bench_draft_note(draft, "the measurement verifies its own results");
    return true;
}

static const struct sb_bench_model *model_of(const struct plan *plan, const struct simba_bench_entry *entry) {
    for (int i = 0; i < plan->file_count; i++)
        if (&plan->files[i].entry == entry) return &plan->files[i];
    for (const struct sb_bench_model *model = sb_bench_models; model->entry.name; model++)
        if (&model->entry == entry) return model;
    return NULL;
}

static bool measure(struct sb_bench_session *session, const struct plan *plan, const struct item *item,
                    struct sb_bench_draft *draft, struct simba_error *error) {
    const struct sb_bench_kernel *kernel = sb_bench_kernel_of(item->entry);
    if (kernel) return sb_bench_measure_kernel(session, kernel, &item->shape, draft, error);
    const struct sb_bench_model *model = model_of(plan, item->entry);
    if (model) return sb_bench_measure_model(session, model, &item->shape, draft, error);
    return sb_bench_measure_ceiling(session, (enum sb_ceiling_kind)(item->entry - sb_bench_ceilings), draft, error);
}

/* False: it is to end. */
static bool report_progress(const struct simba_bench_options *options, const struct plan *plan, int done,
                            double begin) {
    if (!options->progress) return true;
    const double elapsed = sb_now() - begin;
    char shape[256] = "";
    const struct item *item = done < plan->count ? &plan->items[done] : NULL;
    if (item) sb_bench_shape_text(item->entry, &item->shape, shape, sizeof shape);
    return options->progress(
        options->user, &(struct simba_bench_progress){.done = done,
                                                      .total = plan->count,
                                                      .name = item ? item->entry->name : "",
                                                      .shape = shape,
                                                      .elapsed = elapsed,
                                                      .remaining = done ? elapsed / done * (plan->count - done) : NAN});
}

static bool stopped(int done, const struct plan *plan, struct simba_error *error) {
    return sb_fail(error, SIMBA_ERROR_INTERRUPTED, "The benchmark was stopped after %d of %d rows.", done, plan->count);
}

static bool run_plan(struct simba_bench *bench, struct sb_bench_session *session, const struct plan *plan,
                     const struct simba_device_info *info, const struct simba_bench_options *options,
                     struct simba_error *error) {
    const double begin = sb_now();
    struct sb_bench_device *device = sb_bench_report_device(bench, info, error);
    if (!device) return false;
    for (int i = 0; i < plan->count; i++) {
        struct sb_bench_draft draft;
        if (!report_progress(options, plan, i, begin)) return stopped(i, plan, error);
        if (!measure(session, plan, &plan->items[i], &draft, error)) return false;
        memcpy(device->ceilings, session->ceilings, sizeof device->ceilings);
        if (!sb_bench_report_row(bench, device, &draft.row, error)) return false;
        if (options->row && !options->row(options->user, info, &device->rows[device->count - 1]))
            return stopped(i + 1, plan, error);
    }
    report_progress(options, plan, plan->count, begin);
    return true;
}

bool sb_bench_run(struct simba_bench *bench, struct sb_device *device, const struct simba_device_info *info,
                  const struct simba_bench_options *options, struct simba_error *error) {
    static const char *const precisions[] = {"fp32", "bf16", "fp16", NULL};
    struct sb_bench_session session = {.device = device,
                                       .wants_ceilings = !options->no_ceilings,
                                       .seconds = options->seconds > 0 ? options->seconds : 0.5,
                                       .reference_seconds =
                                           options->reference_seconds > 0 ? options->reference_seconds : 4};
    const char *precision = options->choice.precision ? options->choice.precision : precisions[0];
    int index = 0;
    while (precisions[index] && strcmp(precisions[index], precision) != 0) index++;
    if (!precisions[index])
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Precision: fp32, bf16 or fp16 was expected, and \"%s\" was found.",
                       precision);
    session.precision = (enum sb_precision)index;
    struct plan plan;
    const bool done =
        make_plan(&plan, &options->choice, error) && run_plan(bench, &session, &plan, info, options, error);
    bench->incomplete = bench->incomplete || !done;
    finish_plan(&plan);
    if (session.reference) sb_device_close(session.reference);
    return done;
}
