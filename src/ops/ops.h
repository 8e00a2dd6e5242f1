/* Every operation: what it computes, its inputs and outputs in order, and its builder.
 *
 * This page is the contract between the graph and the backends. Unless a line says otherwise tensors are dense float32.
 * "pitched" marks tensors that may be views with a row pitch larger than their last axis. `?` marks what may be NULL.
 * A parameter struct's `into` (NULL: a fresh tensor) is where the result goes; `addend` is added to the result
 * (same shape, dense); it may be the storage of the result itself, as may a residual, and every input that
 * sb_op_info.in_place names: the planner does that. Builders return the first output.
 * precision: the products LINEAR, CONV2D and DEPTHWISE_CONV2D and their gradients round their factors to the node's
 * precision (enum sb_precision; nearest, ties to even, beyond the largest number: infinite) when they are loaded; sums,
 * bias and its gradient, activation, residual and what is stored are float32. It is what autocast covers in PyTorch,
 * but for two things: there results are stored in 16 bits, too, and CAUSAL_CONV1D, which here stays float32 as in
 * Mamba's own kernel, is covered where that kernel is not used. A node takes graph->precision, a backward node that of
 * its forward node: the parameters of no builder say it. All other operations are float32.
 * Sizes: B batch, L tokens, C channels, H W image, M rows. Sums are in the formula's order only for the reference;
 * every backend must give the same bits on every run of the same program. */
#ifndef SB_OPS_OPS_H
#define SB_OPS_OPS_H

#include "graph/differentiate.h"
#include "graph/graph.h"

/* What an operation costs once, for plans, profiles and benchmarks. */
struct sb_cost {
    double flops;   /* multiplications and additions of float32 */
    double special; /* exponentials and the like */
    double bytes;   /* read and written at least once */
};

struct sb_op_info {
    const char *name; /* "selective_scan" */
    /* Appends the nodes that compute the gradients; NULL: not differentiable. */
    void (*gradient)(struct sb_gradients *gradients, struct sb_node *node);
    void (*cost)(const struct sb_node *node, struct sb_cost *cost);
    /* Bit i of element o: output o may take the storage of input i when that input dies at the node (same size, and
     * each element of the output depends on that input's same element only, or is read before it is written). */
    uint32_t in_place[SB_MAX_OUTPUTS];
};
const struct sb_op_info *sb_op_info(enum sb_op op);

/* ---- numbers that change each step, in one small input tensor (uint32 [8]) */
struct sb_step_numbers {
    uint32_t seed[2];
    uint32_t step[2]; /* optimiser steps since the start of training, low word first */
    float learning_rate;
    float correction1;    /* 1 - beta1^t, t = step + 1 */
    float correction2;    /* 1 - beta2^t */
    uint32_t micro_batch; /* index within the accumulation; 0 starts a new sum */
};
struct sb_tensor *sb_step_input(struct sb_graph *graph); /* the graph's one, made on first use; named "step" */

/* ---- views */
/* Same elements, another shape; x dense. No kernel. */
struct sb_tensor *sb_op_reshape(struct sb_graph *graph, struct sb_tensor *x, int rank, const int64_t *shape);
/* Column ranges of the last axis that cover x [.., sum of counts] completely: parts[i] [.., counts[i]], pitched views.
 */
void sb_op_split(struct sb_graph *graph, struct sb_tensor *x, int count, const int64_t *counts,
                 struct sb_tensor **parts);

/* ---- linear.c
 * LINEAR: y[m, g*N + n] = residual[m, g*N + n] + row_scale[m / (M / B)] * act(sum_k a[m, g*K + k] * b[g, k, n] +
 * bias[g*N + n]) inputs: a [.., G*K] pitched | b [G, K, N], or with transpose_b [G, N, K] (leading G dropped when 1;
 * [out, in] as in PyTorch is transpose_b) | bias? [G*N] | residual? [.., G*N] pitched | row_scale? [B]; outputs: y [..,
 * G*N] pitched | saved? : the argument of act, only where a gradient may be asked for and only for GELU and SiLU. M =
 * rows of a. */
