/* The graph of a comparison, its memory on each device, and what its inputs hold. */
#include "parity/pair.h"

#include "base/random.h"
#include "graph/differentiate.h"
#include "ops/ops.h"
#include "train/optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double beta1 = 0.9, beta2 = 0.999;

/* ---- the graph */

/* The forward pass and the loss; NULL when the graph has failed. */
static struct sb_tensor *build_vision(struct pair *pair) {
    const struct sb_parity_compare_parameters *parameters = pair->parameters;
    struct sb_graph *graph = &pair->graph;
    struct sb_model_graph model;
    struct sb_model_graph_parameters forward = {.batch = pair->batch,
                                                .from_bytes = true,
                                                .drop_path = parameters->training,
                                                .mix_tokens = parameters->training && parameters->config->token_labels,
                                                .erase_boxes = parameters->training,
                                                .erasing = SB_ERASING_PIXEL,
                                                .mix_images =
                                                    parameters->training && !parameters->config->token_labels};
    if (!sb_model_forward(graph, parameters->config, &pair->list, &forward, &model, pair->error)) return NULL;
    if (!parameters->training) return model.logits;
    struct sb_tensor *labels = sb_input(graph, "labels", SB_INT32, 1, &pair->batch);
    struct sb_tensor *loss = sb_op_cross_entropy(graph, "loss", model.logits, labels, 0.1f, 1);
    if (model.auxiliary) {
        struct sb_tensor *dense = sb_input(graph, "dense_target", SB_FLOAT32, 3, model.auxiliary->shape);
        dense = sb_op_cross_entropy(graph, "dense_loss", model.auxiliary, dense, 0, 0.5f);
        loss = sb_op_add(graph, "total_loss", loss, dense, 1, NULL);
    }
    return loss;
}

static struct sb_tensor *build_forecaster(struct pair *pair) {
    struct sb_graph *graph = &pair->graph;
    struct sb_forecaster_graph model;
    if (!sb_forecaster_forward(graph, pair->parameters->config, &pair->list, pair->batch, &model, pair->error))
        return NULL;
    if (!pair->parameters->training) return model.forecast;
    struct sb_tensor *truth = sb_input(graph, "truth", SB_FLOAT32, 3, model.forecast->shape);
    return sb_op_forecast_loss(
        graph, (struct sb_forecast_loss_parameters){.name = "loss", .prediction = model.forecast, .target = truth});
}

static bool build_graph(struct pair *pair) {
    struct sb_graph *graph = &pair->graph;
    const bool vision = pair->parameters->config->architecture == SB_ARCHITECTURE_VISION;
    graph->precision = pair->parameters->training ? pair->parameters->precision : SB_PRECISION_FP32;
    struct sb_tensor *result = (vision ? build_vision : build_forecaster)(pair);
    pair->forward_nodes = graph->node_count;
    if (!sb_graph_ok(graph, pair->error) || !result) return false;
    if (!pair->parameters->training) return true;
    pair->loss = result;
    sb_mark_output(pair->loss);
    const bool scales = graph->precision == SB_PRECISION_FP16;
    struct sb_tensor *scale = scales ? sb_space_range(graph, "loss_scale", SB_SPACE_SCALING, 0, sizeof(float)) : NULL;
    if (!sb_differentiate(graph, result, scale, pair->error)) return false;
    /* As if a step had two micro-batches: every second one begins a new sum. */
    const size_t bytes = pair->list.trainable_bytes;
    graph->phase = SB_PHASE_ACCUMULATE;
    sb_op_accumulate(graph, sb_space_range(graph, "gradients", SB_SPACE_GRADIENT, 0, bytes),
                     sb_space_range(graph, "accumulator", SB_SPACE_ACCUMULATOR, 0, bytes), 0.5f);
    pair->norm = sb_append_optimiser(graph, &pair->list,
                                     &(struct sb_optimiser){.gradient = SB_SPACE_ACCUMULATOR,
                                                            .loss = pair->loss,
                                                            .scaling_interval = scales ? 2000 : 0,
                                                            .beta1 = beta1,
                                                            .beta2 = beta2,
                                                            .epsilon = 1e-8f,
                                                            .weight_decay = 0.05f,
                                                            .clip_norm = 1,
                                                            .ema = 0.9});
    if (!sb_graph_ok(graph, pair->error)) return false;
    sb_mark_output(pair->norm);
    return true;
}

/* ---- memory */

/* Fresh weights, with noise on what the initialisation leaves at 0 or 1, running statistics too, where an error would
 * hide. */
