/* Creating, planning and starting a training run. */
#include "base/clock.h"
#include "train/trainer.h"

#include "train/forecast.h"
#include "train/results.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the output directory */

enum directory { MISSING, EMPTY, FILLED, NO_DIRECTORY };

static enum directory look_at(const char *path) {
    DIR *directory = opendir(path);
    if (!directory) return errno == ENOENT ? MISSING : NO_DIRECTORY;
    enum directory result = EMPTY;
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) result = FILLED;
    closedir(directory);
    return result;
}

static bool check_output(struct simba_trainer *trainer, const struct simba_trainer_options *options,
                         struct simba_error *error) {
    char *output = trainer->config.output;
    if (options->output) {
        if (strlen(options->output) >= SB_CONFIG_TEXT)
            return sb_fail(error, SIMBA_ERROR_ARGUMENT, "The output directory's name is too long.");
        strcpy(output, options->output);
    }
    if (!output[0])
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "There is no output directory: name one with --output DIR or as \"output\" in the "
                       "configuration.");
    snprintf(trainer->last, sizeof trainer->last, "%s/last.safetensors", output);
    snprintf(trainer->best, sizeof trainer->best, "%s/best.safetensors", output);
    snprintf(trainer->results, sizeof trainer->results, "%s/results.csv", output);
    switch (look_at(output)) {
    case NO_DIRECTORY:
        return sb_fail(error, SIMBA_ERROR_FILE, "%s cannot be used as output directory: %s.", output, strerror(errno));
    case FILLED:
        if (options->resume) return true;
        return sb_fail(error, SIMBA_ERROR_FILE,
                       "%s exists already and is not empty. Add --resume to go on with the run in it, or name another "
                       "directory with --output.",
                       output);
    case MISSING:
        if (options->resume)
            return sb_fail(error, SIMBA_ERROR_FILE, "%s does not exist: there is no run to resume.", output);
        return true;
    case EMPTY:
        return true;
    }
    return true;
}

/* ---- data and plan */

static bool open_data(struct simba_trainer *trainer, struct simba_error *error) {
    struct sb_train_config *config = &trainer->config;
    const struct sb_task_type *type =
        config->model.architecture == SB_ARCHITECTURE_VISION ? &sb_task_classification : &sb_task_forecasting;
    trainer->task = type->open(config, trainer->log, error);
    if (!trainer->task) return false;
    const struct sb_task_base *task = sb_task(trainer->task);
    const int64_t samples = task->epoch_samples ? task->epoch_samples : task->samples;
    if (samples < config->batch_size * config->accumulation)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%lld %s are too few for an optimiser step of %lld ($.train.batch_size) x %lld "
                       "($.train.accumulation) %s.",
                       (long long)samples, type->samples, (long long)config->batch_size,
                       (long long)config->accumulation, type->samples);
    if (config->evaluation_batch > task->evaluation_samples) config->evaluation_batch = task->evaluation_samples;
    return true;
}