enum { SB_LINEAR_A, SB_LINEAR_B, SB_LINEAR_BIAS, SB_LINEAR_RESIDUAL, SB_LINEAR_ROW_SCALE };
enum { SB_LINEAR_Y, SB_LINEAR_SAVED };
struct sb_linear_parameters {
    const char *name;
    struct sb_tensor *a, *b, *bias, *residual, *row_scale, *into;
    bool transpose_b;
    int64_t groups; /* 0: 1 */
    enum sb_activation_kind activation;
    float threshold;
};
struct sb_tensor *sb_op_linear(struct sb_graph *graph, struct sb_linear_parameters parameters);
/* LINEAR_WEIGHT_GRADIENT: db = sum over rows of a^T dy per group, in the layout of b; dbias = column sums of dy.
 * inputs: a [M, G*K] pitched | dy [M, G*N] pitched | addend? ; outputs: db | dbias? [G*N] */
enum { SB_WEIGHT_GRADIENT_A, SB_WEIGHT_GRADIENT_DY, SB_WEIGHT_GRADIENT_ADDEND };
enum { SB_WEIGHT_GRADIENT_DB, SB_WEIGHT_GRADIENT_DBIAS };

/* ---- convolution.c: images [B, H, W, C]; weights as PyTorch keeps them [O, I, kh, kw]; zero padding
 * CONV2D: inputs x | weight | bias? [O]; output y [B, OH, OW, O], OH = (H + 2 padding - kh) / stride + 1.
 * INPUT_GRADIENT: inputs dy | weight | addend? ; output dx.  WEIGHT_GRADIENT: inputs x | dy ; outputs dweight | dbias?
 */
enum { SB_CONV2D_X, SB_CONV2D_WEIGHT, SB_CONV2D_BIAS };
struct sb_conv2d_parameters {
    const char *name;
    struct sb_tensor *x, *weight, *bias;
    int64_t stride, padding; /* stride 0: 1 */
};
struct sb_tensor *sb_op_conv2d(struct sb_graph *graph, struct sb_conv2d_parameters parameters);
/* DEPTHWISE_CONV2D: one k x k filter per channel, stride 1, same size, then an activation (none, GELU).
 * inputs x [B, H, W, C] | weight [C, 1, k, k], k odd | bias? ; outputs y | saved? (argument of the activation;
 * training) GRADIENT: inputs dp (gradient of the activation's argument) | x | weight ; outputs dx? | dweight | dbias?
 */
struct sb_depthwise_parameters {
    const char *name;
    struct sb_tensor *x, *weight, *bias;
    enum sb_activation_kind activation;
};
struct sb_tensor *sb_op_depthwise_conv2d(struct sb_graph *graph, struct sb_depthwise_parameters parameters);
/* CAUSAL_CONV1D: y[b, t, c] = act(bias[c] + sum_k weight[c, 0, k] x[b, t - K + 1 + k, c]), x = 0 before the start;
 * act: none or SiLU. inputs x [B, L, C] pitched | weight [C, 1, K] | bias? [C]; output y [B, L, C].
 * GRADIENT: inputs dy | x pitched | weight | bias? ; outputs dx [B, L, C] pitched | dweight | dbias?  (recomputes) */
struct sb_causal_conv1d_parameters {
    const char *name;
    struct sb_tensor *x, *weight, *bias;
    enum sb_activation_kind activation;
};
struct sb_tensor *sb_op_causal_conv1d(struct sb_graph *graph, struct sb_causal_conv1d_parameters parameters);

/* ---- normalisation.c
 * LAYER_NORM over the last axis, biased variance. inputs x [.., C] | gamma [C] | beta [C]; outputs y | stats [rows, 2]
 * (mean, 1 / sqrt(variance + epsilon)). GRADIENT: inputs dy | x | gamma | stats | addend? ; outputs dx | dgamma | dbeta
 * where dx includes the addend. */
