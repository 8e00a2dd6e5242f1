/* Golden cases of the losses and of the optimiser. */
#include "graph/differentiate.h"
#include "ops/ops.h"
#include "parity/golden.h"
#include "train/optimiser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- losses */

static int64_t first_largest(const float *numbers, int64_t count, int64_t stride) {
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (numbers[i * stride] > numbers[best * stride]) best = i;
    return best;
}

/* Class targets [B, C] of a target [B, C] or [B, C, 2 + N] (planes: true class, class, tokens). */
static float *class_target(struct golden_case *golden, const float *target, int rank, const int64_t *shape,
                           bool ground_truth) {
    int64_t batch = shape[0], classes = shape[1], planes = rank == 3 ? shape[2] : 1;
    float *result = sb_pool_allocate(&golden->pool, (size_t)(batch * classes) * sizeof *result, golden->error);
    if (!result) return NULL;
    for (int64_t b = 0; b < batch; b++) {
        const float *row = target + b * classes * planes;
        double share = 1; /* of the class plane; the rest is the true one's */
        if (rank == 3 && ground_truth)
            share = first_largest(row, classes, planes) == first_largest(row + 1, classes, planes) ? 0.5 : 0.9;
        for (int64_t c = 0; c < classes; c++)
            result[b * classes + c] =
                rank == 2 ? row[c] : (float)(share * row[c * planes + 1] + (1 - share) * row[c * planes]);
    }
    return result;
}

/* With a box of exchanged tokens the class target is a mixture by area with the batch in reverse order. */
static void mix_by_box(float *target, int64_t batch, int64_t classes, const float *box, int64_t tokens) {
    double area = ((double)box[2] - box[0]) * ((double)box[3] - box[1]), share = 1 - area / (double)tokens;
    if (share >= 1) return;
    for (int64_t b = 0; b <= (batch - 1) / 2; b++)
        for (int64_t c = 0; c < classes; c++) {
            float *one = target + b * classes + c, *other = target + (batch - 1 - b) * classes + c;
            double first = *one, second = *other;
            *one = (float)(share * first + (1 - share) * second);
            *other = (float)(share * second + (1 - share) * first);
        }
}

/* Dense targets [B, N, C]: planes 2.. of a target with planes, the class target for every token otherwise. */
static float *dense_target(struct golden_case *golden, const float *target, int rank, const int64_t *shape,
                           int64_t tokens) {
    int64_t batch = shape[0], classes = shape[1], planes = rank == 3 ? shape[2] : 1;
    float *result = sb_pool_allocate(&golden->pool, (size_t)(batch * tokens * classes) * sizeof *result, golden->error);
    if (!result) return NULL;
    for (int64_t b = 0; b < batch; b++)
        for (int64_t n = 0; n < tokens; n++)
            for (int64_t c = 0; c < classes; c++)
                result[(b * tokens + n) * classes + c] = target[(b * classes + c) * planes + (rank == 3 ? 2 + n : 0)];
    return result;
}

/* Cross entropy against soft targets that the host has made. */
static struct sb_tensor *soft_cross_entropy(struct golden_run *run, const char *name, struct sb_tensor *logits,
                                            const float *target, double weight) {
    if (!target || run->graph.failed) return NULL;
    const char *input = sb_pool_format(&run->graph.pool, &run->graph.error, "%s_target", name);
    if (!input) return NULL;
    struct sb_tensor *tensor = sb_input(&run->graph, input, SB_FLOAT32, logits->rank, logits->shape);
    golden_bind(run, input, tensor, target);
    return sb_op_cross_entropy(&run->graph, name, logits, tensor, 0, (float)weight);
}

struct sb_tensor *golden_token_label(struct golden_run *run, struct golden_token_label_loss loss) {
    struct golden_case *golden = run->golden;
    if (run->graph.failed || !loss.logits || !loss.auxiliary) return NULL;
    int rank;
    int64_t shape[SB_MAX_RANK], tokens = loss.auxiliary->shape[1];
    const float *target = golden_read(golden, loss.target, GOLDEN_SAME, &rank, shape);
    const float *box = loss.box ? golden_read(golden, loss.box, GOLDEN_SAME, NULL, NULL) : NULL;
    bool fits = target && (rank == 2 || (rank == 3 && shape[2] == 2 + tokens)) && shape[0] == loss.logits->shape[0] &&
                shape[1] == loss.logits->shape[1];
    if (!fits || (loss.box && !box)) {
        sb_graph_fail(&run->graph, "%s: \"%s\" does not fit the token-label loss.", golden->path, loss.target);
        return NULL;
    }
    float *classes = class_target(golden, target, rank, shape, loss.ground_truth);
    if (classes && box) mix_by_box(classes, shape[0], shape[1], box, tokens);
    float *dense = dense_target(golden, target, rank, shape, tokens);
    struct sb_tensor *class_loss = soft_cross_entropy(run, "class_loss", loss.logits, classes, loss.class_weight);
    struct sb_tensor *dense_loss = soft_cross_entropy(run, "dense_loss", loss.auxiliary, dense, loss.dense_weight);
    return sb_op_add(&run->graph, "loss", class_loss, dense_loss, 1, NULL);
}

