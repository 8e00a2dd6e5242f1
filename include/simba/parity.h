/* Parity: is a device right? The same computation on two devices, or against golden numbers in double precision. */
#ifndef SIMBA_PARITY_H
#define SIMBA_PARITY_H

#include "simba/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a tensor came about. */
enum simba_parity_mode {
    SIMBA_PARITY_GOLDEN,   /* a golden case, against its file's numbers */
    SIMBA_PARITY_ISOLATED, /* one node, given the reference's inputs on both devices: what differs is its own fault */
    SIMBA_PARITY_ACCUMULATED, /* the same node, but its inputs are what each device has computed itself so far */
    SIMBA_PARITY_STEPS,       /* a figure of a training step: "loss", "gradient norm", "update", "running statistics" */
    SIMBA_PARITY_REPEATED,    /* losses, norms and weights of the steps, against a second run on the same device */
    SIMBA_PARITY_MODES
};
/* "golden", "isolated", "accumulated", "steps", "repeated". */
SIMBA_API const char *simba_parity_mode_name(enum simba_parity_mode mode);

/* ULPs are counted on the elements that are at least as large as the tensor's root mean square: an element that is
 * small because large terms cancelled has the rounding errors of the large ones, and many of its own last places. */
struct simba_parity_ulps {
    double median; /* exact below 2048, then to 3 % */
    double worst;
};

/* One tensor compared. Strings are valid during the call. */
struct simba_parity_result {
    const char *case_name; /* the golden file, or the configuration */
    enum simba_parity_mode mode;
    int step;              /* STEPS: from 1 */
    const char *tensor;    /* "grad/param/dt_proj.weight", or a node's output */
    int node;              /* in execution order, from 0; -1: no node of the graph, and the next four are NULL */
    const char *node_name; /* module path of the model plus what it does */
    const char *operation; /* "selective_scan" */
    const char *shapes;    /* "[2, 49, 64] [64, 64] -> [2, 49, 64]" */
    const char *kernels;   /* what the device ran for the node: "causal_conv1d_short(TOKENS=25)"; NULL: no kernels */
    int64_t elements;
    double relative_error; /* |got - expected| / |expected|, L2 norms; of an update, relative to the update */
    double largest_error;  /* of one element, absolute */
    double element_error;  /* the worst of one element, relative to it or, where that is larger, to the tensor's root
                              mean square */
    struct simba_parity_ulps ulps;
    int64_t non_finite;      /* elements that are infinite or not a number on one device only, or differently */
    int64_t both_non_finite; /* and those that are so on both alike, of which nothing is measured */
    bool all_zero;           /* every element is 0 on both: hardly a test */
    int64_t worst_element; /* where the largest error is, or the first that is not finite; -1: elements have no order */
    const char *worst_at; /* its index: "[1, 20, 3]"; of an update, the parameter and the index in it; NULL: as above */
    double got, expected; /* the values there */
    double tolerance;     /* on relative_error ... */
    double element_tolerance; /* ... and on element_error, which finds one wrong element among many; 0: no bound */
    const char *reason;       /* why the tolerance is not the usual one; NULL: it is */
    bool not_compared;        /* both have overflowed, or nothing was updated: neither right nor wrong */
    bool passed;              /* compared, and within both tolerances */
};

/* The larger share of its tolerances that a result takes up; infinite when an error is no number, or one where the bits
 * must be the same. */
SIMBA_API double simba_parity_share(const struct simba_parity_result *result);

struct simba_parity_summary {
    int tensors, failed; /* failed: over a tolerance */
    int not_compared;    /* not among the failed; a comparison with any of them has not passed either */
    int all_zero;        /* of nodes by themselves, in training or inference */
    double worst;        /* the largest share of a tolerance that an error takes up; above 1 it failed */
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
    const char *builtin; /* without the two: a simba_parity_builtin; some are for inference only */
    int batch;           /* images or windows (0: 2, or what the built-in model has) */
    uint64_t seed;       /* of weights and images or windows */
    bool training;       /* forward, backward and optimiser; false: inference only */
    int steps;           /* of training, after the nodes; then once more, to see whether the device repeats itself */
    bool stop_after_failure; /* end at the first node over its tolerance, or the first step */
    void (*report)(void *user, const struct simba_parity_result *result); /* NULL: none */
    /* NULL: none. `done`: 0 to 1, by estimated arithmetic, of what this call does; `what`: "block1.0.attn.mamba". */
    void (*progress)(void *user, double done, const char *what);
    void *user;
};

/* Small models that together have every operation of the graph: what a machine is tried with first. The name of the one
 * with this index from 0, NULL behind the last. */
SIMBA_API const char *simba_parity_builtin(int index);

/* False only when the comparison could not be made; tensors over their tolerance are counted in *summary. */
SIMBA_API bool simba_parity_run(const struct simba_parity_options *options, struct simba_parity_summary *summary,
                                struct simba_error *error);

#ifdef __cplusplus
}
#endif
#endif