static bool make_plan(struct simba_trainer *trainer, struct simba_error *error) {
    struct sb_train_config *config = &trainer->config;
    struct simba_training_plan *plan = &trainer->plan;
    if (!sb_model_parameters(&config->model, &trainer->list, error)) return false;
    if (config->frozen_stages) sb_parameter_list_freeze(&trainer->list, config->frozen_stages);
    if (!sb_learner_plan(&trainer->learner, config, &trainer->list, error) ||
        !sb_inference_plan(&trainer->evaluation, &config->model, &trainer->list, config->evaluation_batch, error))
        return false;
    const struct sb_parameter_list *list = &trainer->list;
    const struct sb_task_base *task = sb_task(trainer->task);
    *plan = (struct simba_training_plan){
        .parameters = list->elements,
        .trained = list->trainable_elements,
        .parameter_bytes = list->total_bytes,
        .optimiser_bytes = list->trainable_bytes * (config->accumulation > 1 ? 4 : 3),
        .average_bytes = config->ema > 0 ? list->total_bytes : 0,
        .activation_bytes = trainer->learner.plan.activation_bytes,
        .evaluation_bytes = trainer->evaluation.plan.activation_bytes,
        .step_flops = sb_graph_cost(&trainer->learner.graph).flops * (double)config->accumulation,
        .series = config->model.architecture != SB_ARCHITECTURE_VISION,
        .sample_kind = task->type->samples,
        .samples = task->samples,
        .evaluation_samples = task->evaluation_samples,
        .classes = task->classes,
        .batch = (int)config->batch_size,
        .accumulation = (int)config->accumulation,
        .epochs = config->epochs,
        .seed = config->seed,
        .epoch_steps =
            (task->epoch_samples ? task->epoch_samples : task->samples) / config->batch_size / config->accumulation,
        .repeats = (int)config->repeated_augmentation,
    };
    plan->steps = plan->epochs * plan->epoch_steps;
    plan->total_bytes = plan->parameter_bytes + plan->optimiser_bytes + plan->average_bytes + plan->activation_bytes +
                        plan->evaluation_bytes;
    sb_model_config_describe(&config->model, plan->model);
    snprintf(plan->data, sizeof plan->data, "%s", task->description);
    snprintf(plan->output, sizeof plan->output, "%s", config->output);
    trainer->schedule = sb_train_config_schedule(config, plan->epoch_steps);
    const struct sb_device_description *description = trainer->device ? sb_device_describe(trainer->device) : NULL;
    if (description && description->memory_bytes && plan->total_bytes > description->memory_bytes)
        return sb_fail(error, SIMBA_ERROR_MEMORY,
                       "The run needs %.1f MiB on the device (activations %.1f, parameters and optimiser %.1f, "
                       "evaluation %.1f), and %s has %.1f MiB. Lower $.train.batch_size (raise $.train.accumulation "
                       "to keep the product) or $.train.evaluation_batch.",
                       (double)plan->total_bytes / 0x1p20, (double)plan->activation_bytes / 0x1p20,
                       (double)(plan->parameter_bytes + plan->optimiser_bytes + plan->average_bytes) / 0x1p20,
                       (double)plan->evaluation_bytes / 0x1p20, description->name,
                       (double)description->memory_bytes / 0x1p20);
    return true;
}

/* ---- the first parameters: fresh or from the checkpoint */

/* Of a series: weights that learned other columns, or the same ones scaled otherwise, would go on as if they fitted. */
static bool check_channels(const struct simba_trainer *trainer, const char *recorded, struct simba_error *error) {
    const char *ours = sb_task(trainer->task)->channels;
    if (!ours) return true;
    struct sb_channels now, before;
    char name[SB_CONFIG_TEXT + 64];
    snprintf(name, sizeof name, "%s, metadata \"simba.channels\"", trainer->last);
    if (!sb_channels_read("the series", ours, &now, error)) return false;
    bool fine = sb_channels_read(name, recorded ? recorded : "{}", &before, error);
    if (fine && !sb_channels_equal(&now, &before))
        fine = sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s was trained on other data: the channels of %s have other names, another order, or another "
                       "mean and deviation over the training part. Resume with the same file, $.data.columns and "
                       "$.data.split, or begin anew with another --output.",
                       trainer->last, trainer->config.path);
    sb_channels_finish(&now);
    sb_channels_finish(&before);
    return fine;
}

