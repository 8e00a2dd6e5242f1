/* Times a whole model on a device: one JSON line with the same keys as a peer's, and on request the time by operation.
 *
 *   model --size s --mixer mlp --mode eval|train --batch 1 --image 224 --runs 7 --device NAME --profile
 *   model --config CONFIG.json --mode train: a configuration's model and batch size
 *
 * Weights are fresh and the images random: time does not depend on the values. The first run (pipelines, page faults)
 * is not counted. A training step is forward, cross-entropy, backward and AdamW. */
#include "backend/backend.h"
#include "base/random.h"
#include "ops/ops.h"
#include "train/inference.h"
#include "train/learner.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct options {
    const char *size, *mixer, *mode, *precision, *device, *configuration;
    int batch, image, runs;
    bool profile;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool parse(int argc, char **argv, struct options *options) {
    static const struct option names[] = {{"size", 1, 0, 's'},
                                          {"mixer", 1, 0, 'm'},
                                          {"mode", 1, 0, 'o'},
                                          {"batch", 1, 0, 'b'},
                                          {"image", 1, 0, 'i'},
                                          {"runs", 1, 0, 'r'},
                                          {"device", 1, 0, 'd'},
                                          {"profile", 0, 0, 'p'},
                                          {"config", 1, 0, 'c'},
                                          {"precision", 1, 0, 'n'},
                                          {0}};
    *options = (struct options){
        .size = "s", .mixer = "mlp", .mode = "eval", .precision = "fp32", .batch = 1, .image = 224, .runs = 7};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) switch (c) {
        case 's':
            options->size = optarg;
            break;
        case 'm':
            options->mixer = optarg;
            break;
        case 'o':
            options->mode = optarg;
            break;
        case 'b':
            options->batch = atoi(optarg);
            break;
        case 'i':
            options->image = atoi(optarg);
            break;
        case 'r':
            options->runs = atoi(optarg);
            break;
        case 'n':
            options->precision = optarg;
            break;
        case 'd':
            options->device = optarg;
            break;
        case 'p':
            options->profile = true;
            break;
        case 'c':
            options->configuration = optarg;
            break;
        default:
            return false;
        }
    return optind == argc && options->batch > 0 && options->runs > 0 && options->runs <= 1000;
}

/* The configuration goes through the same reader as a user's file. */
static bool configure(const struct options *options, struct sb_train_config *config, struct simba_error *error) {
    char text[512];
    snprintf(
        text, sizeof text,
        "{\"model\": {\"size\": \"%s\", \"mixer\": \"%s\", \"image_size\": %d}, \"data\": {\"path\": \".\"}, "
        "\"train\": {\"batch_size\": %d, \"weight_decay\": 0.05, \"label_smoothing\": 0.1, \"precision\": \"%s\"}}",
        options->size, options->mixer, options->image, options->batch, options->precision);
    struct sb_json_document *document = options->configuration ? sb_json_read_file(options->configuration, error)
                                                               : sb_json_read_text("options", text, error);
    const bool read = document && sb_train_config_read(sb_json_root(document), config, error);
    sb_json_destroy(document);
    return read;
}

