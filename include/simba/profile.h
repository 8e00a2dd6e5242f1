/* Where the time of training steps goes, by the device's own clock around every operation. */
#ifndef SIMBA_PROFILE_H
#define SIMBA_PROFILE_H

#include "simba/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Belongs to its trainer and lives as long. */
struct simba_profile;

/* Seconds are means of one optimiser step, all of its micro-batches together. */
struct simba_profile_summary {
    int64_t first_step; /* number of the first step, from 1 */
    int steps;          /* how many */
    int micro_batches;  /* of one step */
    double elapsed;     /* by the host's clock, without evaluation and checkpoints */
    double device;      /* the sum over all operations; the rest is waiting, and copying inputs to the device */
    double forward, backward, accumulate, update; /* parts of `device` */
};

/* What one optimiser step spends on one operation, or on one module. */
struct simba_profile_row {
    char name[160];           /* "selective_scan_gradient"; "block1.0.attn" */
    int nodes;                /* of the graph */
    double seconds;           /* mean */
    double forward, backward; /* parts of it; the rest is the optimiser's */
    double bytes, flops,
        specials; /* what must move at least; multiplications and additions; exponentials and the like */
};

SIMBA_API void simba_profile_summary(const struct simba_profile *profile, struct simba_profile_summary *summary);

/* By operation (`levels` 0), or by module: the first `levels` parts of its name, "block1.0" being two. The row that
 * takes longest comes first; together they are all of the summary's `device`. *rows is freed with simba_free. */
SIMBA_API bool simba_profile_rows(const struct simba_profile *profile, int levels, struct simba_profile_row **rows,
                                  int *count, struct simba_error *error);

/* Every operation of every step as a trace in Chrome's JSON format, which https://ui.perfetto.dev and chrome://tracing
 * open. The device's operations stand one behind the other from when their step was submitted, or the step before it
 * was done: its clock tells how long they took, not when. */
SIMBA_API bool simba_profile_write_trace(const struct simba_profile *profile, const char *path,
                                         struct simba_error *error);
/* Summary, operations and single nodes as JSON. */
SIMBA_API bool simba_profile_write_json(const struct simba_profile *profile, const char *path,
                                        struct simba_error *error);

#ifdef __cplusplus
}
#endif
#endif
