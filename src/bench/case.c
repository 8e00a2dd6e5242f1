/* One small graph of an entry: built, differentiated, laid out, with the timed nodes marked. */
#include "bench/bench.h"

#include "graph/differentiate.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 256 };

static struct sb_tensor *add_input(struct sb_bench_case *bench, struct sb_tensor *tensor, enum sb_bench_values kind,
                                   double low, double high) {
    if (!tensor) return NULL;
    if (bench->input_count == SB_BENCH_INPUTS) {
        sb_graph_fail(&bench->graph, "Too many inputs of a benchmark.");
        return NULL;
    }
    bench->inputs[bench->input_count++] =
        (struct sb_bench_input){.tensor = tensor, .kind = kind, .low = low, .high = high};
    return tensor;
}

/* An activation that nothing produces: filled once, where an input would be uploaded for each run. */
static struct sb_tensor *plain(struct sb_bench_case *bench, const char *name, enum sb_dtype dtype, bool differentiable,
                               int rank, const int64_t *shape) {
    struct sb_tensor *tensor = sb_activation(&bench->graph, name, dtype, rank, shape);
    if (differentiable && bench->graph.training) sb_require_gradient(tensor);
    return tensor;
}

struct sb_tensor *sb_bench_normal(struct sb_bench_case *bench, const char *name, double centre, double deviation,
                                  int rank, const int64_t *shape) {
    return add_input(bench, plain(bench, name, SB_FLOAT32, true, rank, shape), SB_BENCH_NORMAL, centre, deviation);
}

struct sb_tensor *sb_bench_uniform(struct sb_bench_case *bench, const char *name, double low, double high, int rank,
                                   const int64_t *shape) {
    return add_input(bench, plain(bench, name, SB_FLOAT32, true, rank, shape), SB_BENCH_UNIFORM, low, high);
}

struct sb_tensor *sb_bench_constant(struct sb_bench_case *bench, const char *name, double low, double high, int rank,
                                    const int64_t *shape) {
    return add_input(bench, plain(bench, name, SB_FLOAT32, false, rank, shape), SB_BENCH_UNIFORM, low, high);
}

struct sb_tensor *sb_bench_labels(struct sb_bench_case *bench, const char *name, int64_t count, int64_t classes) {
    return add_input(bench, plain(bench, name, SB_INT32, false, 1, &count), SB_BENCH_LABELS, 0, (double)classes);
}

struct sb_tensor *sb_bench_space(struct sb_bench_case *bench, const char *name, enum sb_space space, double low,
                                 double high, int64_t count) {
    bench->space_bytes[space] = (size_t)count * sizeof(float);
    return add_input(bench, sb_shared(&bench->graph, name, space, 0, 1, &count, false), SB_BENCH_UNIFORM, low, high);
}

void sb_bench_step(struct sb_bench_case *bench) {
    add_input(bench, sb_step_input(&bench->graph), SB_BENCH_STEP, 0, 0);
}

void sb_bench_root(struct sb_bench_case *bench, struct sb_tensor *tensor) {
    if (tensor && bench->root_count < SB_BENCH_ROOTS) bench->roots[bench->root_count++] = tensor;
}

/* Gradients of the roots: random ones, so that nothing cancels. */
static bool differentiate(struct sb_bench_case *bench, struct simba_error *error) {
    static const char *const names[SB_BENCH_ROOTS] = {"gradient0", "gradient1", "gradient2", "gradient3"};
    struct sb_tensor *seeds[SB_BENCH_ROOTS];
    for (int i = 0; i < bench->root_count; i++) {
        const struct sb_tensor *root = bench->roots[i];
        seeds[i] = sb_bench_constant(bench, names[i], -1, 1, root->rank, root->shape);
    }
    return sb_graph_ok(&bench->graph, error) &&
           sb_differentiate_all(&bench->graph, bench->roots, seeds, bench->root_count, error);
}

static bool is_view(const struct sb_node *node) {
    return node->op == SB_OP_RESHAPE || node->op == SB_OP_SPLIT;
}

static bool is_wanted(const struct sb_bench_kernel *kernel, enum sb_op op) {
    for (int i = 0; i < SB_BENCH_OPS && kernel->ops[i]; i++)
        if (kernel->ops[i] == op) return true;
    return !kernel->ops[0];
}