static bool make_parameters(struct pair *pair) {
    const struct sb_parity_compare_parameters *parameters = pair->parameters;
    pair->space = sb_allocate(1, pair->list.total_bytes, pair->error);
    if (!pair->space ||
        !sb_model_initialise(parameters->config, &pair->list, parameters->seed, pair->space, pair->error))
        return false;
    for (int i = 0; i < pair->list.count; i++) {
        const struct sb_parameter *parameter = &pair->list.entries[i];
        if (parameter->rank != 1) continue;
        struct sb_random random = sb_random_start(parameters->seed, SB_STREAM_TEST, (uint64_t)i);
        float *values = pair->space + parameter->offset / (int64_t)sizeof(float);
        for (int64_t k = 0; k < parameter->elements; k++) values[k] += 0.1f * (float)sb_random_normal(&random);
    }
    return true;
}

static size_t space_bytes(const struct pair *pair, enum sb_space space) {
    switch (space) {
    case SB_SPACE_PARAMETER:
    case SB_SPACE_AVERAGE:
        return pair->list.total_bytes;
    case SB_SPACE_SCALING:
        return sizeof(struct sb_loss_scaling);
    default:
        return pair->list.trainable_bytes;
    }
}

bool pair_side_init(struct pair *pair, struct pair_side *side, struct sb_device *device, const char *name,
                    bool accounts) {
    static const char *const names[SB_SPACE_COUNT] = {
        [SB_SPACE_PARAMETER] = "parameters", [SB_SPACE_GRADIENT] = "gradients", [SB_SPACE_ACCUMULATOR] = "accumulator",
        [SB_SPACE_AVERAGE] = "average",      [SB_SPACE_MOMENT1] = "moment1",    [SB_SPACE_MOMENT2] = "moment2",
        [SB_SPACE_SCALING] = "scaling"};
    *side = (struct pair_side){.device = device};
    for (int i = 0; i < pair->graph.tensor_count; i++) {
        const enum sb_space space = pair->graph.tensors[i]->space;
        if (space == SB_SPACE_ACTIVATION || side->spaces[space]) continue;
        if (!sb_memory_create(device, space_bytes(pair, space), names[space], &side->spaces[space], pair->error))
            return false;
    }
    struct sb_program_parameters parameters = {
        .graph = &pair->graph, .plan = &pair->plan, .profile = accounts, .name = name};
    memcpy(parameters.spaces, side->spaces, sizeof side->spaces);
    return pair_side_start(pair, side) && sb_program_create(device, &parameters, &side->program, pair->error);
}

void pair_side_finish(struct pair_side *side) {
    sb_program_destroy(side->program);
    for (int space = 0; space < SB_SPACE_COUNT; space++) sb_memory_destroy(side->spaces[space]);
    *side = (struct pair_side){0};
}

bool pair_side_start(struct pair *pair, struct pair_side *side) {
    const struct sb_loss_scaling scaling = {.scale = pair->loss_scale};
    void *zeros = sb_allocate(1, pair->list.trainable_bytes ? pair->list.trainable_bytes : 1, pair->error);
    bool done = zeros;
    for (int i = 0; done && i < SB_SPACE_COUNT; i++) {
        const enum sb_space space = (enum sb_space)i;
        const bool weights = space == SB_SPACE_PARAMETER || space == SB_SPACE_AVERAGE;
        const void *bytes = weights ? (const void *)pair->space : space == SB_SPACE_SCALING ? &scaling : zeros;
        if (side->spaces[space])
            done = sb_memory_write(side->spaces[space], 0, bytes, space_bytes(pair, space), pair->error);
    }
    free(zeros);
    return done;
}

size_t pair_bytes(const struct sb_tensor *tensor) {
    return (size_t)sb_elements(tensor) * sb_dtype_size(tensor->dtype);
}

/* Boxes of the mixing operations: rows and columns [first, end). Every image has its middle erased; every second one
 * gets a window of its partner, the others are blended with theirs. */
static void fill_boxes(const struct sb_model_config *config, const struct sb_tensor *tensor, void *bytes) {
    const float height = (float)config->height, width = (float)config->width;
    float *numbers = bytes;
    if (strcmp(tensor->name, "box") == 0) { /* in tokens of the last stage: their left part */
        const int64_t rows = config->height >> (config->stages + 1), columns = config->width >> (config->stages + 1);
        const int32_t box[4] = {0, 0, rows > 1 ? (int32_t)rows : 1, columns > 1 ? (int32_t)(columns / 2) : 1};
        memcpy(bytes, box, sizeof box);
    } else if (strcmp(tensor->name, "erase") == 0) {
        for (int64_t b = 0; b < tensor->shape[0]; b++) {
            const float box[4] = {height / 4, width / 4, height / 2 + (float)b, width / 2 + 1};
            for (int i = 0; i < 4; i++) numbers[4 * b + i] = floorf(box[i]);
        }
    } else {
        for (int64_t b = 0; b < tensor->shape[0]; b++) {
            const bool cut = b % 2;
            const float row[5] = {cut ? 1 : 0.7f, 0, 0, cut ? floorf(height / 2) : 0, cut ? floorf(width / 3) : 0};
            memcpy(numbers + 5 * b, row, sizeof row);
        }
    }
}