struct sb_tensor *sb_op_layer_norm(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                   struct sb_tensor *gamma, struct sb_tensor *beta, float epsilon);
/* BATCH_NORM over all rows of x [.., C], optionally with ReLU. inputs x | gamma | beta | running_mean | running_var;
 * outputs y | stats [2, C] (mean, 1 / sqrt(variance + epsilon) as used). training: biased batch variance normalises;
 * running = (1 - momentum) running + momentum batch, with the unbiased variance (biased for a single row), written in
 * place, but for channels of which one of the two is not finite: what is not finite would stay in them for good.
 * Otherwise the running values are used.
 * GRADIENT: inputs dy | x | gamma | stats | y? (for ReLU: dy counts where y > 0) ; outputs dx | dgamma | dbeta */
enum {
    SB_BATCH_NORM_X,
    SB_BATCH_NORM_GAMMA,
    SB_BATCH_NORM_BETA,
    SB_BATCH_NORM_RUNNING_MEAN,
    SB_BATCH_NORM_RUNNING_VAR
};
struct sb_batch_norm_parameters {
    const char *name;
    struct sb_tensor *x, *gamma, *beta, *running_mean, *running_var;
    float epsilon, momentum;
    bool training, relu;
};
struct sb_tensor *sb_op_batch_norm(struct sb_graph *graph, struct sb_batch_norm_parameters parameters);

/* ---- scan.c: Mamba's selective scan (Gu and Dao, 2023, algorithm 2; zero-order hold on A, Euler on B)
 * d = softplus?(delta + bias);  h_t = exp(d_t A) h_(t-1) + d_t u_t B_t;  y_t = (C_t . h_t + D u_t) * silu(z_t)
 * inputs: u [B, L, E] | delta [B, L, E] | a [E, N] negative | b [B, L, N] pitched | c [B, L, N] pitched | d? [E] |
 * z? [B, L, E] pitched | bias? [E]; outputs: y [B, L, E] | ungated? [B, L, E] (before silu(z); training and z) |
 * states? [B, ceil(L / chunk) - 1, E, N]: h before the first token of each chunk but the first, where it is 0
 * (training). GRADIENT inputs: dy | u | delta | a | b pitched | c pitched | d? | z? pitched | bias? | ungated? |
 * states? ; outputs: du | ddelta | da [E, N] | db pitched | dc pitched | dd? | dz? pitched | dbias? */
enum { SB_SCAN_U, SB_SCAN_DELTA, SB_SCAN_A, SB_SCAN_B, SB_SCAN_C, SB_SCAN_D, SB_SCAN_Z, SB_SCAN_BIAS };
enum { SB_SCAN_Y, SB_SCAN_UNGATED, SB_SCAN_STATES };
enum {
    SB_SCAN_GRADIENT_DY,
    SB_SCAN_GRADIENT_U,
    SB_SCAN_GRADIENT_DELTA,
    SB_SCAN_GRADIENT_A,
    SB_SCAN_GRADIENT_B,
    SB_SCAN_GRADIENT_C,
    SB_SCAN_GRADIENT_D,
    SB_SCAN_GRADIENT_Z,
    SB_SCAN_GRADIENT_BIAS,
    SB_SCAN_GRADIENT_UNGATED,
    SB_SCAN_GRADIENT_STATES
};
enum {
    SB_SCAN_GRADIENT_DU,
    SB_SCAN_GRADIENT_DDELTA,
    SB_SCAN_GRADIENT_DA,
    SB_SCAN_GRADIENT_DB,
    SB_SCAN_GRADIENT_DC,
    SB_SCAN_GRADIENT_DD,
    SB_SCAN_GRADIENT_DZ,
    SB_SCAN_GRADIENT_DBIAS
};
struct sb_scan_parameters {
    const char *name;
    struct sb_tensor *u, *delta, *a, *b, *c, *d, *z, *bias;
    bool softplus;
};
struct sb_tensor *sb_op_selective_scan(struct sb_graph *graph, struct sb_scan_parameters parameters);