/* The loss that a name of the file stands for. */
static struct sb_tensor *build_loss(struct golden_run *run, const char *name) {
    struct golden_case *golden = run->golden;
    struct sb_tensor *logits = golden_input(run, "in/logits", GOLDEN_SAME);
    sb_require_gradient(logits);
    static const char smoothing[] = "label_smoothing_";
    if (strcmp(name, "cross_entropy") == 0 || strncmp(name, smoothing, strlen(smoothing)) == 0) {
        float share = strcmp(name, "cross_entropy") == 0 ? 0 : strtof(name + strlen(smoothing), NULL);
        return sb_op_cross_entropy(&run->graph, "loss", logits, golden_int_input(run, "in/labels"), share, 1);
    }
    if (strcmp(name, "soft_target_ce") == 0 || strcmp(name, "token_label_soft_target") == 0) {
        int rank;
        int64_t shape[SB_MAX_RANK];
        bool plain = strcmp(name, "soft_target_ce") == 0;
        const float *target = golden_read(golden, plain ? "in/target_2d" : "in/target_3d_2", GOLDEN_SAME, &rank, shape);
        if (!target) return NULL;
        return soft_cross_entropy(run, "loss", logits, class_target(golden, target, rank, shape, false), 1);
    }
    if (strncmp(name, "token_label_", 12) != 0) {
        sb_graph_fail(&run->graph, "%s: there is no loss \"%s\".", golden->path, name);
        return NULL;
    }
    struct golden_token_label_loss loss = {.logits = logits,
                                           .auxiliary = golden_input(run, "in/aux", GOLDEN_SAME),
                                           .target = strstr(name, "2d") ? "in/target_2d" : "in/target_3d",
                                           .box = strstr(name, "nobox") ? NULL : "in/bbox",
                                           .dense_weight = 1,
                                           .class_weight = 1,
                                           .ground_truth = strstr(name, "_gt")};
    const char *weights = sb_safetensors_note(golden->file, "weights");
    if (!strstr(name, "default_weights")) {
        golden_number(weights, "dense", &loss.dense_weight);
        golden_number(weights, "cls", &loss.class_weight);
    }
    sb_require_gradient(loss.auxiliary);
    return golden_token_label(run, loss);
}

static bool run_loss(struct golden_case *golden, const char *name) {
    struct golden_run run;
    golden_run_init(&run, golden, true);
    struct sb_tensor *loss = build_loss(&run, name);
    bool done =
        sb_graph_ok(&run.graph, golden->error) && loss && sb_differentiate(&run.graph, loss, NULL, golden->error);
    char tensor[160];
    snprintf(tensor, sizeof tensor, "out/%s", name);
    done = done && golden_expect_tensor(&run, tensor, loss, golden_read(golden, tensor, GOLDEN_SAME, NULL, NULL), 1);
    static const char *const inputs[] = {"logits", "aux"};
    for (int i = 0; done && i < 2; i++) {
        snprintf(tensor, sizeof tensor, "grad/%s/%s", name, inputs[i]);
        const struct sb_safetensor *theirs = sb_safetensors_find(golden->file, tensor);
        if (!theirs) continue;
        struct sb_tensor *input = sb_find_tensor(&run.graph, inputs[i]);
        struct sb_tensor *gradient = input ? sb_gradient_of(&run.graph, input) : NULL;
        const float *expected = golden_read(golden, tensor, GOLDEN_SAME, NULL, NULL);
        done = golden_expect_tensor(&run, tensor, gradient, expected, theirs->elements);
    }
    done = done && golden_execute(&run);
    golden_run_finish(&run);
    return done;
}

bool golden_losses(struct golden_case *golden) {
    for (int i = 0; i < golden->file->count; i++) {
        const char *name = golden->file->tensors[i].name;
        if (strncmp(name, "out/", 4) == 0 && !run_loss(golden, name + 4)) return false;
    }
    return true;
}

