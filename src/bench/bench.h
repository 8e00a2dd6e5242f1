/* Benchmarks: kernels and models on a device, verified, then timed; and reports of them. Above backend and train. */
#ifndef SB_BENCH_BENCH_H
#define SB_BENCH_BENCH_H

#include "backend/backend.h"
#include "ops/ops.h"
#include "simba/bench.h"

enum { SB_BENCH_PARAMETERS = 8, SB_BENCH_INPUTS = 16, SB_BENCH_ROOTS = 4, SB_BENCH_OPS = 4 };

/* ---- shape.c */

/* Values of an entry's parameters, in their order. */
struct sb_bench_shape {
    int64_t values[SB_BENCH_PARAMETERS];
};

/* A text of shapes as struct simba_bench_choice describes it. */
struct sb_bench_axis {
    char name[32];
    int64_t *values;
    int count;
};
struct sb_bench_axes {
    struct sb_bench_axis *items;
    int count;
};
/* NULL text: none. Finish it also after a failure. */
bool sb_bench_axes_read(const char *text, struct sb_bench_axes *axes, struct simba_error *error);
void sb_bench_axes_finish(struct sb_bench_axes *axes);
int sb_bench_parameter(const struct simba_bench_entry *entry, const char *name); /* its index; -1: it has none */
/* The usual shapes of the entry with the axes that it knows in place of their values, each once; the caller frees. */
bool sb_bench_shapes(const struct simba_bench_entry *entry, const struct sb_bench_axes *axes,
                     struct sb_bench_shape **shapes, int *count, struct simba_error *error);
/* "batch=1 tokens=3136", in `text`, returned. */
const char *sb_bench_shape_text(const struct simba_bench_entry *entry, const struct sb_bench_shape *shape, char *text,
                                size_t size);

/* ---- case.c: a small graph with values for its inputs, and which of its nodes are timed */

enum sb_bench_values {
    SB_BENCH_NORMAL,  /* low + high * N(0, 1) */
    SB_BENCH_UNIFORM, /* from low to high */
    SB_BENCH_LABELS,  /* whole numbers below high */
    SB_BENCH_STEP     /* struct sb_step_numbers of an early step */
};
struct sb_bench_input {
    struct sb_tensor *tensor;
    enum sb_bench_values kind;
    double low, high;
};

struct sb_bench_case {
    struct sb_graph graph;
    struct sb_plan plan;
    struct sb_bench_input inputs[SB_BENCH_INPUTS];
    int input_count;
    struct sb_tensor *roots[SB_BENCH_ROOTS];
    int root_count;
    bool *timed;                        /* by node index */
    size_t space_bytes[SB_SPACE_COUNT]; /* of the shared spaces that it uses */
};

/* What a kernel's entry is made of. */
struct sb_bench_kernel {
    struct simba_bench_entry entry;
    void (*build)(struct sb_bench_case *bench, const int64_t *sizes);
    /* Name of the parameter over which samples are independent of one another, so that the reference need not compute
     * them all: in the first axis of inputs and outputs, or summed over in outputs without that axis. NULL: none. */
    const char *outer;
    bool backward;                /* the nodes of the gradient are timed, not those before */
    bool training;                /* the graph keeps what gradients need */
    bool rounds;                  /* it has products whose factors a precision rounds */
    enum sb_op ops[SB_BENCH_OPS]; /* the only ones that are timed; none: all */
    const char *dispatch;         /* the only kernel of these nodes whose time counts; NULL: all */
    void (*cost)(const int64_t *sizes, struct sb_cost *cost); /* NULL: the sum over the timed nodes */
};

/* The entry of a kernel, for the tables below. */
#define SB_BENCH_ENTRY(name_, summary_, formula_, bytes_, flops_, parameters_, shapes_) \
    .entry = {.kind = "kernel",                                                         \
              .name = name_,                                                            \
              .summary = summary_,                                                      \
              .formula = formula_,                                                      \
              .bytes = bytes_,                                                          \
              .flops = flops_,                                                          \
              .parameters = parameters_,                                                \
              .shapes = shapes_}
extern const char sb_bench_once[]; /* how bytes are counted almost everywhere */

/* Builds, differentiates, marks what is timed and lays out memory. Finish it also after a failure. */
bool sb_bench_case_make(struct sb_bench_case *bench, const struct sb_bench_kernel *kernel,
                        const struct sb_bench_shape *shape, enum sb_precision precision, struct simba_error *error);
void sb_bench_case_finish(struct sb_bench_case *bench);
struct sb_cost sb_bench_case_cost(const struct sb_bench_case *bench, const struct sb_bench_kernel *kernel,
                                  const struct sb_bench_shape *shape);
/* Seconds that the reference would need for what it is to compute (a whole case), roughly. */
double sb_bench_reference_seconds(const struct sb_cost *cost);
double sb_bench_case_reference_seconds(const struct sb_bench_case *bench);

/* For builders: inputs. Differentiable ones need gradients when the kernel is timed backward. */
struct sb_tensor *sb_bench_normal(struct sb_bench_case *bench, const char *name, double centre, double deviation,
                                  int rank, const int64_t *shape);
