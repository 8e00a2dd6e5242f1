/* The parts of the network. Each names its nodes and finds its parameters below the graph's current scope. */
#include "model/modules.h"

#include <stdio.h>
#include <string.h>

/* nn.LayerNorm's own default, in Stem.norm, DownSamples.norm and MambaLayer.norm; the published models pass 1e-6 to the
 * other sites only. */
static const float default_epsilon = 1e-5f;
static const float given_epsilon = 1e-6f;

struct sb_tensor *sb_module_parameter(struct sb_graph *graph, const struct sb_parameter_list *list, const char *name) {
    if (graph->failed) return NULL;
    char path[512];
    snprintf(path, sizeof path, "%s%s%s", graph->scope, graph->scope[0] ? "." : "", name);
    const struct sb_parameter *parameter = sb_parameter_find(list, path);
    if (!parameter) {
        sb_graph_fail(graph, "The model has no parameter \"%s\".", path);
        return NULL;
    }
    return sb_shared(graph, parameter->name, SB_SPACE_PARAMETER, parameter->offset, parameter->rank, parameter->shape,
                     parameter->trainable);
}

void sb_module_rename(struct sb_graph *graph, struct sb_tensor *tensor, const char *name) {
    if (graph->failed || !tensor) return;
    const char *dot = graph->scope[0] && name[0] ? "." : "";
    tensor->name = sb_pool_format(&graph->pool, &graph->error, "%s%s%s", graph->scope, dot, name);
    if (!tensor->name) graph->failed = true;
}

struct sb_tensor *sb_module_norm(struct sb_graph *graph, const struct sb_parameter_list *list, const char *name,
                                 struct sb_tensor *x, float epsilon) {
    size_t scope = sb_scope_enter(graph, "%s", name);
    struct sb_tensor *gamma = sb_module_parameter(graph, list, "weight");
    struct sb_tensor *beta = sb_module_parameter(graph, list, "bias");
    sb_scope_leave(graph, scope);
    return sb_op_layer_norm(graph, name, x, gamma, beta, epsilon);
}

struct sb_tensor *sb_module_final_norm(struct sb_graph *graph, const struct sb_parameter_list *list, const char *name,
                                       struct sb_tensor *x) {
    return sb_module_norm(graph, list, name, x, given_epsilon);
}

struct sb_tensor *sb_module_linear(struct sb_graph *graph, const struct sb_parameter_list *list,
                                   struct sb_module_linear linear) {
    size_t scope = sb_scope_enter(graph, "%s", linear.name);
    struct sb_tensor *weight = sb_module_parameter(graph, list, "weight");
    struct sb_tensor *bias = linear.bias ? sb_module_parameter(graph, list, "bias") : NULL;
    sb_scope_leave(graph, scope);
    return sb_op_linear(graph, (struct sb_linear_parameters){.name = linear.name,
                                                             .a = linear.x,
                                                             .b = weight,
                                                             .bias = bias,
                                                             .transpose_b = true,
                                                             .activation = linear.activation,
                                                             .residual = linear.residual,
                                                             .row_scale = linear.row_scale});
}

/* [B, H, W, C] -> [B, H * W, C] */
static struct sb_tensor *flatten(struct sb_graph *graph, struct sb_tensor *x) {
    if (graph->failed || !x) return NULL;
    return sb_op_reshape(graph, x, 3, (int64_t[]){x->shape[0], x->shape[1] * x->shape[2], x->shape[3]});
}

/* What ends the stem and every down-sampling: a 3 x 3 convolution with stride 2, then LayerNorm over the channels. */
static struct sb_tensor *project(struct sb_graph *graph, const struct sb_parameter_list *list, struct sb_tensor *x) {
    struct sb_tensor *y =
        sb_op_conv2d(graph, (struct sb_conv2d_parameters){.name = "proj",
                                                          .x = x,
                                                          .weight = sb_module_parameter(graph, list, "proj.weight"),
                                                          .bias = sb_module_parameter(graph, list, "proj.bias"),
                                                          .stride = 2,
                                                          .padding = 1});
    y = sb_module_norm(graph, list, "norm", flatten(graph, y), default_epsilon);
    sb_module_rename(graph, y, "");
    return y;
}