/* ---- the optimiser */

struct golden_optimiser golden_optimiser(const char *note) {
    struct golden_optimiser optimiser = {
        .learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01}; /* PyTorch's */
    golden_number(note, "lr", &optimiser.learning_rate);
    golden_number(note, "betas", &optimiser.beta1);
    golden_number(note, "eps", &optimiser.epsilon);
    golden_number(note, "weight_decay", &optimiser.weight_decay);
    golden_number(note, "weight decay", &optimiser.weight_decay);
    const char *second = note ? strstr(note, "betas") : NULL;
    second = second ? strchr(second, ',') : NULL;
    if (second) optimiser.beta2 = strtod(second + 1, NULL);
    return optimiser;
}

void golden_append_optimiser(struct golden_run *run, const struct golden_optimiser *optimiser) {
    sb_append_optimiser(&run->graph, &run->list,
                        &(struct sb_optimiser){.gradient = SB_SPACE_GRADIENT,
                                               .beta1 = optimiser->beta1,
                                               .beta2 = optimiser->beta2,
                                               .epsilon = (float)optimiser->epsilon,
                                               .weight_decay = (float)optimiser->weight_decay});
}

struct sb_step_numbers golden_step(const struct golden_optimiser *optimiser, int step) {
    double power1 = 1, power2 = 1;
    for (int i = 0; i <= step; i++) {
        power1 *= optimiser->beta1;
        power2 *= optimiser->beta2;
    }
    return (struct sb_step_numbers){.step = {(uint32_t)step, 0},
                                    .learning_rate = (float)optimiser->learning_rate,
                                    .correction1 = (float)(1 - power1),
                                    .correction2 = (float)(1 - power2)};
}

/* One vector, so many steps as there are gradients in/g1, in/g2, ... All of it is decayed. */
bool golden_adamw(struct golden_case *golden) {
    static const struct {
        const char *name;
        enum sb_space space;
    } states[] = {{"p", SB_SPACE_PARAMETER}, {"exp_avg", SB_SPACE_MOMENT1}, {"exp_avg_sq", SB_SPACE_MOMENT2}};
    struct golden_optimiser optimiser = golden_optimiser(sb_safetensors_note(golden->file, "optimizer"));
    struct golden_run run;
    golden_run_init(&run, golden, true);
    int rank;
    int64_t shape[SB_MAX_RANK];
    float *initial = golden_read(golden, "in/p0", GOLDEN_SAME, &rank, shape);
    /* two axes: the rule for decay looks at their number */
    int64_t row[] = {1, 1};
    for (int i = 0; initial && i < rank; i++) row[1] *= shape[i];
    bool done = initial && sb_parameter_list_add(&run.list, "p", 2, row, golden->error);
    if (done) {
        sb_parameter_list_place(&run.list);
        run.space = sb_pool_allocate(&golden->pool, run.list.total_bytes, golden->error);
        done = run.space;
    }
    if (done) {
        memcpy(run.space, initial, (size_t)row[1] * sizeof *initial);
        golden_append_optimiser(&run, &optimiser);
        done = golden_prepare(&run);
    }
    float *got = sb_pool_allocate(&golden->pool, (size_t)row[1] * sizeof *got, golden->error);
    size_t bytes = (size_t)row[1] * sizeof(float);
    done = done && got;
    char name[64];
    for (int step = 0; done && golden_has(golden, "in/g%d", step + 1); step++) {
        snprintf(name, sizeof name, "in/g%d", step + 1);
        const float *gradient = golden_read(golden, name, GOLDEN_SAME, NULL, NULL);
        struct sb_step_numbers numbers = golden_step(&optimiser, step);
        memcpy(sb_program_host(run.program, 0, sb_step_input(&run.graph)), &numbers, sizeof numbers);
        done = gradient && sb_memory_write(run.spaces[SB_SPACE_GRADIENT], 0, gradient, bytes, golden->error) &&
               golden_submit(&run, 1u << SB_PHASE_UPDATE);
        for (int i = 0; done && i < 3; i++) {
            snprintf(name, sizeof name, "out/%s%d", states[i].name, step + 1);
            const float *expected = golden_read(golden, name, GOLDEN_SAME, NULL, NULL);
            done = expected && sb_memory_read(run.spaces[states[i].space], 0, got, bytes, golden->error);
            if (done) golden_report(golden, name, got, expected, row[1], 0, NULL);
        }
    }
    golden_run_finish(&run);
    return done;
}
