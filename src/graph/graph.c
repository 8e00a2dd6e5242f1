#include "graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t sb_dtype_size(enum sb_dtype dtype) {
    return dtype == SB_UINT8 ? 1 : 4;
}

void sb_graph_init(struct sb_graph *graph, bool training) {
    memset(graph, 0, sizeof *graph);
    graph->training = training;
    graph->phase = SB_PHASE_COMPUTE;
}

void sb_graph_finish(struct sb_graph *graph) {
    if (!graph) return;
    free(graph->tensors);
    free(graph->nodes);
    sb_pool_finish(&graph->pool);
    memset(graph, 0, sizeof *graph);
}

bool sb_graph_ok(const struct sb_graph *graph, struct simba_error *error) {
    if (graph->failed && error) *error = graph->error;
    return !graph->failed;
}

void sb_graph_fail(struct sb_graph *graph, const char *format, ...) {
    if (graph->failed) return;
    graph->failed = true;
    char text[sizeof graph->error.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sb_fail(&graph->error, SIMBA_ERROR_ARGUMENT, "%s", text);
}

/* Memory of the graph ran out: graph->error says so already. */
static void *out_of_memory(struct sb_graph *graph) {
    graph->failed = true;
    return NULL;
}

size_t sb_scope_enter(struct sb_graph *graph, const char *format, ...) {
    size_t length = strlen(graph->scope);
    size_t at = length;
    if (at > 0 && at + 1 < sizeof graph->scope) graph->scope[at++] = '.';
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(graph->scope + at, sizeof graph->scope - at, format, arguments);
    va_end(arguments);
    if (written < 0 || at + (size_t)written >= sizeof graph->scope)
        sb_graph_fail(graph, "The module path \"%s\" is longer than the %zu characters there is room for.",
                      graph->scope, sizeof graph->scope - 1);
    return length;
}

void sb_scope_leave(struct sb_graph *graph, size_t length) {
    graph->scope[length] = '\0';
}

static bool grow(void ***items, int count, int *capacity, struct simba_error *error) {
    if (count < *capacity) return true;
    int wanted = *capacity ? 2 * *capacity : 256;
    void **larger = realloc(*items, (size_t)wanted * sizeof *larger);
    if (!larger) return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory left for the operation graph.");
    *items = larger;
    *capacity = wanted;
    return true;
}

/* A tensor that stands in the graph, dense and without a place yet. */
static struct sb_tensor *add_tensor(struct sb_graph *graph, const char *name, enum sb_dtype dtype, int rank,
                                    const int64_t *shape) {
    if (graph->failed) return NULL;
    if (rank < 1 || rank > SB_MAX_RANK) {
        sb_graph_fail(graph, "Tensor %s has rank %d; 1 to %d are possible.", name, rank, SB_MAX_RANK);
        return NULL;
    }
    int64_t elements = 1;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 1 || shape[i] > INT64_MAX / 16 / elements) {
            sb_graph_fail(graph, "Tensor %s: axis %d has the impossible size %lld.", name, i, (long long)shape[i]);
            return NULL;
        }
        elements *= shape[i];
    }
    void **tensors = (void **)graph->tensors;
    if (!grow(&tensors, graph->tensor_count, &graph->tensor_capacity, &graph->error)) return out_of_memory(graph);
    graph->tensors = (struct sb_tensor **)tensors;
    struct sb_tensor *tensor = sb_pool_allocate(&graph->pool, sizeof *tensor, &graph->error);
    const char *copy = sb_pool_format(&graph->pool, &graph->error, "%s", name);
    if (!tensor || !copy) return out_of_memory(graph);
    *tensor = (struct sb_tensor){.index = graph->tensor_count,
                                 .name = copy,
                                 .dtype = dtype,
                                 .rank = rank,
                                 .pitch = shape[rank - 1],
                                 .space = SB_SPACE_ACTIVATION};
    memcpy(tensor->shape, shape, (size_t)rank * sizeof *shape);
    graph->tensors[graph->tensor_count++] = tensor;
    return tensor;
}

