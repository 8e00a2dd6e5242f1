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
    /* A floor would be an absolute tolerance: gradients of a mean over many elements are 1e-6 each, and right or wrong
     * all the same. */
    return sum > 0 ? sqrt(sum / norm) : 0;
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

/* Results of a node: outputs, and what batch norm keeps in its inputs. */
enum { MOST_RESULTS = SB_MAX_OUTPUTS + 2 };
static int results_of(const struct sb_node *node, const struct sb_tensor *results[MOST_RESULTS]) {
    int count = 0;
    for (int i = 0; i < SB_MAX_OUTPUTS; i++)
        if (node->outputs[i]) results[count++] = node->outputs[i];
    if (node->op == SB_OP_BATCH_NORM && node->attributes.norm.training) {
        results[count++] = node->inputs[SB_BATCH_NORM_RUNNING_MEAN];
        results[count++] = node->inputs[SB_BATCH_NORM_RUNNING_VAR];
    }
    return count;
}

/* Made by one node, and not by this one: the device's result can be given to the reference. */
static bool is_intermediate(const struct sb_graph *graph, const struct sb_node *node, const struct sb_tensor *tensor) {
    const struct sb_tensor *storage = sb_storage(tensor);
    int writers = 0;
    for (int i = 0; i < graph->node_count; i++)
        for (int o = 0; o < SB_MAX_OUTPUTS; o++) {
            const struct sb_tensor *output = graph->nodes[i]->outputs[o];
            if (!output || sb_storage(output) != storage) continue;
            if (graph->nodes[i] == node) return false;
            writers += graph->nodes[i]->op != SB_OP_RESHAPE && graph->nodes[i]->op != SB_OP_SPLIT;
        }
    return writers == 1;
}

/* The reference's node gets what the device's node had: so an error belongs to the node where it is found, and a factor
 * that a last bit sends to the other side of a rounding is none. */
static bool copy_inputs(const struct sb_bench_subject *subject, const struct sb_bench_subject *reference, int node,
                        bool *periodic, struct simba_error *error) {
    const struct sb_node *ours = subject->bench->graph.nodes[node], *theirs = reference->bench->graph.nodes[node];
    *periodic = false;
    for (int i = 0; i < SB_MAX_INPUTS; i++) {
        if (!ours->inputs[i]) continue;
        *periodic = *periodic || sb_elements(ours->inputs[i]) != sb_elements(theirs->inputs[i]);
        if (!is_intermediate(&subject->bench->graph, ours, ours->inputs[i])) continue;
        void *values = read_tensor(&subject->copies[0], ours->inputs[i], error);
        const bool done = values && sb_program_write(reference->copies[0].program, theirs->inputs[i], values, error);
        free(values);
        if (!done) return false;
    }
    return true;
}

bool sb_bench_verify(const struct sb_bench_subject *subject, const struct sb_bench_subject *reference, double factor,
                     double *worst, char *where, size_t size, struct simba_error *error) {
    const struct sb_graph *graph = &subject->bench->graph;
    *worst = 0;
    where[0] = '\0';
    for (int i = 0; i < graph->node_count; i++) {
        const struct sb_tensor *ours[MOST_RESULTS], *theirs[MOST_RESULTS];
        bool periodic;
        if (!copy_inputs(subject, reference, i, &periodic, error) ||
            !sb_program_run_node(reference->copies[0].program, 0, i, error))
            return false;
        const int count = results_of(graph->nodes[i], ours);
        results_of(reference->bench->graph.nodes[i], theirs);
        for (int k = 0; subject->bench->timed[i] && k < count; k++) {
            double error_of = INFINITY;
            if (!compare(&subject->copies[0], ours[k], &reference->copies[0], theirs[k], periodic ? factor : 1,
                         &error_of, error))
                return false;
            if (error_of <= *worst && where[0]) continue;
            *worst = error_of;
            snprintf(where, size, "%s", ours[k]->name);
        }
    }
    return true;
}

/* Whether all copies have the same bits in a tensor. */
static bool compare_copies(const struct sb_bench_subject *subject, const struct sb_tensor *tensor, bool *same,
                           struct simba_error *error) {
    const size_t bytes = (size_t)sb_elements(tensor) * sb_dtype_size(tensor->dtype);
    void *first = read_tensor(&subject->copies[0], tensor, error);
    bool done = first;
    for (int i = 1; done && i < subject->copy_count; i++) {
        void *other = read_tensor(&subject->copies[i], tensor, error);
        done = other;
        if (done && memcmp(first, other, bytes) != 0) *same = false;
        free(other);
    }
    free(first);
    return done;
}

bool sb_bench_repeats(const struct sb_bench_subject *subject, bool *same, struct simba_error *error) {
    *same = true;
    for (int i = 0; i < subject->bench->graph.node_count; i++) {
        const struct sb_tensor *results[MOST_RESULTS];
        const int count = subject->bench->timed[i] ? results_of(subject->bench->graph.nodes[i], results) : 0;
        for (int k = 0; k < count; k++)
            if (!compare_copies(subject, results[k], same, error)) return false;
    }
    return true;
}
