/* The profile of a training run while it is taken: what the host did for each micro-batch and when, and what the device
 * says each node took. */
#ifndef SB_TRAIN_PROFILE_H
#define SB_TRAIN_PROFILE_H

#include "backend/backend.h"
#include "simba/profile.h"

/* Seconds of the host's clock at which something was done; in this order. */
struct sb_profile_flight {
    int64_t step;
    int64_t micro_batch;
    double begun;
    double loaded;    /* the batch had come from the loader */
    double freed;     /* the slot's last micro-batch was done */
    double filled;    /* its inputs lay where the device fetches them */
    double submitted; /* it was on its way */
    double done;      /* its results had been waited for */
};

struct simba_profile {
    const struct sb_graph *graph;
    int forward_nodes; /* the nodes before this one are the forward pass; those of COMPUTE behind it the backward */
    const struct sb_device_description *device;
    const char *model;
    int64_t first_step; /* from 0 */
    int steps, micro_batches;
    struct sb_profile_flight *flights; /* [steps * micro_batches] */
    double *seconds;                   /* [steps * micro_batches, nodes] */
    int begun, taken;                  /* micro-batches */
    double since;                      /* when the last micro-batch in front of them was done */
    double paused;                     /* seconds spent between these steps on other things than steps */
};

/* `steps` and `first_step` are of the steps to come. */
bool sb_profile_init(struct simba_profile *profile, const struct sb_graph *graph, int steps, int micro_batches,
                     struct simba_error *error);
void sb_profile_finish(struct simba_profile *profile);
/* The index of a micro-batch that was submitted; -1: it is none of those that are profiled. */
int sb_profile_begin(struct simba_profile *profile, const struct sb_profile_flight *flight);
/* Its times, after it was waited for. */
bool sb_profile_take(struct simba_profile *profile, int index, double done, struct sb_program *program, int slot,
                     struct simba_error *error);
bool sb_profile_is_complete(const struct simba_profile *profile);

/* For those who write it: whether a device has anything to do for a node, its part of a step, the name of the node or,
 * of the backward pass, of the one whose gradient it is, and mean and cost of an optimiser step. */
enum sb_profile_part { SB_PROFILE_FORWARD, SB_PROFILE_BACKWARD, SB_PROFILE_ACCUMULATE, SB_PROFILE_UPDATE };
bool sb_profile_computes(const struct sb_node *node);
enum sb_profile_part sb_profile_part(const struct simba_profile *profile, const struct sb_node *node);
const char *sb_profile_part_name(enum sb_profile_part part);
void sb_profile_module(const struct sb_node *node, char name[static 160]);
struct simba_profile_row sb_profile_node(const struct simba_profile *profile, const struct sb_node *node);

#endif
