#include "ops/build.h"

#include <stdio.h>
#include <string.h>

enum { SHAPE_TEXT = 128 };

static const char *shape_text(char text[SHAPE_TEXT], int rank, const int64_t *shape) {
    size_t at = (size_t)snprintf(text, SHAPE_TEXT, "[");
    for (int i = 0; i < rank && at < SHAPE_TEXT; i++) {
        const char *comma = i ? ", " : "";
        int length = shape[i] < 0 ? snprintf(text + at, SHAPE_TEXT - at, "%sany", comma)
                                  : snprintf(text + at, SHAPE_TEXT - at, "%s%lld", comma, (long long)shape[i]);
        at += (size_t)length;
    }
    if (at < SHAPE_TEXT) snprintf(text + at, SHAPE_TEXT - at, "]");
    return text;
}

struct sb_node *sb_begin(struct sb_graph *graph, enum sb_op op, const char *name) {
    return sb_append(graph, op, name ? name : sb_op_info(op)->name);
}

bool sb_check(struct sb_graph *graph, const struct sb_node *node, bool condition, const char *format, ...) {
    if (graph->failed) return false;
    if (condition) return true;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sb_graph_fail(graph, "Node %s (%s): %s", node->name, sb_op_info(node->op)->name, text);
    return false;
}

bool sb_take(struct sb_graph *graph, struct sb_node *node, int input, const char *role, struct sb_tensor *tensor,
             unsigned allowance) {
    if (graph->failed || !node) return false;
    if (!tensor) return sb_check(graph, node, allowance & SB_ALLOW_ABSENT, "its %s is missing.", role);
    if (!sb_check(graph, node, tensor->dtype == SB_FLOAT32 || (allowance & SB_ALLOW_ANY_TYPE),
                  "its %s must be float32, and %s is not.", role, tensor->name))
        return false;
    if (!sb_check(graph, node, sb_is_dense(tensor) || (allowance & SB_ALLOW_PITCH),
                  "its %s must be dense, and %s has rows of %lld elements %lld apart.", role, tensor->name,
                  (long long)sb_columns(tensor), (long long)tensor->pitch))
        return false;
    node->inputs[input] = tensor;
    return true;
}

bool sb_check_shape(struct sb_graph *graph, const struct sb_node *node, const char *role,
                    const struct sb_tensor *tensor, int rank, const int64_t *shape) {
    if (graph->failed || !node) return false;
    if (!tensor) return true;
    bool same = tensor->rank == rank;
    for (int i = 0; same && i < rank; i++) same = shape[i] < 0 || tensor->shape[i] == shape[i];
    char expected[SHAPE_TEXT], found[SHAPE_TEXT];
    return sb_check(graph, node, same, "its %s must have the shape %s; %s has %s.", role,
                    shape_text(expected, rank, shape), tensor->name, shape_text(found, tensor->rank, tensor->shape));
}

bool sb_check_vector(struct sb_graph *graph, const struct sb_node *node, const char *role,
                     const struct sb_tensor *tensor, int64_t size) {
    return sb_check_shape(graph, node, role, tensor, 1, &size);
}

bool sb_check_rank(struct sb_graph *graph, const struct sb_node *node, const char *role, const struct sb_tensor *tensor,
                   int rank) {
    return sb_check_shape(graph, node, role, tensor, rank, (const int64_t[SB_MAX_RANK]){-1, -1, -1, -1, -1});
}

bool sb_check_same(struct sb_graph *graph, const struct sb_node *node, const char *role, const struct sb_tensor *tensor,
                   const char *other_role, const struct sb_tensor *other) {
    if (graph->failed || !node) return false;
    if (!tensor || !other) return true;
    bool same =
        tensor->rank == other->rank && !memcmp(tensor->shape, other->shape, (size_t)other->rank * sizeof(int64_t));
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    return sb_check(graph, node, same, "its %s must have the shape of its %s; %s has %s and %s has %s.", role,
                    other_role, tensor->name, shape_text(left, tensor->rank, tensor->shape), other->name,
                    shape_text(right, other->rank, other->shape));
}

static struct sb_tensor *give(struct sb_graph *graph, struct sb_node *node, int output, const char *role,
                              struct sb_tensor *into, unsigned allowance, enum sb_dtype dtype, int rank,
                              const int64_t *shape) {
    if (graph->failed || !node) return NULL;
    if (into) {
        if (!sb_check_shape(graph, node, "result", into, rank, shape)) return NULL;
        if (!sb_check(graph, node, sb_is_dense(into) || (allowance & SB_ALLOW_PITCH),
                      "its result must be dense, and %s has a row pitch.", into->name))
            return NULL;
        if (!sb_check(graph, node, into->dtype == dtype && !into->is_input, "its result cannot be written to %s.",
                      into->name))
            return NULL;
    } else {
        char name[512];
        snprintf(name, sizeof name, "%s%s%s", node->name, role ? "/" : "", role ? role : "");
        into = sb_activation(graph, name, dtype, rank, shape);
    }
    sb_produce(graph, node, output, into);
    return into;
}

struct sb_tensor *sb_give(struct sb_graph *graph, struct sb_node *node, int output, const char *role,
                          struct sb_tensor *into, unsigned allowance, int rank, const int64_t *shape) {
    return give(graph, node, output, role, into, allowance, SB_FLOAT32, rank, shape);
}

struct sb_tensor *sb_give_like(struct sb_graph *graph, struct sb_node *node, int output, const char *role,
                               struct sb_tensor *into, unsigned allowance, const struct sb_tensor *like) {
    if (graph->failed || !node || !like) return NULL;
    return give(graph, node, output, role, into, allowance, like->dtype, like->rank, like->shape);
}

double sb_count(const struct sb_tensor *tensor) {
    return tensor ? (double)sb_elements(tensor) : 0;
}

double sb_traffic(const struct sb_node *node) {
    double bytes = 0;
    for (int i = 0; i < SB_MAX_INPUTS; i++)
        if (node->inputs[i]) bytes += sb_count(node->inputs[i]) * (double)sb_dtype_size(node->inputs[i]->dtype);
    for (int i = 0; i < SB_MAX_OUTPUTS; i++)
        if (node->outputs[i]) bytes += sb_count(node->outputs[i]) * (double)sb_dtype_size(node->outputs[i]->dtype);
    return bytes;
}

void sb_cost_view(const struct sb_node *node, struct sb_cost *cost) {
    (void)node;
    *cost = (struct sb_cost){0};
}

void sb_cost_traffic(const struct sb_node *node, struct sb_cost *cost) {
    *cost = (struct sb_cost){.bytes = sb_traffic(node)};
}

void sb_cost_elementwise(const struct sb_node *node, struct sb_cost *cost) {
    double elements = 0;
    for (int i = 0; i < SB_MAX_INPUTS; i++) {
        double count = sb_count(node->inputs[i]);
        if (count > elements) elements = count;
    }
    *cost = (struct sb_cost){.flops = 4 * elements, .bytes = sb_traffic(node)};
}
