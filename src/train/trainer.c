/* The steps of a training run. Two micro-batches are in flight at most: while one computes, the next is filled in, and
 * the loss of a step is read when its slot is needed again. */
#include "train/trainer.h"
#include "base/clock.h"

#include "train/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* With fp16: steps in a row left out at the smallest loss scale, after which the run ends. */
enum { MOST_HOPELESS = 10 };

static void report(struct simba_trainer *trainer, enum simba_event event) {
    if (!trainer->progress_function) return;
    trainer->progress.event = event;
    trainer->progress_function(trainer->user, &trainer->progress);
}

static const struct sb_task_type *task_type(const struct simba_trainer *trainer) {
    return sb_task(trainer->task)->type;
}

void sb_trainer_report_best(struct simba_trainer *trainer) {
    const struct sb_training_state *state = &trainer->state;
    const bool shares = task_type(trainer)->shares, known = state->best_epoch > 0;
    trainer->progress.best_top1 = known && shares ? state->best : -1;
    trainer->progress.best_mse = known && !shares ? state->best : -1;
}

/* ---- a step's results */

static void update_speed(struct simba_trainer *trainer) {
    struct simba_progress *progress = &trainer->progress;
    const double now = sb_now(), waited = task_type(trainer)->waited(trainer->task);
    if (!trainer->clock.begin) {
        /* The first step pays for what is compiled and touched for the first time. */
        trainer->clock.begin = now;
        trainer->clock.waited = waited;
        trainer->clock.first_step = trainer->state.step;
        return;
    }
    const double seconds = now - trainer->clock.begin - trainer->clock.paused;
    const double steps = (double)(trainer->state.step - trainer->clock.first_step);
    if (!(seconds > 0)) return;
    progress->samples_per_second =
        steps * (double)(trainer->config.batch_size * trainer->config.accumulation) / seconds;
    progress->waited_share = (waited - trainer->clock.waited) / seconds;
    progress->eta_seconds = (double)(trainer->plan.steps - trainer->state.step) / steps * (now - trainer->clock.begin);
}

/* Counts steps that no smaller scale can help; fp16 only. */
static void take_scaling(struct simba_trainer *trainer, const struct sb_scaled_step *step) {
    const bool hopeless = step->taken == 0 && step->scale <= SB_SMALLEST_LOSS_SCALE;
    trainer->hopeless = hopeless ? trainer->hopeless + 1 : 0;
    trainer->progress.loss_scale = (double)step->scale;
    trainer->progress.skipped_steps = (int64_t)step->skipped;
}

static void finish_step(struct simba_trainer *trainer, const struct trainer_flight *flight, double norm) {
    struct sb_training_state *state = &trainer->state;
    const double loss = trainer->step_loss / (double)trainer->config.accumulation;
    trainer->step_loss = 0;
    state->step++;
    state->epoch_step++;
    if (isfinite(loss))
        state->loss_sum += loss;
    else
        state->no_losses++;
    struct simba_progress *progress = &trainer->progress;
    progress->step = state->step;
    progress->epoch = state->epoch;
    progress->epoch_step = state->epoch_step;
    progress->broken_images = task_type(trainer)->broken(trainer->task);
    progress->loss = loss;
    progress->epoch_loss = state->loss_sum / (double)(state->epoch_step - state->no_losses);
    progress->learning_rate = flight->learning_rate;
    progress->gradient_norm = norm;
    sb_watch_step(&trainer->watch, progress);
    update_speed(trainer);
    report(trainer, SIMBA_EVENT_STEP);
}

/* The optimiser has left the parameters alone since (ops.h, ADAMW), except for a step that was already submitted
 * behind this one and was finite, and for one with accumulation in which an earlier micro-batch's loss was not finite
 * although its gradient was. Compute the batch again and look at every node. */
