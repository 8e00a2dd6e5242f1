/* The learning rate of each optimiser step: linear warm-up, then half a cosine (Loshchilov and Hutter, "SGDR", 2017),
 * a constant, or an exponential decay. */
#ifndef SB_TRAIN_SCHEDULE_H
#define SB_TRAIN_SCHEDULE_H

#include <stdint.h>

enum sb_schedule_kind {
    SB_SCHEDULE_COSINE,   /* by step: reaches the minimum at the last one */
    SB_SCHEDULE_CONSTANT, /* after the warm-up */
    /* By epoch, as the published training did it: the rate of epoch e is that of time max(e - 1, 0), because the
     * scheduler was advanced at the end of an epoch with that epoch's number; the cosine ends at `epochs - tail`,
     * and the tail stays at the minimum. */
    SB_SCHEDULE_PUBLISHED,
    /* By epoch: the peak for the first `hold_epochs` + 1, then multiplied by `decay` from one to the next; never below
     * the minimum. Decay 0.5 and hold 1 is "type1" of the forecasting field's code, 0.9 and 3 "type3" (Informer,
     * PatchTST). */
    SB_SCHEDULE_EXPONENTIAL
};

struct sb_schedule {
    enum sb_schedule_kind kind;
    double peak, minimum, warmup_start; /* learning rates */
    int64_t epoch_steps;                /* optimiser steps in an epoch */
    int64_t epochs;
    double warmup_epochs; /* may be a fraction (by step), below `epochs` */
    int64_t tail_epochs;  /* PUBLISHED: at the minimum, behind the cosine */
    double decay;         /* EXPONENTIAL */
    int64_t hold_epochs;
};

/* `step` from 0. */
double sb_schedule_rate(const struct sb_schedule *schedule, int64_t step);

#endif
