/* One graph on two devices, node by node. */
#include "base/random.h"
#include "graph/differentiate.h"
#include "ops/ops.h"
#include "parity/parity.h"
#include "train/optimiser.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct side {
    struct sb_memory *spaces[SB_SPACE_COUNT];
    struct sb_program *program;
};

struct compare {
    const struct sb_parity_compare_parameters *parameters;
    struct sb_parity_report *report;
    struct simba_error *error;
    int64_t batch;
    struct sb_parameter_list list;
    struct sb_graph graph;
    struct sb_plan plan;
    int forward_nodes;    /* nodes before this index are not part of the backward pass */
    struct side sides[2]; /* the device in question, the reference */
    float *space;         /* host image of the parameters */
    void *got, *expected; /* room for the largest tensor */
};
enum { DEVICE, REFERENCE };

/* ---- the graph */

/* The forward pass and the loss; NULL when the graph has failed. */
static struct sb_tensor *build_vision(struct compare *compare) {
    const struct sb_parity_compare_parameters *parameters = compare->parameters;
    struct sb_graph *graph = &compare->graph;
    struct sb_model_graph model;
    struct sb_model_graph_parameters forward = {
        .batch = compare->batch, .from_bytes = true, .drop_path = parameters->training};
    if (!sb_model_forward(graph, parameters->config, &compare->list, &forward, &model, compare->error)) return NULL;
    if (!parameters->training) return model.logits;
    struct sb_tensor *labels = sb_input(graph, "labels", SB_INT32, 1, &compare->batch);
    struct sb_tensor *loss = sb_op_cross_entropy(graph, "loss", model.logits, labels, 0.1f, 1);
    if (model.auxiliary) {
        struct sb_tensor *dense = sb_input(graph, "dense_target", SB_FLOAT32, 3, model.auxiliary->shape);
        dense = sb_op_cross_entropy(graph, "dense_loss", model.auxiliary, dense, 0, 0.5f);
        loss = sb_op_add(graph, "total_loss", loss, dense, 1, NULL);
    }
    return loss;
}

static struct sb_tensor *build_forecaster(struct compare *compare) {
    struct sb_graph *graph = &compare->graph;
    struct sb_forecaster_graph model;
    if (!sb_forecaster_forward(graph, compare->parameters->config, &compare->list, compare->batch, &model,
                               compare->error))
        return NULL;
    if (!compare->parameters->training) return model.forecast;
    struct sb_tensor *truth = sb_input(graph, "truth", SB_FLOAT32, 3, model.forecast->shape);
    return sb_op_forecast_loss(
        graph, (struct sb_forecast_loss_parameters){.name = "loss", .prediction = model.forecast, .target = truth});
}

static bool build_graph(struct compare *compare) {
    struct sb_graph *graph = &compare->graph;
    const bool vision = compare->parameters->config->architecture == SB_ARCHITECTURE_VISION;
    graph->precision = compare->parameters->training ? compare->parameters->precision : SB_PRECISION_FP32;
    struct sb_tensor *result = (vision ? build_vision : build_forecaster)(compare);
    compare->forward_nodes = graph->node_count;
    if (!sb_graph_ok(graph, compare->error) || !result) return false;
    if (!compare->parameters->training) return true;
    const bool scales = graph->precision == SB_PRECISION_FP16;
    struct sb_tensor *scale = scales ? sb_space_range(graph, "loss_scale", SB_SPACE_SCALING, 0, sizeof(float)) : NULL;
    if (!sb_differentiate(graph, result, scale, compare->error)) return false;
    sb_append_optimiser(graph, &compare->list,
                        &(struct sb_optimiser){.gradient = SB_SPACE_GRADIENT,
                                               .loss = result,
                                               .scaling_interval = scales ? 2000 : 0,
                                               .beta1 = 0.9,
                                               .beta2 = 0.999,
                                               .epsilon = 1e-8f,
                                               .weight_decay = 0.05f,
                                               .clip_norm = 1});
    return sb_graph_ok(graph, compare->error);
}

/* ---- memory */