static bool resume(struct simba_trainer *trainer, struct simba_error *error) {
    struct sb_safetensors *file = sb_safetensors_open(trainer->last, error);
    if (!file) return false;
    struct sb_checkpoint_record record;
    bool found = false, fine = sb_checkpoint_record(file, &record, &found, error);
    if (fine && !found)
        fine = sb_fail(error, SIMBA_ERROR_FORMAT, "%s holds weights, but no training to go on from.", trainer->last);
    if (fine && record.epoch_steps != trainer->plan.epoch_steps)
        fine = sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s was trained with %lld steps per epoch, this configuration makes it %lld. Resume with the "
                       "same data, $.train.batch_size and $.train.accumulation.",
                       trainer->last, (long long)record.epoch_steps, (long long)trainer->plan.epoch_steps);
    if (fine) fine = check_channels(trainer, record.channels, error);
    struct sb_checkpoint_spaces spaces = trainer->host;
    const bool average_begins = spaces.average && !sb_checkpoint_has_average(file);
    if (average_begins) spaces.average = NULL;
    if (fine) fine = sb_checkpoint_load(file, &trainer->list, spaces, error);
    if (fine && average_begins) {
        memcpy(trainer->host.average, spaces.parameters, trainer->list.total_bytes);
        sb_log(&trainer->log, SIMBA_LOG_WARNING, "%s holds no average of the weights (train.ema); it begins here",
               trainer->last);
    }
    if (fine) {
        trainer->state = record.state;
        trainer->resumed = true;
        trainer->plan.first_step = record.state.step;
        if (strcmp(record.configuration, trainer->configuration))
            sb_log(&trainer->log, SIMBA_LOG_WARNING,
                   "the configuration differs from the one with which %s was trained; going on with the new one",
                   trainer->last);
    }
    sb_safetensors_close(file);
    return fine;
}

/* Fine-tuning: the weights of another run or of PyTorch; heads of another size stay as they were initialised. */
static bool begin_with(struct simba_trainer *trainer, struct simba_error *error) {
    const char *path = trainer->config.initial_weights;
    char fresh[512];
    struct sb_safetensors *file = sb_weights_open(path, NULL, NULL, error);
    const bool fine =
        file && sb_weights_begin_with(file, &trainer->list, trainer->host.parameters, fresh, sizeof fresh, error);
    sb_safetensors_close(file);
    if (!fine) return sb_fail_within(error, "$.train.initial_weights: ");
    sb_log(&trainer->log, SIMBA_LOG_INFO, "beginning with the weights of %s%s%s", path,
           fresh[0] ? "; initialised anew: " : "", fresh);
    return true;
}

static bool fill_parameters(struct simba_trainer *trainer, bool resuming, struct simba_error *error) {
    const struct sb_parameter_list *list = &trainer->list;
    struct sb_checkpoint_spaces *host = &trainer->host;
    host->parameters = sb_allocate(list->total_bytes, 1, error);
    host->moment1 = host->parameters ? sb_allocate(list->trainable_bytes, 1, error) : NULL;
    host->moment2 = host->moment1 ? sb_allocate(list->trainable_bytes, 1, error) : NULL;
    if (!host->moment2) return false;
    if (trainer->config.ema > 0 && !(host->average = sb_allocate(list->total_bytes, 1, error))) return false;
    if (resuming && access(trainer->last, F_OK) == 0) return resume(trainer, error);
    if (resuming)
        sb_log(&trainer->log, SIMBA_LOG_WARNING, "%s holds no checkpoint yet; beginning at the first step",
               trainer->config.output);
    if (!sb_model_initialise(&trainer->config.model, list, (uint64_t)trainer->config.seed, host->parameters, error) ||
        (trainer->config.initial_weights[0] && !begin_with(trainer, error)))
        return false;
    if (host->average) memcpy(host->average, host->parameters, list->total_bytes);
    if (trainer->config.frozen_stages && !trainer->config.initial_weights[0])
        sb_log(&trainer->log, SIMBA_LOG_WARNING,
               "the stages that train.frozen_stages keeps as they are have random weights: there are no "
               "train.initial_weights");
    return true;
}

/* That of the checkpoint, if there was one and it had any. */
static void begin_scaling(struct simba_trainer *trainer) {
    struct sb_loss_scaling *scaling = &trainer->state.scaling;
    if (trainer->config.precision != SB_PRECISION_FP16)
        *scaling = (struct sb_loss_scaling){0};
    else if (scaling->scale <= 0)
        *scaling =
            (struct sb_loss_scaling){.scale = (float)trainer->config.loss_scale, .taken = (float)trainer->state.step};
}