static bool not_finite(struct simba_trainer *trainer, int slot, double loss, double norm, struct simba_error *error) {
    const int64_t step = trainer->flights[slot].step;
    for (int other = 0; other < SB_SLOTS; other++)
        if (!sb_program_wait(trainer->learner.program, other, error)) return false;
    char node[256];
    if (!sb_learner_find_non_finite(&trainer->learner, slot, node, sizeof node, error)) return false;
    char where[400];
    if (node[0])
        snprintf(where, sizeof where, "The first operation with a result that is not finite is %s.", node);
    else
        snprintf(where, sizeof where, "Computed once more, every result was finite.");
    char again[96] = "";
    if (trainer->hopeless)
        snprintf(again, sizeof again, ", for the %dth time in a row with the smallest loss scale, %d",
                 trainer->hopeless, (int)SB_SMALLEST_LOSS_SCALE);
    return sb_fail(error, SIMBA_ERROR_NUMERIC,
                   "Step %lld: the loss is %g and the gradient's norm %g%s. %s Nothing was saved since the last "
                   "checkpoint. Try a lower $.train.learning_rate, a longer $.train.warmup_epochs%s or "
                   "$.train.clip_norm.",
                   (long long)step + 1, isnan(loss) ? NAN : loss, isnan(norm) ? NAN : norm, again, where,
                   trainer->hopeless ? ", \"bf16\" as $.train.precision" : "");
}

/* Waits for the slot's micro-batch, if one is in flight, and takes in its loss. */
static bool harvest(struct simba_trainer *trainer, int slot, struct simba_error *error) {
    struct trainer_flight *flight = &trainer->flights[slot];
    if (!flight->flying) return true;
    struct sb_learner *learner = &trainer->learner;
    if (!sb_program_wait(learner->program, slot, error)) return false;
    flight->flying = false;
    const double now = sb_now();
    if (flight->profiled < 0 && !trainer->profile.taken) trainer->profile.since = now;
    if (flight->profiled >= 0 &&
        !sb_profile_take(&trainer->profile, flight->profiled, now, learner->program, slot, error))
        return false;
    const double loss = *(const float *)sb_program_host(learner->program, slot, learner->loss);
    const float *last = flight->last ? sb_program_host(learner->program, slot, learner->norm) : NULL;
    const double norm = last ? *last : 0;
    const bool scaled = trainer->config.precision == SB_PRECISION_FP16;
    if (scaled && last) take_scaling(trainer, (const struct sb_scaled_step *)last);
    const bool lost = scaled ? trainer->hopeless >= MOST_HOPELESS : !isfinite(loss) || !isfinite(norm);
    if (lost) return not_finite(trainer, slot, loss, norm, error);
    trainer->step_loss += loss;
    if (flight->last) finish_step(trainer, flight, norm);
    return true;
}

/* Until nothing is in flight; in the order of submission. */
static bool drain(struct simba_trainer *trainer, struct simba_error *error) {
    for (int i = 0; i < SB_SLOTS; i++)
        if (!harvest(trainer, (int)((trainer->submitted + i) % SB_SLOTS), error)) return false;
    return true;
}

/* ---- a step's work */

static bool submit(struct simba_trainer *trainer, int64_t step, int64_t micro_batch, struct simba_error *error) {
    struct sb_learner *learner = &trainer->learner;
    const struct sb_train_config *config = &trainer->config;
    const int slot = (int)(trainer->submitted % SB_SLOTS);
    const bool last = micro_batch + 1 == config->accumulation;
    const struct sb_task_type *type = task_type(trainer);
    /* Batches behind the last full optimiser step of an epoch are left out. */
    const int64_t used = trainer->plan.epoch_steps * config->accumulation;
    struct sb_profile_flight times = {.step = step, .micro_batch = micro_batch, .begun = sb_now()};
    if (!type->next(trainer->task, step / trainer->plan.epoch_steps, used, error)) return false;
    times.loaded = sb_now();
    if (!harvest(trainer, slot, error)) return false;
    times.freed = sb_now();
    const struct sb_step_numbers numbers = sb_learner_numbers(config, &trainer->schedule, step, micro_batch);
    if (!type->fill(trainer->task, learner, slot, step, &numbers, error)) return false;
    times.filled = sb_now();
    unsigned phases = 1u << SB_PHASE_COMPUTE;
    if (config->accumulation > 1) phases |= 1u << SB_PHASE_ACCUMULATE;
    if (last) phases |= 1u << SB_PHASE_UPDATE;
    if (!sb_program_submit(learner->program, slot, phases, error)) return false;
    times.submitted = sb_now();
    trainer->flights[slot] = (struct trainer_flight){.flying = true,
                                                     .last = last,
                                                     .step = step,
                                                     .learning_rate = (double)numbers.learning_rate,
                                                     .profiled = sb_profile_begin(&trainer->profile, &times)};
    trainer->submitted++;
    return true;
}