/* Fresh weights, with noise on what the initialisation leaves at 0 or 1, where an error would hide. */
static bool make_parameters(struct compare *compare) {
    const struct sb_parity_compare_parameters *parameters = compare->parameters;
    compare->space = sb_allocate(1, compare->list.total_bytes, compare->error);
    if (!compare->space ||
        !sb_model_initialise(parameters->config, &compare->list, parameters->seed, compare->space, compare->error))
        return false;
    for (int i = 0; i < compare->list.count; i++) {
        const struct sb_parameter *parameter = &compare->list.entries[i];
        if (parameter->rank != 1 || !parameter->trainable) continue;
        struct sb_random random = sb_random_start(parameters->seed, SB_STREAM_TEST, (uint64_t)i);
        float *values = compare->space + parameter->offset / (int64_t)sizeof(float);
        for (int64_t k = 0; k < parameter->elements; k++) values[k] += 0.1f * (float)sb_random_normal(&random);
    }
    return true;
}

static bool make_side(struct compare *compare, struct side *side, struct sb_device *device) {
    static const char *const names[SB_SPACE_COUNT] = {[SB_SPACE_PARAMETER] = "parameters",
                                                      [SB_SPACE_GRADIENT] = "gradients",
                                                      [SB_SPACE_MOMENT1] = "moment1",
                                                      [SB_SPACE_MOMENT2] = "moment2",
                                                      [SB_SPACE_SCALING] = "scaling"};
    for (int i = 0; i < compare->graph.tensor_count; i++) {
        enum sb_space space = compare->graph.tensors[i]->space;
        if (space == SB_SPACE_ACTIVATION || side->spaces[space]) continue;
        size_t bytes = space == SB_SPACE_PARAMETER ? compare->list.total_bytes
                       : space == SB_SPACE_SCALING ? sizeof(struct sb_loss_scaling)
                                                   : compare->list.trainable_bytes;
        if (!sb_memory_create(device, bytes, names[space], &side->spaces[space], compare->error)) return false;
    }
    struct sb_program_parameters parameters = {
        .graph = &compare->graph, .plan = &compare->plan, .name = compare->parameters->name};
    memcpy(parameters.spaces, side->spaces, sizeof side->spaces);
    static const struct sb_loss_scaling scaling = {.scale = 65536};
    if (side->spaces[SB_SPACE_SCALING] &&
        !sb_memory_write(side->spaces[SB_SPACE_SCALING], 0, &scaling, sizeof scaling, compare->error))
        return false;
    return sb_memory_write(side->spaces[SB_SPACE_PARAMETER], 0, compare->space, compare->list.total_bytes,
                           compare->error) &&
           sb_program_create(device, &parameters, &side->program, compare->error);
}

/* What an input holds, by its name and type. */
static void fill_input(const struct compare *compare, const struct sb_tensor *tensor, void *bytes) {
    const struct sb_model_config *config = compare->parameters->config;
    struct sb_random random =
        sb_random_start(compare->parameters->seed, SB_STREAM_TEST, (uint64_t)1 << 32 | (uint64_t)tensor->index);
    int64_t count = sb_elements(tensor);
    if (strcmp(tensor->name, "step") == 0) {
        *(struct sb_step_numbers *)bytes = (struct sb_step_numbers){.seed = {(uint32_t)compare->parameters->seed, 0},
                                                                    .learning_rate = 1e-3f,
                                                                    .correction1 = 0.1f,
                                                                    .correction2 = 0.001f};
    } else if (strcmp(tensor->name, "image_constants") == 0) {
        for (int64_t c = 0; c < config->channels; c++) {
            ((float *)bytes)[c] = config->mean[c];
            ((float *)bytes)[config->channels + c] = config->deviation[c];
        }
    } else if (tensor->dtype == SB_UINT8) {
        for (int64_t i = 0; i < count; i++) ((uint8_t *)bytes)[i] = (uint8_t)sb_random_below(&random, 256);
    } else if (tensor->dtype == SB_INT32) {
        uint32_t classes = (uint32_t)config->classes;
        for (int64_t i = 0; i < count; i++) ((int32_t *)bytes)[i] = (int32_t)sb_random_below(&random, classes);
    } else if (config->architecture != SB_ARCHITECTURE_VISION) { /* scaled series */
        for (int64_t i = 0; i < count; i++) ((float *)bytes)[i] = (float)sb_random_normal(&random);
    } else {
        float scale = 2 / (float)sb_columns(tensor); /* soft targets: a row's sum is about 1 */
        for (int64_t i = 0; i < count; i++) ((float *)bytes)[i] = scale * sb_random_uniform(&random);
    }
}

/* ---- running */

static bool copy_to_device(struct compare *compare, const struct sb_tensor *tensor) {
    return sb_program_read(compare->sides[REFERENCE].program, tensor, compare->expected, compare->error) &&
           sb_program_write(compare->sides[DEVICE].program, tensor, compare->expected, compare->error);
}

