#include "ops/build.h"

static const float variance_epsilon = 1e-5f;

struct sb_tensor *sb_op_series_patches(struct sb_graph *graph, struct sb_series_patches_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_SERIES_PATCHES, p.name);
    if (p.statistics) *p.statistics = NULL;
    if (!sb_take(graph, node, 0, "windows", p.x, 0) || !sb_check_rank(graph, node, "windows", p.x, 3)) return NULL;
    const int64_t batch = p.x->shape[0], length = p.x->shape[1], channels = p.x->shape[2];
    const int64_t patch = p.patch ? p.patch : length, stride = p.stride ? p.stride : patch;
    if (!sb_check(graph, node, patch >= 1 && stride >= 1 && p.padding >= 0,
                  "patches of %lld values every %lld with a padding of %lld are impossible.", (long long)patch,
                  (long long)stride, (long long)p.padding) ||
        !sb_check(graph, node, patch <= length + p.padding,
                  "a patch of %lld values is longer than its windows of %lld with %lld of padding.", (long long)patch,
                  (long long)length, (long long)p.padding))
        return NULL;
    node->attributes.series_patches = (struct sb_series_patches_attributes){.patch = patch,
                                                                            .stride = stride,
                                                                            .padding = p.padding,
                                                                            .epsilon = variance_epsilon,
                                                                            .normalise = p.normalise,
                                                                            .mix_channels = p.mix_channels};
    const int64_t count = (length + p.padding - patch) / stride + 1;
    const int64_t shape[3] = {p.mix_channels ? batch : batch * channels, count,
                              p.mix_channels ? channels * patch : patch};
    struct sb_tensor *tokens = sb_give(graph, node, SB_SERIES_PATCHES_TOKENS, NULL, NULL, 0, 3, shape);
    struct sb_tensor *statistics =
        sb_give(graph, node, SB_SERIES_PATCHES_STATISTICS, "statistics", NULL, 0, 3, (int64_t[]){batch, channels, 2});
    if (p.statistics) *p.statistics = statistics;
    return tokens;
}

struct sb_tensor *sb_op_series_forecast(struct sb_graph *graph, const char *name, struct sb_tensor *y,
                                        struct sb_tensor *statistics) {
    struct sb_node *node = sb_begin(graph, SB_OP_SERIES_FORECAST, name);
    if (!sb_take(graph, node, 0, "input", y, 0) || !sb_take(graph, node, 1, "statistics", statistics, 0) ||
        !sb_check_shape(graph, node, "statistics", statistics, 3, (int64_t[]){-1, -1, 2}))
        return NULL;
    const int64_t batch = statistics->shape[0], channels = statistics->shape[1], elements = sb_elements(y);
    if (!sb_check(graph, node, elements % (batch * channels) == 0,
                  "the %lld elements of %s are no forecasts of one length for %lld windows of %lld channels.",
                  (long long)elements, y->name, (long long)batch, (long long)channels))
        return NULL;
    return sb_give(graph, node, 0, NULL, NULL, 0, 3, (int64_t[]){batch, elements / (batch * channels), channels});
}

void sb_gradient_series_forecast(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *y = forward->inputs[0];
    if (!sb_gradient_wanted(gradients, y)) return;
    struct sb_node *node = sb_begin(graph, SB_OP_SERIES_FORECAST_GRADIENT, "input");
    if (!sb_take(graph, node, 0, "dout", sb_gradient_arrived(gradients, forward->outputs[0]), 0) ||
        !sb_take(graph, node, 1, "statistics", forward->inputs[1], 0))
        return;
    struct sb_tensor *into = sb_gradient_dense_destination(gradients, y);
    sb_gradient_contribute(gradients, y, sb_give_like(graph, node, 0, NULL, into, 0, y));
}

struct sb_tensor *sb_op_forecast_loss(struct sb_graph *graph, struct sb_forecast_loss_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_FORECAST_LOSS, p.name);
    if (!sb_take(graph, node, 0, "prediction", p.prediction, 0) || !sb_take(graph, node, 1, "target", p.target, 0) ||
        !sb_check_rank(graph, node, "prediction", p.prediction, 3) ||
        !sb_check_same(graph, node, "target", p.target, "prediction", p.prediction))
        return NULL;
    const int64_t all = p.prediction->shape[2], channels = p.channels ? p.channels : all - p.first_channel;
    const float delta = p.delta == 0.0f ? 1 : p.delta;
    if (!sb_check(graph, node, p.first_channel >= 0 && channels >= 1 && p.first_channel + channels <= all,
                  "the %lld channels from %lld are not among the %lld of %s.", (long long)channels,
                  (long long)p.first_channel, (long long)all, p.prediction->name) ||
        !sb_check(graph, node, delta > 0, "a delta of %g is impossible: it must be above 0.", (double)delta))
        return NULL;
    node->attributes.forecast_loss = (struct sb_forecast_loss_attributes){.kind = p.kind,
                                                                          .delta = delta,
                                                                          .first_channel = p.first_channel,
                                                                          .channels = channels,
                                                                          .weight = p.weight == 0.0f ? 1 : p.weight};
    return sb_give(graph, node, 0, NULL, NULL, 0, 1, (int64_t[]){1});
}

void sb_gradient_forecast_loss(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *prediction = forward->inputs[0];
    if (!sb_gradient_wanted(gradients, prediction)) return;
    struct sb_node *node = sb_begin(graph, SB_OP_FORECAST_LOSS_GRADIENT, "prediction");
    if (!sb_take(graph, node, 0, "dloss", sb_gradient_arrived(gradients, forward->outputs[0]), 0) ||
        !sb_take(graph, node, 1, "prediction", prediction, 0) ||
        !sb_take(graph, node, 2, "target", forward->inputs[1], 0))
        return;
    node->attributes = forward->attributes;
    sb_gradient_contribute(gradients, prediction, sb_give_like(graph, node, 0, NULL, NULL, 0, prediction));
}

struct sb_tensor *sb_op_moving_average(struct sb_graph *graph, const char *name, struct sb_tensor *x, int64_t kernel,
                                       struct sb_tensor **remainder) {
    struct sb_node *node = sb_begin(graph, SB_OP_MOVING_AVERAGE, name);
    *remainder = NULL;
    if (!sb_take(graph, node, 0, "input", x, 0) ||
        !sb_check(graph, node, kernel >= 1 && kernel % 2 == 1, "its kernel of %lld values must be odd.",
                  (long long)kernel))
        return NULL;
    node->attributes.moving_average = (struct sb_moving_average_attributes){.kernel = kernel};
    struct sb_tensor *trend = sb_give_like(graph, node, 0, NULL, NULL, 0, x);
    *remainder = sb_give_like(graph, node, 1, "remainder", NULL, 0, x);
    return trend;
}

void sb_cost_moving_average(const struct sb_node *node, struct sb_cost *cost) {
    const double kernel = (double)node->attributes.moving_average.kernel;
    *cost = (struct sb_cost){.flops = (kernel + 2) * sb_count(node->inputs[0]), .bytes = sb_traffic(node)};
}
