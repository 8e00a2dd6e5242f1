/* Parity: is a device right? The same computation on two devices, or against golden numbers in double precision. */
#ifndef SIMBA_PARITY_H
#define SIMBA_PARITY_H

#include "simba/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One tensor compared. Strings are valid during the call. */
struct simba_parity_result {
    const char *case_name; /* the golden file, or the configuration */
    const char *tensor;    /* "grad/param/dt_proj.weight", or a node's output */
    double relative_error; /* |got - expected| / |expected|, L2 norms */
    double largest_error;  /* of one element, absolute */
    double tolerance;      /* on relative_error */
    const char *reason;    /* why the tolerance is not the usual one; NULL: it is */
    bool passed;
};

struct simba_parity_summary {
    int tensors, failed;
    double worst; /* largest relative_error / tolerance */
    char worst_tensor[256];
};

struct simba_parity_options {
    struct simba_device *device;    /* the one in question */
    struct simba_device *reference; /* compared with; not used for golden cases. May not be NULL without a case */
    const char *golden;             /* golden case file (safetensors); its name tells the kind of case */
    const char *configuration;      /* without `golden`: JSON file with the model to compare node by node, in training
                                       with its $.train.precision, ... */
    const char *const *overrides;   /* ... with these changes ... */
    int override_count;
    int batch;     /* ... at this batch (0: 2) ... */
    uint64_t seed; /* ... with weights and images or windows from this seed */
    bool training; /* forward, backward and optimiser; false: inference only */
    void (*report)(void *user, const struct simba_parity_result *result); /* NULL: none */
    void *user;
};

/* False only when the comparison could not be made; tensors over their tolerance are counted in *summary. */
SIMBA_API bool simba_parity_run(const struct simba_parity_options *options, struct simba_parity_summary *summary,
                                struct simba_error *error);

#ifdef __cplusplus
}
#endif
#endif
