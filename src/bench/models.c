/* The rows of whole models: inference and a training step, as a user's configuration runs them. */
#include "base/clock.h"
#include "bench/measure.h"

#include "base/random.h"
#include "train/inference.h"
#include "train/learner.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_RUNS = 3, MOST_RUNS = 1000, LONGEST_NAME = 300 /* a file name has at most 255 bytes */ };
/* Of logits and forecasts, and of the loss and the gradient's norm: the sum of what hundreds of operations are off by.
 * tests/golden allows 1e-5 and 1e-4 against double precision, and here both sides store float32. */
static const double inference_tolerance = 2e-5, training_tolerance = 1e-4;

/* ---- the catalogue */

enum { BATCH, SIDE, CHANNELS = 1 };
static const struct simba_bench_parameter image_parameters[] = {
    {"batch", "images at once"}, {"side", "height and width of an image"}, {0}};
static const struct simba_bench_parameter series_parameters[] = {
    {"batch", "windows at once"}, {"channels", "of the series"}, {0}};
static const struct simba_bench_parameter file_parameters[] = {{"batch", "images at once"}, {0}};
static const char *const one_image[] = {"batch=1 side=224", NULL}, *const four_images[] = {"batch=4 side=224", NULL};
static const char *const windows[] = {"batch=32 channels=7", NULL};

static const char inference[] = "inference: latency and images/s of a batch, from bytes on the host to logits there";
static const char training[] = "a training step: forward, cross entropy, backward, AdamW, transfers included";
static const char forecasting[] = "inference: a batch of forecasts, from windows on the host to forecasts there";
static const char fitting[] = "a training step: forward, loss, backward, AdamW, transfers included";
static const char formula[] = "src/model";
static const char sum[] = "the sum over its operations, intermediate results included";

#define MODEL(name_, summary_, parameters_, shapes_)  \
    .entry = {.kind = "model",                        \
              .name = name_,                          \
              .summary = summary_,                    \
              .formula = formula,                     \
              .bytes = sum,                           \
              .flops = "the sum over its operations", \
              .parameters = parameters_,              \
              .shapes = shapes_}
#define TRAIN "\"data\": {\"path\": \".\"}, \"train\": {\"weight_decay\": 0.05, \"label_smoothing\": 0.1}}"
#define VISION(size, mixer) "{\"model\": {\"size\": \"" size "\", \"mixer\": \"" mixer "\"}, " TRAIN
#define BOTH(size, mixer)                                                                          \
    {MODEL("model/simba_" size "_" mixer "/inference", inference, image_parameters, one_image),    \
     .configuration = VISION(size, mixer)},                                                        \
    {                                                                                              \
        MODEL("model/simba_" size "_" mixer "/training", training, image_parameters, four_images), \
            .configuration = VISION(size, mixer), .training = true                                 \
    }
/* That of assets/configs/series_etth1.json. */
#define ETTH1                                                                                                 \
    "{\"model\": {\"architecture\": \"series\", \"mixer\": \"einfft\", \"look_back\": 96, \"horizon\": 96, "  \
    "\"normalise\": \"mean\", \"patch\": 24, \"stride\": 24, \"end_padding\": 0, \"dim\": 64, \"depth\": 1, " \
    "\"d_state\": 4, \"dropout\": 0.1, \"initialisation\": \"mamba\"}, \"data\": {\"path\": \".\"}, "         \
    "\"train\": {\"loss\": \"mae\", \"weight_decay\": 0.05}}"

const struct sb_bench_model sb_bench_models[] = {
    BOTH("s", "mlp"),
    BOTH("s", "einfft"),
    BOTH("b", "mlp"),
    BOTH("b", "einfft"),
    BOTH("l", "mlp"),
    BOTH("l", "einfft"),
    {MODEL("model/series_etth1/inference", forecasting, series_parameters, windows), .configuration = ETTH1},
    {MODEL("model/series_etth1/training", fitting, series_parameters, windows), .configuration = ETTH1,
     .training = true},
    {{0}}};

