/* The forward graph of the vision model: stem, stages, class block, heads. */
#include "model/modules.h"

#include <stdio.h>
#include <string.h>

/* What the functions below work with. */
struct builder {
    struct sb_graph *graph;
    const struct sb_model_config *config;
    const struct sb_parameter_list *list;
    const struct sb_model_graph_parameters *parameters;
    struct sb_model_graph *model;
    int64_t height, width; /* of the token grid now */
    int64_t block;         /* blocks built so far */
    bool frozen;           /* the stage that is being built */
};

static struct sb_tensor *as_image(struct builder *builder, struct sb_tensor *tokens) {
    if (!tokens) return NULL;
    int64_t shape[] = {tokens->shape[0], builder->height, builder->width, sb_columns(tokens)};
    return sb_op_reshape(builder->graph, tokens, 4, shape);
}

static struct sb_tensor *as_tokens(struct builder *builder, struct sb_tensor *image) {
    if (!image) return NULL;
    int64_t shape[] = {image->shape[0], builder->height * builder->width, sb_columns(image)};
    return sb_op_reshape(builder->graph, image, 3, shape);
}

static struct sb_tensor *make_image(struct builder *builder) {
    const struct sb_model_config *config = builder->config;
    struct sb_graph *graph = builder->graph;
    const struct sb_model_graph_parameters *parameters = builder->parameters;
    int64_t shape[] = {parameters->batch, config->height, config->width, config->channels};
    struct sb_tensor *image = parameters->image;
    if (!image) image = sb_input(graph, "image", parameters->from_bytes ? SB_UINT8 : SB_FLOAT32, 4, shape);
    builder->model->image = image;
    if (!parameters->from_bytes) return image;
    builder->model->constants = sb_input(graph, "image_constants", SB_FLOAT32, 2, (int64_t[]){2, config->channels});
    struct sb_tensor *normalised = sb_op_normalise_image(graph, "normalise", image, builder->model->constants);
    if (!parameters->erase_boxes && !parameters->mix_images) return normalised;
    if (parameters->erase_boxes)
        builder->model->erase =
            sb_input(graph, "erase", SB_FLOAT32, 2, (int64_t[]){parameters->batch, 4 * parameters->erase_boxes});
    if (parameters->mix_images)
        builder->model->mix = sb_input(graph, "mix", SB_FLOAT32, 2, (int64_t[]){parameters->batch, 5});
    return sb_op_mix_images(graph, "mix_images", normalised, builder->model->erase, builder->model->mix,
                            parameters->erasing);
}

/* MixToken exchanges boxes of the last stage's tokens, so the stem's grid must be an exact multiple of that one. */
static bool check_mix(const struct sb_model_config *config, struct simba_error *error) {
    int64_t side = (int64_t)4 << (config->stages - 1);
    if (config->height % side == 0 && config->width % side == 0) return true;
    return sb_fail(error, SIMBA_ERROR_CONFIG,
                   "Training with token labels needs an image height and width that %lld divides; they are %lld and "
                   "%lld.",
                   (long long)side, (long long)config->height, (long long)config->width);
}

/* The factors of stochastic depth for one branch of one block, or NULL for a rate of 0. The rate grows linearly from 0
 * at the first block to the configured one at the last. */
static struct sb_tensor *drop_path(struct builder *builder, const char *name, int branch) {
    int64_t blocks = 0;
    for (int i = 0; i < builder->config->stages; i++) blocks += builder->config->depths[i];
    if (!builder->parameters->drop_path || builder->frozen || builder->block == 0) return NULL;
    float rate = (float)(builder->config->drop_path * (double)builder->block / (double)(blocks - 1));
    if (rate <= 0) return NULL;
    return sb_op_drop_path_scale(builder->graph, name, builder->parameters->batch, rate,
                                 (uint32_t)(2 * builder->block + branch));
}

