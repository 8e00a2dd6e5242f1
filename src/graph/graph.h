/* Tensors and the operation graph. Knows no device: it says what is computed, a backend says how.
 *
 * A graph is a list of nodes in execution order. The builder functions of src/ops append a node, infer its output
 * shapes and return its (first) output. Errors are sticky: the first one is kept in graph->error, every later builder
 * call returns NULL, and every builder accepts NULL inputs then; so a model is built without a check per line and
 * sb_graph_ok() is asked once at the end.
 *
 * Layouts: tokens are [batch, token, channel], images [batch, height, width, channel], row-major. "Rows" of a tensor
 * are everything but its last axis. */
#ifndef SB_GRAPH_GRAPH_H
#define SB_GRAPH_GRAPH_H

#include "base/memory.h"
#include "ops/attributes.h"

enum { SB_MAX_RANK = 5, SB_MAX_INPUTS = 16, SB_MAX_OUTPUTS = 12 };

enum sb_dtype { SB_FLOAT32, SB_UINT8, SB_INT32, SB_UINT32 };
size_t sb_dtype_size(enum sb_dtype dtype);

/* Where a tensor lives. Each space is one contiguous memory object of a device. */
enum sb_space {
    SB_SPACE_ACTIVATION,  /* private to one program; offsets come from the planner, by lifetime */
    SB_SPACE_PARAMETER,   /* trainable parameters, then running statistics: shared by all programs of a model */
    SB_SPACE_GRADIENT,    /* gradient of each trainable parameter, at its parameter's own offset */
    SB_SPACE_ACCUMULATOR, /* sum of gradients over micro-batches, likewise; only with gradient accumulation */
    SB_SPACE_MOMENT1,     /* AdamW's first moment, likewise */
    SB_SPACE_MOMENT2,     /* AdamW's second moment, likewise */
    SB_SPACE_AVERAGE,     /* moving average of the whole parameter space; only with train.ema */
    SB_SPACE_SCALING,     /* struct sb_loss_scaling of ops.h; only with dynamic loss scaling */
    SB_SPACE_COUNT
};

/* When a node runs. A program can run any one phase. */
enum sb_phase {
    SB_PHASE_PREPARE,    /* inference graphs: depends on parameters only, run once after they change */
    SB_PHASE_COMPUTE,    /* forward, loss and backward */
    SB_PHASE_ACCUMULATE, /* adds this micro-batch's gradient to the accumulator */
    SB_PHASE_UPDATE,     /* gradient norm, clipping, optimiser, average */
    SB_PHASE_COUNT
};

struct sb_tensor {
    int index; /* in graph->tensors */
    const char *name;
    enum sb_dtype dtype;
    int rank;
    int64_t shape[SB_MAX_RANK];
    int64_t pitch; /* elements from one row to the next; the last axis' size when dense */

    enum sb_space space;
    struct sb_tensor *base; /* a view: the tensor that owns the storage (never itself a view); else NULL */
    int64_t base_offset;    /* a view: elements from the base's first element */
    int64_t offset;         /* bytes into the space; set by the planner, or for the shared spaces on creation */

    struct sb_node *producer; /* NULL: an input or a parameter */
    bool is_input;            /* written by the host before each run (staged, double-buffered by the program) */
    bool is_output;           /* read by the host after each run */
    bool keep;                /* never recycled within a run, so that it can be inspected afterwards */
    bool needs_gradient;      /* lies on a path from a parameter or from a tensor marked with sb_require_gradient */
};

struct sb_node {
    int index; /* in graph->nodes */
    enum sb_op op;
    const char *name; /* module path of the model plus what it does: "block1.0.attn.mamba.in_proj" */
    enum sb_phase phase;
    enum sb_precision precision;             /* of the factors; for the operations that ops.h says it concerns */
    struct sb_tensor *inputs[SB_MAX_INPUTS]; /* by the operation's own enumeration (ops.h); NULL: absent */
    struct sb_tensor *outputs[SB_MAX_OUTPUTS];
    union sb_attributes attributes;
};