/* One table row per operation: where the time goes. */
static bool report_profile(struct sb_program *program, const struct sb_graph *graph, struct simba_error *error) {
    double *seconds = calloc((size_t)graph->node_count, sizeof *seconds);
    struct row {
        double seconds;
        struct sb_cost cost;
        int count;
    } rows[SB_OP_COUNT] = {0};
    double total = 0;
    if (!seconds || !sb_program_times(program, 0, seconds, error)) {
        free(seconds);
        return false;
    }
    for (int i = 0; i < graph->node_count; i++) {
        const struct sb_node *node = graph->nodes[i];
        if (node->op == SB_OP_RESHAPE || node->op == SB_OP_SPLIT || node->phase == SB_PHASE_PREPARE) continue;
        struct sb_cost cost = {0};
        sb_op_info(node->op)->cost(node, &cost);
        struct row *row = &rows[node->op];
        row->seconds += seconds[i];
        row->cost.flops += cost.flops;
        row->cost.special += cost.special;
        row->cost.bytes += cost.bytes;
        row->count++;
        total += seconds[i];
    }
    free(seconds);
    fprintf(stderr, "%-32s %5s %9s %6s %9s %9s\n", "operation", "nodes", "ms", "%", "GFLOP/s", "GB/s");
    for (;;) {
        int largest = -1;
        for (int op = 0; op < SB_OP_COUNT; op++)
            if (rows[op].count && (largest < 0 || rows[op].seconds > rows[largest].seconds)) largest = op;
        if (largest < 0) break;
        struct row *row = &rows[largest];
        fprintf(stderr, "%-32s %5d %9.2f %6.1f %9.2f %9.2f\n", sb_op_info((enum sb_op)largest)->name, row->count,
                1e3 * row->seconds, 100 * row->seconds / total, 1e-9 * row->cost.flops / row->seconds,
                1e-9 * row->cost.bytes / row->seconds);
        row->count = 0;
    }
    fprintf(stderr, "%-32s %5s %9.2f\n", "all", "", 1e3 * total);
    return true;
}

/* One counted run; the slot's inputs are filled already. */
static bool run(struct sb_program *program, unsigned phases, double *seconds, struct simba_error *error) {
    const double begin = now();
    if (!sb_program_submit(program, 0, phases, error) || !sb_program_wait(program, 0, error)) return false;
    *seconds = now() - begin;
    return true;
}

static void fill_images(uint8_t *images, size_t count) {
    struct sb_random random = sb_random_start(1, SB_STREAM_TEST, 0);
    for (size_t i = 0; i < count; i++) images[i] = (uint8_t)sb_random_bits(&random);
}

struct subject { /* what is timed */
    struct sb_train_config config;
    struct sb_parameter_list list;
    struct sb_memory *spaces[SB_SPACE_COUNT];
    struct sb_learner learner;
    struct sb_inference inference;
    struct sb_device *device;
};

static bool make_spaces(struct subject *subject, bool train, struct simba_error *error) {
    float *image = calloc(1, subject->list.total_bytes);
    bool made = image && sb_model_initialise(&subject->config.model, &subject->list, 1, image, error) &&
                sb_memory_create(subject->device, subject->list.total_bytes, "parameters",
                                 &subject->spaces[SB_SPACE_PARAMETER], error) &&
                sb_memory_write(subject->spaces[SB_SPACE_PARAMETER], 0, image, subject->list.total_bytes, error);
    const enum sb_space shared[] = {SB_SPACE_GRADIENT, SB_SPACE_MOMENT1, SB_SPACE_MOMENT2};
    for (int i = 0; made && train && i < 3; i++)
        made = sb_memory_create(subject->device, subject->list.trainable_bytes, "optimiser",
                                &subject->spaces[shared[i]], error);
    if (train && subject->config.precision == SB_PRECISION_FP16) {
        const struct sb_loss_scaling scaling = {.scale = (float)subject->config.loss_scale};
        struct sb_memory **memory = &subject->spaces[SB_SPACE_SCALING];
        made = made && sb_memory_create(subject->device, sizeof scaling, "loss scaling", memory, error) &&
               sb_memory_write(*memory, 0, &scaling, sizeof scaling, error);
    }
    free(image);
    return made;
}

