/* Golden cases of whole models: small ones with their gradients, training runs, and the full-size logits. */
#include "graph/differentiate.h"
#include "model/weights.h"
#include "ops/ops.h"
#include "parity/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the parameters that a case names */

/* "*" is any text, "{a,b}" one of some texts. */
static bool matches(const char *pattern, const char *end, const char *name) {
    if (pattern == end) return !*name;
    if (*pattern == '*') {
        do
            if (matches(pattern + 1, end, name)) return true;
        while (*name++);
        return false;
    }
    const char *close = *pattern == '{' ? memchr(pattern, '}', (size_t)(end - pattern)) : NULL;
    if (!close) return *pattern == *name && matches(pattern + 1, end, name + 1);
    for (const char *word = pattern + 1; word <= close;) {
        size_t length = strcspn(word, ",}");
        if (strncmp(word, name, length) == 0 && matches(close + 1, end, name + length)) return true;
        word += length + 1;
    }
    return false;
}

/* Whether a name is in a list of patterns with commas between them (those in braces belong to a pattern). */
static bool listed(const char *list, const char *end, const char *name) {
    while (list < end) {
        list += strspn(list, " ,");
        const char *stop = list;
        for (int depth = 0; stop < end && (depth || !strchr(", )", *stop)); stop++)
            depth += (*stop == '{') - (*stop == '}');
        if (stop > list && matches(list, stop, name)) return true;
        list = stop + 1;
    }
    return false;
}

/* "FILE with PATTERNS multiplied by 2^-10 (NOT PATTERNS)": scales parameters of the host image. */
static bool scale_parameters(struct golden_run *run, const char *note) {
    static const char with[] = " with ", by[] = " multiplied by ", but[] = "(NOT ";
    const char *first = strstr(note, with), *end = first ? strstr(first, by) : NULL;
    if (!end) return true;
    first += strlen(with);
    char *rest;
    double factor = strtod(end + strlen(by), &rest);
    if (*rest == '^') factor = pow(factor, strtod(rest + 1, &rest));
    const char *except = strstr(rest, but), *last = note + strlen(note);
    if (!(factor > 0))
        return sb_fail(run->golden->error, SIMBA_ERROR_FORMAT, "%s: the metadata \"params\" has no factor: %s",
                       run->golden->path, note);
    for (int i = 0; i < run->list.count; i++) {
        const struct sb_parameter *parameter = &run->list.entries[i];
        if (!listed(first, end, parameter->name)) continue;
        if (except && listed(except + strlen(but), last, parameter->name)) continue;
        float *values = run->space + parameter->offset / (int64_t)sizeof(float);
        for (int64_t k = 0; k < parameter->elements; k++) values[k] = (float)(factor * values[k]);
    }
    return true;
}

/* The parameter file beside the case, named by the first word of the metadata "params". */
static struct sb_safetensors *open_parameters(struct golden_case *golden, const char **note) {
    *note = sb_safetensors_note(golden->file, "params");
    if (!*note) {
        sb_fail(golden->error, SIMBA_ERROR_FORMAT,
                "%s: the metadata \"params\", which names the parameters, is missing.", golden->path);
        return NULL;
    }
    const char *slash = strrchr(golden->path, '/');
    int folder = slash ? (int)(slash - golden->path) + 1 : 0;
    char path[4096];
    snprintf(path, sizeof path, "%.*s%.*s", folder, golden->path, (int)strcspn(*note, " "), *note);
    return sb_safetensors_open(path, golden->error);
}

/* A whole model: configuration, parameters, and a forward graph. */
struct tiny {
    struct golden_case *golden;
    struct sb_safetensors *parameters;
    const char *note;
    struct sb_model_config config;
    int64_t batch;
};

static bool start_tiny(struct tiny *tiny, struct golden_case *golden) {
    tiny->golden = golden;
    tiny->parameters = open_parameters(golden, &tiny->note);
    if (!tiny->parameters) return false;
    int rank;
    int64_t shape[SB_MAX_RANK];
    if (!sb_weights_config(tiny->parameters, &tiny->config, golden->error) ||
        !golden_read(golden, "in/x", GOLDEN_CHANNELS_FIRST, &rank, shape))
        return false;
    if (rank != 4)
        return sb_fail(golden->error, SIMBA_ERROR_FORMAT, "%s: \"in/x\" is no batch of images.", golden->path);
    tiny->batch = shape[0];
    tiny->config.height = shape[1];
    tiny->config.width = shape[2];
    tiny->config.token_labels = strstr(golden->name, "_tl1") || golden_has(golden, "in/target");
    return true;
}

