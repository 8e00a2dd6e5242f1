/* One graph on two devices, node by node. */
#include "ops/ops.h"
#include "parity/pair.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compare {
    struct pair *pair;
    struct pair_side *reference, *sides[2]; /* isolated, accumulated */
    void *got, *expected;                   /* room for the largest tensor */
    double kinks;                           /* share of elements that lie on the other side of a kink, summed */
    int64_t kink_count;
};
static const enum simba_parity_mode modes[2] = {SIMBA_PARITY_ISOLATED, SIMBA_PARITY_ACCUMULATED};

/* ---- what a node is called */

/* "[2, 49, 64]" of an index or a shape. */
static void write_list(char *text, size_t size, const int64_t *numbers, int count) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "", (long long)numbers[i]);
    if (used < size) snprintf(text + used, size - used, "]");
}

static void write_shapes(char *text, size_t size, const struct sb_node *node) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < SB_MAX_INPUTS + SB_MAX_OUTPUTS; i++) {
        if (i == SB_MAX_INPUTS && used + 1 < size) used += (size_t)snprintf(text + used, size - used, "-> ");
        const struct sb_tensor *tensor = i < SB_MAX_INPUTS ? node->inputs[i] : node->outputs[i - SB_MAX_INPUTS];
        if (!tensor || used + 1 >= size) continue;
        char shape[96];
        write_list(shape, sizeof shape, tensor->shape, tensor->rank);
        used += (size_t)snprintf(text + used, size - used, "%s ", shape);
    }
    const size_t length = strlen(text);
    if (length && text[length - 1] == ' ') text[length - 1] = '\0';
}

static void write_index(char *text, size_t size, const struct sb_tensor *tensor, int64_t element) {
    int64_t index[SB_MAX_RANK];
    for (int axis = tensor->rank - 1; axis >= 0; axis--) {
        index[axis] = element % tensor->shape[axis];
        element /= tensor->shape[axis];
    }
    write_list(text, size, index, tensor->rank);
}

/* "selective_scan_lanes(WORKGROUP=8, ROWS=4) + sum_partials", as far as there is room. */
struct kernels {
    char text[512];
};

static void add_kernel(void *user, const struct sb_dispatch *dispatch) {
    struct kernels *kernels = user;
    const size_t used = strlen(kernels->text);
    const bool compiled = dispatch->constants && dispatch->constants[0];
    snprintf(kernels->text + used, sizeof kernels->text - used, "%s%s%s%s%s", used ? " + " : "", dispatch->kernel,
             compiled ? "(" : "", compiled ? dispatch->constants : "", compiled ? ")" : "");
}

/* ---- kinks */

static enum sb_activation_kind activation_of(const struct sb_node *node) {
    switch (node->op) {
    case SB_OP_LINEAR:
        return node->attributes.linear.activation;
    case SB_OP_ACTIVATION:
        return node->attributes.activation.kind;
    case SB_OP_BATCH_NORM:
        return node->attributes.norm.relu ? SB_ACTIVATION_RELU : SB_ACTIVATION_NONE;
    default:
        return SB_ACTIVATION_NONE;
    }
}

/* What ReLU and soft shrink make zero on one device alone has a derivative of 0 there and 1 on the other: an element
 * whose argument is nearly at the kink, where a rounding decides. */
static void count_kinks(struct compare *compare, const struct sb_node *node, int output, int64_t count) {
    const enum sb_activation_kind kind = activation_of(node);
    const bool kink = output == 0 && (kind == SB_ACTIVATION_RELU || kind == SB_ACTIVATION_SOFT_SHRINK);
    if (!kink) return;
    int64_t different = 0;
    for (int64_t i = 0; i < count; i++)
        different += (((float *)compare->got)[i] == 0) != (((float *)compare->expected)[i] == 0);
    compare->kinks += (double)different / (double)count;
    compare->kink_count += different;
}