static bool measure(const struct options *options, struct subject *subject, double *times, struct simba_error *error) {
    const bool train = strcmp(options->mode, "train") == 0;
    struct sb_device_parameters device = {.choice = options->device};
    if (!configure(options, &subject->config, error) ||
        !sb_model_parameters(&subject->config.model, &subject->list, error) ||
        !sb_device_open(&device, &subject->device, error) || !make_spaces(subject, train, error))
        return false;
    struct sb_graph *graph = train ? &subject->learner.graph : &subject->inference.graph;
    struct sb_program **program = train ? &subject->learner.program : &subject->inference.program;
    struct sb_program_parameters parameters = {.graph = graph, .profile = options->profile, .name = options->mode};
    memcpy(parameters.spaces, subject->spaces, sizeof parameters.spaces);
    if (train) {
        if (!sb_learner_plan(&subject->learner, &subject->config, &subject->list, error)) return false;
        parameters.plan = &subject->learner.plan;
    } else {
        if (!sb_inference_plan(&subject->inference, &subject->config.model, &subject->list, options->batch, error))
            return false;
        parameters.plan = &subject->inference.plan;
    }
    if (!sb_program_create(subject->device, &parameters, program, error)) return false;
    const struct sb_model_graph *model = train ? &subject->learner.model : &subject->inference.model;
    sb_write_image_constants(*program, model->constants, &subject->config.model);
    fill_images(sb_program_host(*program, 0, model->image), (size_t)sb_elements(model->image));
    unsigned phases = 1u << SB_PHASE_COMPUTE;
    if (train) {
        struct sb_schedule schedule = {.kind = SB_SCHEDULE_CONSTANT, .peak = 1e-4, .epoch_steps = 1, .epochs = 1};
        struct sb_step_numbers numbers = sb_learner_numbers(&subject->config, &schedule, 0, 0);
        memcpy(sb_program_host(*program, 0, subject->learner.step), &numbers, sizeof numbers);
        phases |= 1u << SB_PHASE_UPDATE;
    } else if (!sb_inference_prepare(&subject->inference, error)) {
        return false;
    }
    double first;
    if (!run(*program, phases, &first, error)) return false;
    for (int i = 0; i < options->runs; i++)
        if (!run(*program, phases, &times[i], error)) return false;
    return !options->profile || report_profile(*program, graph, error);
}

int main(int argc, char **argv) {
    struct options options;
    if (!parse(argc, argv, &options)) {
        fputs("usage: model [--size s|b|l] [--mixer mlp|einfft] [--mode eval|train] [--batch N] [--image N] [--runs N] "
              "[--device D] [--precision fp32|bf16|fp16] [--profile]\n"
              "       model --config CONFIG.json: the model and the batch size of a configuration\n",
              stderr);
        return 2;
    }
    static double times[1000];
    static struct subject subject;
    struct simba_error error;
    const bool measured = measure(&options, &subject, times, &error);
    if (measured) {
        qsort(times, (size_t)options.runs, sizeof *times, ascending);
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        const double median = (times[(options.runs - 1) / 2] + times[options.runs / 2]) / 2;
        const struct sb_device_description *device = sb_device_describe(subject.device);
        const int batch = strcmp(options.mode, "train") == 0 ? (int)subject.config.batch_size : options.batch;
        const struct sb_train_config *config = &subject.config;
        printf("{\"model\": \"simba_%s\", \"mixer\": \"%s\", \"mode\": \"%s\", \"batch\": %d, \"runs\": %d, "
               "\"median_s\": %.4f, \"min_s\": %.4f, \"max_s\": %.4f, \"images_per_s\": %.3f, \"peak_rss_mb\": %ld, "
               "\"device\": \"%s\", \"driver\": \"%s\"}\n",
               config->model.size, config->model.mixer == SB_MIXER_MLP ? "mlp" : "einfft", options.mode, batch,
               options.runs, median, times[0], times[options.runs - 1], batch / median, usage.ru_maxrss / 1024,
               device->name, device->driver);
    } else {
        fprintf(stderr, "%s\n", error.message);
    }
    sb_learner_finish(&subject.learner);
    sb_inference_finish(&subject.inference);
    for (int i = 0; i < SB_SPACE_COUNT; i++) sb_memory_destroy(subject.spaces[i]);
    sb_device_close(subject.device);
    sb_parameter_list_finish(&subject.list);
    sb_train_config_finish(&subject.config);
    return measured ? 0 : 1;
}
