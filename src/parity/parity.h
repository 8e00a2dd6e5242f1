/* Is a device right? Golden cases: numbers of the published code in double precision, in files whose names tell the
 * kind of case. Comparison: one graph on two devices, node by node, then training steps. */
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
    int steps;                   /* of training, after the nodes */
    bool stop_after_failure;     /* end at the first node over its tolerance, or the first step */
    void (*progress)(void *user, double done, const char *what); /* NULL: none */
    void *progress_user;
};
/* The same graph on two devices. Every node twice: isolated, given the reference's inputs on both, so that a difference
 * belongs to the node where it is reported; and accumulated, on what the device has computed itself up to there. Then
 * training steps, recorded and submitted as a run does it. */
bool sb_parity_compare(const struct sb_parity_compare_parameters *parameters, struct sb_parity_report *report,
                       struct simba_error *error);

/* ---- builtin.c */

/* Fills model and precision, and takes back `training` where the model is for inference; an unknown name is an error
 * that lists the known ones. */
bool sb_parity_builtin(const char *name, struct sb_model_config *config,
                       struct sb_parity_compare_parameters *parameters, struct simba_error *error);

/* ---- measure.c */

/* Floats between the two, on the line of all floats from -infinity to infinity (0 and -0 are one). Not for NaN. */
uint32_t sb_parity_ulps(float a, float b);
/* Root mean square of what is finite. */
double sb_parity_size(const float *numbers, int64_t count);
/* Fills the errors of a result; `scale` is the root mean square that the relative one is relative to. An element that
 * is not finite, and not the same on both sides, makes both errors infinite. */
void sb_parity_measure(struct simba_parity_result *result, const float *got, const float *expected, int64_t count,
                       double scale);
/* Judges the result by its tolerance, counts it and hands it on. */
void sb_parity_add(struct sb_parity_report *report, struct simba_parity_result *result);

#endif
