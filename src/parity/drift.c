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
    float *gradient[2];
    float loss[2], norm[2];
    float *doubt; /* of each element: by how much of a step its update may differ, at most so far */
};

/* And never more than a half: a bound has to tell an update from none. */
static const char update_reason[] =
    "relative to the update, not to the weights: AdamW's first updates are nearly the learning rate times the sign of "
    "the gradient, and where a gradient is smaller than its allowed error, which about that share of the elements is, "
    "the sign may be the other one, an error of twice the update";
static const char parameter_reason[] =
    "relative to the update of this parameter: as far as its gradients, as measured here, make the steps differ";
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
        !sb_memory_read(side->spaces[SB_SPACE_PARAMETER], 0, drift->space[index], pair->list.total_bytes,
                        pair->error) ||
        !sb_memory_read(side->spaces[SB_SPACE_ACCUMULATOR], 0, drift->gradient[index], pair->list.trainable_bytes,
                        pair->error))
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

static double root_mean_square_change(const struct drift *drift, int64_t first, int64_t count) {
    double sum = 0;
    for (int64_t i = first; i < first + count; i++) {
        const double change = (double)drift->space[REFERENCE][i] - drift->pair->space[i];
        sum += isfinite(change) ? change * change : 0;
    }
    return sqrt(sum / (double)count);
}

/* Elements of the space, the errors relative to how far the reference has gone from the start. */
static struct simba_parity_result measure_weights(const struct drift *drift, int step, const char *name, int64_t first,
                                                  int64_t count) {
    struct simba_parity_result result = {.case_name = drift->pair->parameters->name,
                                         .mode = SIMBA_PARITY_STEPS,
                                         .step = step + 1,
                                         .tensor = name,
                                         .node = -1};
    sb_parity_measure(&result, drift->space[DEVICE] + first, drift->space[REFERENCE] + first, count,
                      root_mean_square_change(drift, first, count));
    result.worst_element += first;
    return result;
}

static void report_weights(struct drift *drift, struct simba_parity_result *result) {
    char place[320] = "";
    name_element(drift->pair, result->worst_element, place, sizeof place);
    result->worst_at = place;
    sb_parity_add(drift->pair->report, result);
}

/* How far each element's step may go astray: AdamW's is the learning rate times the gradient over the root of its
 * square, so it differs by the gradient's relative error, and by two steps where that has another sign. */
static void note_doubt(struct drift *drift) {
    const int64_t count = (int64_t)(drift->pair->list.trainable_bytes / sizeof(float));
    for (int64_t i = 0; i < count; i++) {
        const double expected = fabs((double)drift->gradient[REFERENCE][i]);
        const double difference = fabs((double)drift->gradient[DEVICE][i] - drift->gradient[REFERENCE][i]);
        const double doubt = difference == 0 ? 0 : expected > 0 ? fmin(2 * difference / expected, 2) : 2;
        drift->doubt[i] = fmaxf(drift->doubt[i], (float)doubt);
    }
}

/* What the update of a parameter may be off by: the doubt of its elements, so that gradients which are right excuse no
 * update that is not; the optimiser's own arithmetic; and one rounding of the weights in each step. */
static double tolerance_of_parameter(const struct drift *drift, int64_t first, int64_t count, double change, int step) {
    if (!(change > 0)) return 1e-4;
    const double steps = (step + 1) * drift->pair->learning_rate * sb_parity_size(drift->doubt + first, count);
    const double roundings = (step + 1) * 0x1p-24 * sb_parity_size(drift->space[REFERENCE] + first, count);
    return fmin(1e-4 + (steps + roundings) / change, 0.5);
}

/* All weights together, then of the parameters the one that takes up most of its tolerance, so that none can hide among
 * the others. */
static void report_update(struct drift *drift, int step) {
    const struct sb_parameter_list *list = &drift->pair->list;
    const char *reason;
    const double gradient = pair_accumulated_tolerance(drift->pair, true, &reason);
    const int64_t trainable = (int64_t)(list->trainable_bytes / sizeof(float));
    if (!trainable) return;
    const bool moved = root_mean_square_change(drift, 0, trainable) > 0;
    struct simba_parity_result whole = measure_weights(drift, step, "update", 0, trainable);
    whole.tolerance = fmin(2 * sqrt(gradient), 0.5);
    whole.reason = update_reason;
    whole.not_compared = whole.not_compared || !moved;
    report_weights(drift, &whole);
    note_doubt(drift);
    struct simba_parity_result worst = {0};
    for (int i = 0; i < list->count; i++) {
        const struct sb_parameter *parameter = &list->entries[i];
        if (!parameter->trainable) continue;
        const int64_t first = parameter->offset / (int64_t)sizeof(float), count = parameter->elements;
        struct simba_parity_result result = measure_weights(drift, step, "update of one parameter", first, count);
        const double change = root_mean_square_change(drift, first, count);
        result.tolerance = tolerance_of_parameter(drift, first, count, change, step);
        result.reason = parameter_reason;
        if (!worst.tensor || simba_parity_share(&result) > simba_parity_share(&worst)) worst = result;
    }
    worst.not_compared = worst.not_compared || !moved;
    report_weights(drift, &worst);
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
    report_update(drift, step);
    const int64_t first = (int64_t)(list->trainable_bytes / sizeof(float));
    const int64_t end = (int64_t)(list->total_bytes / sizeof(float));
    if (first == end) return;
    struct simba_parity_result statistics = measure_weights(drift, step, "running statistics", first, end - first);
    statistics.tolerance = gradient;
    statistics.reason = reason;
    report_weights(drift, &statistics);
}