/* Every so many epochs, and behind the last one. */
static int64_t evaluations_left(const struct simba_trainer *trainer) {
    const int64_t epochs = trainer->plan.epochs, every = trainer->config.evaluate_every, epoch = trainer->state.epoch;
    return epoch < epochs ? epochs / every - epoch / every + (epochs % every != 0) : 0;
}

struct simba_trainer *sb_trainer_create(const struct simba_trainer_options *options, struct sb_json_document *document,
                                        struct sb_device *device, struct simba_error *error) {
    struct simba_trainer *trainer = sb_allocate(1, sizeof *trainer, error);
    if (!trainer) return NULL;
    trainer->device = device;
    trainer->log = options->log;
    if (!trainer->log.function && device) trainer->log = device->log;
    trainer->progress_function = options->progress;
    trainer->user = options->user;
    trainer->profile_steps = options->profile_steps;
    if (!sb_train_config_read(sb_json_root(document), &trainer->config, error) ||
        !check_output(trainer, options, error) || !open_data(trainer, error) || !make_plan(trainer, error))
        goto failed;
    /* Without the place of the output: the same run ends with the same bytes in every directory, and a directory that
     * was moved can be resumed. */
    struct sb_train_config portable = trainer->config;
    portable.output[0] = 0;
    trainer->configuration = sb_train_config_write(&portable, error);
    if (!trainer->configuration || !fill_parameters(trainer, options->resume, error)) goto failed;
    begin_scaling(trainer);
    trainer->plan.evaluations = evaluations_left(trainer);
    trainer->progress = (struct simba_progress){.step = trainer->state.step,
                                                .steps = trainer->plan.steps,
                                                .epoch = trainer->state.epoch,
                                                .epochs = trainer->plan.epochs,
                                                .epoch_step = trainer->state.epoch_step,
                                                .epoch_steps = trainer->plan.epoch_steps,
                                                .loss_scale = (double)trainer->state.scaling.scale,
                                                .skipped_steps = (int64_t)trainer->state.scaling.skipped,
                                                .series = trainer->plan.series,
                                                .sample_kind = sb_task(trainer->task)->type->samples,
                                                .eta_seconds = -1};
    sb_trainer_report_best(trainer);
    return trainer;
failed:
    simba_trainer_destroy(trainer);
    return NULL;
}

void simba_trainer_destroy(struct simba_trainer *trainer) {
    if (!trainer) return;
    if (trainer->task) sb_task(trainer->task)->type->destroy(trainer->task);
    sb_watch_finish(&trainer->watch);
    sb_profile_finish(&trainer->profile);
    sb_learner_finish(&trainer->learner);
    sb_inference_finish(&trainer->evaluation);
    for (int space = 0; space < SB_SPACE_COUNT; space++) sb_memory_destroy(trainer->spaces[space]);
    free(trainer->host.parameters);
    free(trainer->host.average);
    free(trainer->host.moment1);
    free(trainer->host.moment2);
    sb_parameter_list_finish(&trainer->list);
    sb_train_config_finish(&trainer->config);
    free(trainer->configuration);
    free(trainer);
}

void simba_trainer_plan(const struct simba_trainer *trainer, struct simba_training_plan *plan) {
    *plan = trainer->plan;
}

const char *simba_trainer_configuration(const struct simba_trainer *trainer) {
    return trainer->configuration;
}

/* ---- start */

static bool write_configuration(const struct simba_trainer *trainer, struct simba_error *error) {
    char path[SB_CONFIG_TEXT + 32];
    snprintf(path, sizeof path, "%s/configuration.json", trainer->config.output);
    struct sb_writer writer;
    if (!sb_writer_open(&writer, path, error)) return false;
    if (sb_writer_write(&writer, trainer->configuration, strlen(trainer->configuration), error) &&
        sb_writer_write(&writer, "\n", 1, error))
        return sb_writer_commit(&writer, error);
    sb_writer_discard(&writer);
    return false;
}

