#include "parity/parity.h"

#include "api/api.h"

bool simba_parity_run(const struct simba_parity_options *options, struct simba_parity_summary *summary,
                      struct simba_error *error) {
    *summary = (struct simba_parity_summary){0};
    struct sb_parity_report report = {.function = options->report, .user = options->user, .summary = summary};
    if (!options->device) return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Parity needs a device to check.");
    if (options->golden) return sb_parity_golden(options->device->device, options->golden, &report, error);
    if (!options->configuration || !options->reference)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "Parity needs a golden case, or a configuration and a second device.");
    struct sb_model_config config;
    if (!api_read_model(options->configuration, options->overrides, options->override_count, &config, error))
        return false;
    const struct sb_parity_compare_parameters parameters = {.device = options->device->device,
                                                            .reference = options->reference->device,
                                                            .config = &config,
                                                            .name = options->configuration,
                                                            .batch = options->batch,
                                                            .seed = options->seed,
                                                            .training = options->training};
    return sb_parity_compare(&parameters, &report, error);
}
