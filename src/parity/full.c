/* The golden case of full size: logits and a few tokens of a published size, weights and image by formula. */
#include "parity/formula.h"
#include "parity/golden.h"

#include <stdio.h>
#include <string.h>

/* First and last token after each stage: mid/MIXER/MODULE/first_token. */
static bool expect_tokens(struct golden_run *run, const char *mixer) {
    struct golden_case *golden = run->golden;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "mid/%s/", mixer);
    for (int i = 0; i < golden->file->count; i++) {
        const struct sb_safetensor *theirs = &golden->file->tensors[i];
        if (strncmp(theirs->name, prefix, strlen(prefix)) != 0) continue;
        const char *module = theirs->name + strlen(prefix), *token = strrchr(module, '/');
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)(token - module), module);
        struct sb_tensor *tensor = sb_find_tensor(&run->graph, name);
        bool last = strcmp(token, "/last_token") == 0;
        if (!tensor || tensor->rank != 3 || tensor->shape[2] != theirs->elements) continue;
        /* Without token labels only the class token is there after the class block. */
        if (last && tensor->shape[1] == 1 && strncmp(name, "post_network", 12) == 0) continue;
        int64_t first = last ? tensor->shape[1] - 1 : 0;
        struct sb_tensor *row = sb_op_slice_tokens(&run->graph, theirs->name, tensor, first, 1);
        const float *expected = golden_read(golden, theirs->name, GOLDEN_SAME, NULL, NULL);
        if (!golden_expect_tensor(run, theirs->name, row, expected, theirs->elements)) return false;
    }
    return true;
}

static bool run_model(struct golden_case *golden, const struct sb_model_config *config, const char *mixer) {
    struct golden_run run;
    golden_run_init(&run, golden, false);
    struct sb_model_graph model;
    struct sb_model_graph_parameters parameters = {.batch = 1};
    bool done = sb_model_parameters(config, &run.list, golden->error) &&
                sb_model_forward(&run.graph, config, &run.list, &parameters, &model, golden->error);
    if (done) {
        run.space = sb_pool_allocate(&golden->pool, run.list.total_bytes, golden->error);
        float *image = sb_pool_allocate(&golden->pool, (size_t)sb_elements(model.image) * sizeof *image, golden->error);
        done = run.space && image;
        if (done) {
            sb_formula_parameters(&run.list, run.space);
            sb_formula_image(image, config->height, config->width, config->channels);
            golden_bind(&run, "in/x", model.image, image);
        }
    }
    char name[64];
    snprintf(name, sizeof name, "out/%s_tl%d/logits", mixer, config->token_labels);
    done = done &&
           golden_expect_tensor(&run, name, model.logits, golden_read(golden, name, GOLDEN_SAME, NULL, NULL),
                                config->classes) &&
           (config->token_labels || expect_tokens(&run, mixer)) && golden_execute(&run);
    golden_run_finish(&run);
    return done;
}

/* The first row of the image is in the file: the formula must give it. */
static bool check_image(struct golden_case *golden, const struct sb_model_config *config) {
    const float *expected = golden_read(golden, "in/x_first_row", GOLDEN_SAME, NULL, NULL);
    size_t count = (size_t)(config->height * config->width * config->channels);
    float *image = sb_pool_allocate(&golden->pool, count * sizeof *image, golden->error);
    float *row =
        sb_pool_allocate(&golden->pool, (size_t)(config->width * config->channels) * sizeof *row, golden->error);
    if (!expected || !image || !row) return false;
    sb_formula_image(image, config->height, config->width, config->channels);
    for (int64_t c = 0; c < config->channels; c++)
        for (int64_t w = 0; w < config->width; w++) row[c * config->width + w] = image[w * config->channels + c];
    golden_report(golden, "in/x_first_row", row, expected, config->width * config->channels, 1e-7,
                  "the formula's image: only float32 rounding may differ");
    return true;
}

/* The size is the letter behind "simba_" in the file's name; mixers and heads follow from the logits that are there. */
bool golden_full(struct golden_case *golden) {
    const char *size = strstr(golden->name, "simba_");
    const struct sb_safetensor *row = sb_safetensors_find(golden->file, "in/x_first_row");
    if (!size || !row || row->rank != 2)
        return sb_fail(golden->error, SIMBA_ERROR_FORMAT,
                       "%s: a full-size case is named full_simba_SIZE... and has \"in/x_first_row\" [channels, width].",
                       golden->path);
    static const char *const mixers[] = {"mlp", "einfft"};
    for (int i = 0; i < 4; i++) {
        int mixer = i / 2, token_labels = i % 2;
        char name[64], text[160];
        snprintf(name, sizeof name, "out/%s_tl%d/logits", mixers[mixer], token_labels);
        const struct sb_safetensor *logits = sb_safetensors_find(golden->file, name);
        if (!logits) continue;
        snprintf(text, sizeof text,
                 "{\"size\": \"%c\", \"mixer\": \"%s\", \"token_labels\": %s, \"image_size\": %lld, "
                 "\"channels\": %lld, \"classes\": %lld}",
                 size[6], mixers[mixer], token_labels ? "true" : "false", (long long)row->shape[1],
                 (long long)row->shape[0], (long long)logits->elements);
        struct sb_json_document *document = sb_json_read_text(golden->path, text, golden->error);
        struct sb_model_config config;
        bool read = document && sb_model_config_read(sb_json_root(document), &config, golden->error);
        sb_json_destroy(document);
        if (!read || (i == 0 && !check_image(golden, &config)) || !run_model(golden, &config, mixers[mixer]))
            return false;
    }
    return true;
}