/* The tolerance of a gradient behind them. Elements of share s that are wrong by as much as they are large make a
 * relative error of sqrt(s) when they have the tensor's usual size; but gradients are far from evenly spread, and one
 * of 16 times that size is not rare among thousands. It is but a bound against what is grossly wrong then: isolated,
 * the node has the reference's side of each kink, and the strict tolerance. And never more than a half: a bound has to
 * tell a gradient from none. */
static double tolerance_of(const struct compare *compare, enum simba_parity_mode mode, bool gradient, char *text,
                           size_t size, const char **reason) {
    *reason = NULL;
    /* Both devices round the same numbers to 16 bits then. */
    if (mode == SIMBA_PARITY_ISOLATED) return gradient ? 1e-4 : 1e-5;
    const double tolerance = pair_accumulated_tolerance(compare->pair, gradient, reason);
    if (!gradient || !compare->kink_count) return tolerance;
    snprintf(text, size, "%lld elements lie on the other side of the kink of a ReLU or a soft shrink, by a rounding",
             (long long)compare->kink_count);
    *reason = text;
    return fmin(tolerance + 16 * sqrt(compare->kinks), fmax(tolerance, 0.5));
}

/* ---- running */

static bool compare_tensor(struct compare *compare, const struct sb_node *node, const struct sb_tensor *tensor,
                           int output, const char *shapes, const char *kernels) {
    struct pair *pair = compare->pair;
    const int64_t count = sb_elements(tensor);
    const bool gradient = node->index >= pair->forward_nodes;
    if (!sb_program_read(compare->reference->program, tensor, compare->expected, pair->error)) return false;
    for (int side = 0; side < 2; side++) {
        if (!sb_program_read(compare->sides[side]->program, tensor, compare->got, pair->error)) return false;
        char kinks[160], index[96];
        struct simba_parity_result result = {.case_name = pair->parameters->name,
                                             .mode = modes[side],
                                             .tensor = tensor->name,
                                             .node = node->index,
                                             .node_name = node->name,
                                             .operation = sb_op_info(node->op)->name,
                                             .shapes = shapes,
                                             .kernels = kernels[0] ? kernels : NULL,
                                             .worst_at = index};
        if (modes[side] == SIMBA_PARITY_ACCUMULATED) count_kinks(compare, node, output, count);
        result.tolerance = tolerance_of(compare, modes[side], gradient, kinks, sizeof kinks, &result.reason);
        /* One element has the rounding errors of one sum, whatever the number of elements: ten times what the tensor
         * as a whole may have, which averages over them. */
        if (modes[side] == SIMBA_PARITY_ISOLATED) result.element_tolerance = 10 * result.tolerance;
        if (tensor->dtype == SB_FLOAT32) {
            sb_parity_measure(&result, compare->got, compare->expected, count,
                              sb_parity_size(compare->expected, count));
        } else { /* indices of the largest token, which are equal when their inputs are */
            const int32_t *got = compare->got, *expected = compare->expected;
            int64_t worst = 0;
            while (worst < count - 1 && got[worst] == expected[worst]) worst++;
            const bool same = got[worst] == expected[worst] || modes[side] == SIMBA_PARITY_ACCUMULATED;
            result.elements = count;
            result.relative_error = result.largest_error = same ? 0 : INFINITY;
            result.worst_element = worst;
            result.got = got[worst];
            result.expected = expected[worst];
        }
        write_index(index, sizeof index, tensor, result.worst_element);
        sb_parity_add(pair->report, &result);
    }
    return true;
}

