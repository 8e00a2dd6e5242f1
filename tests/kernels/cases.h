/* Random cases of every operation: a small graph, values for its inputs, and the roots whose gradients are wanted.
 * The kernel check runs them on a device and on the reference; the reference's own test against finite differences. */
#ifndef TESTS_KERNELS_CASES_H
#define TESTS_KERNELS_CASES_H

#include "base/random.h"
#include "graph/differentiate.h"
#include "graph/graph.h"
#include "ops/ops.h"

enum {
    CHECK_GUARD_BYTES = 256,
    CHECK_MAX_INPUTS = 32,
    CHECK_MAX_ROOTS = 8,
    CHECK_SIZES = 10,
    CHECK_MAX_BENCH = 20,
    CHECK_MAX_LARGE = 5
};

struct check_input {
    struct sb_tensor *tensor;
    void *values; /* dense */
    bool differentiable;
    bool changed; /* the operation writes it: compared after the run */
};

struct check {
    struct sb_graph graph;
    struct sb_random random;
    struct check_input inputs[CHECK_MAX_INPUTS];
    int input_count;
    struct sb_tensor *roots[CHECK_MAX_ROOTS];
    int root_count;
    int64_t largest;   /* cap of check_size; 0: none */
    int forward_nodes; /* nodes before this one compute outputs, those from it on gradients */
};

/* What a family draws and builds from: sizes in its own order, documented at its draw function. */
struct check_family {
    const char *name;
    void (*draw)(struct check *check, int64_t *sizes);
    void (*build)(struct check *check, const int64_t *sizes);
    struct {
        const char *label;
        int64_t sizes[CHECK_SIZES];
    } bench[CHECK_MAX_BENCH]; /* sizes of the published models; label NULL: the end */
    /* Sizes past a limit of grids (65535 workgroups to an axis) or of Mesa's software driver (65535 rounds of loops),
     * with little memory; the first size 0: the end. */
    int64_t large[CHECK_MAX_LARGE][CHECK_SIZES];
    double bound; /* of the relative L2 error; 0: the default */
};
extern const struct check_family *const check_families[]; /* families.c; NULL at the end */

/* Builds case number `number` of a family, backward nodes included. sizes NULL: drawn, none over `largest` (0: no cap).
 * False with *error set when the graph is wrong. check_finish in either case. */
bool check_case(struct check *check, const struct check_family *family, uint64_t seed, uint64_t number,
                const int64_t *sizes, int64_t largest, struct simba_error *error);
void check_finish(struct check *check);

/* ---- for families */
int64_t check_between(struct check *check, int64_t low, int64_t high);
/* A size from 1 to `high` that likes 1, primes, powers of two and their neighbours. */
int64_t check_size(struct check *check, int64_t high);
bool check_chance(struct check *check, double probability);
/* An enum sb_precision, often FP32, and always in capped cases: finite differences see nothing but the steps of others.
 */
int64_t check_precision(struct check *check);
/* Inputs of the graph with normal numbers times scale plus offset, or uniform ones. Differentiable. */
struct sb_tensor *check_normal(struct check *check, const char *name, double offset, double scale, int rank,
                               const int64_t *shape);
struct sb_tensor *check_uniform(struct check *check, const char *name, double low, double high, int rank,
                                const int64_t *shape);
/* The same for the last `columns` columns of a wider input, so with a pitch larger than the row. */
struct sb_tensor *check_pitched(struct check *check, const char *name, double scale, int rank, const int64_t *shape);
/* With as many columns in front. */
struct sb_tensor *check_columns(struct check *check, const char *name, double scale, int rank, const int64_t *shape,
                                int64_t first);
/* An input of any type, zeroed, not differentiable; the values to fill in come back through *values. */
struct sb_tensor *check_constant(struct check *check, const char *name, enum sb_dtype dtype, int rank,
                                 const int64_t *shape, void **values);
/* A tensor of a shared space (one per space), uniform, which the operation may change; not differentiable. */
struct sb_tensor *check_shared(struct check *check, const char *name, enum sb_space space, double low, double high,
                               int64_t count);
struct sb_tensor *check_constant_uniform(struct check *check, const char *name, double low, double high, int rank,
                                         const int64_t *shape);
float *check_values(struct check *check, const struct sb_tensor *input);
void check_changed(struct check *check, const struct sb_tensor *input);
void check_root(struct check *check, struct sb_tensor *tensor);

#define CHECK_SHAPE(...) \
    (const int64_t[]) {  \
        __VA_ARGS__      \
    }

#endif
