/* One graph that several devices run on the same weights and inputs: what comparing node by node and comparing training
 * steps share. */
#ifndef SB_PARITY_PAIR_H
#define SB_PARITY_PAIR_H

#include "parity/parity.h"

struct pair {
    const struct sb_parity_compare_parameters *parameters;
    struct sb_parity_report *report;
    struct simba_error *error;
    int64_t batch;
    struct sb_parameter_list list;
    struct sb_graph graph;
    struct sb_plan plan;
    struct sb_tensor *loss, *norm; /* training; the norm of the gradient, or the struct sb_scaled_step that begins so */
    int forward_nodes;             /* nodes before this index are not part of the backward pass */
    float *space;                  /* host image of the parameters at first */
    float loss_scale;              /* fp16: at first */
    double learning_rate;
    double progress_done, progress_whole; /* estimated floating-point operations of the reference */
};

/* One device's memory and program. */
struct pair_side {
    struct sb_device *device;
    struct sb_memory *spaces[SB_SPACE_COUNT];
    struct sb_program *program;
};

/* The graph, its plan and the first weights. Finish it also after a failure. */
bool pair_init(struct pair *pair, const struct sb_parity_compare_parameters *parameters,
               struct sb_parity_report *report, struct simba_error *error);
void pair_finish(struct pair *pair);

/* `accounts`: sb_program_dispatches tells what its nodes run. */
bool pair_side_init(struct pair *pair, struct pair_side *side, struct sb_device *device, const char *name,
                    bool accounts);
void pair_side_finish(struct pair_side *side);
/* Weights and optimiser state as at first. */
bool pair_side_start(struct pair *pair, struct pair_side *side);

/* Bytes of a tensor without padding between its rows. */
size_t pair_bytes(const struct sb_tensor *tensor);
/* What an input holds in a step, by its name and type. */
void pair_fill_input(const struct pair *pair, const struct sb_tensor *tensor, int step, void *bytes);

/* The largest relative error that a tensor of this direction may have when everything before it was computed by the
 * device itself. `reason`: why it is not the usual one, or NULL. */
double pair_accumulated_tolerance(const struct pair *pair, bool gradient, const char **reason);

/* Tells the caller how far it is, `what` being done now. */
void pair_progress(struct pair *pair, double operations, const char *what);

/* ---- the two comparisons */

/* Each node with the reference's inputs, and with what the device has computed itself. False: it could not be done. */
bool pair_compare_nodes(struct pair *pair, struct pair_side *reference, struct pair_side *isolated,
                        struct pair_side *accumulated);
/* fp16: lowers the loss scale until the reference takes the first step, which it leaves out when a gradient overflows,
 * and begins anew with it on all sides. */
bool pair_choose_loss_scale(struct pair *pair, struct pair_side *reference, struct pair_side *isolated,
                            struct pair_side *accumulated);
/* Training steps, as a run submits them. */
bool pair_compare_steps(struct pair *pair, struct pair_side *reference, struct pair_side *device);

#endif