static struct sb_json_document *open_configuration(const char *configuration, struct simba_error *error) {
    return configuration[0] == '{' ? sb_json_read_text("the benchmark's configuration", configuration, error)
                                   : sb_json_read_file(configuration, error);
}

/* "batch=32 channels=7": what the file says, or what is usual. */
static const char *const *shapes_of(const struct sb_train_config *config, bool trains, struct sb_pool *pool,
                                    struct simba_error *error) {
    const char **shapes = sb_pool_allocate(pool, 2 * sizeof *shapes, error);
    if (!shapes) return NULL;
    const int64_t batch = trains ? config->batch_size : config->evaluation_batch;
    const int64_t channels = config->model.channels ? config->model.channels : 7;
    shapes[0] = config->model.architecture == SB_ARCHITECTURE_VISION
                    ? sb_pool_format(pool, error, "batch=%" PRId64, batch)
                    : sb_pool_format(pool, error, "batch=%" PRId64 " channels=%" PRId64, batch, channels);
    return shapes[0] ? shapes : NULL;
}

/* "model/NAME/training" of ".../NAME.json". */
static void name_of_file(const char *path, bool trains, char *name, size_t size) {
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path, *dot = strrchr(file, '.');
    const int length = (int)(dot && dot > file ? dot - file : (long)strlen(file));
    snprintf(name, size, "model/%.*s/%s", length, file, trains ? "training" : "inference");
}

bool sb_bench_model_is_of_file(const char *name, const char *path) {
    char modes[2][LONGEST_NAME];
    for (int i = 0; i < 2; i++) name_of_file(path, i == 1, modes[i], sizeof modes[i]);
    return strcmp(name, modes[0]) == 0 || strcmp(name, modes[1]) == 0;
}

bool sb_bench_model_of_file(const char *path, struct sb_pool *pool, struct sb_bench_model models[2],
                            struct simba_error *error) {
    struct sb_train_config config;
    struct sb_json_document *document = sb_json_read_file(path, error);
    const bool read = document && sb_train_config_read(sb_json_root(document), &config, error);
    sb_json_destroy(document);
    if (!read) return false;
    const bool vision = config.model.architecture == SB_ARCHITECTURE_VISION;
    bool made = true;
    for (int i = 0; made && i < 2; i++) {
        models[i] = (struct sb_bench_model){
            MODEL(NULL, vision ? (i ? training : inference) : (i ? fitting : forecasting),
                  vision ? file_parameters : series_parameters, shapes_of(&config, i == 1, pool, error)),
            .configuration = sb_pool_format(pool, error, "%s", path), .training = i == 1};
        char name[LONGEST_NAME];
        name_of_file(path, i == 1, name, sizeof name);
        models[i].entry.name = sb_pool_format(pool, error, "%s", name);
        made = models[i].entry.shapes && models[i].entry.name && models[i].configuration;
    }
    sb_train_config_finish(&config);
    return made;
}

/* ---- a model on a device */

struct model {
    struct sb_device *device;
    const struct sb_train_config *config;
    struct sb_parameter_list list;
    struct sb_memory *spaces[SB_SPACE_COUNT];
    struct sb_learner learner;
    struct sb_inference inference;
    bool training;
    unsigned phases;
};

static struct sb_graph *graph_of(struct model *model) {
    return model->training ? &model->learner.graph : &model->inference.graph;
}

static struct sb_program *program_of(struct model *model) {
    return model->training ? model->learner.program : model->inference.program;
}

/* What the host reads after a run: logits or forecasts, or the loss. */
static const struct sb_tensor *result_of(const struct model *model) {
    if (model->training) return model->learner.loss;
    return model->inference.model.logits ? model->inference.model.logits : model->inference.forecaster.forecast;
}

static bool plan(struct model *model, int64_t batch, struct simba_error *error) {
    if (!sb_model_parameters(&model->config->model, &model->list, error)) return false;
    return model->training ? sb_learner_plan(&model->learner, model->config, &model->list, error)
                           : sb_inference_plan(&model->inference, &model->config->model, &model->list, batch, error);
}