struct sb_graph {
    struct sb_pool pool;
    struct sb_tensor **tensors;
    int tensor_count, tensor_capacity;
    struct sb_node **nodes;
    int node_count, node_capacity;
    bool training;               /* operations save what their gradients need, where one may be asked for */
    bool differentiating;        /* backward nodes are being appended: their outputs need no gradients themselves */
    enum sb_phase phase;         /* given to the nodes appended now; COMPUTE at first */
    enum sb_precision precision; /* likewise; FP32 at first. Backward nodes have that of their forward node */
    char scope[256];             /* module path in front of names, see sb_scope_enter */
    bool failed;
    struct simba_error error; /* the first one, when failed */
};

void sb_graph_init(struct sb_graph *graph, bool training);
void sb_graph_finish(struct sb_graph *graph);
bool sb_graph_ok(const struct sb_graph *graph, struct simba_error *error);

/* "block1.0" then "attn": names of nodes and of their outputs become "block1.0.attn.NAME" (those of inputs and shared
 * tensors are taken as they are). enter returns the length to hand to leave. */
size_t sb_scope_enter(struct sb_graph *graph, const char *format, ...) SB_PRINTF(2, 3);
void sb_scope_leave(struct sb_graph *graph, size_t length);

/* A tensor that the host writes before each run. */
struct sb_tensor *sb_input(struct sb_graph *graph, const char *name, enum sb_dtype dtype, int rank,
                           const int64_t *shape);
/* A tensor of a shared space at a fixed byte offset (a parameter, a running statistic, the whole gradient space as
 * one row, ...). `trainable` parameters need gradients. Asking again for the same one returns the same tensor. */
struct sb_tensor *sb_shared(struct sb_graph *graph, const char *name, enum sb_space space, int64_t offset, int rank,
                            const int64_t *shape, bool trainable);
void sb_require_gradient(struct sb_tensor *tensor);
void sb_mark_output(struct sb_tensor *tensor);

/* Views: no node, no copy. A reshape of a dense tensor; `count` columns of the last axis from `first` (pitched). Named
 * "NAME/view". Tensors that need gradients have sb_op_reshape and sb_op_split of ops.h, which differentiation
 * understands. */
struct sb_tensor *sb_view_reshape(struct sb_graph *graph, struct sb_tensor *tensor, int rank, const int64_t *shape);
struct sb_tensor *sb_view_columns(struct sb_graph *graph, struct sb_tensor *tensor, int64_t first, int64_t count);

/* By full name; NULL when absent. The last one made wins. */
struct sb_tensor *sb_find_tensor(const struct sb_graph *graph, const char *name);

int64_t sb_elements(const struct sb_tensor *tensor);
int64_t sb_rows(const struct sb_tensor *tensor);    /* product of all axes but the last */
int64_t sb_columns(const struct sb_tensor *tensor); /* the last axis */
bool sb_is_dense(const struct sb_tensor *tensor);
size_t sb_bytes(const struct sb_tensor *tensor); /* from the first to the last element, pitch included */
/* The tensor that owns the storage, and the byte offset of this one's first element in its space. */
const struct sb_tensor *sb_storage(const struct sb_tensor *tensor);
int64_t sb_address(const struct sb_tensor *tensor);

/* For src/ops and differentiation only: append a node of the graph's current phase and precision (NULL once the graph
 * has failed), and a fresh activation tensor, by its full name; a sticky error. */
struct sb_node *sb_append(struct sb_graph *graph, enum sb_op op, const char *name);
struct sb_tensor *sb_activation(struct sb_graph *graph, const char *name, enum sb_dtype dtype, int rank,
                                const int64_t *shape);
/* Makes `tensor` an output of the node, whose inputs are all in place by now: `needs_gradient` follows from them, and
 * in a graph that does not train a node that depends on parameters only moves to the PREPARE phase. */
void sb_produce(struct sb_graph *graph, struct sb_node *node, int output, struct sb_tensor *tensor);
/* A view of any kind, unchecked: `first` elements behind the tensor's first one. */
struct sb_tensor *sb_view(struct sb_graph *graph, const char *name, struct sb_tensor *tensor, int rank,
                          const int64_t *shape, int64_t first, int64_t pitch);
void sb_graph_fail(struct sb_graph *graph, const char *format, ...) SB_PRINTF(2, 3);

#endif