struct sb_tensor *sb_input(struct sb_graph *graph, const char *name, enum sb_dtype dtype, int rank,
                           const int64_t *shape) {
    struct sb_tensor *tensor = add_tensor(graph, name, dtype, rank, shape);
    if (tensor) tensor->is_input = true;
    return tensor;
}

static bool same_shape(const struct sb_tensor *tensor, int rank, const int64_t *shape) {
    return tensor->rank == rank && memcmp(tensor->shape, shape, (size_t)rank * sizeof *shape) == 0;
}

struct sb_tensor *sb_shared(struct sb_graph *graph, const char *name, enum sb_space space, int64_t offset, int rank,
                            const int64_t *shape, bool trainable) {
    if (graph->failed) return NULL;
    for (int i = 0; i < graph->tensor_count; i++) {
        struct sb_tensor *known = graph->tensors[i];
        if (known->space == space && known->offset == offset && !known->base && space != SB_SPACE_ACTIVATION &&
            known->needs_gradient == trainable && same_shape(known, rank, shape) && strcmp(known->name, name) == 0)
            return known;
    }
    struct sb_tensor *tensor = add_tensor(graph, name, SB_FLOAT32, rank, shape);
    if (!tensor) return NULL;
    tensor->space = space;
    tensor->offset = offset;
    tensor->needs_gradient = trainable;
    return tensor;
}

struct sb_tensor *sb_activation(struct sb_graph *graph, const char *name, enum sb_dtype dtype, int rank,
                                const int64_t *shape) {
    return add_tensor(graph, name, dtype, rank, shape);
}

void sb_require_gradient(struct sb_tensor *tensor) {
    if (tensor) tensor->needs_gradient = true;
}

void sb_mark_output(struct sb_tensor *tensor) {
    if (tensor) tensor->is_output = true;
}

struct sb_tensor *sb_view(struct sb_graph *graph, const char *name, struct sb_tensor *tensor, int rank,
                          const int64_t *shape, int64_t first, int64_t pitch) {
    struct sb_tensor *view = add_tensor(graph, name, tensor->dtype, rank, shape);
    if (!view) return NULL;
    view->space = tensor->space;
    view->base = tensor->base ? tensor->base : tensor;
    view->base_offset = tensor->base_offset + first;
    view->pitch = pitch;
    return view;
}

/* A view's name, and whether one without a node may be made. */
static const char *view_name(struct sb_graph *graph, const struct sb_tensor *tensor) {
    if (graph->failed || !tensor) return NULL;
    if (graph->training && !graph->differentiating && tensor->needs_gradient) {
        sb_graph_fail(graph,
                      "Tensor %s needs a gradient, which a view without a node would lose; sb_op_reshape and "
                      "sb_op_split keep it.",
                      tensor->name);
        return NULL;
    }
    const char *name = sb_pool_format(&graph->pool, &graph->error, "%s/view", tensor->name);
    return name ? name : out_of_memory(graph);
}

struct sb_tensor *sb_view_reshape(struct sb_graph *graph, struct sb_tensor *tensor, int rank, const int64_t *shape) {
    const char *name = view_name(graph, tensor);
    if (!name) return NULL;
    int64_t elements = 1;
    for (int i = 0; i < rank; i++) elements *= shape[i];
    if (!sb_is_dense(tensor) || elements != sb_elements(tensor)) {
        sb_graph_fail(graph, "Tensor %s cannot be reshaped: it has %lld elements%s, and the new shape has %lld.",
                      tensor->name, (long long)sb_elements(tensor), sb_is_dense(tensor) ? "" : " with a row pitch",
                      (long long)elements);
        return NULL;
    }
    return sb_view(graph, name, tensor, rank, shape, 0, shape[rank - 1]);
}

