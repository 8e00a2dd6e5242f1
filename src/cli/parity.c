#include "cli.h"

#include <stdlib.h>

struct report {
    bool json, all;
    int printed;
};

static void show(void *user, const struct simba_parity_result *result) {
    struct report *report = user;
    if (report->json) {
        printf("%s\n  {\"case\": ", report->printed++ ? "," : "");
        cli_json_string(stdout, result->case_name);
        fputs(", \"tensor\": ", stdout);
        cli_json_string(stdout, result->tensor);
        fputs(", \"relative_error\": ", stdout);
        cli_json_number(stdout, result->relative_error);
        fputs(", \"largest_error\": ", stdout);
        cli_json_number(stdout, result->largest_error);
        printf(", \"tolerance\": %g, \"reason\": ", result->tolerance);
        cli_json_string(stdout, result->reason);
        printf(", \"passed\": %s}", result->passed ? "true" : "false");
    } else if (report->all || !result->passed) {
        printf("  %-4s %-48s relative %.2e (at most %.0e), largest %.2e%s%s\n", result->passed ? "ok" : "FAIL",
               result->tensor, result->relative_error, result->tolerance, result->largest_error,
               result->reason ? "; " : "", result->reason ? result->reason : "");
    }
}

/* One case or configuration; adds to the failures. False: it could not be compared at all. */
static bool compare(struct simba_parity_options options, const char *name, struct report *report, int *failures) {
    struct simba_parity_summary summary = {0};
    struct simba_error error;
    options.report = show;
    options.user = report;
    if (!simba_parity_run(&options, &summary, &error)) {
        cli_failed(&error);
        return false;
    }
    *failures += summary.failed;
    if (!report->json)
        printf("%s %s: %d tensors, %d over their tolerance, worst %.2g of it at %s\n", summary.failed ? "FAIL" : "ok  ",
               name, summary.tensors, summary.failed, summary.worst, summary.worst_tensor);
    return true;
}

static int run(const struct cli_command *command, int count, char **words) {
    struct cli_device device_options = {0};
    const char *reference_choice = "cpu";
    struct cli_list operands = {0}, cases = {0}, overrides = {0};
    int batch = 0;
    uint64_t seed = 1;
    bool inference = false;
    struct report report = {0};
    const struct cli_option options[] = {
        {.name = "case",
         .argument = "FILE...",
         .help = "golden case files, checked against their own numbers",
         .list = &cases},
        {.name = "against", .argument = "D", .help = "the device to compare with (cpu)", .text = &reference_choice},
        {.name = "set", .argument = "KEY=VALUE", .help = "change the configuration", .list = &overrides},
        {.name = "batch",
         .argument = "N",
         .help = "images or windows of the comparison (2)",
         .integer = &batch,
         .minimum = 1},
        {.name = "seed", .argument = "N", .help = "of weights and images or windows (1)", .number = &seed},
        {.name = "inference", .help = "compare the forward pass of inference only", .flag = &inference},
        {.name = "all", .help = "print every tensor, not only those over their tolerance", .flag = &report.all},
        {.name = "json", .help = "machine-readable output", .flag = &report.json},
        CLI_DEVICE_OPTIONS(device_options),
        {0}};
    struct simba_device *device = NULL, *reference = NULL;
    struct simba_error error;
    int failures = 0, code = CLI_DONE;
    if (!cli_options_read(command, options, count, words, &operands, &code)) goto done;
    bool golden = cases.count > 0;
    if (!golden && operands.count != 1) {
        code = cli_usage_error(command, "expected --case FILE... or one configuration");
        goto done;
    }
    device = cli_device_open(&device_options, &error);
    if (device && !golden) {
        struct cli_device other = device_options;
        other.choice = reference_choice;
        reference = cli_device_open(&other, &error);
    }
    if (!device || (!golden && !reference)) {
        code = cli_failed(&error);
        goto done;
    }
    if (report.json) {
        fputs("{\"device\": ", stdout);
        cli_json_string(stdout, simba_device_describe(device)->name);
        fputs(", \"results\": [", stdout);
    }
    if (golden) {
        /* Words after the first file belong to --case, too. */
        for (int i = 0; i < cases.count + operands.count; i++) {
            const char *path = i < cases.count ? cases.items[i] : operands.items[i - cases.count];
            if (!compare((struct simba_parity_options){.device = device, .golden = path}, path, &report, &failures))
                code = CLI_FAILED;
        }
    } else if (!compare((struct simba_parity_options){.device = device,
                                                      .reference = reference,
                                                      .configuration = operands.items[0],
                                                      .overrides = overrides.items,
                                                      .override_count = overrides.count,
                                                      .batch = batch,
                                                      .seed = seed,
                                                      .training = !inference},
                        operands.items[0], &report, &failures)) {
        code = CLI_FAILED;
    }
    if (failures) code = CLI_FAILED;
    if (report.json) printf("],\n \"passed\": %s}\n", code == CLI_DONE ? "true" : "false");
done:
    simba_device_close(reference);
    simba_device_close(device);
    free(operands.items);
    free(cases.items);
    free(overrides.items);
    return code;
}

const struct cli_command cli_parity = {
    .name = "parity",
    .operands = "CONFIG.json | --case FILE...",
    .summary = "check a device against the C reference or golden numbers",
    .details = "With a configuration the same graph runs on two devices and every node is compared.\n",
    .run = run};
