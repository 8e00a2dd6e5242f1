/* Golden cases of the models for series, which have no published code: an oracle of their own wrote the numbers
 * (tests/golden/make_series_cases.py). */
#include "graph/differentiate.h"
#include "model/weights.h"
#include "ops/ops.h"
#include "parity/golden.h"

#include <string.h>

/* As any other output: no running statistics, and no argument near a kink in any of the steps. */
static const double forecast_after_tolerance = 1e-5;

struct forecaster {
    struct golden_case *golden;
    struct sb_model_config config;
    const float *window;
    int64_t batch;
};

static bool start_case(struct forecaster *forecaster, struct golden_case *golden) {
    const struct sb_model_config *config = &forecaster->config;
    int rank;
    int64_t shape[SB_MAX_RANK];
    forecaster->golden = golden;
    if (!sb_weights_config(golden->file, &forecaster->config, golden->error)) return false;
    forecaster->window = golden_read(golden, "in/window", GOLDEN_SAME, &rank, shape);
    if (!forecaster->window) return false;
    if (config->architecture == SB_ARCHITECTURE_VISION || rank != 3 || shape[1] != config->forecaster.look_back ||
        shape[2] != config->channels)
        return sb_fail(golden->error, SIMBA_ERROR_FORMAT,
                       "%s: \"in/window\" is no batch of windows for the metadata's \"model\": expected [batch, "
                       "look_back, channels].",
                       golden->path);
    forecaster->batch = shape[0];
    return true;
}

/* All parameters of the model, and no others, with the file's numbers. */
static bool read_parameters(struct golden_run *run) {
    struct golden_case *golden = run->golden;
    int given = 0;
    for (int i = 0; i < golden->file->count; i++) given += strncmp(golden->file->tensors[i].name, "param/", 6) == 0;
    if (given != run->list.count)
        return sb_fail(golden->error, SIMBA_ERROR_FORMAT, "%s: expected the model's %d parameters, found %d.",
                       golden->path, run->list.count, given);
    run->space = sb_pool_allocate(&golden->pool, run->list.total_bytes, golden->error);
    if (!run->space) return false;
    memset(run->space, 0, run->list.total_bytes);
    for (int i = 0; i < run->list.count; i++) {
        const struct sb_parameter *parameter = &run->list.entries[i];
        const char *name = sb_pool_format(&golden->pool, golden->error, "param/%s", parameter->name);
        int rank;
        int64_t shape[SB_MAX_RANK];
        const float *numbers = name ? golden_read(golden, name, GOLDEN_SAME, &rank, shape) : NULL;
        if (!numbers) return false;
        if (rank != parameter->rank || memcmp(shape, parameter->shape, (size_t)rank * sizeof *shape) != 0)
            return sb_fail(golden->error, SIMBA_ERROR_FORMAT, "%s: \"%s\" has not the shape of the model's parameter.",
                           golden->path, name);
        memcpy(run->space + parameter->offset / (int64_t)sizeof(float), numbers,
               (size_t)parameter->elements * sizeof *numbers);
    }
    return true;
}

/* Parameters and the forward graph. */
static bool start_run(const struct forecaster *forecaster, struct golden_run *run, bool training,
                      struct sb_forecaster_graph *model) {
    struct golden_case *golden = forecaster->golden;
    golden_run_init(run, golden, training);
    if (!sb_model_parameters(&forecaster->config, &run->list, golden->error) || !read_parameters(run) ||
        !sb_forecaster_forward(&run->graph, &forecaster->config, &run->list, forecaster->batch, model, golden->error))
        return false;
    golden_bind(run, "in/window", model->window, forecaster->window);
    return true;
}

/* The loss that the metadata name: "mse", "mae" or "huber delta=D"; features "MS": of the last channel only. */
static struct sb_tensor *make_loss(const struct forecaster *forecaster, struct golden_run *run,
                                   const struct sb_forecaster_graph *model) {
    static const char *const names[] = {
        [SB_FORECAST_LOSS_SQUARED] = "mse", [SB_FORECAST_LOSS_ABSOLUTE] = "mae", [SB_FORECAST_LOSS_HUBER] = "huber"};
    struct golden_case *golden = forecaster->golden;
    const char *note = sb_safetensors_note(golden->file, "loss");
    const char *features = sb_safetensors_note(golden->file, "features");
    int kind = 0;
    while (note && kind < 3 && strncmp(note, names[kind], strlen(names[kind])) != 0) kind++;
    if (!note || kind == 3 || !features) {
        sb_graph_fail(&run->graph, "%s: expected the metadata \"loss\" (mse, mae or huber) and \"features\" (M or MS).",
                      golden->path);
        return NULL;
    }
    double delta = 1;
    golden_number(note, "delta", &delta);
    return sb_op_forecast_loss(&run->graph,
                               (struct sb_forecast_loss_parameters){
                                   .name = "loss",
                                   .prediction = model->forecast,
                                   .target = golden_input(run, "in/truth", GOLDEN_SAME),
                                   .kind = (enum sb_forecast_loss)kind,
                                   .delta = (float)delta,
                                   .first_channel = strcmp(features, "MS") ? 0 : forecaster->config.channels - 1});
}

static bool evaluate(const struct forecaster *forecaster) {
    struct golden_run run;
    struct sb_forecaster_graph model;
    bool done = start_run(forecaster, &run, false, &model);
    if (done) golden_result(&run, "out/forecast", model.forecast, GOLDEN_SAME);
    done = done && golden_expect_all(&run, "eval/", NULL) && golden_execute(&run);
    golden_run_finish(&run);
    return done;
}

static bool train(const struct forecaster *forecaster) {
    struct golden_run run;
    struct sb_forecaster_graph model;
    struct simba_error *error = forecaster->golden->error;
    bool done = start_run(forecaster, &run, true, &model);
    if (done) {
        struct sb_tensor *loss = make_loss(forecaster, &run, &model);
        golden_result(&run, "loss", loss, GOLDEN_SAME);
        golden_result(&run, "out/forecast", model.forecast, GOLDEN_SAME);
        done = sb_graph_ok(&run.graph, error) && sb_differentiate(&run.graph, loss, NULL, error) &&
               golden_expect_all(&run, "train/", NULL) && golden_execute(&run);
    }
    golden_run_finish(&run);
    return done;
}

bool golden_forecaster(struct golden_case *golden) {
    struct forecaster forecaster;
    return start_case(&forecaster, golden) && evaluate(&forecaster) && train(&forecaster);
}

/* In evaluation, with the parameters of the training run. */
static float *trained_forecast(const struct forecaster *forecaster, const struct golden_run *training) {
    struct golden_run run;
    struct sb_forecaster_graph model;
    float *forecast = NULL;
    if (start_run(forecaster, &run, false, &model)) forecast = golden_trained(&run, training, model.forecast);
    golden_run_finish(&run);
    return forecast;
}

bool golden_forecaster_train(struct golden_case *golden) {
    struct forecaster forecaster;
    struct golden_run run;
    struct sb_forecaster_graph model;
    if (!start_case(&forecaster, golden)) return false;
    bool done =
        start_run(&forecaster, &run, true, &model) && golden_train_steps(&run, make_loss(&forecaster, &run, &model));
    const float *forecast = done ? trained_forecast(&forecaster, &run) : NULL;
    done = forecast && golden_check_after(&run, "forecast", forecast, forecast_after_tolerance);
    golden_run_finish(&run);
    return done;
}