/* ---- twice the same */

/* The same bits: also the sign of a zero, and which of the numbers that are none. */
static void report_bits(struct drift *drift, const char *name, const float *got, const float *expected, int64_t count) {
    char place[320] = "";
    struct simba_parity_result result = {
        .case_name = drift->pair->parameters->name,
        .mode = SIMBA_PARITY_REPEATED,
        .tensor = name,
        .node = -1,
        .worst_at = place,
        .reason = "a second run on the same device: the same bits, or something is used before it is ready"};
    sb_parity_measure(&result, got, expected, count, sb_parity_size(expected, count));
    result.not_compared = false;
    int64_t other = 0;
    while (other < count && !memcmp(&got[other], &expected[other], sizeof *got)) other++;
    if (other < count && result.relative_error == 0) {
        result.relative_error = INFINITY;
        result.worst_element = other;
        result.got = got[other];
        result.expected = expected[other];
    }
    if (got == drift->space[REFERENCE]) name_element(drift->pair, result.worst_element, place, sizeof place);
    sb_parity_add(drift->pair->report, &result);
}

bool pair_choose_loss_scale(struct pair *pair, struct pair_side *reference, struct pair_side *isolated,
                            struct pair_side *accumulated) {
    if (!reference->spaces[SB_SPACE_SCALING]) return true;
    struct drift drift = {.pair = pair};
    for (;; pair->loss_scale /= 16) {
        if (!pair_side_start(pair, reference) || !submit_step(&drift, reference, 0)) return false;
        pair_progress(pair, pair->loss_scale == 1024 ? sb_graph_cost(&pair->graph).flops : 0, "loss scale");
        const float norm = *(const float *)sb_program_host(reference->program, 0, pair->norm);
        if (isfinite(norm) || pair->loss_scale <= 1) break; /* at 1 the model itself overflows, which will be told */
    }
    return pair_side_start(pair, reference) && pair_side_start(pair, isolated) && pair_side_start(pair, accumulated);
}

bool pair_compare_steps(struct pair *pair, struct pair_side *reference, struct pair_side *device) {
    const int steps = pair->parameters->steps;
    const double operations = sb_graph_cost(&pair->graph).flops;
    struct drift drift = {.pair = pair, .sides = {device, reference}};
    /* Losses and norms of the device's first and second run. */
    float *figures = sb_allocate((size_t)steps, 4 * sizeof *figures, pair->error);
    float *losses = figures, *norms = figures ? figures + 2 * (size_t)steps : NULL;
    bool done = figures;
    for (int i = 0; i < 2; i++) {
        drift.space[i] = done ? sb_allocate(1, pair->list.total_bytes, pair->error) : NULL;
        drift.gradient[i] = drift.space[i] ? sb_allocate(1, pair->list.trainable_bytes, pair->error) : NULL;
        done = drift.gradient[i];
    }
    if (done) {
        drift.doubt = sb_allocate(1, pair->list.trainable_bytes, pair->error);
        done = drift.doubt && pair_side_start(pair, device) && pair_side_start(pair, reference);
    }
    int step = 0;
    for (; done && step < steps; step++) {
        done = run_step(&drift, reference, REFERENCE, step) && run_step(&drift, device, DEVICE, step);
        if (!done) break;
        losses[step] = drift.loss[DEVICE];
        norms[step] = drift.norm[DEVICE];
        report_step(&drift, step);
        pair_progress(pair, operations, "training steps");
        if (pair->parameters->stop_after_failure && pair->report->summary->failed) break;
    }
    if (done && step == steps) {
        done = pair_side_start(pair, device);
        for (int i = 0; done && i < steps; i++) {
            done = run_step(&drift, device, REFERENCE, i); /* into the reference's place, which has done its part */
            losses[steps + i] = drift.loss[REFERENCE];
            norms[steps + i] = drift.norm[REFERENCE];
        }
        if (done) {
            report_bits(&drift, "losses", losses + steps, losses, steps);
            report_bits(&drift, "gradient norms", norms + steps, norms, steps);
            report_bits(&drift, "weights", drift.space[REFERENCE], drift.space[DEVICE],
                        (int64_t)(pair->list.total_bytes / sizeof(float)));
        }
    }
    for (int i = 0; i < 2; i++) {
        free(drift.space[i]);
        free(drift.gradient[i]);
    }
    free(drift.doubt);
    free(figures);
    return done;
}