/* ---- einfft.c: the two linear transforms of EinFFT and its weights; the complex layers between are LINEAR (groups 4)
 * A spectrum z [B, L, 2 C] holds 4 groups of [re (C/4) | im (C/4)]: z[b, f, k] = FFT2 of x viewed as [B, L, 4, C/4]
 * over (tokens, blocks), "ortho". SPECTRUM: inputs x [B, L, C], C % 4 == 0 | row_scale? [B] (x is multiplied by it) ;
 * output z. SYNTHESIS: y = residual + row_scale * Re(inverse FFT2 of z, "ortho"): inputs z | residual? [B, L, C] |
 * row_scale? [B]; output y. The transform is unitary, so each is the other's adjoint: the gradient of one is the other.
 */
struct sb_tensor *sb_op_spectrum(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                 struct sb_tensor *row_scale);
struct sb_tensor *sb_op_synthesis(struct sb_graph *graph, const char *name, struct sb_tensor *z,
                                  struct sb_tensor *residual, struct sb_tensor *row_scale);
/* COMPLEX_MATRIX: complex weights as the real matrix by which a row [re | im] is multiplied:
 * weight [2, G, K, N] (real parts, imaginary parts) -> [G, 2K, 2N] = [[re, im], [-im, re]]. GRADIENT: the adjoint. */
struct sb_tensor *sb_op_complex_matrix(struct sb_graph *graph, const char *name, struct sb_tensor *weight);

/* ---- elementwise.c */
/* y = act(x). GRADIENT: inputs dy | saved (the argument for GELU and SiLU, the result for ReLU and soft shrink) -> dx
 */
struct sb_tensor *sb_op_activation(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                   enum sb_activation_kind kind, float threshold);
struct sb_tensor *sb_op_activation_gradient(struct sb_graph *graph, struct sb_tensor *dy, struct sb_tensor *saved,
                                            enum sb_activation_kind kind);
/* a + value * b; a, b pitched, `into` pitched */
struct sb_tensor *sb_op_add(struct sb_graph *graph, const char *name, struct sb_tensor *a, struct sb_tensor *b,
                            float value, struct sb_tensor *into);
struct sb_tensor *sb_op_multiply(struct sb_graph *graph, const char *name, struct sb_tensor *a, struct sb_tensor *b,
                                 struct sb_tensor *into);
struct sb_tensor *sb_op_negative_exp(struct sb_graph *graph, const char *name, struct sb_tensor *x); /* -exp(x) */
/* x [B.., C] times scale [B], one factor per sample (first axis). */
struct sb_tensor *sb_op_scale_rows(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                   struct sb_tensor *scale);
/* ADD_ROW: y[m] = x[m] + row, for every m: x [.., row's axes], its last axes being those of `row` (a bias [C], or the
 * positions [P, D] of tokens [R, P, D]). GRADIENT (of row): inputs dy ; output drow, the sum over m. */
struct sb_tensor *sb_op_add_row(struct sb_graph *graph, const char *name, struct sb_tensor *x, struct sb_tensor *row);
/* DROPOUT (Srivastava et al., 2014): y = x / (1 - rate) or 0, each element by itself. inputs x [B, ..] | step. Element
 * i of sample b (first axis) is kept when word i % 4 of Philox(key = seed, counter = {micro_batch * B + b, i / 4, step
 * low, SB_STREAM_DROPOUT + 256 * branch}), (word >> 8) / 2^24, is at least `rate`: however a batch is cut into
 * micro-batches, its samples draw the same numbers. `branch`: below 2^24, another one for each dropout of a model.
 * Nothing is stored: its gradient is the same operation on dy. */
struct sb_tensor *sb_op_dropout(struct sb_graph *graph, const char *name, struct sb_tensor *x, float rate,
                                uint32_t branch);
