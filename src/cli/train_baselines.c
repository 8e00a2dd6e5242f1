/* `simba train --baselines`: what forecasts without the model are worth, the linear model trained like it included. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* DLinear with its authors' settings for ETTh1 (Zeng et al., 2023), whatever the series: Adam, the rate halved after
 * each epoch but the first. */
static const char recipe[] =
    "train={\"epochs\": 10, \"patience\": 3, \"batch_size\": 32, \"evaluation_batch\": 32, \"learning_rate\": 0.005, "
    "\"minimum_learning_rate\": 0, \"schedule\": \"exponential\", \"decay_factor\": 0.5, \"hold_epochs\": 1, "
    "\"weight_decay\": 0, \"loss\": \"mse\"}";

static bool train_linear(struct simba_trainer_options options, const struct simba_model_info *info, int64_t seed,
                         const char *directory, struct simba_error *error) {
    char model[128], same_seed[64];
    struct stat status;
    snprintf(model, sizeof model, "model={\"architecture\": \"dlinear\", \"look_back\": %d, \"horizon\": %d}",
             info->look_back, info->horizon);
    snprintf(same_seed, sizeof same_seed, "train.seed=%lld", (long long)seed);
    const char **overrides = malloc(((size_t)options.override_count + 3) * sizeof *overrides);
    if (!overrides) {
        *error = (struct simba_error){SIMBA_ERROR_MEMORY, "No memory left."};
        return false;
    }
    for (int i = 0; i < options.override_count; i++) overrides[i] = options.overrides[i];
    overrides[options.override_count++] = model;
    overrides[options.override_count++] = recipe;
    overrides[options.override_count++] = same_seed;
    options.overrides = overrides;
    options.output = directory;
    options.resume = stat(directory, &status) == 0;
    struct simba_trainer *trainer = simba_trainer_create(&options, error);
    struct simba_training_plan plan = {0};
    if (trainer) simba_trainer_plan(trainer, &plan);
    const bool fine = trainer && (plan.first_step >= plan.steps || cli_run_trainer(trainer, error));
    simba_trainer_destroy(trainer);
    free(overrides);
    return fine;
}

int cli_train_baselines(const struct simba_trainer_options *options, const struct simba_training_plan *plan) {
    const char *output = plan->output;
    char best[4200], linear[4200], kept[4200];
    struct simba_error error;
    struct simba_model_info info;
    struct simba_trainer_options training = *options;
    snprintf(best, sizeof best, "%s/best.safetensors", output);
    snprintf(linear, sizeof linear, "%s/dlinear", output);
    snprintf(kept, sizeof kept, "%s/configuration.json", output);
    /* What the run used, whether it was named or was resumed without. */
    if (!training.configuration) training.configuration = kept;
    struct simba_model *model = simba_model_create(NULL, &(struct simba_model_options){.weights = best}, &error);
    if (!model) return cli_failed(&error);
    simba_model_inspect(model, &info);
    simba_model_destroy(model);
    printf("training DLinear to compare with: %s\n", linear);
    if (!train_linear(training, &info, plan->seed, linear, &error)) return cli_failed(&error);
    model = cli_open_to_evaluate(options->device, best, NULL, info.evaluation_batch, &error);
    if (!model) return cli_failed(&error);
    const struct simba_forecast_evaluate_options evaluation = {.baselines = true};
    const int code = cli_evaluate_series(model, &evaluation, options->device, false);
    simba_model_destroy(model);
    return code;
}