/* Steps that were submitted: finished ones and those in flight. */
static int64_t submitted_steps(const struct simba_trainer *trainer) {
    int64_t steps = trainer->state.step;
    for (int slot = 0; slot < SB_SLOTS; slot++) steps += trainer->flights[slot].flying && trainer->flights[slot].last;
    return steps;
}

/* ---- what happens between steps, with nothing in flight */

/* The weights, their average and the state of loss scaling, from the device. */
static bool read_weights(struct simba_trainer *trainer, struct simba_error *error) {
    const struct sb_checkpoint_spaces *host = &trainer->host;
    const size_t whole = trainer->list.total_bytes;
    return sb_memory_read(trainer->spaces[SB_SPACE_PARAMETER], 0, host->parameters, whole, error) &&
           (!host->average || sb_memory_read(trainer->spaces[SB_SPACE_AVERAGE], 0, host->average, whole, error)) &&
           (!trainer->spaces[SB_SPACE_SCALING] ||
            sb_memory_read(trainer->spaces[SB_SPACE_SCALING], 0, &trainer->state.scaling, sizeof trainer->state.scaling,
                           error));
}

static bool write(struct simba_trainer *trainer, const char *path, struct sb_checkpoint_spaces spaces,
                  struct simba_error *error) {
    const struct sb_checkpoint_record record = {.state = trainer->state,
                                                .best_figure = task_type(trainer)->figures[0],
                                                .epoch_steps = trainer->plan.epoch_steps,
                                                .configuration = trainer->configuration,
                                                .labels = sb_task(trainer->task)->labels,
                                                .channels = sb_task(trainer->task)->channels,
                                                .data = trainer->plan.data,
                                                .version = SIMBA_VERSION};
    if (!sb_checkpoint_write(path, &trainer->config.model, &trainer->list, spaces, &record, error)) return false;
    trainer->progress.path = path;
    report(trainer, SIMBA_EVENT_CHECKPOINT);
    trainer->progress.path = NULL;
    return true;
}

static bool save(struct simba_trainer *trainer, const char *path, struct simba_error *error) {
    const size_t trainable = trainer->list.trainable_bytes;
    return read_weights(trainer, error) &&
           sb_memory_read(trainer->spaces[SB_SPACE_MOMENT1], 0, trainer->host.moment1, trainable, error) &&
           sb_memory_read(trainer->spaces[SB_SPACE_MOMENT2], 0, trainer->host.moment2, trainable, error) &&
           write(trainer, path, trainer->host, error);
}

/* The best weights are those that were evaluated: the average, when there is one. */
static bool save_best(struct simba_trainer *trainer, struct simba_error *error) {
    if (!trainer->host.average) return save(trainer, trainer->best, error);
    return read_weights(trainer, error) &&
           write(trainer, trainer->best, (struct sb_checkpoint_spaces){.parameters = trainer->host.average}, error);
}

static void evaluating(void *user, int64_t done, int64_t total) {
    struct simba_trainer *trainer = user;
    trainer->progress.samples_evaluated = done;
    trainer->progress.samples_left = total - done;
    report(trainer, SIMBA_EVENT_EVALUATING);
}

static bool evaluate_weights(struct simba_trainer *trainer, struct sb_evaluation *evaluation,
                             struct simba_error *error) {
    return sb_inference_prepare(&trainer->evaluation, error) &&
           task_type(trainer)->evaluate(trainer->task, &trainer->evaluation, evaluating, trainer, evaluation, error);
}

/* The average takes the weights' place on the device meanwhile: that spares a second set of activations. */
static bool evaluate_average(struct simba_trainer *trainer, struct sb_evaluation *evaluation,
                             struct simba_error *error) {
    const struct sb_checkpoint_spaces *host = &trainer->host;
    struct sb_memory *weights = trainer->spaces[SB_SPACE_PARAMETER];
    const size_t whole = trainer->list.total_bytes;
    return read_weights(trainer, error) && sb_memory_write(weights, 0, host->average, whole, error) &&
           evaluate_weights(trainer, evaluation, error) && sb_memory_write(weights, 0, host->parameters, whole, error);
}