struct sb_tensor *sb_op_fill(struct sb_graph *graph, const char *name, struct sb_tensor *into, float value);
struct sb_tensor *sb_op_copy(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                             struct sb_tensor *into); /* both may be pitched */
/* y = (x / 255 - mean[c]) / std[c]: inputs x uint8 [B, H, W, C] | constants float [2, C] (means, deviations) */
struct sb_tensor *sb_op_normalise_image(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                        struct sb_tensor *constants);

/* ---- shape.c */
/* Output axis i is input axis axes[i] (numpy.transpose); any rank up to 5, dense. `into?` dense. */
struct sb_tensor *sb_op_permute(struct sb_graph *graph, const char *name, struct sb_tensor *x, const int *axes,
                                struct sb_tensor *into);
/* Tokens first .. first + count of x [B, L, C]. Its gradient pads with zeros (CONCAT_TOKENS with FILL). */
struct sb_tensor *sb_op_slice_tokens(struct sb_graph *graph, const char *name, struct sb_tensor *x, int64_t first,
                                     int64_t count);
/* [B, L1, C] and [B, L2, C] -> [B, L1 + L2, C] */
struct sb_tensor *sb_op_concat_tokens(struct sb_graph *graph, const char *name, struct sb_tensor *a,
                                      struct sb_tensor *b);
/* y[b, t, c] = x[b, L - 1 - t, c] for x [B, L, C]: for a scan in the other direction. Its own adjoint. */
struct sb_tensor *sb_op_reverse_tokens(struct sb_graph *graph, const char *name, struct sb_tensor *x);
/* MixToken (token labelling): x [B, H, W, C] with the rows box[0] <= r < box[2] and columns box[1] <= c < box[3] (in
 * units of `scale` positions) taken from the batch in reverse order. inputs x | box int32 [4]. Its own adjoint. */
struct sb_tensor *sb_op_mix_box(struct sb_graph *graph, const char *name, struct sb_tensor *x, struct sb_tensor *box,
                                int64_t scale);

/* Random erasing (Zhong et al., 2017), then Mixup (Zhang et al., 2018) or CutMix (Yun et al., 2019), on normalised
 * images x [B, H, W, C]. inputs x | erase? float [B, 4 k]: k boxes (top, left, bottom, right), empty ones do nothing |
 * mix? float [B, 5]: a weight and a box | step. With e the erased images and r = B - 1 - b, y_b = e_r inside mix_b's
 * box, weight e_b + (1 - weight) e_r outside of it. A number of an erased element is sqrt(2) erfinv(2 u - 1) (Giles,
 * 2012, "Approximating the erfinv function", single precision), u = ((word >> 8) + 1/2) / 2^24 of word 0 of Philox(key
 * = seed, counter = {micro_batch * B + b, element, step low, SB_STREAM_ERASING}), element = (row * W + column) * C +
 * channel, or with RANDOM 2^31 + box * C + channel. */
struct sb_tensor *sb_op_mix_images(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                   struct sb_tensor *erase, struct sb_tensor *mix, enum sb_erasing erasing);

/* ---- reduction.c */
struct sb_tensor *sb_op_token_mean(struct sb_graph *graph, const char *name,
                                   struct sb_tensor *x); /* [B,L,C]->[B,1,C] */
/* [B, L, C] -> [B, C], and the index (int32 [B, C]) of the first largest as second output */
struct sb_tensor *sb_op_token_max(struct sb_graph *graph, const char *name, struct sb_tensor *x);

/* ---- loss.c: weight * mean over rows of -sum_k target_k log softmax(logits)_k
 * inputs logits [.., K] | target: float [.., K], or int32 labels [..] with smoothing s: (1 - s) at the label plus s / K
 * everywhere; outputs loss [1] | statistics [rows, 2] (largest logit, log of the sum of exponentials above it).
 * GRADIENT: inputs dloss [1] | logits | target | statistics ; output dlogits. */
struct sb_tensor *sb_op_cross_entropy(struct sb_graph *graph, const char *name, struct sb_tensor *logits,
                                      struct sb_tensor *target, float smoothing, float weight);