static bool make_spaces(struct model *model, struct simba_error *error) {
    const struct sb_parameter_list *list = &model->list;
    const struct sb_loss_scaling scaling = {.scale = (float)model->config->loss_scale};
    const bool scales = model->training && model->config->precision == SB_PRECISION_FP16;
    const size_t trainable = model->training ? list->trainable_bytes : 0;
    const struct {
        enum sb_space space;
        size_t bytes;
        const char *name;
    } wanted[] = {{SB_SPACE_PARAMETER, list->total_bytes, "parameters"},
                  {SB_SPACE_GRADIENT, trainable, "gradients"},
                  {SB_SPACE_MOMENT1, trainable, "first moment"},
                  {SB_SPACE_MOMENT2, trainable, "second moment"},
                  {SB_SPACE_ACCUMULATOR, model->config->accumulation > 1 ? trainable : 0, "accumulator"},
                  {SB_SPACE_AVERAGE, model->training && model->config->ema > 0 ? list->total_bytes : 0, "average"},
                  {SB_SPACE_SCALING, scales ? sizeof scaling : 0, "loss scaling"}};
    float *weights = sb_allocate(1, list->total_bytes, error);
    bool made = weights && sb_model_initialise(&model->config->model, list, 1, weights, error);
    for (size_t i = 0; made && i < sizeof wanted / sizeof *wanted; i++)
        made = !wanted[i].bytes ||
               sb_memory_create(model->device, wanted[i].bytes, wanted[i].name, &model->spaces[wanted[i].space], error);
    made = made && sb_memory_write(model->spaces[SB_SPACE_PARAMETER], 0, weights, list->total_bytes, error) &&
           (!scales || sb_memory_write(model->spaces[SB_SPACE_SCALING], 0, &scaling, sizeof scaling, error));
    free(weights);
    return made;
}

static void fill(struct sb_program *program, const struct sb_tensor *tensor, int number, int64_t classes) {
    if (!tensor) return;
    struct sb_random random = sb_random_start(1, SB_STREAM_TEST, (uint64_t)number);
    void *values = sb_program_host(program, 0, tensor);
    const int64_t count = sb_elements(tensor);
    for (int64_t i = 0; i < count; i++) {
        if (tensor->dtype == SB_UINT8)
            ((uint8_t *)values)[i] = (uint8_t)sb_random_bits(&random);
        else if (tensor->dtype == SB_INT32)
            ((int32_t *)values)[i] = (int32_t)sb_random_below(&random, (uint32_t)classes);
        else if (classes) /* soft targets: a row's sum is about 1 */
            ((float *)values)[i] = 2 / (float)sb_columns(tensor) * sb_random_uniform(&random);
        else
            ((float *)values)[i] = (float)sb_random_normal(&random);
    }
}

static bool compile(struct model *model, struct simba_error *error) {
    const struct sb_model_config *config = &model->config->model;
    if (!make_spaces(model, error)) return false;
    model->phases = 1u << SB_PHASE_COMPUTE;
    if (!model->training) {
        if (!sb_inference_compile(&model->inference, config, model->device, model->spaces[SB_SPACE_PARAMETER], error) ||
            !sb_inference_prepare(&model->inference, error))
            return false;
        fill(model->inference.program, model->inference.model.image, 0, 0);
        fill(model->inference.program, model->inference.forecaster.window, 0, 0);
        return true;
    }
    struct sb_learner *learner = &model->learner;
    if (!sb_learner_compile(learner, model->config, model->device, model->spaces, error)) return false;
    model->phases |= 1u << SB_PHASE_UPDATE;
    if (model->config->accumulation > 1) model->phases |= 1u << SB_PHASE_ACCUMULATE;
    fill(learner->program, learner->model.image, 0, 0);
    fill(learner->program, learner->forecaster.window, 0, 0);
    fill(learner->program, learner->truth, 1, 0);
    fill(learner->program, learner->labels, 1, config->classes);
    fill(learner->program, learner->token_targets, 2, config->classes);
    struct sb_schedule schedule = {.kind = SB_SCHEDULE_CONSTANT, .peak = 1e-4, .epoch_steps = 1, .epochs = 1};
    const struct sb_step_numbers numbers = sb_learner_numbers(model->config, &schedule, 0, 0);
    memcpy(sb_program_host(learner->program, 0, learner->step), &numbers, sizeof numbers);
    return true;
}

