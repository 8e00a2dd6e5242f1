/* A row that is being written. */
#include "bench/measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void sb_bench_draft_init(struct sb_bench_draft *draft, const struct sb_bench_session *session,
                         const struct simba_bench_entry *entry, const struct sb_bench_shape *shape, bool rounds) {
    static const char *const factors[] = {"", ", bf16 factors", ", fp16 factors"};
    *draft = (struct sb_bench_draft){0};
    sb_bench_shape_text(entry, shape, draft->shape, sizeof draft->shape);
    snprintf(draft->dtype, sizeof draft->dtype, "float32%s", rounds ? factors[session->precision] : "");
    draft->row = (struct simba_bench_row){.kind = entry->kind,
                                          .name = entry->name,
                                          .variant = draft->variant,
                                          .shape = draft->shape,
                                          .dtype = draft->dtype,
                                          .subgroup_size = sb_device_describe(session->device)->subgroup_size,
                                          .ceiling_share = NAN,
                                          .error = NAN,
                                          .tolerance = NAN,
                                          .clock = "host",
                                          .caches = draft->caches};
}

void sb_bench_draft_note(struct sb_bench_draft *draft, const char *format, ...) {
    const size_t at = strlen(draft->note);
    if (at) snprintf(draft->note + at, sizeof draft->note - at, "; ");
    const size_t behind = strlen(draft->note);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(draft->note + behind, sizeof draft->note - behind, format, arguments);
    va_end(arguments);
    draft->row.note = draft->note;
}

void sb_bench_draft_unsupported(struct sb_bench_draft *draft, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(draft->unsupported, sizeof draft->unsupported, format, arguments);
    va_end(arguments);
    draft->row.unsupported = draft->unsupported;
}

bool sb_bench_draft_failed(struct sb_bench_draft *draft, const struct simba_error *error) {
    if (error->code == SIMBA_ERROR_DEVICE || error->code == SIMBA_ERROR_INTERRUPTED) return false;
    sb_bench_draft_unsupported(draft, "%s", error->message);
    return true;
}

static void visit(void *user, const struct sb_dispatch *dispatch) {
    bool *on_matrix_units = user;
    if (strcmp(dispatch->kernel, "cooperative_product") == 0) *on_matrix_units = true;
}

bool sb_bench_matrix_flops(struct sb_program *program, const bool *timed, double *flops, struct simba_error *error) {
    *flops = 0;
    for (int i = 0; i < program->graph->node_count; i++) {
        const struct sb_node *node = program->graph->nodes[i];
        bool on_matrix_units = false;
        if (timed ? !timed[i] : node->phase == SB_PHASE_PREPARE) continue;
        if (!sb_program_dispatches(program, 0, i, visit, &on_matrix_units, error)) return false;
        struct sb_cost cost = {0};
        if (on_matrix_units) sb_op_info(node->op)->cost(node, &cost);
        *flops += cost.flops;
    }
    return true;
}

void sb_bench_draft_share(struct sb_bench_draft *draft, const struct sb_bench_session *session, double matrix_flops) {
    struct simba_bench_row *row = &draft->row;
    const struct sb_ceiling *ceilings = session->ceilings;
    const double on_matrix_units = ceilings[SB_CEILING_MATRIX].per_second > 0 ? fmin(matrix_flops, row->flops) : 0;
    const double amounts[SB_CEILING_COUNT] = {[SB_CEILING_COPY] = row->bytes,
                                              [SB_CEILING_SPECIAL] = row->specials,
                                              [SB_CEILING_MULTIPLY_ADD] = row->flops - on_matrix_units,
                                              [SB_CEILING_MATRIX] = on_matrix_units};
    double needed[SB_CEILING_COUNT] = {0};
    for (int i = 0; i < SB_CEILING_COUNT; i++)
        if (ceilings[i].per_second > 0) needed[i] = amounts[i] / ceilings[i].per_second;
    /* A node runs on one of the two: their times follow one another. */
    const double products = needed[SB_CEILING_MATRIX] + needed[SB_CEILING_MULTIPLY_ADD];
    const bool mostly_matrix = needed[SB_CEILING_MATRIX] > needed[SB_CEILING_MULTIPLY_ADD];
    const struct {
        double needed;
        const char *name;
    } bounds[] = {{needed[SB_CEILING_COPY], "copy bandwidth"},
                  {products, mostly_matrix ? "matrix units" : "multiply-add"},
                  {needed[SB_CEILING_SPECIAL], "special functions"}};
    double longest = 0;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        if (!(bounds[i].needed > longest)) continue;
        longest = bounds[i].needed;
        row->bound_by = bounds[i].name;
    }
    if (longest > 0 && row->median > 0) row->ceiling_share = longest / row->median;
}
