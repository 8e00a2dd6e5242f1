/* The row of a kernel: verified against the reference, then timed. */
#include "base/clock.h"
#include "bench/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COPIES = 8, LEAST_RUNS = 3, MOST_RUNS = 10000 };
/* Together the copies are to be larger than the last cache of a processor or a GPU. */
static const double beyond_caches = 128 << 20;
static const double default_tolerance =
    1e-5; /* relative L2, float32 against double accumulation, as in tests/kernels */
static const unsigned everything = 1u << SB_PHASE_PREPARE | 1u << SB_PHASE_COMPUTE;

/* One row that is being measured. */
struct kernel_row {
    struct sb_bench_session *session;
    const struct sb_bench_kernel *kernel;
    struct sb_bench_draft *draft;
    struct sb_bench_case whole, small; /* the reference computes the small one */
    bool has_small;
    double factor; /* how many times the small one is in the whole one */
    struct sb_bench_subject subject, judge;
    int rotated; /* copies between which runs rotate: fewer than there are where one takes long */
    double *samples;
    int sample_count;
};

/* ---- how much of it the reference computes */

/* The smallest divisor of `outer` by which the reference's work fits its time; 0: none. */
static int64_t reduction(double seconds, double limit, int64_t outer) {
    for (int64_t divisor = 1; divisor <= outer; divisor++)
        if (outer % divisor == 0 && seconds / (double)divisor <= limit) return divisor;
    return 0;
}

static bool make_cases(struct kernel_row *row, const struct sb_bench_shape *shape, bool *verifiable,
                       struct simba_error *error) {
    const struct sb_bench_session *session = row->session;
    const struct sb_bench_kernel *kernel = row->kernel;
    if (!sb_bench_case_make(&row->whole, kernel, shape, session->precision, error)) return false;
    const double seconds = sb_bench_case_reference_seconds(&row->whole);
    const int outer = kernel->outer ? sb_bench_parameter(&kernel->entry, kernel->outer) : -1;
    const int64_t divisor = reduction(seconds, session->reference_seconds, outer < 0 ? 1 : shape->values[outer]);
    *verifiable = divisor > 0;
    row->factor = 1;
    if (!divisor)
        sb_bench_draft_note(row->draft,
                            "not verified: the reference would take about %.0f s (--verify says how long it may)",
                            outer < 0 ? seconds : seconds / (double)shape->values[outer]);
    if (divisor <= 1) return true;
    struct sb_bench_shape reduced = *shape;
    reduced.values[outer] /= divisor;
    row->factor = (double)divisor;
    row->has_small = true;
    sb_bench_draft_note(row->draft, "verified with inputs that repeat those of %s=%lld", kernel->outer,
                        (long long)reduced.values[outer]);
    return sb_bench_case_make(&row->small, kernel, &reduced, session->precision, error);
}

/* ---- running */

static bool run_copies(struct sb_bench_subject *subject, int count, unsigned phases, struct simba_error *error) {
    for (int i = 0; i < count; i++)
        if (!sb_program_submit(subject->copies[i].program, 0, phases, error)) return false;
    for (int i = 0; i < count; i++)
        if (!sb_program_wait(subject->copies[i].program, 0, error)) return false;
    return true;
}

static int copies_of(const struct kernel_row *row) {
    const double bytes = (double)sb_bench_copy_bytes(&row->whole) + 1;
    const double memory = (double)sb_device_describe(row->session->device)->memory_bytes;
    double copies = ceil(beyond_caches / bytes);
    if (copies > MOST_COPIES) copies = MOST_COPIES;
    if (memory > 0 && copies * bytes > memory / 4) copies = floor(memory / 4 / bytes);
    return copies < 1 ? 1 : (int)copies;
}

/* `seconds`: of one run, roughly. */
static void choose_rotation(struct kernel_row *row, double seconds) {
    const double fitting = ceil(2 * row->session->seconds / fmax(seconds, 1e-9));
    const int least = row->subject.copy_count < 2 ? row->subject.copy_count : 2;
    row->rotated = fitting >= row->subject.copy_count ? row->subject.copy_count
                   : fitting > least                  ? (int)fitting
                                                      : least;
    const double bytes = (double)sb_bench_copy_bytes(&row->whole) * row->rotated;
    snprintf(row->draft->caches, sizeof row->draft->caches, "%s: %d %s of %.1f MiB together",
             bytes >= beyond_caches ? "rotated" : "warm", row->rotated, row->rotated == 1 ? "copy" : "copies",
             bytes / 0x1p20);
}

/* ---- verifying */

static bool verify(struct kernel_row *row, bool *right, struct simba_error *error) {
    struct sb_bench_draft *draft = row->draft;
    char where[256];
    if (!sb_bench_open_reference(row->session, error)) return false;
    const struct sb_bench_subject_parameters parameters = {
        .device = row->session->reference, .bench = row->has_small ? &row->small : &row->whole, .copies = 1};
    if (!sb_bench_subject_make(&row->judge, &parameters, error) ||
        !sb_bench_verify(&row->subject, &row->judge, row->factor, &draft->row.error, where, sizeof where, error))
        return false;
    draft->row.tolerance = default_tolerance;
    *right = draft->row.error <= draft->row.tolerance;
    if (!*right) sb_bench_draft_note(draft, "WRONG in %s: not timed", where);
    return true;
}

