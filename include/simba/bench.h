/* Benchmarks: how fast a device runs the kernels and the models, each result checked against the reference first. */
#ifndef SIMBA_BENCH_H
#define SIMBA_BENCH_H

#include "simba/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One measurement. Strings are as long-lived as whatever holds the row. */
struct simba_bench_row {
    const char *kind;    /* "kernel", "model", "ceiling" */
    const char *name;    /* "scan/forward" */
    const char *variant; /* what the device ran: "selective_scan_lanes(WORKGROUP=8)"; several are joined by " + " */
    const char *shape;   /* "batch=4 tokens=196 channels=128 states=64" */
    const char *dtype;   /* "float32", "fp16 factors", ... */
    int subgroup_size;   /* 0: none (the reference) */
    int runs;            /* timed ones; 0 when unsupported or wrong */
    double median, minimum, p95;   /* seconds of one run */
    double bytes, flops, specials; /* of one run: what must move at least; multiplications and additions; exponentials
                                      and the like */
    double ceiling_share;          /* 0..1: the time that the binding ceiling alone would need, by the median; NAN: no
                                      ceiling was measured */
    const char *bound_by;          /* "copy bandwidth", "multiply-add", "special functions", "matrix units"; NULL */
    double error, tolerance;       /* against the reference; NAN: not verified, and `note` says why */
    const char *clock;             /* "device" (its time stamps) or "host" */
    const char *caches;            /* "rotated", "warm", ...: what was done about them */
    const char *unsupported;       /* why it was not timed; NULL: it was */
    const char *note;              /* NULL: none */
};

#ifdef __cplusplus
}
#endif
#endif
