/* Compiles every pipeline of the shipped configurations and writes what the driver's compiler says of each, as JSON
 * lines. Nothing is executed: it is meant for drivers without a device (tools/amd.py), and works on any.
 *
 *   pipelines --disable MASK CONFIG.json...
 *
 * The first line names device and driver and tells whether this build has kernels with cooperative matrices, the others
 * are those of statistics_write.
 *
 * For each configuration: a training step, evaluation at the configured batch and inference of one image or window,
 * training in fp32, bf16 and fp16. A kernel's constants follow from shapes and options, so batches are the real ones.
 */
#include "null_device.h"
#include "statistics.h"

#include "backend/vulkan/lower.h"
#include "ops/ops.h"
#include "train/inference.h"
#include "train/learner.h"

#include <stdlib.h>
#include <string.h>

#ifdef VK_WITHOUT_COOPERATIVE_MATRIX
#define COOPERATIVE "false"
#else
#define COOPERATIVE "true"
#endif

struct subject {
    struct sb_device *device;
    struct sb_train_config config;
    struct sb_parameter_list list;
    struct sb_memory *spaces[SB_SPACE_COUNT];
};

static bool make_spaces(struct subject *subject, struct simba_error *error) {
    const size_t whole = subject->list.total_bytes, trainable = subject->list.trainable_bytes;
    const size_t bytes[SB_SPACE_COUNT] = {[SB_SPACE_PARAMETER] = whole,
                                          [SB_SPACE_AVERAGE] = whole,
                                          [SB_SPACE_GRADIENT] = trainable,
                                          [SB_SPACE_MOMENT1] = trainable,
                                          [SB_SPACE_MOMENT2] = trainable,
                                          [SB_SPACE_ACCUMULATOR] = trainable,
                                          [SB_SPACE_SCALING] = sizeof(struct sb_loss_scaling)};
    for (int space = 0; space < SB_SPACE_COUNT; space++)
        if (bytes[space] && !sb_memory_create(subject->device, bytes[space], "space", &subject->spaces[space], error))
            return false;
    return true;
}

static bool compile_training(struct subject *subject, int precision, struct simba_error *error) {
    struct sb_learner learner;
    subject->config.precision = precision;
    const bool done = sb_learner_plan(&learner, &subject->config, &subject->list, error) &&
                      sb_learner_compile(&learner, &subject->config, subject->device, subject->spaces, error);
    sb_learner_finish(&learner);
    return done;
}

static bool compile_inference(struct subject *subject, int64_t batch, bool tokens, struct simba_error *error) {
    struct sb_inference inference;
    const bool done = (tokens ? sb_inference_plan_tokens : sb_inference_plan)(&inference, &subject->config.model,
                                                                              &subject->list, batch, error) &&
                      sb_inference_compile(&inference, &subject->config.model, subject->device,
                                           subject->spaces[SB_SPACE_PARAMETER], error);
    sb_inference_finish(&inference);
    return done;
}

static bool compile(struct sb_device *device, const char *path, struct simba_error *error) {
    struct subject subject = {.device = device};
    struct sb_json_document *document = sb_json_read_file(path, error);
    bool done = document && sb_train_config_read(sb_json_root(document), &subject.config, error);
    sb_json_destroy(document);
    struct sb_model_config *model = &subject.config.model;
    if (done && !model->channels) model->channels = 7; /* those of the data; ETT has seven */
    done = done && sb_model_parameters(model, &subject.list, error) && make_spaces(&subject, error) &&
           compile_inference(&subject, 1, false, error) &&
           compile_inference(&subject, subject.config.evaluation_batch, model->token_labels, error);
    for (int precision = SB_PRECISION_FP32; done && precision <= SB_PRECISION_FP16; precision++)
        done = compile_training(&subject, precision, error);
    for (int space = 0; space < SB_SPACE_COUNT; space++) sb_memory_destroy(subject.spaces[space]);
    sb_parameter_list_finish(&subject.list);
    sb_train_config_finish(&subject.config);
    return done || sb_fail_within(error, "%s: ", path);
}

int main(int argc, char **argv) {
    const bool masked = argc > 2 && !strcmp(argv[1], "--disable");
    const char *mask = masked ? argv[2] : "";
    struct sb_device_description *list = NULL;
    struct sb_device *device = NULL;
    struct simba_error error = {0};
    int count = 0;
    char note[256] = "";
    if (argc < (masked ? 4 : 2) || !strncmp(argv[masked ? 3 : 1], "--", 2)) {
        fputs("usage: pipelines [--disable MASK] CONFIG.json...\n", stderr);
        return 2;
    }
    bool done = sb_device_list(&list, &count, note, &error);
    /* The reference comes last. */
    if (done && list[0].kind == SB_DEVICE_REFERENCE)
        done = sb_fail(&error, SIMBA_ERROR_DEVICE, "No Vulkan device: %s.", note);
    free(list);
    if (done) statistics_begin();
    done = done && null_device_open(&(struct sb_device_parameters){.choice = "0", .disable = mask, .no_cache = true},
                                    &device, &error);
    if (done)
        printf("{\"device\": \"%s\", \"driver\": \"%s\", \"cooperative\": " COOPERATIVE "}\n",
               sb_device_describe(device)->name, sb_device_describe(device)->driver);
    for (int i = masked ? 3 : 1; done && i < argc; i++) done = compile(device, argv[i], &error);
    if (done && !statistics_write(device, stdout))
        done = sb_fail(&error, SIMBA_ERROR_UNSUPPORTED, "%s (%s) does not tell about all of its pipelines.",
                       sb_device_describe(device)->name, sb_device_describe(device)->driver);
    sb_device_close(device);
    if (!done) fprintf(stderr, "%s\n", error.message);
    return done ? 0 : 1;
}