static void finish(struct model *model) {
    sb_learner_finish(&model->learner);
    sb_inference_finish(&model->inference);
    for (int space = 0; space < SB_SPACE_COUNT; space++) sb_memory_destroy(model->spaces[space]);
    sb_parameter_list_finish(&model->list);
}

static bool run_once(struct model *model, double *seconds, struct simba_error *error) {
    const double begin = sb_now();
    if (!sb_program_submit(program_of(model), 0, model->phases, error) || !sb_program_wait(program_of(model), 0, error))
        return false;
    *seconds = sb_now() - begin;
    return true;
}

/* ---- verifying and timing */

static struct sb_cost cost_of(struct model *model, double *reference_seconds) {
    const struct sb_graph *graph = graph_of(model);
    struct sb_cost sum_of = {0};
    for (int i = 0; i < graph->node_count; i++) {
        struct sb_cost cost = {0};
        if (graph->nodes[i]->phase == SB_PHASE_PREPARE) continue;
        sb_op_info(graph->nodes[i]->op)->cost(graph->nodes[i], &cost);
        sum_of.flops += cost.flops;
        sum_of.special += cost.special;
        sum_of.bytes += cost.bytes;
    }
    *reference_seconds = sb_bench_reference_seconds(&sum_of);
    return sum_of;
}

/* Relative L2 norm of the difference to what the reference computes in its first run. */
static bool compare(struct sb_bench_session *session, struct model *model, int64_t batch, double *error_of,
                    struct simba_error *error) {
    double seconds;
    if (!sb_bench_open_reference(session, error)) return false;
    struct model judge = {.device = session->reference, .config = model->config, .training = model->training};
    const bool done = plan(&judge, batch, error) && compile(&judge, error) && run_once(&judge, &seconds, error);
    if (done) {
        const float *got = sb_program_host(program_of(model), 0, result_of(model));
        const float *expected = sb_program_host(program_of(&judge), 0, result_of(&judge));
        *error_of = sb_bench_distance(got, sb_elements(result_of(model)), expected, sb_elements(result_of(model)), 1);
        if (model->training) {
            got = sb_program_host(program_of(model), 0, model->learner.norm);
            expected = sb_program_host(program_of(&judge), 0, judge.learner.norm);
            *error_of = fmax(*error_of, sb_bench_distance(got, 1, expected, 1, 1));
        }
    }
    finish(&judge);
    return done;
}

static bool is_finite(struct model *model) {
    const float *values = sb_program_host(program_of(model), 0, result_of(model));
    for (int64_t i = 0; i < sb_elements(result_of(model)); i++)
        if (!isfinite(values[i])) return false;
    return true;
}

/* The first run has been made. */
static bool verify(struct sb_bench_session *session, struct model *model, int64_t batch, double reference_seconds,
                   struct sb_bench_draft *draft, bool *right, struct simba_error *error) {
    draft->row.tolerance = model->training ? training_tolerance : inference_tolerance;
    if (!is_finite(model)) {
        draft->row.error = INFINITY;
    } else if (reference_seconds <= session->reference_seconds) {
        if (!compare(session, model, batch, &draft->row.error, error)) return false;
    } else {
        draft->row.tolerance = NAN;
        sb_bench_draft_note(draft, "result finite, not verified: the reference would take about %.0f s",
                            reference_seconds);
        return true;
    }
    *right = draft->row.error <= draft->row.tolerance;
    if (!*right)
        sb_bench_draft_note(draft, "WRONG: %s", isfinite(draft->row.error) ? "not timed" : "not finite; not timed");
    return true;
}