static bool compare_node(struct compare *compare, const struct sb_node *node) {
    struct pair *pair = compare->pair;
    if (node->op == SB_OP_RESHAPE || node->op == SB_OP_SPLIT) return true; /* views */
    for (int i = 0; i < SB_MAX_INPUTS; i++) {
        const struct sb_tensor *input = node->inputs[i];
        if (input && (!sb_program_read(compare->reference->program, input, compare->expected, pair->error) ||
                      !sb_program_write(compare->sides[0]->program, input, compare->expected, pair->error)))
            return false;
    }
    if (!sb_program_run_node(compare->reference->program, 0, node->index, pair->error)) return false;
    for (int side = 0; side < 2; side++)
        if (!sb_program_run_node(compare->sides[side]->program, 0, node->index, pair->error)) return false;
    char shapes[1024];
    struct kernels kernels = {""};
    write_shapes(shapes, sizeof shapes, node);
    if (!sb_program_dispatches(compare->sides[0]->program, 0, node->index, add_kernel, &kernels, pair->error))
        return false;
    for (int i = 0; i < SB_MAX_OUTPUTS; i++)
        if (node->outputs[i] && !compare_tensor(compare, node, node->outputs[i], i, shapes, kernels.text)) return false;
    struct sb_cost cost = {0};
    sb_op_info(node->op)->cost(node, &cost);
    pair_progress(pair, cost.flops, node->name);
    if (node->op != SB_OP_BATCH_NORM) return true;
    return compare_tensor(compare, node, node->inputs[SB_BATCH_NORM_RUNNING_MEAN], -1, shapes, kernels.text) &&
           compare_tensor(compare, node, node->inputs[SB_BATCH_NORM_RUNNING_VAR], -1, shapes, kernels.text);
}

static bool write_inputs(struct compare *compare) {
    struct pair *pair = compare->pair;
    for (int i = 0; i < pair->graph.tensor_count; i++) {
        const struct sb_tensor *tensor = pair->graph.tensors[i];
        if (!tensor->is_input) continue;
        pair_fill_input(pair, tensor, 0, compare->expected);
        if (!sb_program_write(compare->reference->program, tensor, compare->expected, pair->error) ||
            !sb_program_write(compare->sides[1]->program, tensor, compare->expected, pair->error))
            return false;
    }
    return true;
}

bool pair_compare_nodes(struct pair *pair, struct pair_side *reference, struct pair_side *isolated,
                        struct pair_side *accumulated) {
    struct compare compare = {.pair = pair, .reference = reference, .sides = {isolated, accumulated}};
    size_t largest = 1;
    for (int i = 0; i < pair->graph.tensor_count; i++)
        if (pair_bytes(pair->graph.tensors[i]) > largest) largest = pair_bytes(pair->graph.tensors[i]);
    compare.got = sb_allocate(1, largest, pair->error);
    compare.expected = sb_allocate(1, largest, pair->error);
    bool done = compare.got && compare.expected && write_inputs(&compare);
    for (int i = 0; done && i < pair->graph.node_count; i++) {
        done = compare_node(&compare, pair->graph.nodes[i]);
        if (pair->parameters->stop_after_failure && pair->report->summary->failed) break;
    }
    free(compare.got);
    free(compare.expected);
    return done;
}

bool sb_parity_compare(const struct sb_parity_compare_parameters *parameters, struct sb_parity_report *report,
                       struct simba_error *error) {
    struct pair pair;
    struct pair_side reference = {0}, isolated = {0}, accumulated = {0};
    bool done = pair_init(&pair, parameters, report, error) &&
                pair_side_init(&pair, &reference, parameters->reference, "parity, reference", false) &&
                pair_side_init(&pair, &isolated, parameters->device, "parity, isolated", true) &&
                pair_side_init(&pair, &accumulated, parameters->device, "parity, accumulated", false) &&
                pair_choose_loss_scale(&pair, &reference, &isolated, &accumulated) &&
                pair_compare_nodes(&pair, &reference, &isolated, &accumulated);
    pair_side_finish(&isolated);
    if (done && parameters->training && parameters->steps &&
        !(parameters->stop_after_failure && report->summary->failed))
        done = pair_compare_steps(&pair, &reference, &accumulated);
    pair_side_finish(&accumulated);
    pair_side_finish(&reference);
    pair_finish(&pair);
    return done;
}