static bool verify_bits(struct kernel_row *row, bool *right, struct simba_error *error) {
    bool same;
    if (!sb_bench_repeats(&row->subject, &same, error)) return false;
    if (!same) {
        *right = false;
        row->draft->row.error = INFINITY;
        row->draft->row.tolerance = default_tolerance;
        sb_bench_draft_note(row->draft, "WRONG: two runs with the same inputs gave other bits; not timed");
    }
    return true;
}

/* ---- what the device runs */

struct account {
    const char *only; /* NULL: all */
    char *text;
    size_t size, at;
    char last[640];
    int count;
    double seconds;
};

static void visit(void *user, const struct sb_dispatch *dispatch) {
    static const char cut[] = "...";
    struct account *account = user;
    if (account->only && strcmp(account->only, dispatch->kernel) != 0) return;
    account->count++;
    account->seconds += dispatch->seconds;
    if (!account->text) return;
    char text[640];
    snprintf(text, sizeof text, "%s%s%s%s", dispatch->kernel, dispatch->constants[0] ? "(" : "", dispatch->constants,
             dispatch->constants[0] ? ")" : "");
    if (strcmp(text, account->last) == 0) return; /* slices of the same work */
    snprintf(account->last, sizeof account->last, "%s", text);
    const size_t room = account->size - account->at;
    const int length = snprintf(account->text + account->at, room, "%s%s", account->at ? " + " : "", text);
    if ((size_t)length < room) {
        account->at += (size_t)length;
        return;
    }
    /* No more fits: that is to be seen. */
    snprintf(account->text + account->size - sizeof cut, sizeof cut, "%s", cut);
    account->at = account->size - 1;
}

static bool take_account(const struct kernel_row *row, struct sb_program *program, struct account *account,
                         struct simba_error *error) {
    for (int i = 0; i < row->whole.graph.node_count; i++)
        if (row->whole.timed[i] && !sb_program_dispatches(program, 0, i, visit, account, error)) return false;
    return true;
}

static bool describe_variant(struct kernel_row *row, bool *runs, struct simba_error *error) {
    struct sb_bench_draft *draft = row->draft;
    struct account account = {.only = row->kernel->dispatch, .text = draft->variant, .size = sizeof draft->variant};
    if (!take_account(row, row->subject.copies[0].program, &account, error)) return false;
    *runs = account.count || !row->kernel->dispatch;
    if (!*runs)
        sb_bench_draft_unsupported(draft, "%s runs no %s for this shape.",
                                   sb_device_describe(row->session->device)->name, row->kernel->dispatch);
    else if (!draft->variant[0])
        snprintf(draft->variant, sizeof draft->variant, "%s", sb_device_describe(row->session->device)->backend);
    return true;
}

/* ---- timing */

/* Seconds of a copy's last run by the device's clock. */
static bool device_seconds(const struct kernel_row *row, const struct sb_bench_copy *copy, double *nodes,
                           double *seconds, struct simba_error *error) {
    if (row->kernel->dispatch) {
        struct account account = {.only = row->kernel->dispatch};
        if (!take_account(row, copy->program, &account, error)) return false;
        *seconds = account.seconds;
        return true;
    }
    if (!sb_program_times(copy->program, 0, nodes, error)) return false;
    *seconds = 0;
    for (int i = 0; i < row->whole.graph.node_count; i++)
        if (row->whole.timed[i]) *seconds += nodes[i];
    return true;
}

/* A round of all copies: by the device's clock they follow one another without a gap; by the host's one is waited for
 * before the next one is submitted. */
static bool round_of_copies(struct kernel_row *row, bool by_host, double *nodes, double *on_device, double *on_host,
                            struct simba_error *error) {
    struct sb_bench_subject *subject = &row->subject;
    const double begin = sb_now();
    double before = begin;
    *on_device = 0;
    if (!by_host && !run_copies(subject, row->rotated, 1u << SB_PHASE_COMPUTE, error)) return false;
    for (int i = 0; i < row->rotated && row->sample_count < MOST_RUNS; i++) {
        double *sample = &row->samples[row->sample_count];
        if (by_host) {
            if (!sb_program_submit(subject->copies[i].program, 0, 1u << SB_PHASE_COMPUTE, error) ||
                !sb_program_wait(subject->copies[i].program, 0, error))
                return false;
            const double now = sb_now();
            *sample = now - before;
            before = now;
        } else {
            if (!device_seconds(row, &subject->copies[i], nodes, sample, error)) return false;
            *on_device += *sample;
        }
        row->sample_count++;
    }
    *on_host = sb_now() - begin;
    return true;
}

