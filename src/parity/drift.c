/* Training steps on two devices: how far losses, gradient norms and weights drift apart, and whether the device
 * repeats itself. The steps are submitted as a run submits them, so that the order of recorded work is tried, too. */
#include "ops/ops.h"
#include "parity/pair.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICE, REFERENCE };

struct drift {
    struct pair *pair;
    struct pair_side *sides[2];
    float *space[2]; /* host image of the parameters now */
    float loss[2], norm[2];
    double update_tolerance;
};

/* And never more than a half: a bound has to tell an update from none. */
static const char update_reason[] =
    "relative to the update, not to the weights: AdamW's first updates are nearly the learning rate times the sign of "
    "the gradient, and where a gradient is smaller than its allowed error, which about that share of the elements is, "
    "the sign may be the other one, an error of twice the update";
static const char step_reason[] = "after AdamW steps, whose errors are not in proportion to those of the gradient";

static bool submit_step(struct drift *drift, struct pair_side *side, int step) {
    struct pair *pair = drift->pair;
    for (int i = 0; i < pair->graph.tensor_count; i++) {
        const struct sb_tensor *tensor = pair->graph.tensors[i];
        if (tensor->is_input) pair_fill_input(pair, tensor, step, sb_program_host(side->program, 0, tensor));
    }
    return sb_program_submit(side->program, 0, (1u << SB_PHASE_COUNT) - 1, pair->error) &&
           sb_program_wait(side->program, 0, pair->error);
}

/* One step, and what it gave, into drift->...[index]. */
static bool run_step(struct drift *drift, struct pair_side *side, int index, int step) {
    struct pair *pair = drift->pair;
    if (!submit_step(drift, side, step) ||
        !sb_memory_read(side->spaces[SB_SPACE_PARAMETER], 0, drift->space[index], pair->list.total_bytes, pair->error))
        return false;
    drift->loss[index] = *(const float *)sb_program_host(side->program, 0, pair->loss);
    drift->norm[index] = *(const float *)sb_program_host(side->program, 0, pair->norm);
    return true;
}

/* ---- the figures of a step */

static void report_number(struct drift *drift, int step, const char *name, const float *numbers, double tolerance,
                          const char *reason) {
    struct simba_parity_result result = {.case_name = drift->pair->parameters->name,
                                         .mode = SIMBA_PARITY_STEPS,
                                         .step = step + 1,
                                         .tensor = name,
                                         .node = -1,
                                         .tolerance = tolerance,
                                         .reason = reason};
    sb_parity_measure(&result, &numbers[DEVICE], &numbers[REFERENCE], 1, fabs((double)numbers[REFERENCE]));
    sb_parity_add(drift->pair->report, &result);
}

/* "block1.0.attn.norm.weight[3]" of the element of the space. */
static void name_element(const struct pair *pair, int64_t element, char *text, size_t size) {
    for (int i = 0; i < pair->list.count; i++) {
        const struct sb_parameter *parameter = &pair->list.entries[i];
        const int64_t first = parameter->offset / (int64_t)sizeof(float);
        if (element >= first && element < first + parameter->elements)
            snprintf(text, size, "%s[%lld]", parameter->name, (long long)(element - first));
    }
}

/* Elements [first, end) of the space, the errors relative to how far the reference has gone from the start. */
static void report_weights(struct drift *drift, int step, const char *name, size_t first_byte, size_t end_byte,
                           double tolerance, const char *reason) {
    struct pair *pair = drift->pair;
    const int64_t first = (int64_t)(first_byte / sizeof(float)), end = (int64_t)(end_byte / sizeof(float));
    if (first == end) return;
    double sum = 0;
    for (int64_t i = first; i < end; i++) {
        const double change = (double)drift->space[REFERENCE][i] - pair->space[i];
        sum += isfinite(change) ? change * change : 0;
    }
    char place[320] = "";
    struct simba_parity_result result = {.case_name = pair->parameters->name,
                                         .mode = SIMBA_PARITY_STEPS,
                                         .step = step + 1,
                                         .tensor = name,
                                         .node = -1,
                                         .worst_at = place,
                                         .tolerance = tolerance,
                                         .reason = reason};
    sb_parity_measure(&result, drift->space[DEVICE] + first, drift->space[REFERENCE] + first, end - first,
                      sqrt(sum / (double)(end - first)));
    name_element(pair, first + result.worst_element, place, sizeof place);
    sb_parity_add(pair->report, &result);
}

