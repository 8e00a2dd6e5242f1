#include "parity/parity.h"

#include "api/api.h"
#include "train/config.h"

bool simba_parity_run(const struct simba_parity_options *options, struct simba_parity_summary *summary,
                      struct simba_error *error) {
    *summary = (struct simba_parity_summary){0};
    struct sb_parity_report report = {.function = options->report, .user = options->user, .summary = summary};
    if (!options->device) return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Parity needs a device to check.");
    if (options->golden) return sb_parity_golden(options->device->device, options->golden, &report, error);
    if ((!options->configuration && !options->builtin) || !options->reference)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "Parity needs a golden case, or a configuration or a built-in model and a second device.");
    struct sb_model_config config;
    struct sb_parity_compare_parameters parameters = {.device = options->device->device,
                                                      .reference = options->reference->device,
                                                      .config = &config,
                                                      .name = options->configuration,
                                                      .batch = options->batch,
                                                      .seed = options->seed,
                                                      .training = options->training,
                                                      .steps = options->steps,
                                                      .stop_after_failure = options->stop_after_failure,
                                                      .progress = options->progress,
                                                      .progress_user = options->user};
    if (!options->configuration) {
        if (!sb_parity_builtin(options->builtin, &config, &parameters, error)) return false;
        return sb_parity_compare(&parameters, &report, error);
    }
    struct sb_json_document *document =
        api_read_configuration(options->configuration, options->overrides, options->override_count, error);
    const bool fine = document && api_model_of(document, &config, error) &&
                      sb_train_config_precision(sb_json_root(document), &parameters.precision, error);
    sb_json_destroy(document);
    return fine && sb_parity_compare(&parameters, &report, error);
}
