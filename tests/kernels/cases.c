/* Making cases: numbers, inputs, and the backward graph with random cotangents. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t check_between(struct check *check, int64_t low, int64_t high) {
    return low + sb_random_below(&check->random, (uint32_t)(high - low + 1));
}

int64_t check_size(struct check *check, int64_t high) {
    static const int64_t interesting[] = {1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 37, 63, 64, 65, 67};
    int64_t size = check_chance(check, 0.5) ? interesting[check_between(check, 0, 19)] : check_between(check, 1, high);
    if (check->largest && high > check->largest) high = check->largest;
    return size <= high ? size : 1 + size % high;
}

bool check_chance(struct check *check, double probability) {
    return sb_random_uniform(&check->random) < probability;
}

int64_t check_precision(struct check *check) {
    const int64_t precision = check_between(check, SB_PRECISION_FP32 - 1, SB_PRECISION_FP16);
    return precision < SB_PRECISION_FP32 || check->largest ? SB_PRECISION_FP32 : precision;
}

static struct check_input *add_tensor(struct check *check, struct sb_tensor *tensor) {
    static struct check_input lost; /* when the graph has failed already: its error is reported at the end */
    if (!tensor || check->input_count == CHECK_MAX_INPUTS) return &lost;
    struct check_input *input = &check->inputs[check->input_count++];
    input->tensor = tensor;
    input->values = calloc((size_t)sb_elements(tensor), sb_dtype_size(tensor->dtype));
    if (!input->values) abort();
    return input;
}

static struct check_input *add_input(struct check *check, const char *name, enum sb_dtype dtype, int rank,
                                     const int64_t *shape) {
    return add_tensor(check, sb_input(&check->graph, name, dtype, rank, shape));
}

static void fill_normal(struct check *check, const struct check_input *input, double offset, double scale) {
    float *values = input->values;
    for (int64_t i = 0; i < sb_elements(input->tensor); i++)
        values[i] = (float)(offset + scale * sb_random_normal(&check->random));
}

struct sb_tensor *check_normal(struct check *check, const char *name, double offset, double scale, int rank,
                               const int64_t *shape) {
    struct check_input *input = add_input(check, name, SB_FLOAT32, rank, shape);
    if (!input->tensor) return NULL;
    fill_normal(check, input, offset, scale);
    input->differentiable = true;
    sb_require_gradient(input->tensor);
    return input->tensor;
}

static void fill_uniform(struct check *check, const struct check_input *input, double low, double high) {
    float *values = input->values;
    for (int64_t i = 0; i < sb_elements(input->tensor); i++)
        values[i] = (float)(low + (high - low) * sb_random_uniform(&check->random));
}

struct sb_tensor *check_uniform(struct check *check, const char *name, double low, double high, int rank,
                                const int64_t *shape) {
    struct check_input *input = add_input(check, name, SB_FLOAT32, rank, shape);
    if (!input->tensor) return NULL;
    fill_uniform(check, input, low, high);
    input->differentiable = true;
    sb_require_gradient(input->tensor);
    return input->tensor;
}

struct sb_tensor *check_pitched(struct check *check, const char *name, double scale, int rank, const int64_t *shape) {
    return check_columns(check, name, scale, rank, shape, check_between(check, 1, 9));
}

struct sb_tensor *check_columns(struct check *check, const char *name, double scale, int rank, const int64_t *shape,
                                int64_t first) {
    int64_t wide[SB_MAX_RANK], counts[2] = {first, shape[rank - 1]};
    struct sb_tensor *parts[2] = {NULL, NULL};
    memcpy(wide, shape, (size_t)rank * sizeof(*wide));
    wide[rank - 1] = counts[0] + counts[1];
    sb_op_split(&check->graph, check_normal(check, name, 0, scale, rank, wide), 2, counts, parts);
    /* The other part is used too, as every part is in a model. */
    check_root(check, sb_op_add(&check->graph, "other_part", parts[0], parts[0], 1, NULL));
    return parts[1];
}

struct sb_tensor *check_constant(struct check *check, const char *name, enum sb_dtype dtype, int rank,
                                 const int64_t *shape, void **values) {
    struct check_input *input = add_input(check, name, dtype, rank, shape);
    if (values) *values = input->values;
    return input->tensor;
}

struct sb_tensor *check_constant_uniform(struct check *check, const char *name, double low, double high, int rank,
                                         const int64_t *shape) {
    struct check_input *input = add_input(check, name, SB_FLOAT32, rank, shape);
    if (input->tensor) fill_uniform(check, input, low, high);
    return input->tensor;
}

struct sb_tensor *check_shared(struct check *check, const char *name, enum sb_space space, double low, double high,
                               int64_t count) {
    struct check_input *input =
        add_tensor(check, sb_shared(&check->graph, name, space, CHECK_GUARD_BYTES, 1, &count, false));
    if (input->tensor) fill_uniform(check, input, low, high);
    input->changed = true;
    return input->tensor;
}

static struct check_input *find_input(struct check *check, const struct sb_tensor *tensor) {
    for (int i = 0; i < check->input_count; i++)
        if (check->inputs[i].tensor == tensor) return &check->inputs[i];
    return NULL;
}

float *check_values(struct check *check, const struct sb_tensor *input) {
    return find_input(check, input)->values;
}

void check_changed(struct check *check, const struct sb_tensor *input) {
    find_input(check, input)->changed = true;
}

void check_root(struct check *check, struct sb_tensor *tensor) {
    if (tensor && check->root_count < CHECK_MAX_ROOTS) check->roots[check->root_count++] = tensor;
}

bool check_case(struct check *check, const struct check_family *family, uint64_t seed, uint64_t number,
                const int64_t *sizes, int64_t largest, struct simba_error *error) {
    int64_t drawn[CHECK_SIZES] = {0};
    memset(check, 0, sizeof(*check));
    sb_graph_init(&check->graph, true);
    check->largest = largest;
    check->random = sb_random_start(seed, SB_STREAM_TEST, number);
    if (!sizes) {
        family->draw(check, drawn);
        sizes = drawn;
    }
    family->build(check, sizes);
    check->forward_nodes = check->graph.node_count;
    if (!sb_graph_ok(&check->graph, error)) return false;
    if (!check->root_count || !check->roots[0]->needs_gradient) return true;
    struct sb_tensor *roots[CHECK_MAX_ROOTS], *seeds[CHECK_MAX_ROOTS];
    int count = 0;
    for (int i = 0; i < check->root_count; i++) {
        if (!check->roots[i]->needs_gradient) continue;
        char name[16];
        snprintf(name, sizeof(name), "seed%d", i);
        roots[count] = check->roots[i];
        const struct check_input *input = add_input(check, name, SB_FLOAT32, roots[count]->rank, roots[count]->shape);
        if (!input->tensor) return sb_graph_ok(&check->graph, error);
        fill_normal(check, input, 0, 1);
        seeds[count++] = input->tensor;
    }
    return sb_differentiate_all(&check->graph, roots, seeds, count, error);
}

void check_finish(struct check *check) {
    for (int i = 0; i < check->input_count; i++) free(check->inputs[i].values);
    sb_graph_finish(&check->graph);
}