/* ---- series.c: forecasts of multivariate time series. Windows and forecasts are [B, time, C] as the data has them;
 * between, a model works on tokens or on rows [.., time].
 *
 * SERIES_PATCHES: inputs x [B, L, C], the windows (no gradient) ; outputs tokens | statistics [B, C, 2].
 * Normalised (reversible instance normalisation, Kim et al., 2022, without an affine map) every channel of every window
 * is taken by its own statistics over time: INSTANCE: mean and deviation = sqrt(biased variance + 1e-5); MEAN: mean and
 * 1; NONE: 0 and 1. Then x is lengthened by `padding` repeats of its last value, and cut (Nie et al., 2023,
 * "PatchTST") into the P = (L + padding - patch) / stride + 1 patches that fit: patch p holds the values from p *
 * stride. The tokens are [B*C, P, patch], row b*C + c being channel c of window b, or with `mix_channels` [B, P,
 * C*patch], value i of channel c at column c*patch + i. patch = L: whole rows, [B*C, 1, L] or [B, 1, C*L]. */
enum { SB_SERIES_PATCHES_TOKENS, SB_SERIES_PATCHES_STATISTICS };
struct sb_series_patches_parameters {
    const char *name;
    struct sb_tensor *x;
    int64_t patch;           /* 0: L */
    int64_t stride, padding; /* stride 0: patch */
    enum sb_normalisation normalise;
    bool mix_channels;
    struct sb_tensor **statistics; /* where to put the second output; NULL: nowhere */
};
struct sb_tensor *sb_op_series_patches(struct sb_graph *graph, struct sb_series_patches_parameters parameters);
/* SERIES_FORECAST: out[b, t, c] = mean[b, c] + deviation[b, c] * y[b, c, t]: back to the scale and the layout of the
 * windows. inputs y of B*C*T elements in the order [B, C, T], whatever its axes ([B*C, T], [B*C, 1, T], [B, C*T]) |
 * statistics [B, C, 2] (no gradient) ; output [B, T, C]. GRADIENT: inputs dout | statistics ; output dy. */
struct sb_tensor *sb_op_series_forecast(struct sb_graph *graph, const char *name, struct sb_tensor *y,
                                        struct sb_tensor *statistics);
/* FORECAST_LOSS: weight * mean over b, t and the channels that count of the loss of prediction - target (attributes.h
 * has the kinds). inputs prediction [B, T, C] | target [B, T, C] (no gradient) ; output loss [1].
 * GRADIENT: inputs dloss [1] | prediction | target ; output dprediction, 0 in channels that do not count. */
struct sb_forecast_loss_parameters {
    const char *name;
    struct sb_tensor *prediction, *target;
    enum sb_forecast_loss kind;
    float delta;                     /* of Huber's; 0: 1 */
    int64_t first_channel, channels; /* channels 0: all from the first */
    float weight;                    /* 0: 1 */
};
struct sb_tensor *sb_op_forecast_loss(struct sb_graph *graph, struct sb_forecast_loss_parameters parameters);
/* MOVING_AVERAGE (the decomposition of DLinear, Zeng et al., 2023): trend[t] = mean of x over the `kernel` (odd) values
 * around t, beyond the ends of x its first and its last one; remainder = x - trend. inputs x [.., L] (no gradient: it
 * is made for windows) ; outputs trend | remainder, like x. */
struct sb_tensor *sb_op_moving_average(struct sb_graph *graph, const char *name, struct sb_tensor *x, int64_t kernel,
                                       struct sb_tensor **remainder);

/* ---- drop_path.c: [B] factors of stochastic depth (Huang et al., 2016), 0 or 1 / (1 - rate). Sample b keeps its
 * branch when the uniform number of Philox(key = seed, counter = {micro_batch * B + b, branch, step low,
 * SB_STREAM_DROP_PATH}) word 0, (word >> 8) / 2^24, is at least `rate`: however a batch is cut into micro-batches, its
 * samples draw the same numbers. inputs step | output [B] */