/* evaluations: of the weights, and of their average. */
static bool evaluate(struct simba_trainer *trainer, struct sb_evaluation evaluations[2], struct simba_error *error) {
    struct simba_progress *progress = &trainer->progress;
    struct sb_training_state *state = &trainer->state;
    const struct sb_task_type *type = task_type(trainer);
    if (!evaluate_weights(trainer, &evaluations[0], error)) return false;
    progress->averaged = trainer->host.average;
    if (progress->averaged && !evaluate_average(trainer, &evaluations[1], error)) return false;
    progress->evaluated = true;
    progress->evaluation_loss = evaluations[0].loss;
    progress->ema_loss = evaluations[1].loss;
    double *const places[2][2] = {
        {type->shares ? &progress->top1 : &progress->mse, type->shares ? &progress->top5 : &progress->mae},
        {type->shares ? &progress->ema_top1 : &progress->ema_mse,
         type->shares ? &progress->ema_top5 : &progress->ema_mae}};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) *places[i][k] = evaluations[i].figures[k];
    const double *figures = evaluations[progress->averaged ? 1 : 0].figures;
    progress->improved = state->best_epoch == 0 || (type->shares ? figures[0] > state->best : figures[0] < state->best);
    if (progress->improved) {
        state->best = figures[0];
        state->best_epoch = state->epoch + 1;
    }
    sb_trainer_report_best(trainer);
    return true;
}

/* Evaluation, results, checkpoints. The order makes it safe to be killed anywhere: what is redone after a resume from
 * the old `last` gives the same `best` and the same row again. */
static bool finish_epoch(struct simba_trainer *trainer, struct simba_error *error) {
    struct sb_training_state *state = &trainer->state;
    struct simba_progress *progress = &trainer->progress;
    const bool end = state->step >= trainer->plan.steps;
    progress->evaluated = progress->averaged = progress->improved = false;
    struct sb_evaluation evaluations[2] = {0};
    if ((end || (state->epoch + 1) % trainer->config.evaluate_every == 0) && !evaluate(trainer, evaluations, error))
        return false;
    const double now = sb_now();
    const struct sb_result result = {.epoch = state->epoch,
                                     .step = state->step,
                                     .learning_rate = progress->learning_rate,
                                     .loss = progress->epoch_loss,
                                     .evaluated = progress->evaluated,
                                     .evaluation_loss = evaluations[0].loss,
                                     .figures = {evaluations[0].figures[0], evaluations[0].figures[1]},
                                     .averaged = progress->averaged,
                                     .ema_loss = evaluations[1].loss,
                                     .ema_figures = {evaluations[1].figures[0], evaluations[1].figures[1]},
                                     .samples_per_second = progress->samples_per_second,
                                     .waited_share = progress->waited_share,
                                     .seconds = now - trainer->clock.epoch_begin,
                                     .loss_scale = progress->loss_scale,
                                     .skipped_steps = progress->skipped_steps};
    trainer->clock.epoch_begin = now;
    state->epoch++;
    state->epoch_step = 0;
    state->loss_sum = 0;
    state->no_losses = 0;
    if (!sb_results_append(trainer->results, &result, error) ||
        !sb_watch_epoch(&trainer->watch, task_type(trainer), trainer->results, &result, error) ||
        (progress->improved && task_type(trainer)->show_best &&
         !task_type(trainer)->show_best(trainer->task, &trainer->watch, error)) ||
        (progress->improved && !save_best(trainer, error)) || !save(trainer, trainer->last, error))
        return false;
    report(trainer, SIMBA_EVENT_EPOCH);
    return true;
}

/* At the end of an epoch that was evaluated: has the evaluation not been better for too long? */
static bool out_of_patience(const struct simba_trainer *trainer) {
    const struct sb_training_state *state = &trainer->state;
    const struct sb_train_config *config = &trainer->config;
    return config->patience && state->epoch_step == 0 && state->best_epoch > 0 &&
           state->epoch % config->evaluate_every == 0 && state->epoch - state->best_epoch >= config->patience;
}