static bool compare_tensor(struct compare *compare, const struct sb_node *node, const struct sb_tensor *tensor) {
    if (!sb_program_read(compare->sides[DEVICE].program, tensor, compare->got, compare->error) ||
        !sb_program_read(compare->sides[REFERENCE].program, tensor, compare->expected, compare->error))
        return false;
    int64_t count = sb_elements(tensor);
    bool gradient = node->index >= compare->forward_nodes;
    struct simba_parity_result result = {
        .case_name = compare->parameters->name, .tensor = tensor->name, .tolerance = gradient ? 1e-4 : 1e-5};
    if (tensor->dtype == SB_FLOAT32) {
        sb_parity_measure(&result, compare->got, compare->expected, count, sb_parity_size(compare->expected, count));
    } else {
        bool same = memcmp(compare->got, compare->expected, (size_t)count * sb_dtype_size(tensor->dtype)) == 0;
        result.relative_error = result.largest_error = same ? 0 : INFINITY;
    }
    sb_parity_add(compare->report, &result);
    return true;
}

static bool compare_node(struct compare *compare, const struct sb_node *node) {
    if (node->op == SB_OP_RESHAPE || node->op == SB_OP_SPLIT) return true; /* views */
    for (int i = 0; i < SB_MAX_INPUTS; i++)
        if (node->inputs[i] && !copy_to_device(compare, node->inputs[i])) return false;
    for (int side = 0; side < 2; side++)
        if (!sb_program_run_node(compare->sides[side].program, 0, node->index, compare->error)) return false;
    for (int i = 0; i < SB_MAX_OUTPUTS; i++)
        if (node->outputs[i] && !compare_tensor(compare, node, node->outputs[i])) return false;
    if (node->op != SB_OP_BATCH_NORM) return true;
    return compare_tensor(compare, node, node->inputs[SB_BATCH_NORM_RUNNING_MEAN]) &&
           compare_tensor(compare, node, node->inputs[SB_BATCH_NORM_RUNNING_VAR]);
}

static bool run(struct compare *compare) {
    const struct sb_graph *graph = &compare->graph;
    size_t largest = 1;
    for (int i = 0; i < graph->tensor_count; i++) {
        size_t bytes = (size_t)sb_elements(graph->tensors[i]) * sb_dtype_size(graph->tensors[i]->dtype);
        if (bytes > largest) largest = bytes;
    }
    compare->got = sb_allocate(1, largest, compare->error);
    compare->expected = sb_allocate(1, largest, compare->error);
    if (!compare->got || !compare->expected) return false;
    for (int i = 0; i < graph->tensor_count; i++) {
        if (!graph->tensors[i]->is_input) continue;
        fill_input(compare, graph->tensors[i], compare->expected);
        if (!sb_program_write(compare->sides[REFERENCE].program, graph->tensors[i], compare->expected, compare->error))
            return false;
    }
    for (int i = 0; i < graph->node_count; i++)
        if (!compare_node(compare, graph->nodes[i])) return false;
    return true;
}

bool sb_parity_compare(const struct sb_parity_compare_parameters *parameters, struct sb_parity_report *report,
                       struct simba_error *error) {
    const struct sb_model_config *config = parameters->config;
    if (config->architecture != SB_ARCHITECTURE_VISION && !config->channels)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: the model has as many channels as its data, which are not read here. Say how many, with "
                       "$.model.channels or --set model.channels=N.",
                       parameters->name);
    struct compare compare = {
        .parameters = parameters, .report = report, .error = error, .batch = parameters->batch ? parameters->batch : 2};
    sb_graph_init(&compare.graph, parameters->training);
    bool done = sb_model_parameters(config, &compare.list, error) && build_graph(&compare) &&
                sb_plan_memory(&compare.graph, (struct sb_plan_parameters){0}, &compare.plan, error) &&
                make_parameters(&compare) && make_side(&compare, &compare.sides[DEVICE], parameters->device) &&
                make_side(&compare, &compare.sides[REFERENCE], parameters->reference) && run(&compare);
    for (int i = 0; i < 2; i++) {
        sb_program_destroy(compare.sides[i].program);
        for (int space = 0; space < SB_SPACE_COUNT; space++) sb_memory_destroy(compare.sides[i].spaces[space]);
    }
    free(compare.space);
    free(compare.got);
    free(compare.expected);
    sb_graph_finish(&compare.graph);
    sb_parameter_list_finish(&compare.list);
    return done;
}