/* What is timed runs in the COMPUTE phase; what it needs was there once, in the PREPARE phase. */
static bool mark(struct sb_bench_case *bench, const struct sb_bench_kernel *kernel, int forward,
                 struct simba_error *error) {
    int count = 0;
    bench->timed = sb_allocate((size_t)bench->graph.node_count + 1, sizeof *bench->timed, error);
    if (!bench->timed) return false;
    for (int i = 0; i < bench->graph.node_count; i++) {
        struct sb_node *node = bench->graph.nodes[i];
        const bool part = kernel->backward ? i >= forward : i < forward;
        bench->timed[i] = part && !is_view(node) && is_wanted(kernel, node->op);
        node->phase = bench->timed[i] ? SB_PHASE_COMPUTE : SB_PHASE_PREPARE;
        count += bench->timed[i];
    }
    return count || sb_fail(error, SIMBA_ERROR_INTERNAL, "%s: its graph has no node to time.", kernel->entry.name);
}

/* Every tensor at its own place, so that results can be read after the run, in the order of their making. */
static void lay_out(struct sb_bench_case *bench) {
    size_t end = 0;
    for (int i = 0; i < bench->graph.tensor_count; i++) {
        struct sb_tensor *tensor = bench->graph.tensors[i];
        if (tensor->base || tensor->space != SB_SPACE_ACTIVATION) continue;
        tensor->keep = true;
        tensor->offset = (int64_t)end;
        end += (sb_bytes(tensor) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    bench->plan = (struct sb_plan){.activation_bytes = end, .lower_bound = end, .without_reuse = end};
}

bool sb_bench_case_make(struct sb_bench_case *bench, const struct sb_bench_kernel *kernel,
                        const struct sb_bench_shape *shape, enum sb_precision precision, struct simba_error *error) {
    *bench = (struct sb_bench_case){0};
    sb_graph_init(&bench->graph, kernel->training || kernel->backward);
    bench->graph.precision = precision;
    kernel->build(bench, shape->values);
    if (!sb_graph_ok(&bench->graph, error)) return false;
    const int forward = bench->graph.node_count;
    if (kernel->backward && !differentiate(bench, error)) return false;
    if (!sb_graph_ok(&bench->graph, error) || !mark(bench, kernel, forward, error)) return false;
    lay_out(bench);
    return true;
}

void sb_bench_case_finish(struct sb_bench_case *bench) {
    free(bench->timed);
    bench->timed = NULL;
    sb_graph_finish(&bench->graph);
}

struct sb_cost sb_bench_case_cost(const struct sb_bench_case *bench, const struct sb_bench_kernel *kernel,
                                  const struct sb_bench_shape *shape) {
    struct sb_cost sum = {0};
    if (kernel->cost) {
        kernel->cost(shape->values, &sum);
        return sum;
    }
    for (int i = 0; i < bench->graph.node_count; i++) {
        struct sb_cost cost = {0};
        if (!bench->timed[i]) continue;
        sb_op_info(bench->graph.nodes[i]->op)->cost(bench->graph.nodes[i], &cost);
        sum.flops += cost.flops;
        sum.special += cost.special;
        sum.bytes += cost.bytes;
    }
    return sum;
}

double sb_bench_reference_seconds(const struct sb_cost *cost) {
    /* Of one core of a few years ago: it only decides how much of a large case is checked. */
    static const double seconds_per_flop = 2e-9, seconds_per_special = 2e-8, seconds_per_byte = 1e-9;
    return seconds_per_flop * cost->flops + seconds_per_special * cost->special + seconds_per_byte * cost->bytes;
}

double sb_bench_case_reference_seconds(const struct sb_bench_case *bench) {
    double seconds = 0;
    for (int i = 0; i < bench->graph.node_count; i++) {
        struct sb_cost cost = {0};
        sb_op_info(bench->graph.nodes[i]->op)->cost(bench->graph.nodes[i], &cost);
        seconds += sb_bench_reference_seconds(&cost);
    }
    return seconds;
}

size_t sb_bench_copy_bytes(const struct sb_bench_case *bench) {
    size_t bytes = bench->plan.activation_bytes;
    for (int space = 0; space < SB_SPACE_COUNT; space++) bytes += bench->space_bytes[space];
    return bytes;
}