/* Whether the device's clock can be used: it is there, and does not run faster than the host's. */
static bool try_device_clock(struct kernel_row *row, double *nodes, bool *by_host, struct simba_error *error) {
    double on_device = 0, on_host = 0;
    struct simba_error reason;
    row->sample_count = 0;
    *by_host = false;
    if (!round_of_copies(row, false, nodes, &on_device, &on_host, &reason)) {
        if (reason.code != SIMBA_ERROR_UNSUPPORTED) return sb_fail(error, reason.code, "%s", reason.message);
        *by_host = true;
        sb_bench_draft_note(row->draft, "no time stamps: submission and waiting are in it");
    } else if (isnan(on_device)) {
        *by_host = true;
    } else if (on_device > 1.05 * on_host + 1e-6) {
        *by_host = true;
        sb_bench_draft_note(row->draft, "the device's clock says %.3g s of what took %.3g s: not used", on_device,
                            on_host);
    }
    row->sample_count = 0;
    return true;
}

static bool time_runs(struct kernel_row *row, struct simba_error *error) {
    struct sb_bench_draft *draft = row->draft;
    double *nodes = sb_allocate((size_t)row->whole.graph.node_count + 1, sizeof *nodes, error);
    row->samples = sb_allocate(MOST_RUNS, sizeof *row->samples, error);
    bool by_host = false, done = nodes && row->samples && try_device_clock(row, nodes, &by_host, error);
    if (done && by_host && row->kernel->dispatch) {
        sb_bench_draft_unsupported(draft, "a part of a node can be timed by the device's clock alone, and this one has "
                                          "none that can be used.");
        free(nodes);
        return true;
    }
    const double begin = sb_now();
    while (done && row->sample_count < MOST_RUNS &&
           (row->sample_count < LEAST_RUNS || sb_now() - begin < row->session->seconds)) {
        double on_device, on_host;
        done = round_of_copies(row, by_host, nodes, &on_device, &on_host, error);
    }
    free(nodes);
    if (!done) return false;
    const bool reference = sb_device_describe(row->session->device)->kind == SB_DEVICE_REFERENCE;
    const struct sb_bench_statistics statistics = sb_bench_statistics(row->samples, row->sample_count);
    if (!(statistics.median > 0)) {
        sb_bench_draft_unsupported(draft, "a run is shorter than a tick of the clock.");
        return true;
    }
    draft->row.clock = by_host || reference ? "host" : "device";
    draft->row.runs = row->sample_count;
    draft->row.median = statistics.median;
    draft->row.minimum = statistics.minimum;
    draft->row.p95 = statistics.p95;
    return true;
}

/* ---- all of it */

static bool measure(struct kernel_row *row, const struct sb_bench_shape *shape, struct simba_error *error) {
    struct sb_bench_draft *draft = row->draft;
    bool verifiable = false, right = true, runs = false;
    if (!make_cases(row, shape, &verifiable, error)) return false;
    const struct sb_cost cost = sb_bench_case_cost(&row->whole, row->kernel, shape);
    draft->row.bytes = cost.bytes;
    draft->row.flops = cost.flops;
    draft->row.specials = cost.special;
    const struct sb_bench_subject_parameters parameters = {.device = row->session->device,
                                                           .bench = &row->whole,
                                                           .small = row->has_small ? &row->small : NULL,
                                                           .copies = copies_of(row),
                                                           .profile = true,
                                                           .profile_dispatches = row->kernel->dispatch != NULL};
    if (!sb_bench_subject_make(&row->subject, &parameters, error)) return false;
    const double begin = sb_now();
    if (!run_copies(&row->subject, row->subject.copy_count, everything, error) || !describe_variant(row, &runs, error))
        return false;
    if (!runs) return true;
    choose_rotation(row, (sb_now() - begin) / row->subject.copy_count);
    if (verifiable && !verify(row, &right, error)) return false;
    if (right && !verify_bits(row, &right, error)) return false;
    if (!right || !sb_bench_measure_ceilings(row->session, error)) return !right;
    double matrix_flops;
    if (!time_runs(row, error) ||
        !sb_bench_matrix_flops(row->subject.copies[0].program, row->whole.timed, &matrix_flops, error))
        return false;
    sb_bench_draft_share(draft, row->session, matrix_flops);
    return true;
}

bool sb_bench_measure_kernel(struct sb_bench_session *session, const struct sb_bench_kernel *kernel,
                             const struct sb_bench_shape *shape, struct sb_bench_draft *draft,
                             struct simba_error *error) {
    struct simba_error reason;
    struct kernel_row row = {.session = session, .kernel = kernel, .draft = draft};
    sb_bench_draft_init(draft, session, &kernel->entry, shape, kernel->rounds);
    const bool done = measure(&row, shape, &reason) || sb_bench_draft_failed(draft, &reason);
    free(row.samples);
    sb_bench_subject_finish(&row.subject);
    sb_bench_subject_finish(&row.judge);
    if (row.has_small) sb_bench_case_finish(&row.small);
    sb_bench_case_finish(&row.whole);
    return done || sb_fail(error, reason.code, "%s, %s: %s", kernel->entry.name, draft->shape, reason.message);
}