static bool take_memory(struct simba_trainer *trainer, struct simba_error *error) {
    static const char *const names[SB_SPACE_COUNT] = {
        [SB_SPACE_PARAMETER] = "parameters",    [SB_SPACE_GRADIENT] = "gradients",
        [SB_SPACE_ACCUMULATOR] = "accumulator", [SB_SPACE_MOMENT1] = "first moment",
        [SB_SPACE_MOMENT2] = "second moment",   [SB_SPACE_AVERAGE] = "average",
        [SB_SPACE_SCALING] = "loss scaling"};
    const struct sb_parameter_list *list = &trainer->list;
    for (int space = 0; space < SB_SPACE_COUNT; space++) {
        if (!names[space] || (space == SB_SPACE_ACCUMULATOR && trainer->config.accumulation == 1)) continue;
        if (space == SB_SPACE_AVERAGE && !trainer->host.average) continue;
        const bool whole = space == SB_SPACE_PARAMETER || space == SB_SPACE_AVERAGE;
        if (space == SB_SPACE_SCALING && trainer->config.precision != SB_PRECISION_FP16) continue;
        const size_t bytes = whole                       ? list->total_bytes
                             : space == SB_SPACE_SCALING ? sizeof(struct sb_loss_scaling)
                                                         : list->trainable_bytes;
        if (!sb_memory_create(trainer->device, bytes, names[space], &trainer->spaces[space], error)) return false;
    }
    return sb_learner_compile(&trainer->learner, &trainer->config, trainer->device, trainer->spaces, error) &&
           sb_inference_compile(&trainer->evaluation, &trainer->config.model, trainer->device,
                                trainer->spaces[SB_SPACE_PARAMETER], error);
}

/* What the host has of the state, to the device. */
static bool fill_memory(struct simba_trainer *trainer, struct simba_error *error) {
    const struct sb_checkpoint_spaces *host = &trainer->host;
    const size_t whole = trainer->list.total_bytes, trainable = trainer->list.trainable_bytes;
    return sb_memory_write(trainer->spaces[SB_SPACE_PARAMETER], 0, host->parameters, whole, error) &&
           sb_memory_write(trainer->spaces[SB_SPACE_MOMENT1], 0, host->moment1, trainable, error) &&
           sb_memory_write(trainer->spaces[SB_SPACE_MOMENT2], 0, host->moment2, trainable, error) &&
           (!host->average || sb_memory_write(trainer->spaces[SB_SPACE_AVERAGE], 0, host->average, whole, error)) &&
           (!trainer->spaces[SB_SPACE_SCALING] ||
            sb_memory_write(trainer->spaces[SB_SPACE_SCALING], 0, &trainer->state.scaling,
                            sizeof trainer->state.scaling, error));
}

