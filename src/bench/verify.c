/* Is what is to be timed right? */
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *read_tensor(const struct sb_bench_copy *copy, const struct sb_tensor *tensor, struct simba_error *error) {
    void *dense = sb_allocate((size_t)sb_elements(tensor), sb_dtype_size(tensor->dtype), error);
    if (dense && !sb_program_read(copy->program, tensor, dense, error)) {
        free(dense);
        return NULL;
    }
    return dense;
}

double sb_bench_distance(const float *got, int64_t count, const float *expected, int64_t pattern, double factor) {
    const double scale = count == pattern ? factor : 1;
    double sum = 0, norm = 0;
    for (int64_t i = 0; i < count; i++) {
        const double wanted = scale * expected[i % pattern], gap = got[i] - wanted;
        if (!isfinite(gap)) return INFINITY;
        sum += gap * gap;
        norm += wanted * wanted;
    }
    /* What is zero but for cancellation is measured against 1e-3 for each element, as in the check of the kernels. */
    return sqrt(sum) / fmax(sqrt(norm), 1e-3 * sqrt((double)count));
}

static bool compare(const struct sb_bench_copy *device, const struct sb_tensor *tensor,
                    const struct sb_bench_copy *reference, const struct sb_tensor *small, double factor,
                    double *error_of, struct simba_error *error) {
    const int64_t count = sb_elements(tensor), pattern = sb_elements(small);
    void *got = read_tensor(device, tensor, error);
    void *expected = got ? read_tensor(reference, small, error) : NULL;
    if (expected && tensor->dtype == SB_FLOAT32) {
        *error_of = sb_bench_distance(got, count, expected, pattern, factor);
    } else if (expected) {
        const bool same = count == pattern && !memcmp(got, expected, (size_t)count * sb_dtype_size(tensor->dtype));
        *error_of = same ? 0 : INFINITY;
    }
    free(got);
    free(expected);
    return expected;
}

/* Calls `each` for every result of a timed node: outputs, and what batch norm keeps in its inputs. */
static bool visit_results(const struct sb_bench_case *bench,
                          bool (*each)(void *user, int node, bool is_output, int index), void *user) {
    for (int i = 0; i < bench->graph.node_count; i++) {
        const struct sb_node *node = bench->graph.nodes[i];
        if (!bench->timed[i]) continue;
        for (int o = 0; o < SB_MAX_OUTPUTS; o++)
            if (node->outputs[o] && !each(user, i, true, o)) return false;
        if (node->op == SB_OP_BATCH_NORM && node->attributes.norm.training &&
            (!each(user, i, false, SB_BATCH_NORM_RUNNING_MEAN) || !each(user, i, false, SB_BATCH_NORM_RUNNING_VAR)))
            return false;
    }
    return true;
}

struct verification {
    const struct sb_bench_subject *subject, *reference;
    double factor, worst;
    char *where;
    size_t size;
    bool same;
    struct simba_error *error;
};

static const struct sb_tensor *result(const struct sb_bench_case *bench, int node, bool is_output, int index) {
    const struct sb_node *of = bench->graph.nodes[node];
    return is_output ? of->outputs[index] : of->inputs[index];
}

static bool verify_result(void *user, int node, bool is_output, int index) {
    struct verification *verification = user;
    const struct sb_tensor *tensor = result(verification->subject->bench, node, is_output, index);
    const struct sb_tensor *small = result(verification->reference->bench, node, is_output, index);
    double error_of = INFINITY;
    if (!compare(&verification->subject->copies[0], tensor, &verification->reference->copies[0], small,
                 verification->factor, &error_of, verification->error))
        return false;
    if (error_of > verification->worst || !verification->where[0]) {
        verification->worst = error_of;
        snprintf(verification->where, verification->size, "%s", tensor->name);
    }
    return true;
}

bool sb_bench_verify(const struct sb_bench_subject *subject, const struct sb_bench_subject *reference, double factor,
                     double *worst, char *where, size_t size, struct simba_error *error) {
    struct verification verification = {
        .subject = subject, .reference = reference, .factor = factor, .where = where, .size = size, .error = error};
    where[0] = '\0';
    const bool done = visit_results(subject->bench, verify_result, &verification);
    *worst = verification.worst;
    return done;
}

static bool same_result(void *user, int node, bool is_output, int index) {
    struct verification *verification = user;
    const struct sb_bench_subject *subject = verification->subject;
    const struct sb_tensor *tensor = result(subject->bench, node, is_output, index);
    const size_t bytes = (size_t)sb_elements(tensor) * sb_dtype_size(tensor->dtype);
    void *first = read_tensor(&subject->copies[0], tensor, verification->error);
    bool done = first != NULL;
    for (int i = 1; done && i < subject->copy_count; i++) {
        void *other = read_tensor(&subject->copies[i], tensor, verification->error);
        done = other != NULL;
        if (done && memcmp(first, other, bytes) != 0) verification->same = false;
        free(other);
    }
    free(first);
    return done;
}

bool sb_bench_repeats(const struct sb_bench_subject *subject, bool *same, struct simba_error *error) {
    struct verification verification = {.subject = subject, .same = true, .error = error};
    const bool done = visit_results(subject->bench, same_result, &verification);
    *same = verification.same;
    return done;
}
