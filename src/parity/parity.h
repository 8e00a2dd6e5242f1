/* Is a device right? Golden cases: numbers of the published code in double precision, in files whose names tell the
 * kind of case. Comparison: one graph on two devices, node by node. */
#ifndef SB_PARITY_PARITY_H
#define SB_PARITY_PARITY_H

#include "backend/backend.h"
#include "model/model.h"
#include "simba/parity.h"

/* Where results go. `function` may be NULL; `summary` must have been zeroed before the first case. */
struct sb_parity_report {
    void (*function)(void *user, const struct simba_parity_result *result);
    void *user;
    struct simba_parity_summary *summary;
};

/* Runs one golden case on the device. False only when the case could not be run (unknown kind, unreadable file, no
 * device memory); tensors over their tolerance are counted in the summary. */
bool sb_parity_golden(struct sb_device *device, const char *path, struct sb_parity_report *report,
                      struct simba_error *error);

struct sb_parity_compare_parameters {
    struct sb_device *device, *reference;
    const struct sb_model_config *config;
    const char *name;            /* of the case, in results */
    int64_t batch;               /* 0: 2 */
    uint64_t seed;               /* of weights and images or windows */
    bool training;               /* forward, backward and optimiser; false: inference */
    enum sb_precision precision; /* of training; fp16 with loss scaling */
};
/* The same graph on two devices, node by node: each node gets the reference's inputs on both, so that a difference
 * belongs to the node where it is reported. */
bool sb_parity_compare(const struct sb_parity_compare_parameters *parameters, struct sb_parity_report *report,
                       struct simba_error *error);

/* ---- for both */

/* Root mean square. */
double sb_parity_size(const float *numbers, int64_t count);
/* Fills the errors of a result; `scale` is the root mean square that the relative one is relative to. Numbers that are
 * not finite are infinitely wrong. */
void sb_parity_measure(struct simba_parity_result *result, const float *got, const float *expected, int64_t count,
                       double scale);
/* Judges the result by its tolerance, counts it and hands it on. */
void sb_parity_add(struct sb_parity_report *report, struct simba_parity_result *result);

#endif
