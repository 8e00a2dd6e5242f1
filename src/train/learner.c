#include "train/learner.h"

#include "data/loader.h"
#include "data/mixing.h"
#include "data/series.h"
#include "train/inference.h"
#include "train/optimiser.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Forward pass and loss of the vision model. */
static bool build_vision(struct sb_learner *learner, const struct sb_train_config *config,
                         const struct sb_parameter_list *list, struct simba_error *error) {
    struct sb_graph *graph = &learner->graph;
    const struct sb_model_graph_parameters parameters = {
        .batch = config->batch_size,
        .from_bytes = true,
        .erase_boxes = config->random_erasing > 0 ? (int)config->erasing_boxes : 0,
        .erasing = (enum sb_erasing)config->erasing_mode,
        .mix_tokens = config->model.token_labels,
        .mix_images = config->mixup > 0 || config->cutmix > 0,
        .drop_path = config->model.drop_path > 0,
        .frozen_stages = config->frozen_stages};
    const bool soft = parameters.mix_images || parameters.mix_tokens;
    learner->labels =
        soft ? sb_input(graph, "targets", SB_FLOAT32, 2, (int64_t[]){config->batch_size, config->model.classes})
             : sb_input(graph, "labels", SB_INT32, 1, &config->batch_size);
    if (!sb_model_forward(graph, &config->model, list, &parameters, &learner->model, error)) return false;
    learner->loss = sb_op_cross_entropy(graph, "loss", learner->model.logits, learner->labels,
                                        soft ? 0 : (float)config->label_smoothing, 1);
    if (config->model.token_labels && learner->model.auxiliary) {
        const struct sb_tensor *auxiliary = learner->model.auxiliary;
        learner->token_targets = sb_input(graph, "token_targets", SB_FLOAT32, auxiliary->rank, auxiliary->shape);
        struct sb_tensor *tokens = sb_op_cross_entropy(graph, "token_loss", learner->model.auxiliary,
                                                       learner->token_targets, 0, (float)config->token_label_weight);
        learner->loss = sb_op_add(graph, "total_loss", learner->loss, tokens, 1, NULL);
    }
    return sb_graph_ok(graph, error);
}

/* Those of a model for series. */
static bool build_forecaster(struct sb_learner *learner, const struct sb_train_config *config,
                             const struct sb_parameter_list *list, struct simba_error *error) {
    struct sb_graph *graph = &learner->graph;
    const struct sb_model_config *model = &config->model;
    learner->truth = sb_input(graph, "truth", SB_FLOAT32, 3,
                              (int64_t[]){config->batch_size, model->forecaster.horizon, model->channels});
    if (!sb_forecaster_forward(graph, model, list, config->batch_size, &learner->forecaster, error)) return false;
    /* What is forecast of all channels is the last one. */
    const int64_t first = config->features == SB_FEATURES_MS ? model->channels - 1 : 0;
    learner->loss =
        sb_op_forecast_loss(graph, (struct sb_forecast_loss_parameters){.name = "loss",
                                                                        .prediction = learner->forecaster.forecast,
                                                                        .target = learner->truth,
                                                                        .kind = (enum sb_forecast_loss)config->loss,
                                                                        .delta = (float)config->huber_delta,
                                                                        .first_channel = first});
    return sb_graph_ok(graph, error);
}