/* Seconds that are none of the steps'. */
static void pause_clock(struct simba_trainer *trainer, double begin) {
    const double now = sb_now();
    trainer->clock.paused += now - begin;
    if (!trainer->profile.begun)
        trainer->profile.since = now;
    else if (!sb_profile_is_complete(&trainer->profile))
        trainer->profile.paused += now - begin;
}

/* Once all profiled steps are done: hands the profile over, and goes on without time stamps. */
static bool end_profile(struct simba_trainer *trainer, struct simba_error *error) {
    if (!trainer->profile_steps || !sb_profile_is_complete(&trainer->profile)) return true;
    if (!drain(trainer, error)) return false;
    const double begin = sb_now();
    trainer->profile_steps = 0;
    trainer->progress.profile = &trainer->profile;
    report(trainer, SIMBA_EVENT_PROFILE);
    struct sb_learner *learner = &trainer->learner;
    if (trainer->state.step < trainer->plan.steps) {
        sb_program_destroy(learner->program);
        learner->program = NULL;
        learner->profile = false;
        if (!sb_learner_compile(learner, &trainer->config, trainer->device, trainer->spaces, error)) return false;
    }
    pause_clock(trainer, begin);
    return true;
}

static bool step(struct simba_trainer *trainer, bool *finished, struct simba_error *error) {
    /* A run that is resumed may be over, or beyond an end that has since been set earlier: it is left as it is. */
    *finished = !trainer->started && trainer->state.step >= trainer->plan.steps;
    if (*finished) return true;
    if (!trainer->started && !sb_trainer_start(trainer, error)) return false;
    const int64_t next = submitted_steps(trainer);
    *finished = next >= trainer->plan.steps || (next == trainer->state.step && out_of_patience(trainer));
    if (*finished) return true;
    for (int64_t micro_batch = 0; micro_batch < trainer->config.accumulation; micro_batch++)
        if (!submit(trainer, next, micro_batch, error)) return false;
    const bool epoch_ends = (next + 1) % trainer->plan.epoch_steps == 0;
    const bool save_now = trainer->config.checkpoint_every && (next + 1) % trainer->config.checkpoint_every == 0;
    if (!epoch_ends && !save_now) return end_profile(trainer, error);
    if (!drain(trainer, error)) return false;
    const double begin = sb_now();
    if (!(epoch_ends ? finish_epoch(trainer, error) : save(trainer, trainer->last, error))) return false;
    pause_clock(trainer, begin);
    *finished = trainer->state.step >= trainer->plan.steps || out_of_patience(trainer);
    if (*finished && trainer->state.step < trainer->plan.steps)
        sb_log(&trainer->log, SIMBA_LOG_WARNING,
               "stopping after epoch %lld of %lld: no better evaluation for %lld epochs (train.patience)",
               (long long)trainer->state.epoch, (long long)trainer->plan.epochs, (long long)trainer->config.patience);
    return end_profile(trainer, error);
}

bool simba_trainer_step(struct simba_trainer *trainer, bool *finished, struct simba_error *error) {
    if (trainer->failed)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "The trainer has failed before; destroy it and resume.");
    if (step(trainer, finished, error)) return true;
    trainer->failed = true;
    return false;
}

bool simba_trainer_save(struct simba_trainer *trainer, const char *path, struct simba_error *error) {
    if (trainer->failed || !trainer->started)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "There is nothing to save: the trainer has %s.",
                       trainer->failed ? "failed" : "made no step yet");
    if (drain(trainer, error) && save(trainer, path ? path : trainer->last, error)) return true;
    trainer->failed = true;
    return false;
}

bool simba_trainer_run(struct simba_trainer *trainer, struct simba_error *error) {
    bool finished = false;
    while (!finished) {
        if (!simba_trainer_step(trainer, &finished, error)) return false;
        if (!atomic_load(&trainer->stop) || finished) continue;
        if (!simba_trainer_save(trainer, NULL, error)) return false;
        return sb_fail(error, SIMBA_ERROR_INTERRUPTED,
                       "Stopped on request after step %lld of %lld; %s is written. Go on with --resume.",
                       (long long)trainer->state.step, (long long)trainer->plan.steps, trainer->last);
    }
    return true;
}

void simba_trainer_stop(struct simba_trainer *trainer) {
    atomic_store(&trainer->stop, 1);
}
