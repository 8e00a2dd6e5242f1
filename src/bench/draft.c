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

void sb_bench_draft_share(struct sb_bench_draft *draft, const struct sb_bench_session *session, bool matrix_units) {
    static const char *const names[SB_CEILING_COUNT] = {
        [SB_CEILING_COPY] = "copy bandwidth",
        [SB_CEILING_MULTIPLY_ADD] = "multiply-add",
        [SB_CEILING_SPECIAL] = "special functions",
        [SB_CEILING_MATRIX] = "matrix units",
    };
    struct simba_bench_row *row = &draft->row;
    const struct sb_ceiling *ceilings = session->ceilings;
    const bool matrix = matrix_units && ceilings[SB_CEILING_MATRIX].per_second > 0;
    double amounts[SB_CEILING_COUNT] = {[SB_CEILING_COPY] = row->bytes, [SB_CEILING_SPECIAL] = row->specials};
    amounts[matrix ? SB_CEILING_MATRIX : SB_CEILING_MULTIPLY_ADD] = row->flops;
    double longest = 0;
    for (int i = 0; i < SB_CEILING_COUNT; i++) {
        if (!(ceilings[i].per_second > 0) || !(amounts[i] > 0)) continue;
        const double needed = amounts[i] / ceilings[i].per_second;
        if (needed <= longest) continue;
        longest = needed;
        row->bound_by = names[i];
    }
    if (longest > 0 && row->median > 0) row->ceiling_share = longest / row->median;
}
