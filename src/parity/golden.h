/* What the kinds of golden cases share: the file, a graph with its inputs and what is expected of it, the run. */
#ifndef SB_PARITY_GOLDEN_H
#define SB_PARITY_GOLDEN_H

#include "io/safetensors.h"
#include "parity/parity.h"

struct golden_case {
    struct sb_device *device;
    const char *path;
    char name[128]; /* the file's, without folder and ending */
    struct sb_safetensors *file;
    struct sb_pool pool; /* arrays of numbers, until the case ends */
    struct sb_parity_report *report;
    struct simba_error *error;
    double kink_distance; /* the smallest distance of a ReLU's or soft shrink's argument from its kink; 1: none known */
};

/* How a tensor of the file lies with respect to ours. The published code has channels before positions in images and
 * inside Mamba; here they are always last. */
enum golden_layout { GOLDEN_SAME, GOLDEN_CHANNELS_FIRST };

/* Numbers of a tensor of the file in our layout, and the shape there (`shape` may be NULL). NULL with *error set when
 * it is absent. */
float *golden_read(struct golden_case *golden, const char *name, enum golden_layout layout, int *rank, int64_t *shape);
/* Metadata: a number behind `key` inside the note, as in "lr=1e-2" or "dense 0.5"; `value` stays when it is absent. */
void golden_number(const char *note, const char *key, double *value);
bool golden_has(const struct golden_case *golden, const char *format, ...) SB_PRINTF(2, 3);

/* ---- one graph, run on the device */

enum { GOLDEN_BINDINGS = 24 };

struct golden_binding {
    const char *name; /* of the file: "in/x"; or of a result: "out/y" */
    struct sb_tensor *tensor;
    enum golden_layout layout;
    const void *bytes; /* of an input */
};

struct golden_run {
    struct golden_case *golden;
    struct sb_parameter_list list;
    float *space; /* host image of the parameters, in the case's pool */
    struct sb_graph graph;
    struct golden_binding inputs[GOLDEN_BINDINGS], results[GOLDEN_BINDINGS];
    int input_count, result_count;
    struct golden_expectation *expectations;
    int expectation_count, expectation_capacity;
    struct sb_plan plan;
    struct sb_memory *spaces[SB_SPACE_COUNT];
    bool borrowed[SB_SPACE_COUNT]; /* belongs to another run */
    struct sb_program *program;
};

void golden_run_init(struct golden_run *run, struct golden_case *golden, bool training);
void golden_run_finish(struct golden_run *run);

/* Parameters from the tensors of the file whose names begin with `prefix`, in the file's order. */
bool golden_parameters(struct golden_run *run, const char *prefix);
/* An input with the file's numbers; NULL when the file has none of that name. It gets a gradient when the file has one
 * for it. */
struct sb_tensor *golden_input(struct golden_run *run, const char *name, enum golden_layout layout);
/* Integers from the file, or any bytes (kept by the caller). */
struct sb_tensor *golden_int_input(struct golden_run *run, const char *name);
void golden_bind(struct golden_run *run, const char *name, struct sb_tensor *tensor, const void *bytes);
/* Names a result: what the file's tensor of that name is compared with. */
void golden_result(struct golden_run *run, const char *name, struct sb_tensor *tensor, enum golden_layout layout);

/* Where an intermediate result of the published code is found in our graph, when not under its own name. */
struct golden_alias {
    const char *theirs, *ours;                                                  /* "" ends a list */
    enum { GOLDEN_TENSOR, GOLDEN_PRODUCER_INPUT, GOLDEN_PRODUCER_OUTPUT } take; /* of the node that produces `ours` */
    int index;
    enum golden_layout layout;
    bool rectified; /* ours has passed the ReLU that follows */
};

/* Expects everything below `prefix` ("", "eval/", "train/") that the graph has: results, mid/, grad/in/, grad/param/,
 * grad/mid/ and after/. After differentiation. */
bool golden_expect_all(struct golden_run *run, const char *prefix, const struct golden_alias *aliases);
/* One tensor, or one parameter (its values, or its gradient), against given numbers. The name is copied. */
bool golden_expect_tensor(struct golden_run *run, const char *name, struct sb_tensor *tensor, const float *expected,
                          int64_t count);
bool golden_expect_parameter(struct golden_run *run, const char *name, const struct sb_parameter *parameter,
                             enum sb_space space, const float *expected);
/* The bound of all expectations so far whose names begin with `prefix`. */
void golden_loosen(struct golden_run *run, const char *prefix, double tolerance, const char *reason);

/* Plans, allocates, compiles, uploads parameters and inputs. */
bool golden_prepare(struct golden_run *run);
bool golden_submit(struct golden_run *run, unsigned phases);
/* Reads what is expected and reports each. */
bool golden_check(struct golden_run *run);
/* For numbers that are no tensor of a run (losses of several steps). */
void golden_report(struct golden_case *golden, const char *name, const float *got, const float *expected, int64_t count,
                   double tolerance, const char *reason);
/* prepare, submit everything, check */
bool golden_execute(struct golden_run *run);

/* ---- the kinds */
bool golden_selective_scan(struct golden_case *golden);
bool golden_conv1d_silu(struct golden_case *golden);
bool golden_layer_norm(struct golden_case *golden);
bool golden_einfft(struct golden_case *golden);
bool golden_mlp(struct golden_case *golden);
bool golden_downsample(struct golden_case *golden);
bool golden_stem(struct golden_case *golden);
bool golden_mamba(struct golden_case *golden);
bool golden_block(struct golden_case *golden);
bool golden_class_block(struct golden_case *golden);
bool golden_losses(struct golden_case *golden);
bool golden_adamw(struct golden_case *golden);
bool golden_tiny(struct golden_case *golden);
bool golden_train(struct golden_case *golden);
bool golden_full(struct golden_case *golden);
bool golden_forecaster(struct golden_case *golden);
bool golden_forecaster_train(struct golden_case *golden);

/* ---- losses of the published training script, for several kinds */
struct golden_token_label_loss {
    struct sb_tensor *logits, *auxiliary;
    const char *target; /* [B, C] or [B, C, 2 + N] in the file */
    const char *box;    /* NULL: none */
    double dense_weight, class_weight;
    bool ground_truth; /* the class target is mixed with the true one, more of it where they disagree */
};
struct sb_tensor *golden_token_label(struct golden_run *run, struct golden_token_label_loss loss);

/* AdamW on all parameters of the run, in the two groups of the published recipe; as the metadata says. */
struct golden_optimiser {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
};
struct golden_optimiser golden_optimiser(const char *note);
void golden_append_optimiser(struct golden_run *run, const struct golden_optimiser *optimiser);
struct sb_step_numbers golden_step(const struct golden_optimiser *optimiser, int step);

/* ---- some steps of AdamW on one batch, as the metadata "train" say */

/* From a forward graph with its loss; reports the losses of as many steps as "out/losses" has. */
bool golden_train_steps(struct golden_run *run, struct sb_tensor *loss);
/* The result of a forward graph that was not run yet, with the parameters of the training run; in the case's pool. */
float *golden_trained(struct golden_run *run, const struct golden_run *training, struct sb_tensor *result);
/* Reports every out/NAME_after: the parameters of the training run, and the result of that name. */
bool golden_check_after(struct golden_run *run, const char *result_name, const float *result, double tolerance);

#endif