static int compare_seconds(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

bool simba_trainer_measure(struct simba_trainer *trainer, struct simba_training_speed *speed,
                           struct simba_error *error) {
    enum { STEPS = 5 };
    const struct sb_train_config *config = &trainer->config;
    if (trainer->started || trainer->failed || !trainer->device)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Only a trainer with a device that has not begun can be measured.");
    trainer->failed = true; /* its moments and running statistics will be those of empty images */
    if (!take_memory(trainer, error) || !fill_memory(trainer, error)) return false;
    double seconds[STEPS];
    for (int step = -1; step < STEPS; step++) { /* the first one pays for what is touched for the first time */
        const double begin = sb_now();
        for (int64_t micro_batch = 0; micro_batch < config->accumulation; micro_batch++) {
            const bool last = micro_batch + 1 == config->accumulation;
            const struct sb_step_numbers numbers =
                sb_learner_numbers(config, &trainer->schedule, step + 1, micro_batch);
            memcpy(sb_program_host(trainer->learner.program, 0, trainer->learner.step), &numbers, sizeof numbers);
            unsigned phases = 1u << SB_PHASE_COMPUTE;
            if (config->accumulation > 1) phases |= 1u << SB_PHASE_ACCUMULATE;
            if (last) phases |= 1u << SB_PHASE_UPDATE;
            if (!sb_program_submit(trainer->learner.program, 0, phases, error) ||
                !sb_program_wait(trainer->learner.program, 0, error))
                return false;
        }
        if (step >= 0) seconds[step] = sb_now() - begin;
    }
    double evaluation = 0;
    if (!sb_inference_prepare(&trainer->evaluation, error)) return false;
    for (int batch = 0; batch < 2; batch++) {
        const double begin = sb_now();
        if (!sb_inference_submit(&trainer->evaluation, 0, error) ||
            !sb_program_wait(trainer->evaluation.program, 0, error))
            return false;
        evaluation = sb_now() - begin;
    }
    qsort(seconds, STEPS, sizeof *seconds, compare_seconds);
    if (trainer->host.average) evaluation *= 2; /* the weights and their average */
    *speed =
        (struct simba_training_speed){.step_seconds = seconds[STEPS / 2],
                                      .training_seconds = seconds[STEPS / 2] * (double)trainer->plan.epoch_steps,
                                      .evaluation_seconds = evaluation * ceil((double)trainer->plan.evaluation_samples /
                                                                              (double)config->evaluation_batch)};
    return true;
}

/* Which steps are profiled, of those to come; where the program has the times of its nodes. */
static bool begin_profile(struct simba_trainer *trainer, struct simba_error *error) {
    enum { WARM_UP = 3 };
    const int64_t left = trainer->plan.steps - trainer->state.step;
    const int64_t warm_up = left > WARM_UP ? WARM_UP : left - 1;
    const int64_t steps = left - warm_up < trainer->profile_steps ? left - warm_up : trainer->profile_steps;
    struct simba_profile *profile = &trainer->profile;
    const struct sb_learner *learner = &trainer->learner;
    if (!sb_profile_init(profile, &learner->graph, (int)steps, (int)trainer->config.accumulation, error)) return false;
    profile->first_step = trainer->state.step + warm_up;
    profile->forward_nodes = learner->forward_nodes;
    profile->device = sb_device_describe(trainer->device);
    profile->model = trainer->plan.model;
    return sb_program_times(learner->program, 0, profile->seconds, error) ||
           sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                   "The steps cannot be profiled: %s has no time stamps (or --disable hides them). Train without "
                   "--profile, or on a device that `simba devices` lists with time stamps.",
                   profile->device->name);
}

bool sb_trainer_start(struct simba_trainer *trainer, struct simba_error *error) {
    const struct sb_train_config *config = &trainer->config;
    const struct sb_training_state *state = &trainer->state;
    if (!trainer->device)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "The trainer was made without a device: it can only plan.");
    /* What may fail for the device's sake comes first: then no directory is left that is in the next run's way. */
    trainer->learner.profile = trainer->profile_steps > 0;
    if (!take_memory(trainer, error)) {
        if (error && error->code == SIMBA_ERROR_MEMORY)
            sb_fail_within(error,
                           "The run needs %.1f MiB on the device; lower $.train.batch_size (raise "
                           "$.train.accumulation to keep the product) or $.train.evaluation_batch.",
                           (double)trainer->plan.total_bytes / 0x1p20);
        return false;
    }
    if (!fill_memory(trainer, error) || (trainer->profile_steps > 0 && !begin_profile(trainer, error)) ||
        !sb_make_directories(config->output, error) || !write_configuration(trainer, error) ||
        !sb_results_begin(trainer->results, sb_task(trainer->task)->type, state->epoch, error) ||
        !sb_watch_begin(&trainer->watch, config->output, state->step, error))
        return false;
    trainer->clock.epoch_begin = sb_now();
    trainer->started = sb_task(trainer->task)
                           ->type->begin(trainer->task, state->epoch, state->epoch_step * config->accumulation,
                                         &trainer->watch, error);
    return trainer->started;
}