/* The parameters of the model with the file's numbers, and the forward graph from in/x. */
static bool start_run(struct tiny *tiny, struct golden_run *run, bool training, struct sb_model_graph *model) {
    struct golden_case *golden = tiny->golden;
    golden_run_init(run, golden, training);
    if (!sb_model_parameters(&tiny->config, &run->list, golden->error)) return false;
    run->space = sb_pool_allocate(&golden->pool, run->list.total_bytes, golden->error);
    if (!run->space || !sb_weights_load(tiny->parameters, &run->list, run->space, golden->error) ||
        !scale_parameters(run, tiny->note))
        return false;
    struct sb_model_graph_parameters parameters = {.batch = tiny->batch,
                                                   .mix_tokens = training && golden_has(golden, "in/bbox"),
                                                   .image = golden_input(run, "in/x", GOLDEN_CHANNELS_FIRST)};
    if (!sb_model_forward(&run->graph, &tiny->config, &run->list, &parameters, model, golden->error)) return false;
    if (!model->box) return true;
    const float *numbers = golden_read(golden, "in/bbox", GOLDEN_SAME, NULL, NULL);
    int32_t *box = sb_pool_allocate(&golden->pool, 4 * sizeof *box, golden->error);
    if (!numbers || !box) return false;
    for (int i = 0; i < 4; i++) box[i] = (int32_t)numbers[i];
    golden_bind(run, "in/bbox", model->box, box);
    return true;
}

static bool evaluate_tiny(struct tiny *tiny) {
    struct golden_run run;
    struct sb_model_graph model;
    bool done = start_run(tiny, &run, false, &model);
    if (done) golden_result(&run, "out/logits", model.logits, GOLDEN_SAME);
    done = done && golden_expect_all(&run, "eval/", NULL) && golden_execute(&run);
    golden_run_finish(&run);
    return done;
}

/* The loss that the metadata names. */
static struct sb_tensor *tiny_loss(struct tiny *tiny, struct golden_run *run, const struct sb_model_graph *model) {
    struct golden_case *golden = tiny->golden;
    if (!golden_has(golden, "in/target"))
        return sb_op_cross_entropy(&run->graph, "loss", model->logits, golden_int_input(run, "in/labels"), 0, 1);
    struct golden_token_label_loss loss = {.logits = model->logits,
                                           .auxiliary = model->auxiliary,
                                           .target = "in/target",
                                           .box = golden_has(golden, "in/bbox") ? "in/bbox" : NULL,
                                           .dense_weight = 0.5,
                                           .class_weight = 1};
    const char *note = sb_safetensors_note(golden->file, "loss");
    golden_number(note, "dense", &loss.dense_weight);
    golden_number(note, "cls", &loss.class_weight);
    return golden_token_label(run, loss);
}

static bool train_tiny(struct tiny *tiny) {
    struct golden_run run;
    struct sb_model_graph model;
    struct simba_error *error = tiny->golden->error;
    bool done = start_run(tiny, &run, true, &model);
    if (done) {
        struct sb_tensor *loss = tiny_loss(tiny, &run, &model);
        golden_result(&run, "loss", loss, GOLDEN_SAME);
        golden_result(&run, "out/logits", model.logits, GOLDEN_SAME);
        golden_result(&run, "out/cls", model.logits, GOLDEN_SAME);
        golden_result(&run, "out/aux", model.auxiliary, GOLDEN_SAME);
        done = sb_graph_ok(&run.graph, error) && sb_differentiate(&run.graph, loss, NULL, error) &&
               golden_expect_all(&run, "train/", NULL) && golden_execute(&run);
    }
    golden_run_finish(&run);
    return done;
}

bool golden_tiny(struct golden_case *golden) {
    struct tiny tiny = {0};
    bool done = start_tiny(&tiny, golden) && evaluate_tiny(&tiny);
    if (done && golden_has(golden, "train/loss")) done = train_tiny(&tiny);
    sb_safetensors_close(tiny.parameters);
    return done;
}

/* ---- some steps of AdamW on one batch, then the logits */

/* They gather the rounding from all weights, through running statistics that six steps have not settled; one ReLU on
 * the other side of its kink (the einfft run has two of them in PyTorch's float32, too) was seen to move them by
 * 1.5e-4. */
static const double logits_after_tolerance = 1e-3;

/* In evaluation, with the parameters of the training run. */
static float *trained_logits(struct tiny *tiny, struct golden_run *training) {
    struct golden_run run;
    struct sb_model_graph model;
    float *logits = NULL;
    if (start_run(tiny, &run, false, &model)) logits = golden_trained(&run, training, model.logits);
    golden_run_finish(&run);
    return logits;
}

bool golden_train(struct golden_case *golden) {
    struct tiny tiny = {0};
    struct golden_run run;
    struct sb_model_graph model;
    bool done = start_tiny(&tiny, golden);
    if (done) {
        done = start_run(&tiny, &run, true, &model) && golden_train_steps(&run, tiny_loss(&tiny, &run, &model));
        const float *logits = done ? trained_logits(&tiny, &run) : NULL;
        done = logits && golden_check_after(&run, "eval_logits", logits, logits_after_tolerance);
        golden_run_finish(&run);
    }
    sb_safetensors_close(tiny.parameters);
    return done;
}