bool sb_learner_plan(struct sb_learner *learner, const struct sb_train_config *config,
                     const struct sb_parameter_list *list, struct simba_error *error) {
    struct sb_graph *graph = &learner->graph;
    *learner = (struct sb_learner){0};
    sb_graph_init(graph, true);
    graph->precision = (enum sb_precision)config->precision;
    learner->step = sb_step_input(graph);
    const bool vision = config->model.architecture == SB_ARCHITECTURE_VISION;
    if (!(vision ? build_vision : build_forecaster)(learner, config, list, error)) return false;
    if (!sb_graph_ok(graph, error)) return false;
    sb_mark_output(learner->loss);
    /* The scale is where the differentiation begins: every gradient is scale times itself. */
    const bool scales = graph->precision == SB_PRECISION_FP16;
    struct sb_tensor *scale =
        scales ? sb_space_range(graph, "loss_scale", SB_SPACE_SCALING, offsetof(struct sb_loss_scaling, scale),
                                offsetof(struct sb_loss_scaling, scale) + sizeof(float))
               : NULL;
    learner->forward_nodes = graph->node_count;
    if (!sb_differentiate(graph, learner->loss, scale, error)) return false;

    const bool accumulates = config->accumulation > 1;
    if (accumulates) {
        const size_t bytes = list->trainable_bytes;
        graph->phase = SB_PHASE_ACCUMULATE;
        sb_op_accumulate(graph, sb_space_range(graph, "gradients", SB_SPACE_GRADIENT, 0, bytes),
                         sb_space_range(graph, "accumulator", SB_SPACE_ACCUMULATOR, 0, bytes),
                         1.0f / (float)config->accumulation);
    }
    learner->norm =
        sb_append_optimiser(graph, list,
                            &(struct sb_optimiser){.gradient = accumulates ? SB_SPACE_ACCUMULATOR : SB_SPACE_GRADIENT,
                                                   .loss = learner->loss,
                                                   .scaling_interval = scales ? config->loss_scale_interval : 0,
                                                   .beta1 = config->beta1,
                                                   .beta2 = config->beta2,
                                                   .epsilon = (float)config->epsilon,
                                                   .weight_decay = (float)config->weight_decay,
                                                   .clip_norm = (float)config->clip_norm,
                                                   .layer_decay = config->layer_decay,
                                                   .ema = config->ema});
    if (!sb_graph_ok(graph, error)) return false;
    sb_mark_output(learner->norm);
    return sb_plan_memory(graph, (struct sb_plan_parameters){0}, &learner->plan, error);
}

bool sb_learner_compile(struct sb_learner *learner, const struct sb_train_config *config, struct sb_device *device,
                        struct sb_memory *const spaces[SB_SPACE_COUNT], struct simba_error *error) {
    struct sb_program_parameters program = {
        .graph = &learner->graph, .plan = &learner->plan, .profile = learner->profile, .name = "training"};
    for (int space = 0; space < SB_SPACE_COUNT; space++) program.spaces[space] = spaces[space];
    if (!sb_program_create(device, &program, &learner->program, error)) return false;
    if (learner->model.constants) sb_write_image_constants(learner->program, learner->model.constants, &config->model);
    return true;
}

void sb_learner_finish(struct sb_learner *learner) {
    sb_program_destroy(learner->program);
    learner->program = NULL;
    sb_graph_finish(&learner->graph);
}

struct sb_step_numbers sb_learner_numbers(const struct sb_train_config *config, const struct sb_schedule *schedule,
                                          int64_t step, int64_t micro_batch) {
    const uint64_t seed = (uint64_t)config->seed;
    const double t = (double)step + 1;
    return (struct sb_step_numbers){.seed = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                                    .step = {(uint32_t)step, (uint32_t)((uint64_t)step >> 32)},
                                    .learning_rate = (float)sb_schedule_rate(schedule, step),
                                    .correction1 = (float)(1 - pow(config->beta1, t)),
                                    .correction2 = (float)(1 - pow(config->beta2, t)),
                                    .micro_batch = (uint32_t)micro_batch};
}