struct sb_tensor *sb_module_stem(struct sb_graph *graph, const struct sb_parameter_list *list, struct sb_tensor *image,
                                 bool batch_statistics) {
    /* Places in the published nn.Sequential: convolution, batch norm, ReLU, three times. */
    static const struct {
        const char *weight, *convolution, *norm, *result;
        int64_t stride, padding;
    } layers[] = {{"conv.0.weight", "conv.0", "conv.1", "conv.2", 2, 3},
                  {"conv.3.weight", "conv.3", "conv.4", "conv.5", 1, 1},
                  {"conv.6.weight", "conv.6", "conv.7", "conv.8", 1, 1}};
    struct sb_tensor *x = image;
    for (int i = 0; i < 3; i++) {
        x = sb_op_conv2d(graph,
                         (struct sb_conv2d_parameters){.name = layers[i].convolution,
                                                       .x = x,
                                                       .weight = sb_module_parameter(graph, list, layers[i].weight),
                                                       .stride = layers[i].stride,
                                                       .padding = layers[i].padding});
        size_t scope = sb_scope_enter(graph, "%s", layers[i].norm);
        struct sb_batch_norm_parameters norm = {.name = layers[i].norm,
                                                .x = x,
                                                .gamma = sb_module_parameter(graph, list, "weight"),
                                                .beta = sb_module_parameter(graph, list, "bias"),
                                                .running_mean = sb_module_parameter(graph, list, "running_mean"),
                                                .running_var = sb_module_parameter(graph, list, "running_var"),
                                                .epsilon = 1e-5f,
                                                .momentum = 0.1f,
                                                .training = batch_statistics,
                                                .relu = true};
        sb_scope_leave(graph, scope);
        x = sb_op_batch_norm(graph, norm);
        sb_module_rename(graph, x, layers[i].result);
    }
    return project(graph, list, x);
}

struct sb_tensor *sb_module_downsample(struct sb_graph *graph, const struct sb_parameter_list *list,
                                       struct sb_tensor *image) {
    return project(graph, list, image);
}

struct sb_tensor *sb_module_mamba(struct sb_graph *graph, const struct sb_parameter_list *list, struct sb_tensor *x,
                                  struct sb_tensor *residual, struct sb_tensor *row_scale) {
    struct sb_tensor *a_log = sb_module_parameter(graph, list, "A_log");
    struct sb_tensor *delta_weight = sb_module_parameter(graph, list, "dt_proj.weight");
    if (!a_log || !delta_weight) return NULL;
    int64_t inner = a_log->shape[0], state = a_log->shape[1], rank = delta_weight->shape[1];

    struct sb_tensor *xz = sb_module_linear(graph, list, (struct sb_module_linear){.name = "in_proj", .x = x});
    struct sb_tensor *halves[2] = {0}, *parts[3] = {0};
    sb_op_split(graph, xz, 2, (int64_t[]){inner, inner}, halves);
    struct sb_tensor *u = sb_op_causal_conv1d(
        graph, (struct sb_causal_conv1d_parameters){.name = "conv1d",
                                                    .x = halves[0],
                                                    .weight = sb_module_parameter(graph, list, "conv1d.weight"),
                                                    .bias = sb_module_parameter(graph, list, "conv1d.bias"),
                                                    .activation = SB_ACTIVATION_SILU});
    struct sb_tensor *dbc = sb_module_linear(graph, list, (struct sb_module_linear){.name = "x_proj", .x = u});
    sb_op_split(graph, dbc, 3, (int64_t[]){rank, state, state}, parts);
    /* dt_proj's bias is added by the scan, in front of the soft plus. */
    struct sb_tensor *delta =
        sb_module_linear(graph, list, (struct sb_module_linear){.name = "dt_proj", .x = parts[0]});
    struct sb_tensor *y = sb_op_selective_scan(
        graph, (struct sb_scan_parameters){.name = "scan",
                                           .u = u,
                                           .delta = delta,
                                           .a = sb_op_negative_exp(graph, "A", a_log),
                                           .b = parts[1],
                                           .c = parts[2],
                                           .d = sb_module_parameter(graph, list, "D"),
                                           .z = halves[1],
                                           .bias = sb_module_parameter(graph, list, "dt_proj.bias"),
                                           .softplus = true});
    return sb_module_linear(
        graph, list,
        (struct sb_module_linear){.name = "out_proj", .x = y, .residual = residual, .row_scale = row_scale});
}

/* One of the two complex layers: z [B, L, 4 groups of re | im] times the block's complex weights plus its bias. */
static struct sb_tensor *complex_layer(struct sb_graph *graph, const struct sb_parameter_list *list, int layer,
                                       struct sb_tensor *z, enum sb_activation_kind activation, float threshold) {
    static const char *const names[] = {"layer_1", "layer_2"}, *const matrices[] = {"matrix_1", "matrix_2"},
                             *const biases[] = {"bias_1", "bias_2"};
    static const char *const weight_names[] = {"complex_weight_1", "complex_weight_2"}, *const bias_names[] = {
                                                                                            "complex_bias_1",
                                                                                            "complex_bias_2"};
    struct sb_tensor *weight = sb_module_parameter(graph, list, weight_names[layer]);
    struct sb_tensor *bias = sb_module_parameter(graph, list, bias_names[layer]);
    if (!weight || !bias) return NULL;
    int64_t groups = bias->shape[1], block = bias->shape[2];
    /* [re or im, group, channel] -> [group, re or im, channel], the order of a spectrum's columns */
    bias = sb_op_permute(graph, biases[layer], bias, (int[]){1, 0, 2}, NULL);
    bias = sb_op_reshape(graph, bias, 1, (int64_t[]){2 * groups * block});
    return sb_op_linear(graph, (struct sb_linear_parameters){.name = names[layer],
                                                             .a = z,
                                                             .b = sb_op_complex_matrix(graph, matrices[layer], weight),
                                                             .bias = bias,
                                                             .groups = groups,
                                                             .activation = activation,
                                                             .threshold = threshold});
}