static void report_step(struct drift *drift, int step) {
    const struct sb_parameter_list *list = &drift->pair->list;
    const char *reason;
    const double forward = pair_accumulated_tolerance(drift->pair, false, &reason);
    const double gradient = pair_accumulated_tolerance(drift->pair, true, &reason);
    /* A first loss is but the forward pass; the later ones and the norms have what golden cases of several steps have
     * (PyTorch's own float32 runs are 2e-5 away from those in double precision there). */
    report_number(drift, step, "loss", drift->loss, step ? fmax(1e-4, forward) : forward, step ? step_reason : reason);
    report_number(drift, step, "gradient norm", drift->norm, gradient, reason);
    report_weights(drift, step, "update", 0, list->trainable_bytes, drift->update_tolerance, update_reason);
    report_weights(drift, step, "running statistics", list->trainable_bytes, list->total_bytes, gradient, reason);
}

/* ---- twice the same */

static void report_repetition(struct drift *drift, const float *losses, const float *again, int steps) {
    struct pair *pair = drift->pair;
    char place[320] = "";
    struct simba_parity_result result = {
        .case_name = pair->parameters->name,
        .mode = SIMBA_PARITY_REPEATED,
        .tensor = "losses",
        .node = -1,
        .tolerance = 0,
        .reason = "a second run on the same device: the same bits, or something is used before it is ready"};
    sb_parity_measure(&result, again, losses, steps, sb_parity_size(losses, steps));
    sb_parity_add(pair->report, &result);
    const int64_t count = (int64_t)(pair->list.total_bytes / sizeof(float));
    result.tensor = "weights";
    result.worst_at = place;
    sb_parity_measure(&result, drift->space[REFERENCE], drift->space[DEVICE], count,
                      sb_parity_size(drift->space[DEVICE], count));
    name_element(pair, result.worst_element, place, sizeof place);
    sb_parity_add(pair->report, &result);
}

bool pair_compare_steps(struct pair *pair, struct pair_side *reference, struct pair_side *device) {
    const int steps = pair->parameters->steps;
    const double operations = sb_graph_cost(&pair->graph).flops;
    const char *reason;
    struct drift drift = {.pair = pair,
                          .sides = {device, reference},
                          .update_tolerance = fmin(2 * sqrt(pair_accumulated_tolerance(pair, true, &reason)), 0.5)};
    float *losses = sb_allocate((size_t)steps, 2 * sizeof *losses, pair->error);
    for (int i = 0; i < 2; i++) drift.space[i] = sb_allocate(1, pair->list.total_bytes, pair->error);
    bool done =
        losses && drift.space[0] && drift.space[1] && pair_side_start(pair, device) && pair_side_start(pair, reference);
    int step = 0;
    for (; done && step < steps; step++) {
        done = run_step(&drift, reference, REFERENCE, step) && run_step(&drift, device, DEVICE, step);
        if (!done) break;
        losses[step] = drift.loss[DEVICE];
        report_step(&drift, step);
        pair_progress(pair, operations, "training steps");
        if (pair->parameters->stop_after_failure && pair->report->summary->failed) break;
    }
    if (done && step == steps) {
        done = pair_side_start(pair, device);
        for (int i = 0; done && i < steps; i++) {
            done = run_step(&drift, device, REFERENCE, i); /* into the reference's place, which has done its part */
            losses[steps + i] = drift.loss[REFERENCE];
        }
        if (done) report_repetition(&drift, losses, losses + steps, steps);
    }
    for (int i = 0; i < 2; i++) free(drift.space[i]);
    free(losses);
    return done;
}