static bool time_runs(const struct sb_bench_session *session, struct model *model, struct sb_bench_draft *draft,
                      struct simba_error *error) {
    double *samples = sb_allocate(MOST_RUNS, sizeof *samples, error);
    if (!samples) return false;
    const double begin = sb_now();
    int count = 0;
    bool done = true;
    while (done && count < MOST_RUNS && (count < LEAST_RUNS || sb_now() - begin < session->seconds))
        done = run_once(model, &samples[count++], error);
    const struct sb_bench_statistics statistics = sb_bench_statistics(samples, count);
    free(samples);
    draft->row.runs = count;
    draft->row.median = statistics.median;
    draft->row.minimum = statistics.minimum;
    draft->row.p95 = statistics.p95;
    return done;
}

static bool configure(const struct sb_bench_session *session, const struct sb_bench_model *model,
                      const struct sb_bench_shape *shape, struct sb_train_config *config, struct simba_error *error) {
    static const char *const precisions[] = {"fp32", "bf16", "fp16"};
    const bool series = sb_bench_parameter(&model->entry, "channels") >= 0;
    const bool side = sb_bench_parameter(&model->entry, "side") >= 0;
    char batch[64], size[64], precision[64];
    snprintf(batch, sizeof batch, "train.batch_size=%" PRId64, shape->values[BATCH]);
    snprintf(size, sizeof size, "model.%s=%" PRId64, series ? "channels" : "image_size", shape->values[SIDE]);
    snprintf(precision, sizeof precision, "train.precision=%s", precisions[session->precision]);
    struct sb_json_document *document = open_configuration(model->configuration, error);
    const bool read =
        document && sb_json_set(document, batch, error) && (!(series || side) || sb_json_set(document, size, error)) &&
        sb_json_set(document, precision, error) && sb_train_config_read(sb_json_root(document), config, error);
    sb_json_destroy(document);
    return read;
}

static bool measure(struct sb_bench_session *session, struct model *model, int64_t batch, struct sb_bench_draft *draft,
                    struct simba_error *error) {
    double first, reference_seconds, matrix_flops;
    bool right = true;
    if (!plan(model, batch, error)) return false;
    /* Only these may use matrix units; the account of what ran comes with time stamps between the nodes. */
    model->learner.profile = model->training && model->config->precision == SB_PRECISION_FP16;
    const struct sb_cost cost = cost_of(model, &reference_seconds);
    draft->row.bytes = cost.bytes;
    draft->row.flops = cost.flops;
    draft->row.specials = cost.special;
    snprintf(draft->variant, sizeof draft->variant, "%d nodes", graph_of(model)->node_count);
    snprintf(draft->caches, sizeof draft->caches, "as they are in use");
    if (!compile(model, error) || !run_once(model, &first, error) ||
        !verify(session, model, batch, reference_seconds, draft, &right, error))
        return false;
    if (!right || !sb_bench_measure_ceilings(session, error)) return !right;
    if (!time_runs(session, model, draft, error)) return false;
    const bool vision = model->config->model.architecture == SB_ARCHITECTURE_VISION;
    sb_bench_draft_note(draft, "%.4g %s/s", (double)batch / draft->row.median, vision ? "images" : "windows");
    if (!sb_bench_matrix_flops(program_of(model), NULL, &matrix_flops, error)) return false;
    sb_bench_draft_share(draft, session, matrix_flops);
    return true;
}

bool sb_bench_measure_model(struct sb_bench_session *session, const struct sb_bench_model *model,
                            const struct sb_bench_shape *shape, struct sb_bench_draft *draft,
                            struct simba_error *error) {
    struct simba_error reason;
    struct sb_train_config config;
    /* Inference is in float32 whatever training is in. */
    sb_bench_draft_init(draft, session, &model->entry, shape, model->training);
    if (!configure(session, model, shape, &config, &reason)) return sb_bench_draft_failed(draft, &reason);
    struct model on_device = {.device = session->device, .config = &config, .training = model->training};
    const bool done =
        measure(session, &on_device, shape->values[BATCH], draft, &reason) || sb_bench_draft_failed(draft, &reason);
    finish(&on_device);
    sb_train_config_finish(&config);
    return done || sb_fail(error, reason.code, "%s, %s: %s", model->entry.name, draft->shape, reason.message);
}
