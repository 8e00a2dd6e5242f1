/* The node-by-node comparison: small models, every head and mixer, inference, and training in every precision, on the
 * Vulkan device that the environment wishes for against the reference. With "cpu" as argument the reference is compared
 * with itself, and must agree to the last bit. */
#include "device.h"
#include "parity/parity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void print_failure(void *user, const struct simba_parity_result *result) {
    (void)user;
    if (result->passed) return;
    printf("FAIL %s: %s: relative error %.3g (at most %.3g), largest error %.3g\n", result->case_name, result->tensor,
           result->relative_error, result->tolerance, result->largest_error);
}

/* ---- the built-in models */

static bool seen[SB_OP_COUNT];

/* The command's, with which everybody runs them. */
enum { DEFAULT_SEED = 1 };

/* Zeros are filled in; and A has no part in the state of the only token of the class block, which begins at 0. */
static bool is_zero_rightly(const struct simba_parity_result *result) {
    return !strcmp(result->operation, "fill") || !strncmp(result->tensor, "grad/post_network.0.attn.mamba.A", 32);
}

/* Where the reference gives zeros alone, a fault of the device may hide. */
static void note_operation(void *user, const struct simba_parity_result *result) {
    print_failure(user, result);
    if (result->mode == SIMBA_PARITY_ISOLATED && result->all_zero && !is_zero_rightly(result)) {
        printf("FAIL %s: %s (%s) is compared on zeros\n", result->case_name, result->tensor, result->operation);
        failures++;
    }
    for (int op = 0; op < SB_OP_COUNT && result->operation; op++)
        seen[op] = seen[op] || !strcmp(result->operation, sb_op_info((enum sb_op)op)->name);
}

/* They are what a user trusts, so they have to have every operation that computes something, but for those that no
 * model's graph has: activations are fused, gradients are written where they belong, and the largest token is taken in
 * inference alone. The kernel checks have these. */
static bool is_in_no_model(int op) {
    return op == SB_OP_RESHAPE || op == SB_OP_SPLIT || op == SB_OP_ACTIVATION || op == SB_OP_COPY ||
           op == SB_OP_TOKEN_MAX_GRADIENT;
}

static void compare_builtins(struct sb_device *device, struct sb_device *reference) {
    const char *name;
    for (int i = 0; (name = simba_parity_builtin(i)); i++) {
        struct simba_error error;
        struct sb_model_config config;
        struct simba_parity_summary summary = {0};
        struct sb_parity_report report = {note_operation, NULL, &summary};
        struct sb_parity_compare_parameters parameters = {
            .device = device, .reference = reference, .seed = DEFAULT_SEED, .training = true, .steps = 3};
        const bool done =
            sb_parity_builtin(name, &config, &parameters, &error) && sb_parity_compare(&parameters, &report, &error);
        if (!done) printf("%s: %s\n", name, error.message);
        printf("%s: %d tensors, %d over tolerance, worst %.3f of it (%s)\n", name, summary.tensors, summary.failed,
               summary.worst, summary.worst_tensor);
        if (!done || summary.failed || summary.not_compared) failures++;
    }
    for (int op = 0; op < SB_OP_COUNT; op++) {
        if (seen[op] || is_in_no_model(op)) continue;
        printf("FAIL no built-in model has %s\n", sb_op_info((enum sb_op)op)->name);
        failures++;
    }
}

/* ---- others */

static bool compare(struct sb_device *device, struct sb_device *reference, const char *text, bool training,
                    enum sb_precision precision) {
    static const char *const names[] = {"training in fp32", "training in bf16", "training in fp16"};
    struct simba_error error;
    struct sb_json_document *document = sb_json_read_text("test", text, &error);
    struct sb_model_config config;
    struct simba_parity_summary summary = {0};
    struct sb_parity_report report = {print_failure, NULL, &summary};
    struct sb_parity_compare_parameters parameters = {.device = device,
                                                      .reference = reference,
                                                      .config = &config,
                                                      .name = training ? names[precision] : "inference",
                                                      .batch = 3,
                                                      .seed = 20,
                                                      .training = training,
                                                      .precision = precision,
                                                      .steps = 2};
    bool done = document && sb_model_config_read(sb_json_root(document), &config, &error) &&
                sb_parity_compare(&parameters, &report, &error);
    sb_json_destroy(document);
    if (!done) printf("%s\n", error.message);
    printf("%s %s: %d tensors, %d over tolerance, worst %.3f of it (%s)\n", text, parameters.name, summary.tensors,
           summary.failed, summary.worst, summary.worst_tensor);
    if (!done || summary.failed || summary.not_compared || !summary.tensors) failures++;
    return done && summary.worst == 0;
}

int main(int count, char **arguments) {
    struct simba_error error;
    const bool same = count == 2 && strcmp(arguments[1], "cpu") == 0;
    struct sb_device_parameters parameters = wished_device();
    if (same) parameters.choice = "cpu";
    struct sb_device *device = open_device(&parameters), *reference;
    if (!sb_device_open(&(struct sb_device_parameters){.choice = "cpu"}, &reference, &error)) {
        printf("%s\n", error.message);
        sb_device_close(device);
        return 1;
    }
    printf("%s\n", sb_device_describe(device)->name);
    static const char *const models[] = {
        "{\"size\": \"custom\", \"stem\": 6, \"dims\": [12, 20], \"depths\": [1, 2], \"mlp_ratios\": [2, 3], "
        "\"image_size\": [28, 36], \"channels\": 1, \"classes\": 7, \"drop_path\": 0.3}",
        "{\"size\": \"custom\", \"stem\": 5, \"dims\": [8, 12], \"depths\": [1, 1], \"mixer\": \"einfft\", "
        "\"image_size\": 32, \"classes\": 11, \"token_labels\": true, \"d_state\": 16}",
        "{\"architecture\": \"series\", \"channels\": 3, \"look_back\": 50, \"horizon\": 9, \"patch\": 7, "
        "\"stride\": 4, \"dim\": 20, \"depth\": 3, \"dropout\": 0.2, \"head_dropout\": 0.3, \"drop_path\": 0.4}",
        "{\"architecture\": \"series\", \"channels\": 5, \"look_back\": 40, \"horizon\": 6, \"mix_channels\": true, "
        "\"bidirectional\": true, \"mixer\": \"mlp\", \"head\": \"mean\", \"final_norm\": false, \"dim\": 18, "
        "\"drop_path\": 0.3}",
        "{\"architecture\": \"dlinear\", \"channels\": 4, \"look_back\": 33, \"horizon\": 12, \"kernel\": 7, "
        "\"normalise\": \"mean\"}"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        bool equal = compare(device, reference, models[i], false, SB_PRECISION_FP32);
        for (int precision = SB_PRECISION_FP32; precision <= SB_PRECISION_FP16; precision++)
            equal = compare(device, reference, models[i], true, (enum sb_precision)precision) && equal;
        if (same && !equal) failures++;
    }
    compare_builtins(device, reference);
    sb_device_close(reference);
    return close_device(device) + failures ? 1 : 0;
}