struct sb_tensor *sb_module_einfft(struct sb_graph *graph, const struct sb_parameter_list *list, struct sb_tensor *x,
                                   struct sb_tensor *residual, struct sb_tensor *row_scale) {
    struct sb_tensor *z = sb_op_spectrum(graph, "spectrum", x, NULL);
    z = complex_layer(graph, list, 0, z, SB_ACTIVATION_RELU, 0);
    z = complex_layer(graph, list, 1, z, SB_ACTIVATION_SOFT_SHRINK, 0.01f);
    return sb_op_synthesis(graph, "synthesis", z, residual, row_scale);
}

struct sb_tensor *sb_module_mlp(struct sb_graph *graph, const struct sb_parameter_list *list, struct sb_tensor *x,
                                int64_t height, int64_t width, struct sb_tensor *residual,
                                struct sb_tensor *row_scale) {
    bool depthwise = height > 0;
    struct sb_tensor *y = sb_module_linear(
        graph, list,
        (struct sb_module_linear){
            .name = "fc1", .x = x, .bias = true, .activation = depthwise ? SB_ACTIVATION_NONE : SB_ACTIVATION_GELU});
    if (depthwise && y) {
        int64_t batch = y->shape[0], hidden = y->shape[2];
        y = sb_op_reshape(graph, y, 4, (int64_t[]){batch, height, width, hidden});
        y = sb_op_depthwise_conv2d(
            graph, (struct sb_depthwise_parameters){.name = "dwconv",
                                                    .x = y,
                                                    .weight = sb_module_parameter(graph, list, "dwconv.dwconv.weight"),
                                                    .bias = sb_module_parameter(graph, list, "dwconv.dwconv.bias"),
                                                    .activation = SB_ACTIVATION_GELU});
        sb_module_rename(graph, y, "act");
        y = sb_op_reshape(graph, y, 3, (int64_t[]){batch, height * width, hidden});
    }
    return sb_module_linear(
        graph, list,
        (struct sb_module_linear){.name = "fc2", .x = y, .bias = true, .residual = residual, .row_scale = row_scale});
}

/* x + scale * Mamba(LN(x)), then x + scale * mixer(LN(x)), both sums inside the products that end the branches. */
static struct sb_tensor *branches(struct sb_graph *graph, enum sb_mixer mixer, const struct sb_parameter_list *list,
                                  struct sb_tensor *x, int64_t height, int64_t width, struct sb_tensor *scale_mamba,
                                  struct sb_tensor *scale_mixer) {
    struct sb_tensor *y = sb_module_norm(graph, list, "attn.norm", x, default_epsilon);
    size_t scope = sb_scope_enter(graph, "attn.mamba");
    x = sb_module_mamba(graph, list, y, x, scale_mamba);
    sb_scope_leave(graph, scope);
    y = sb_module_norm(graph, list, "norm2", x, given_epsilon);
    scope = sb_scope_enter(graph, "mlp");
    x = mixer == SB_MIXER_EINFFT ? sb_module_einfft(graph, list, y, x, scale_mixer)
                                 : sb_module_mlp(graph, list, y, height, width, x, scale_mixer);
    sb_scope_leave(graph, scope);
    return x;
}

struct sb_tensor *sb_module_block(struct sb_graph *graph, enum sb_mixer mixer, const struct sb_parameter_list *list,
                                  struct sb_tensor *x, int64_t height, int64_t width, struct sb_tensor *scale_mamba,
                                  struct sb_tensor *scale_mixer) {
    x = branches(graph, mixer, list, x, height, width, scale_mamba, scale_mixer);
    sb_module_rename(graph, x, "");
    return x;
}

struct sb_tensor *sb_module_class_token(struct sb_graph *graph, enum sb_mixer mixer,
                                        const struct sb_parameter_list *list, struct sb_tensor *token) {
    return branches(graph, mixer, list, token, 0, 0, NULL, NULL);
}

struct sb_tensor *sb_module_class_block(struct sb_graph *graph, enum sb_mixer mixer,
                                        const struct sb_parameter_list *list, struct sb_tensor *x) {
    if (graph->failed || !x) return NULL;
    struct sb_tensor *token = sb_op_slice_tokens(graph, "class_token", x, 0, 1);
    token = sb_module_class_token(graph, mixer, list, token);
    if (x->shape[1] > 1) {
        struct sb_tensor *rest = sb_op_slice_tokens(graph, "tokens", x, 1, x->shape[1] - 1);
        token = sb_op_concat_tokens(graph, "joined", token, rest);
    }
    sb_module_rename(graph, token, "");
    return token;
}
