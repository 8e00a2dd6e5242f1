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
    int runs;            /* timed ones; 0 when unsupported or wrong; 1 for a ceiling, which is given by second */
    double median, minimum, p95;   /* seconds of one run */
    double bytes, flops, specials; /* of one run: what must move at least; multiplications and additions; exponentials
                                      and the like */
    double ceiling_share;          /* the time that the binding ceiling alone would need, by the median: 0 to 1, more
                                      where the data stay in a cache; NAN: no ceiling was measured */
    const char *bound_by;          /* "copy bandwidth", "multiply-add", "special functions", "matrix units"; NULL */
    double error, tolerance;       /* against the reference; both NAN: not verified, and `note` says why */
    const char *clock;             /* "device" (its time stamps) or "host" */
    const char *caches;            /* "rotated", "warm", ...: what was done about them */
    const char *unsupported;       /* why it was not timed; NULL: it was */
    const char *note;              /* NULL: none */
};

/* ---- what there is to measure */

struct simba_bench_parameter {
    const char *name; /* "tokens" */
    const char *what;
};

struct simba_bench_entry {
    const char *kind;                               /* as in a row */
    const char *name;                               /* "scan/forward" */
    const char *summary;                            /* what is computed */
    const char *formula;                            /* where its formula stands */
    const char *bytes, *flops;                      /* how a run's are counted */
    const struct simba_bench_parameter *parameters; /* of its shape, an empty row at the end */
    const char *const *shapes;                      /* the usual ones, NULL at the end: "batch=1 tokens=3136 ..." */
};

/* The entry of that index, from 0; NULL behind the last one. Valid for good. Any thread. */
SIMBA_API const struct simba_bench_entry *simba_bench_entry(int index);

/* ---- measuring */

struct simba_bench; /* a report: the rows of one device after the other */

/* NULL with *error set without memory. Destroy it with simba_bench_destroy. */
SIMBA_API struct simba_bench *simba_bench_create(struct simba_error *error);
SIMBA_API void simba_bench_destroy(struct simba_bench *bench); /* NULL is fine */

/* Which rows a report is asked for. */
struct simba_bench_choice {
    const char *const *names; /* of entries, with the wildcards * ? [] of a shell; none: all kernels and ceilings */
    int name_count;
    /* Values for the parameters of shapes in place of the usual ones: "tokens=49,196,784 batch=1..8". A value is a
     * number, FIRST..LAST (doubled from the first, and the last) or FIRST..LAST+STEP; all combinations are measured. An
     * entry takes the parameters that it has, and one that no entry has is an error. NULL: the usual shapes. */
    const char *shape;
    const char *precision; /* of the factors of products: "fp32", "bf16", "fp16"; NULL: fp32 */
    /* Files whose models are measured as "model/NAME/inference" and "model/NAME/training", NAME.json being the file;
     * all of them, and nothing else, where there are no names. No two of one NAME, and none of a model that is there
     * without a file: a report tells rows apart by their names. */
    const char *const *configurations;
    int configuration_count;
};

struct simba_bench_progress {
    int done, total; /* rows of this device */
    const char *name, *shape;
    double elapsed, remaining; /* seconds; remaining NAN: not known yet */
};

struct simba_bench_options {
    struct simba_bench_choice choice;
    bool no_ceilings;         /* do not measure those of the device; rows then have no share of them */
    double seconds;           /* for which a row is timed; 0: 0.5 */
    double reference_seconds; /* that the reference may take to check a row, by estimate; 0: 4 */
    /* Before each row, and when it is there; NULL: not interested. False ends it (INTERRUPTED). */
    bool (*progress)(void *user, const struct simba_bench_progress *progress);
    bool (*row)(void *user, const struct simba_device_info *device, const struct simba_bench_row *row);
    void *user;
};

/* Measures on the device and appends the rows to the report. Each kernel and model is first compared with the C
 * reference on the same inputs, where that takes at most `reference_seconds`: one that is wrong by more than its
 * tolerance is reported with its error and not timed. What cannot be
 * measured becomes a row that says why. False when the choice makes no sense or the device fails. */
SIMBA_API bool simba_bench_run(struct simba_bench *bench, struct simba_device *device,
                               const struct simba_bench_options *options, struct simba_error *error);

struct simba_bench_summary {
    int devices, rows, timed, unsupported, wrong;
    int unverified; /* of the timed kernels and models: the reference would have taken too long */
};
SIMBA_API struct simba_bench_summary simba_bench_summary(const struct simba_bench *bench);

/* ---- reports */

enum simba_bench_format {
    SIMBA_BENCH_MARKDOWN,
    SIMBA_BENCH_CSV,   /* RFC 4180, a line of names first */
    SIMBA_BENCH_JSON,  /* one document; the one that simba_bench_compare reads */
    SIMBA_BENCH_JSONL, /* one object for each row */
};

/* The whole report as text; simba_free it. NULL with *error set. */
SIMBA_API char *simba_bench_text(const struct simba_bench *bench, enum simba_bench_format format,
                                 struct simba_error *error);
/* The same into a file, written beside it and then renamed. */
SIMBA_API bool simba_bench_save(const struct simba_bench *bench, enum simba_bench_format format, const char *path,
                                struct simba_error *error);

/* A roofline picture of the rows of a device (from 0, in the order of simba_bench_run): a PNG, or an SVG when the path
 * ends in ".svg". */
SIMBA_API bool simba_bench_roofline(const struct simba_bench *bench, int device, const char *path,
                                    struct simba_error *error);

enum simba_bench_verdict {
    SIMBA_BENCH_SAME,    /* within the threshold */
    SIMBA_BENCH_FASTER,  /* by more than the threshold */
    SIMBA_BENCH_SLOWER,  /* likewise, in the median and in the fastest run */
    SIMBA_BENCH_UNSURE,  /* slower in the median, but not in the fastest run: noise cannot be excluded */
    SIMBA_BENCH_WRONG,   /* now wrong against the reference */
    SIMBA_BENCH_MISSING, /* in the baseline only, although it was asked for; or not timed any more */
    SIMBA_BENCH_NEW,     /* not (timed) in the baseline */
};

struct simba_bench_change {
    enum simba_bench_verdict verdict;
    const char *device, *name, *shape, *dtype;
    double before, after;             /* medians, seconds; NAN: there is none */
    double noise_before, noise_after; /* (95th percentile - minimum) / median; NAN */
    const char *note;                 /* what else has changed: another variant, device, driver; NULL */
};

struct simba_bench_comparison {
    int same, faster, slower, unsure, wrong, missing, added;
    bool failed;              /* slower, wrong or missing rows */
    char baseline_commit[64]; /* of the library that wrote it; empty: unknown */
    char baseline_version[32];
    bool baseline_incomplete; /* it was ended before its last row: what it lacks is new */
};

/* Compares the report with a JSON report of before, row by row: rows belong together by name, shape, dtype and device
 * (with one device on both sides, whatever it is). `choice` is that of the report: rows of the baseline that it leaves
 * out are not missing, nor are those whose work was measured in another precision now. Where several devices were
 * measured, the baseline's other ones of their backends are missing with all their rows. `threshold`: 0.1 for 10 %.
 * False without a readable baseline, and when it has none of the devices. */
SIMBA_API bool simba_bench_compare(const struct simba_bench *bench, const char *baseline,
                                   const struct simba_bench_choice *choice, double threshold,
                                   void (*change)(void *user, const struct simba_bench_change *change), void *user,
                                   struct simba_bench_comparison *comparison, struct simba_error *error);

#ifdef __cplusplus
}
#endif
#endif