void pair_fill_input(const struct pair *pair, const struct sb_tensor *tensor, int step, void *bytes) {
    const struct sb_model_config *config = pair->parameters->config;
    struct sb_random random =
        sb_random_start(pair->parameters->seed, SB_STREAM_TEST, ((uint64_t)step + 1) << 32 | (uint64_t)tensor->index);
    const int64_t count = sb_elements(tensor);
    if (strcmp(tensor->name, "step") == 0) {
        *(struct sb_step_numbers *)bytes = (struct sb_step_numbers){.seed = {(uint32_t)pair->parameters->seed, 0},
                                                                    .step = {(uint32_t)step, 0},
                                                                    .micro_batch = (uint32_t)step % 2,
                                                                    .learning_rate = (float)pair->learning_rate,
                                                                    .correction1 = (float)(1 - pow(beta1, step + 1)),
                                                                    .correction2 = (float)(1 - pow(beta2, step + 1))};
    } else if (strcmp(tensor->name, "image_constants") == 0) {
        for (int64_t c = 0; c < config->channels; c++) {
            ((float *)bytes)[c] = config->mean[c];
            ((float *)bytes)[config->channels + c] = config->deviation[c];
        }
    } else if (!strcmp(tensor->name, "box") || !strcmp(tensor->name, "erase") || !strcmp(tensor->name, "mix")) {
        fill_boxes(config, tensor, bytes);
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

/* ---- the whole */

bool pair_init(struct pair *pair, const struct sb_parity_compare_parameters *parameters,
               struct sb_parity_report *report, struct simba_error *error) {
    const struct sb_model_config *config = parameters->config;
    *pair = (struct pair){.parameters = parameters,
                          .report = report,
                          .error = error,
                          .batch = parameters->batch ? parameters->batch : 2,
                          .loss_scale = 1024,
                          .learning_rate = 1e-3};
    sb_graph_init(&pair->graph, parameters->training);
    if (config->architecture != SB_ARCHITECTURE_VISION && !config->channels)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: the model has as many channels as its data, which are not read here. Say how many, with "
                       "$.model.channels or --set model.channels=N.",
                       parameters->name);
    if (!sb_model_parameters(config, &pair->list, error) || !build_graph(pair) ||
        !sb_plan_memory(&pair->graph, (struct sb_plan_parameters){0}, &pair->plan, error) || !make_parameters(pair))
        return false;
    pair->progress_whole = sb_graph_cost(&pair->graph).flops * (1 + (parameters->training ? parameters->steps : 0) +
                                                                (pair->graph.precision == SB_PRECISION_FP16));
    return true;
}

void pair_finish(struct pair *pair) {
    free(pair->space);
    sb_graph_finish(&pair->graph);
    sb_parameter_list_finish(&pair->list);
}

/* Half the distance of two neighbours, relative to them. */
static double unit_roundoff(enum sb_precision precision) {
    return precision == SB_PRECISION_FP16 ? 0x1p-11 : precision == SB_PRECISION_BF16 ? 0x1p-8 : 0;
}

double pair_accumulated_tolerance(const struct pair *pair, bool gradient, const char **reason) {
    const double unit = unit_roundoff(pair->graph.precision);
    *reason = unit > 0 ? "factors rounded to 16 bits: a difference in the last bit of a float32 makes one of many "
                         "roundings go the other way, and after some layers the difference is of the order of such a "
                         "rounding, whatever it was at first"
                       : NULL;
    /* Measured: 1.3 units forward and 12 backward at most, in the weights of x_proj of the deepest model. */
    return gradient ? 1e-4 + 48 * unit : 1e-5 + 4 * unit;
}

void pair_progress(struct pair *pair, double operations, const char *what) {
    pair->progress_done += operations;
    const struct sb_parity_compare_parameters *parameters = pair->parameters;
    if (parameters->progress && pair->progress_whole > 0)
        parameters->progress(parameters->progress_user, fmin(pair->progress_done / pair->progress_whole, 1), what);
}