static struct sb_tensor *build_stage(struct builder *builder, int stage, struct sb_tensor *x) {
    struct sb_graph *graph = builder->graph;
    const struct sb_model_config *config = builder->config;
    builder->frozen = stage < builder->parameters->frozen_stages;
    size_t scope = sb_scope_enter(graph, "patch_embed%d", stage + 1);
    if (stage == 0) {
        x = sb_module_stem(graph, builder->list, x, graph->training && !builder->frozen);
        builder->height = (builder->height + 1) / 2;
        builder->width = (builder->width + 1) / 2;
    } else {
        x = sb_module_downsample(graph, builder->list, as_image(builder, x));
    }
    sb_scope_leave(graph, scope);
    builder->height = (builder->height + 1) / 2;
    builder->width = (builder->width + 1) / 2;
    if (stage == 0 && builder->parameters->mix_tokens) {
        builder->model->box = sb_input(graph, "box", SB_INT32, 1, (int64_t[]){4});
        x = sb_op_mix_box(graph, "mix_tokens", as_image(builder, x), builder->model->box,
                          (int64_t)1 << (config->stages - 1));
        x = as_tokens(builder, x);
    }
    for (int64_t i = 0; i < config->depths[stage]; i++) {
        scope = sb_scope_enter(graph, "block%d.%lld", stage + 1, (long long)i);
        struct sb_tensor *scale_mamba = drop_path(builder, "drop_path_mamba", 0);
        struct sb_tensor *scale_mixer = drop_path(builder, "drop_path_mixer", 1);
        x = sb_module_block(graph, config->mixer, builder->list, x, builder->height, builder->width, scale_mamba,
                            scale_mixer);
        sb_scope_leave(graph, scope);
        builder->block++;
    }
    if (stage + 1 == config->stages) return x; /* the last stage's norm comes after the class block */
    char norm[16];
    snprintf(norm, sizeof norm, "norm%d", stage + 1);
    return sb_module_final_norm(graph, builder->list, norm, x);
}

static struct sb_tensor *build_head(struct builder *builder, const char *name, struct sb_tensor *x) {
    return sb_module_linear(builder->graph, builder->list,
                            (struct sb_module_linear){.name = name, .x = x, .bias = true});
}

/* Class token = mean of the tokens; the class block changes it alone, so it never sees the others. */
static void build_heads(struct builder *builder, struct sb_tensor *x) {
    struct sb_graph *graph = builder->graph;
    const struct sb_model_config *config = builder->config;
    struct sb_model_graph *model = builder->model;
    int64_t tokens = builder->height * builder->width, dim = config->dims[config->stages - 1];
    struct sb_tensor *token = sb_op_token_mean(graph, "class_token", x);
    size_t scope = sb_scope_enter(graph, "post_network.0");
    token = sb_module_class_token(graph, config->mixer, builder->list, token);
    if (config->token_labels) token = sb_op_concat_tokens(graph, "joined", token, x);
    sb_module_rename(graph, token, "");
    sb_scope_leave(graph, scope);
    char norm[16];
    snprintf(norm, sizeof norm, "norm%d", config->stages);
    struct sb_tensor *y = sb_module_final_norm(graph, builder->list, norm, token);
    token = config->token_labels ? sb_op_slice_tokens(graph, "class_features", y, 0, 1) : y;
    if (token) token = sb_op_reshape(graph, token, 2, (int64_t[]){builder->parameters->batch, dim});
    model->logits = build_head(builder, "head", token);
    if (!config->token_labels) return;
    y = sb_op_slice_tokens(graph, "token_features", y, 1, tokens);
    model->auxiliary = build_head(builder, "aux_head", y);
    if (builder->parameters->mix_tokens) {
        y = sb_op_mix_box(graph, "unmix_tokens", as_image(builder, model->auxiliary), model->box, 1);
        model->auxiliary = as_tokens(builder, y);
    }
    if (!graph->training)
        model->logits =
            sb_op_add(graph, "logits", model->logits, sb_op_token_max(graph, "aux_max", model->auxiliary), 0.5f, NULL);
}

bool sb_model_forward(struct sb_graph *graph, const struct sb_model_config *config,
                      const struct sb_parameter_list *list, const struct sb_model_graph_parameters *parameters,
                      struct sb_model_graph *model, struct simba_error *error) {
    memset(model, 0, sizeof *model);
    if (parameters->mix_tokens && !check_mix(config, error)) return false;
    struct builder builder = {.graph = graph,
                              .config = config,
                              .list = list,
                              .parameters = parameters,
                              .model = model,
                              .height = config->height,
                              .width = config->width};
    struct sb_tensor *x = make_image(&builder);
    for (int stage = 0; stage < config->stages; stage++) x = build_stage(&builder, stage, x);
    build_heads(&builder, x);
    return sb_graph_ok(graph, error);
}

struct sb_cost sb_graph_cost(const struct sb_graph *graph) {
    struct sb_cost total = {0};
    for (int i = 0; i < graph->node_count; i++) {
        const struct sb_op_info *info = sb_op_info(graph->nodes[i]->op);
        struct sb_cost cost = {0};
        if (info && info->cost) info->cost(graph->nodes[i], &cost);
        total.flops += cost.flops;
        total.special += cost.special;
        total.bytes += cost.bytes;
    }
    return total;
}