void sb_learner_fill(struct sb_learner *learner, const struct sb_train_config *config, int slot,
                     const struct sb_batch *batch, int64_t step, const struct sb_step_numbers *numbers) {
    const struct sb_model_config *model = &config->model;
    const struct sb_mixing mixing = {.mixup = config->mixup,
                                     .cutmix = config->cutmix,
                                     .probability = config->mix_probability,
                                     .switch_probability = config->mix_switch_probability,
                                     .mode = (enum sb_mix_mode)config->mix_mode,
                                     .erasing = config->random_erasing,
                                     .erasing_boxes = (int)config->erasing_boxes};
    const uint64_t number = (uint64_t)step * (uint64_t)config->accumulation + numbers->micro_batch;
    const int images = (int)config->batch_size, height = (int)model->height, width = (int)model->width;
    struct sb_program *program = learner->program;
    memcpy(sb_program_host(program, slot, learner->model.image), batch->pixels,
           (size_t)(config->batch_size * model->height * model->width * model->channels));
    if (learner->model.erase)
        sb_draw_erasing(&mixing, (uint64_t)config->seed, number, images, height, width,
                        sb_program_host(program, slot, learner->model.erase));
    if (learner->model.mix)
        sb_draw_mixing(&mixing, (uint64_t)config->seed, number, images, height, width, batch->labels, model->classes,
                       config->label_smoothing, sb_program_host(program, slot, learner->model.mix),
                       sb_program_host(program, slot, learner->labels));
    else if (learner->token_targets) {
        const struct sb_tensor *tokens = learner->token_targets;
        float *classes = sb_program_host(program, slot, learner->labels);
        memcpy(classes, batch->class_targets, (size_t)sb_elements(learner->labels) * sizeof *classes);
        memcpy(sb_program_host(program, slot, tokens), batch->token_targets,
               (size_t)sb_elements(tokens) * sizeof(float));
        const int stage = (int)model->stages + 1;
        sb_draw_token_box((uint64_t)config->seed, number, images, height >> stage, width >> stage, model->classes,
                          sb_program_host(program, slot, learner->model.box), classes);
    } else
        memcpy(sb_program_host(program, slot, learner->labels), batch->labels, (size_t)images * sizeof *batch->labels);
    memcpy(sb_program_host(program, slot, learner->step), numbers, sizeof *numbers);
}

void sb_learner_fill_windows(struct sb_learner *learner, int slot, const struct sb_forecast_data *data,
                             const int64_t *windows, int count, const struct sb_step_numbers *numbers) {
    struct sb_program *program = learner->program;
    sb_windows_gather_all(data, SB_PART_TRAINING, windows, count,
                          sb_program_host(program, slot, learner->forecaster.window),
                          sb_program_host(program, slot, learner->truth));
    memcpy(sb_program_host(program, slot, learner->step), numbers, sizeof *numbers);
}

bool sb_learner_find_non_finite(struct sb_learner *learner, int slot, char *name, size_t size,
                                struct simba_error *error) {
    const struct sb_graph *graph = &learner->graph;
    int64_t largest = 1;
    for (int i = 0; i < graph->tensor_count; i++)
        if (sb_elements(graph->tensors[i]) > largest) largest = sb_elements(graph->tensors[i]);
    float *values = sb_allocate((size_t)largest, sizeof *values, error);
    if (!values) return false;
    name[0] = '\0';
    bool fine = true;
    /* The device may hold the inputs of the other slot, submitted since. */
    for (int i = 0; fine && i < graph->tensor_count; i++)
        if (graph->tensors[i]->is_input)
            fine = sb_program_write(learner->program, graph->tensors[i],
                                    sb_program_host(learner->program, slot, graph->tensors[i]), error);
    for (int i = 0; fine && !name[0] && i < graph->node_count; i++) {
        const struct sb_node *node = graph->nodes[i];
        if (node->phase != SB_PHASE_COMPUTE) continue;
        fine = sb_program_run_node(learner->program, slot, i, error);
        for (int o = 0; fine && !name[0] && o < SB_MAX_OUTPUTS; o++) {
            const struct sb_tensor *output = node->outputs[o];
            if (!output || output->dtype != SB_FLOAT32) continue;
            fine = sb_program_read(learner->program, output, values, error);
            for (int64_t k = 0; fine && k < sb_elements(output); k++)
                if (!isfinite(values[k])) {
                    snprintf(name, size, "%s", node->name);
                    break;
                }
        }
    }
    free(values);
    return fine;
}