struct sb_tensor *sb_bench_uniform(struct sb_bench_case *bench, const char *name, double low, double high, int rank,
                                   const int64_t *shape);
/* Without a gradient. */
struct sb_tensor *sb_bench_constant(struct sb_bench_case *bench, const char *name, double low, double high, int rank,
                                    const int64_t *shape);
struct sb_tensor *sb_bench_labels(struct sb_bench_case *bench, const char *name, int64_t count, int64_t classes);
/* `count` numbers from low to high that are all of a shared space. */
struct sb_tensor *sb_bench_space(struct sb_bench_case *bench, const char *name, enum sb_space space, double low,
                                 double high, int64_t count);
/* The numbers of an optimiser's step; to be called by builders of operations that read them. */
void sb_bench_step(struct sb_bench_case *bench);
void sb_bench_root(struct sb_bench_case *bench, struct sb_tensor *tensor);
#define SB_BENCH_SHAPE(...) ((const int64_t[]){__VA_ARGS__})

/* ---- catalogue.c, kernels_*.c */

/* All kernels, NULL at the end of each table. */
extern const struct sb_bench_kernel sb_bench_mamba[], sb_bench_einfft[], sb_bench_products[], sb_bench_normalisations[],
    sb_bench_training[], sb_bench_series[];
/* The kernel of an entry; NULL: it is none. */
const struct sb_bench_kernel *sb_bench_kernel_of(const struct simba_bench_entry *entry);

/* ---- subject.c: a case on a device, in several copies of its memory */

struct sb_bench_subject {
    struct sb_device *device;
    const struct sb_bench_case *bench;
    struct sb_bench_copy {
        struct sb_memory *spaces[SB_SPACE_COUNT];
        struct sb_program *program;
    } * copies;
    int copy_count;
};
struct sb_bench_subject_parameters {
    struct sb_device *device;
    const struct sb_bench_case *bench;
    const struct sb_bench_case *small; /* of the reference: the inputs are repetitions of this case's; NULL: bench */
    int copies;
    bool profile, profile_dispatches;
};
/* Makes the copies and fills them. Finish it also after a failure. */
bool sb_bench_subject_make(struct sb_bench_subject *subject, const struct sb_bench_subject_parameters *parameters,
                           struct simba_error *error);
void sb_bench_subject_finish(struct sb_bench_subject *subject);
/* Bytes of one copy. */
size_t sb_bench_copy_bytes(const struct sb_bench_case *bench);

/* ---- verify.c */

/* The largest relative L2 error over the results of the timed nodes, and in which of them: the device's first copy,
 * which has run once, against the reference's, which has not, and repeats each node from the device's own inputs. The
 * device's case may be `factor` times as large in the outer parameter. */
bool sb_bench_verify(const struct sb_bench_subject *subject, const struct sb_bench_subject *reference, double factor,
                     double *worst, char *where, size_t size, struct simba_error *error);
/* Relative L2 norm of got - expected. `got` is `expected` over and over, or, where it is as long, `factor` times it.
 * Numbers that are not finite are infinitely wrong. */
double sb_bench_distance(const float *got, int64_t count, const float *expected, int64_t pattern, double factor);
/* Whether all copies have the same bits in the results of the timed nodes. */
bool sb_bench_repeats(const struct sb_bench_subject *subject, bool *same, struct simba_error *error);

/* ---- statistics.c */

/* Sorts the samples. Percentiles by linear interpolation between the nearest samples. */
struct sb_bench_statistics {
    double median, minimum, p95;
};
struct sb_bench_statistics sb_bench_statistics(double *samples, int count);

/* ---- report.c */

struct sb_bench_device {
    struct simba_device_info info;
    struct sb_ceiling ceilings[SB_CEILING_COUNT]; /* zeroed: not measured */
    struct simba_bench_row *rows;
    int count, capacity;
};
struct simba_bench {
    struct sb_pool pool; /* what the strings of rows point to */
    struct sb_bench_device *devices;
    int device_count;
    bool incomplete; /* a run was ended before its last row */
};
/* A new device at the end of the report; NULL with *error set. Valid until the next one. */
struct sb_bench_device *sb_bench_report_device(struct simba_bench *bench, const struct simba_device_info *info,
                                               struct simba_error *error);
/* Appends a copy of the row, its strings included. */
bool sb_bench_report_row(struct simba_bench *bench, struct sb_bench_device *device, const struct simba_bench_row *row,
                         struct simba_error *error);
/* A row that is neither wrong nor unsupported. */
bool sb_bench_row_timed(const struct simba_bench_row *row);
bool sb_bench_row_wrong(const struct simba_bench_row *row);

/* ---- run.c */

/* Whether the choice takes an entry of that name and kind; the models of its configurations are such entries. */
bool sb_bench_chosen(const struct simba_bench_choice *choice, const char *kind, const char *name);
bool sb_bench_run(struct simba_bench *bench, struct sb_device *device, const struct simba_device_info *info,
                  const struct simba_bench_options *options, struct simba_error *error);

#endif