struct sb_tensor *sb_op_drop_path_scale(struct sb_graph *graph, const char *name, int64_t batch, float rate,
                                        uint32_t branch);

/* ---- optimiser.c: whole spaces, as rows of one tensor each; no gradients; appended with graph->phase set
 * ACCUMULATE: inputs gradient [n] | accumulator [n] | step ; writes accumulator = (micro_batch == 0 ? 0 : accumulator)
 * + scale * gradient.
 * GRADIENT_NORM: inputs gradient [n] ; output norm [1] (global L2)
 * ADAMW (Loshchilov and Hutter, 2019, as torch.optim.AdamW): inputs parameter | gradient | moment1 | moment2 (each the
 * same range [count] of its space) | step | norm? [1] | loss? [1] | scaled? (struct sb_scaled_step, in place of the
 * two); in place: g = gradient * min(1, clip_norm / (norm + 1e-6)); m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g g;
 * p = p (1 - lr decay); p -= lr / c1 * m / (sqrt(v) / sqrt(c2) + epsilon), lr being rate_factor times the step's. When
 * norm or loss is not finite nothing is changed, so that the step can be examined (with accumulation: the norm of the
 * whole step's gradient, but the loss of its last micro-batch alone). With `scaled` the gradient is unscaled first, c1
 * and c2 count the steps that were taken, and nothing is changed in a step that is not.
 * LOSS_SCALING (as torch.cuda.amp.GradScaler): the gradient is that of scale * loss, the scale having been the seed of
 * its differentiation. A step whose norm and loss are finite is taken, and the scale doubles after `interval` of them
 * in a row; another one is left out, and the scale halves, down to SB_SMALLEST_LOSS_SCALE. inputs norm [1] of the
 * gradient as it is | loss? [1] | state (struct sb_loss_scaling); outputs the state, in place | struct sb_scaled_step.
 * AVERAGE (the moving average of timm's ModelEma): inputs value [n] | average [n] | norm [1] | loss? [1]; in place:
 * average += (1 - decay) (value - average), which keeps the bits of what equals its average; not changed when norm or
 * loss is not finite. */
enum { SB_SMALLEST_LOSS_SCALE = 1 }; /* below, scaling would work against what it is for: small gradients */
/* All of SB_SPACE_SCALING. Counts of steps are exact up to 2^24. */
struct sb_loss_scaling {
    float scale;
    float good; /* steps that were taken since the scale has changed */
    float taken, skipped;
};
/* What LOSS_SCALING says of a step, float [8]. */
struct sb_scaled_step {
    float norm;                     /* of the gradient of the loss itself */
    float taken;                    /* 1, or 0: it is left out */
    float factor;                   /* by which the gradient is multiplied: 1 / scale */
    float correction1, correction2; /* 1 - beta^t, t steps having been taken, this one included */
    float scale;                    /* of this step */
    float skipped;                  /* steps so far, this one included */
    float unused;
};
void sb_op_accumulate(struct sb_graph *graph, struct sb_tensor *gradient, struct sb_tensor *accumulator, float scale);
struct sb_tensor *sb_op_gradient_norm(struct sb_graph *graph, struct sb_tensor *gradient);
struct sb_loss_scaling_parameters {
    struct sb_tensor *norm, *loss, *state;
    double beta1, beta2;
    int64_t interval;
};
struct sb_tensor *sb_op_loss_scaling(struct sb_graph *graph, struct sb_loss_scaling_parameters parameters);
struct sb_adamw_parameters {
    const char *name;
    struct sb_tensor *parameter, *gradient, *moment1, *moment2, *norm, *loss, *scaled;
    double beta1, beta2;
    float epsilon, rate_factor /* 0: 1 */, weight_decay, clip_norm;
};
void sb_op_adamw(struct sb_graph *graph, struct sb_adamw_parameters parameters);
struct sb_average_parameters {
    struct sb_tensor *value, *average, *norm, *loss;
    double decay;
};
void sb_op_average(struct sb_graph *graph, struct sb_average_parameters parameters);

#endif
