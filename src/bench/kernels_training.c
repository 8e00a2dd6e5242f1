/* The optimiser and the loss of classification. */
#include "bench/bench.h"

static const struct simba_bench_parameter space_parameters[] = {{"count", "trainable numbers of a model"}, {0}};
/* simba_s with the MLP mixer, and a small forecasting model. */
static const char *const space_shapes[] = {"count=26591088", "count=500000", NULL};

static void build_adamw(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_adamw_parameters p = {
        .name = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8f, .weight_decay = 0.05f, .clip_norm = 1};
    p.parameter = sb_bench_space(bench, "parameter", SB_SPACE_PARAMETER, -1, 1, sizes[0]);
    p.gradient = sb_bench_space(bench, "gradient", SB_SPACE_GRADIENT, -1, 1, sizes[0]);
    p.moment1 = sb_bench_space(bench, "moment1", SB_SPACE_MOMENT1, -0.1, 0.1, sizes[0]);
    p.moment2 = sb_bench_space(bench, "moment2", SB_SPACE_MOMENT2, 0, 0.1, sizes[0]);
    p.norm = sb_bench_constant(bench, "norm", 1, 3, 1, SB_BENCH_SHAPE(1));
    sb_bench_step(bench);
    sb_op_adamw(&bench->graph, p);
}

static void build_norm(struct sb_bench_case *bench, const int64_t *sizes) {
    sb_op_gradient_norm(&bench->graph, sb_bench_space(bench, "gradient", SB_SPACE_GRADIENT, -1, 1, sizes[0]));
}

static void build_accumulate(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_tensor *gradient = sb_bench_space(bench, "gradient", SB_SPACE_GRADIENT, -1, 1, sizes[0]);
    struct sb_tensor *sum = sb_bench_space(bench, "accumulator", SB_SPACE_ACCUMULATOR, -1, 1, sizes[0]);
    sb_bench_step(bench);
    sb_op_accumulate(&bench->graph, gradient, sum, 0.25f);
}

static void build_average(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_average_parameters p = {.decay = 0.9998};
    p.value = sb_bench_space(bench, "value", SB_SPACE_PARAMETER, -1, 1, sizes[0]);
    p.average = sb_bench_space(bench, "average", SB_SPACE_AVERAGE, -1, 1, sizes[0]);
    p.norm = sb_bench_constant(bench, "norm", 1, 3, 1, SB_BENCH_SHAPE(1));
    sb_op_average(&bench->graph, p);
}

enum { BATCH, CLASSES };
static const struct simba_bench_parameter loss_parameters[] = {{"batch", "images"}, {"classes", "of each"}, {0}};
static const char *const loss_shapes[] = {"batch=128 classes=1000", NULL};

static void build_loss(struct sb_bench_case *bench, const int64_t *sizes) {
    struct sb_tensor *logits = sb_bench_normal(bench, "logits", 0, 2, 2, SB_BENCH_SHAPE(sizes[BATCH], sizes[CLASSES]));
    struct sb_tensor *labels = sb_bench_labels(bench, "labels", sizes[BATCH], sizes[CLASSES]);
    sb_bench_root(bench, sb_op_cross_entropy(&bench->graph, "loss", logits, labels, 0.1f, 1));
}

#define ENTRY(name, summary, formula, flops, parameters, shapes) \
    SB_BENCH_ENTRY(name, summary, formula, sb_bench_once, flops, parameters, shapes)

static const char four[] = "4 for each number";
static const char five[] = "5 for each logit; specials: 1 for each";

const struct sb_bench_kernel sb_bench_training[] = {
    {ENTRY("optimiser/adamw", "AdamW with clipping, over all parameters", "ADAMW in src/ops/ops.h", four,
           space_parameters, space_shapes),
     .build = build_adamw},
    {ENTRY("optimiser/gradient_norm", "the L2 norm of all gradients", "GRADIENT_NORM in src/ops/ops.h", four,
           space_parameters, space_shapes),
     .build = build_norm},
    {ENTRY("optimiser/accumulate", "the sum of gradients over micro-batches", "ACCUMULATE in src/ops/ops.h", four,
           space_parameters, space_shapes),
     .build = build_accumulate},
    {ENTRY("optimiser/average", "the moving average of all parameters", "AVERAGE in src/ops/ops.h", four,
           space_parameters, space_shapes),
     .build = build_average},
    {ENTRY("cross_entropy/forward", "the loss of labels with smoothing", "CROSS_ENTROPY in src/ops/ops.h", five,
           loss_parameters, loss_shapes),
     .build = build_loss, .training = true},
    {ENTRY("cross_entropy/backward", "the gradient of the logits", "CROSS_ENTROPY in src/ops/ops.h, GRADIENT", five,
           loss_parameters, loss_shapes),
     .build = build_loss, .backward = true},
    {{0}}};