struct sb_tensor *sb_view_columns(struct sb_graph *graph, struct sb_tensor *tensor, int64_t first, int64_t count) {
    const char *name = view_name(graph, tensor);
    if (!name) return NULL;
    int64_t columns = sb_columns(tensor);
    if (first < 0 || count < 1 || first + count > columns) {
        sb_graph_fail(graph, "Tensor %s has %lld columns; columns %lld to %lld are not among them.", tensor->name,
                      (long long)columns, (long long)first, (long long)(first + count - 1));
        return NULL;
    }
    int64_t shape[SB_MAX_RANK];
    memcpy(shape, tensor->shape, sizeof shape);
    shape[tensor->rank - 1] = count;
    return sb_view(graph, name, tensor, tensor->rank, shape, first, tensor->pitch);
}

struct sb_tensor *sb_find_tensor(const struct sb_graph *graph, const char *name) {
    for (int i = graph->tensor_count - 1; i >= 0; i--)
        if (strcmp(graph->tensors[i]->name, name) == 0) return graph->tensors[i];
    return NULL;
}

int64_t sb_elements(const struct sb_tensor *tensor) {
    return sb_rows(tensor) * sb_columns(tensor);
}

int64_t sb_rows(const struct sb_tensor *tensor) {
    int64_t rows = 1;
    for (int i = 0; i + 1 < tensor->rank; i++) rows *= tensor->shape[i];
    return rows;
}

int64_t sb_columns(const struct sb_tensor *tensor) {
    return tensor->shape[tensor->rank - 1];
}

bool sb_is_dense(const struct sb_tensor *tensor) {
    return tensor->pitch == sb_columns(tensor) || sb_rows(tensor) == 1;
}

size_t sb_bytes(const struct sb_tensor *tensor) {
    int64_t span = (sb_rows(tensor) - 1) * tensor->pitch + sb_columns(tensor);
    return (size_t)span * sb_dtype_size(tensor->dtype);
}

const struct sb_tensor *sb_storage(const struct sb_tensor *tensor) {
    return tensor->base ? tensor->base : tensor;
}

int64_t sb_address(const struct sb_tensor *tensor) {
    return sb_storage(tensor)->offset + tensor->base_offset * (int64_t)sb_dtype_size(tensor->dtype);
}

struct sb_node *sb_append(struct sb_graph *graph, enum sb_op op, const char *name) {
    if (graph->failed) return NULL;
    void **nodes = (void **)graph->nodes;
    if (!grow(&nodes, graph->node_count, &graph->node_capacity, &graph->error)) return out_of_memory(graph);
    graph->nodes = (struct sb_node **)nodes;
    struct sb_node *node = sb_pool_allocate(&graph->pool, sizeof *node, &graph->error);
    const char *full =
        sb_pool_format(&graph->pool, &graph->error, "%s%s%s", graph->scope, graph->scope[0] ? "." : "", name);
    if (!node || !full) return out_of_memory(graph);
    node->index = graph->node_count;
    node->op = op;
    node->name = full;
    node->phase = graph->phase;
    node->precision = graph->precision;
    graph->nodes[graph->node_count++] = node;
    return node;
}

/* Whether a tensor can be there before the compute phase begins: a parameter, or made from parameters only. */
static bool is_prepared(const struct sb_tensor *tensor) {
    const struct sb_tensor *storage = sb_storage(tensor);
    if (storage->space == SB_SPACE_PARAMETER) return true;
    return storage->producer && storage->producer->phase == SB_PHASE_PREPARE;
}

void sb_produce(struct sb_graph *graph, struct sb_node *node, int output, struct sb_tensor *tensor) {
    if (graph->failed || !node || !tensor) return;
    bool any = false, prepared = true, gradient = false;
    for (int i = 0; i < SB_MAX_INPUTS; i++) {
        if (!node->inputs[i]) continue;
        any = true;
        prepared = prepared && is_prepared(node->inputs[i]);
        gradient = gradient || node->inputs[i]->needs_gradient;
    }
    node->outputs[output] = tensor;
    tensor->producer = node;
    if (tensor->dtype == SB_FLOAT32 && !graph->differentiating && gradient) tensor->needs_gradient = true;
    if (!graph->training && any && prepared && node->phase == SB_PHASE_COMPUTE && tensor->space == SB_SPACE_ACTIVATION)
        node->phase = SB_PHASE_PREPARE;
}
