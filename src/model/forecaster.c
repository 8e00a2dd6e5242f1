/* The forward graphs of the models for series. */
#include "model/modules.h"

#include <string.h>

static const float first_norm_epsilon = 1e-5f; /* of the norm in front of Mamba, as in the vision model */

/* What the functions below work with. */
struct builder {
    struct sb_graph *graph;
    const struct sb_model_config *config;
    const struct sb_parameter_list *list;
    uint32_t dropouts; /* made so far: each has random numbers of its own */
};

static struct sb_tensor *dropout(struct builder *builder, const char *name, struct sb_tensor *x, double rate) {
    if (!builder->graph->training || rate <= 0) return x;
    return sb_op_dropout(builder->graph, name, x, (float)rate, builder->dropouts++);
}

/* x + dropout(y). Without dropout the product that ends the branch has added x already. */
static struct sb_tensor *join(struct builder *builder, const char *name, struct sb_tensor *x, struct sb_tensor *y) {
    return sb_op_add(builder->graph, name, x, dropout(builder, "dropout", y, builder->config->forecaster.dropout), 1,
                     NULL);
}

static struct sb_tensor *drop_path(struct builder *builder, const char *name, int64_t block, int branch,
                                   int64_t sequences) {
    const struct sb_model_config *config = builder->config;
    const int64_t blocks = config->forecaster.depth;
    if (!builder->graph->training || block == 0 || config->drop_path <= 0) return NULL;
    const float rate = (float)(config->drop_path * (double)block / (double)(blocks - 1));
    return sb_op_drop_path_scale(builder->graph, name, sequences, rate, (uint32_t)(2 * block + branch));
}

/* The block of the vision model without its depth-wise convolution: tokens of a series are no grid. */
static struct sb_tensor *build_block(struct builder *builder, int64_t block, struct sb_tensor *x) {
    struct sb_graph *graph = builder->graph;
    const struct sb_model_config *config = builder->config;
    const struct sb_forecaster_config *forecaster = &config->forecaster;
    if (!x) return NULL;
    const bool drops = graph->training && forecaster->dropout > 0;
    const int64_t sequences = x->shape[0];
    struct sb_tensor *scale = drop_path(builder, "drop_path_mamba", block, 0, sequences);
    struct sb_tensor *y = sb_module_norm(graph, builder->list, "attn.norm", x, first_norm_epsilon);
    size_t scope = sb_scope_enter(graph, "attn.mamba");
    struct sb_tensor *branch = sb_module_mamba(graph, builder->list, y, drops ? NULL : x, scale);
    sb_scope_leave(graph, scope);
    if (forecaster->bidirectional) {
        struct sb_tensor *reversed = sb_op_reverse_tokens(graph, "reversed", y);
        scope = sb_scope_enter(graph, "attn.mamba_reverse");
        reversed = sb_module_mamba(graph, builder->list, reversed, NULL, scale);
        sb_scope_leave(graph, scope);
        branch = sb_op_add(graph, "both_directions", branch, sb_op_reverse_tokens(graph, "reversed_back", reversed), 1,
                           NULL);
    }
    x = drops ? join(builder, "residual_mamba", x, branch) : branch;

    scale = drop_path(builder, "drop_path_mixer", block, 1, sequences);
    y = sb_module_final_norm(graph, builder->list, "norm2", x);
    struct sb_tensor *residual = drops ? NULL : x;
    scope = sb_scope_enter(graph, "mlp");
    branch = config->mixer == SB_MIXER_EINFFT ? sb_module_einfft(graph, builder->list, y, residual, scale)
                                              : sb_module_mlp(graph, builder->list, y, 0, 0, residual, scale);
    sb_scope_leave(graph, scope);
    x = drops ? join(builder, "residual_mixer", x, branch) : branch;
    sb_module_rename(graph, x, "");
    return x;
}

static struct sb_tensor *linear(struct builder *builder, const char *name, struct sb_tensor *x,
                                struct sb_tensor *residual) {
    return sb_module_linear(builder->graph, builder->list,
                            (struct sb_module_linear){.name = name, .x = x, .bias = true, .residual = residual});
}

/* tokens [R, P, patch] -> [R, horizon] (or [R, channels * horizon]) */
static struct sb_tensor *build_series(struct builder *builder, struct sb_tensor *tokens) {
    struct sb_graph *graph = builder->graph;
    const struct sb_forecaster_config *forecaster = &builder->config->forecaster;
    struct sb_tensor *x = linear(builder, "patch_embed", tokens, NULL);
    x = sb_op_add_row(graph, "positions", x, sb_module_parameter(graph, builder->list, "position"));
    x = dropout(builder, "dropout", x, forecaster->dropout);
    for (int64_t block = 0; block < forecaster->depth; block++) {
        const size_t scope = sb_scope_enter(graph, "blocks.%lld", (long long)block);
        x = build_block(builder, block, x);
        sb_scope_leave(graph, scope);
    }
    if (forecaster->final_norm) x = sb_module_final_norm(graph, builder->list, "norm", x);
    if (forecaster->head == SB_HEAD_MEAN) x = sb_op_token_mean(graph, "mean", x);
    if (!x) return NULL;
    x = sb_op_reshape(graph, x, 2, (int64_t[]){x->shape[0], x->shape[1] * x->shape[2]});
    x = dropout(builder, "head_dropout", x, forecaster->head_dropout);
    return linear(builder, "head", x, NULL);
}

/* rows [R, 1, look_back] -> [R, horizon] */
static struct sb_tensor *build_dlinear(struct builder *builder, struct sb_tensor *rows) {
    struct sb_graph *graph = builder->graph;
    if (!rows) return NULL;
    struct sb_tensor *remainder = NULL,
                     *x = sb_op_reshape(graph, rows, 2, (int64_t[]){rows->shape[0], sb_columns(rows)}),
                     *trend = sb_op_moving_average(graph, "trend", x, builder->config->forecaster.kernel, &remainder);
    return linear(builder, "Linear_Trend", trend, linear(builder, "Linear_Seasonal", remainder, NULL));
}

bool sb_forecaster_forward(struct sb_graph *graph, const struct sb_model_config *config,
                           const struct sb_parameter_list *list, int64_t batch, struct sb_forecaster_graph *model,
                           struct simba_error *error) {
    const struct sb_forecaster_config *forecaster = &config->forecaster;
    struct builder builder = {.graph = graph, .config = config, .list = list};
    const bool whole = config->architecture == SB_ARCHITECTURE_DLINEAR;
    struct sb_tensor *statistics = NULL;
    memset(model, 0, sizeof *model);
    model->window =
        sb_input(graph, "window", SB_FLOAT32, 3, (int64_t[]){batch, forecaster->look_back, config->channels});
    struct sb_tensor *tokens = sb_op_series_patches(
        graph, (struct sb_series_patches_parameters){.name = "patches",
                                                     .x = model->window,
                                                     .patch = whole ? 0 : forecaster->patch,
                                                     .stride = whole ? 0 : forecaster->stride,
                                                     .padding = whole ? 0 : forecaster->padding,
                                                     .normalise = forecaster->normalise,
                                                     .mix_channels = !whole && forecaster->mix_channels,
                                                     .statistics = &statistics});
    struct sb_tensor *y = whole ? build_dlinear(&builder, tokens) : build_series(&builder, tokens);
    model->forecast = sb_op_series_forecast(graph, "forecast", y, statistics);
    return sb_graph_ok(graph, error);
}
