#include "train/inference.h"

static bool plan(struct sb_inference *inference, const struct sb_model_config *config,
                 const struct sb_parameter_list *list, int64_t batch, bool tokens, struct simba_error *error) {
    *inference = (struct sb_inference){
        .batch = batch, .image_bytes = config->height * config->width * config->channels, .classes = config->classes};
    sb_graph_init(&inference->graph, false);
    if (config->architecture != SB_ARCHITECTURE_VISION) {
        if (!sb_forecaster_forward(&inference->graph, config, list, batch, &inference->forecaster, error)) return false;
        sb_mark_output(inference->forecaster.forecast);
        return sb_plan_memory(&inference->graph, (struct sb_plan_parameters){0}, &inference->plan, error);
    }
    const struct sb_model_graph_parameters parameters = {.batch = batch, .from_bytes = true};
    if (!sb_model_forward(&inference->graph, config, list, &parameters, &inference->model, error)) return false;
    sb_mark_output(inference->model.logits);
    if (tokens) sb_mark_output(inference->model.auxiliary);
    return sb_graph_ok(&inference->graph, error) &&
           sb_plan_memory(&inference->graph, (struct sb_plan_parameters){0}, &inference->plan, error);
}

bool sb_inference_plan(struct sb_inference *inference, const struct sb_model_config *config,
                       const struct sb_parameter_list *list, int64_t batch, struct simba_error *error) {
    return plan(inference, config, list, batch, false, error);
}

bool sb_inference_plan_tokens(struct sb_inference *inference, const struct sb_model_config *config,
                              const struct sb_parameter_list *list, int64_t batch, struct simba_error *error) {
    return plan(inference, config, list, batch, true, error);
}

void sb_write_image_constants(struct sb_program *program, const struct sb_tensor *constants,
                              const struct sb_model_config *config) {
    for (int slot = 0; slot < SB_SLOTS; slot++) {
        float *values = sb_program_host(program, slot, constants);
        for (int64_t c = 0; c < config->channels; c++) {
            values[c] = config->mean[c];
            values[config->channels + c] = config->deviation[c];
        }
    }
}

bool sb_inference_compile(struct sb_inference *inference, const struct sb_model_config *config,
                          struct sb_device *device, struct sb_memory *parameters, struct simba_error *error) {
    const struct sb_program_parameters program = {.graph = &inference->graph,
                                                  .plan = &inference->plan,
                                                  .spaces = {[SB_SPACE_PARAMETER] = parameters},
                                                  .name = "inference"};
    if (!sb_program_create(device, &program, &inference->program, error)) return false;
    if (inference->model.constants) sb_write_image_constants(inference->program, inference->model.constants, config);
    return true;
}

void sb_inference_finish(struct sb_inference *inference) {
    sb_program_destroy(inference->program);
    inference->program = NULL;
    sb_graph_finish(&inference->graph);
}

bool sb_inference_prepare(struct sb_inference *inference, struct simba_error *error) {
    return sb_program_submit(inference->program, 0, 1u << SB_PHASE_PREPARE, error) &&
           sb_program_wait(inference->program, 0, error);
}

uint8_t *sb_inference_images(struct sb_inference *inference, int slot) {
    return sb_program_host(inference->program, slot, inference->model.image);
}

bool sb_inference_submit(struct sb_inference *inference, int slot, struct simba_error *error) {
    return sb_program_submit(inference->program, slot, 1u << SB_PHASE_COMPUTE, error);
}

const float *sb_inference_logits(struct sb_inference *inference, int slot, struct simba_error *error) {
    if (!sb_program_wait(inference->program, slot, error)) return NULL;
    return sb_program_host(inference->program, slot, inference->model.logits);
}

float *sb_inference_windows(struct sb_inference *inference, int slot) {
    return sb_program_host(inference->program, slot, inference->forecaster.window);
}

const float *sb_inference_forecasts(struct sb_inference *inference, int slot, struct simba_error *error) {
    if (!sb_program_wait(inference->program, slot, error)) return NULL;
    return sb_program_host(inference->program, slot, inference->forecaster.forecast);
}

const float *sb_inference_tokens(struct sb_inference *inference, int slot, struct simba_error *error) {
    if (!sb_program_wait(inference->program, slot, error)) return NULL;
    return sb_program_host(inference->program, slot, inference->model.auxiliary);
}
