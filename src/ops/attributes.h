/* The operations by name, and the numbers that go with a node of each. What an operation computes, and the order of
 * its inputs and outputs, is documented at its builder in ops.h. */
#ifndef SB_OPS_ATTRIBUTES_H
#define SB_OPS_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

enum sb_op {
    /* views: no kernel */
    SB_OP_RESHAPE,
    SB_OP_SPLIT,
    /* linear.c */
    SB_OP_LINEAR,
    SB_OP_LINEAR_WEIGHT_GRADIENT,
    /* convolution.c */
    SB_OP_CONV2D,
    SB_OP_CONV2D_INPUT_GRADIENT,
    SB_OP_CONV2D_WEIGHT_GRADIENT,
    SB_OP_DEPTHWISE_CONV2D,
    SB_OP_DEPTHWISE_CONV2D_GRADIENT,
    SB_OP_CAUSAL_CONV1D,
    SB_OP_CAUSAL_CONV1D_GRADIENT,
    /* normalisation.c */
    SB_OP_LAYER_NORM,
    SB_OP_LAYER_NORM_GRADIENT,
    SB_OP_BATCH_NORM,
    SB_OP_BATCH_NORM_GRADIENT,
    /* scan.c */
    SB_OP_SELECTIVE_SCAN,
    SB_OP_SELECTIVE_SCAN_GRADIENT,
    /* einfft.c */
    SB_OP_SPECTRUM,
    SB_OP_SYNTHESIS,
    SB_OP_COMPLEX_MATRIX,
    SB_OP_COMPLEX_MATRIX_GRADIENT,
    /* elementwise.c */
    SB_OP_ACTIVATION,
    SB_OP_ACTIVATION_GRADIENT,
    SB_OP_ADD,
    SB_OP_MULTIPLY,
    SB_OP_NEGATIVE_EXP,
    SB_OP_SCALE_ROWS,
    SB_OP_ADD_ROW,
    SB_OP_ADD_ROW_GRADIENT,
    SB_OP_DROPOUT,
    SB_OP_FILL,
    SB_OP_COPY,
    SB_OP_NORMALISE_IMAGE,
    /* shape.c */
    SB_OP_PERMUTE,
    SB_OP_SLICE_TOKENS,
    SB_OP_CONCAT_TOKENS,
    SB_OP_REVERSE_TOKENS,
    SB_OP_MIX_BOX,
    SB_OP_MIX_IMAGES,
    /* reduction.c */
    SB_OP_TOKEN_MEAN,
    SB_OP_TOKEN_MEAN_GRADIENT,
    SB_OP_TOKEN_MAX,
    SB_OP_TOKEN_MAX_GRADIENT,
    /* loss.c */
    SB_OP_CROSS_ENTROPY,
    SB_OP_CROSS_ENTROPY_GRADIENT,
    /* series.c */
    SB_OP_SERIES_PATCHES,
    SB_OP_SERIES_FORECAST,
    SB_OP_SERIES_FORECAST_GRADIENT,
    SB_OP_FORECAST_LOSS,
    SB_OP_FORECAST_LOSS_GRADIENT,
    SB_OP_MOVING_AVERAGE,
    /* drop_path.c */
    SB_OP_DROP_PATH_SCALE,
    /* optimiser.c */
    SB_OP_ACCUMULATE,
    SB_OP_GRADIENT_NORM,
    SB_OP_LOSS_SCALING,
    SB_OP_ADAMW,
    SB_OP_AVERAGE,
    SB_OP_COUNT
};

/* What the factors of a product are rounded to (ops.h, "precision"); sums are float32 in any case. */
enum sb_precision { SB_PRECISION_FP32, SB_PRECISION_BF16, SB_PRECISION_FP16 };

enum sb_activation_kind {
    SB_ACTIVATION_NONE,
    SB_ACTIVATION_RELU,
    SB_ACTIVATION_GELU, /* exact, with erf */
    SB_ACTIVATION_SILU,
    SB_ACTIVATION_SOFT_SHRINK, /* x - t for x > t, x + t for x < -t, else 0; t is `threshold` */
};

struct sb_linear_attributes {
    int64_t groups;
    bool transpose_b;
    enum sb_activation_kind activation;
    float threshold;
};
struct sb_convolution_attributes {
    int64_t kernel_height, kernel_width, stride, padding;
    enum sb_activation_kind activation;
};
struct sb_norm_attributes {
    float epsilon;
    float momentum; /* batch norm */
    bool training;  /* batch norm: batch statistics, and the running ones are updated */
    bool relu;      /* batch norm */
};
struct sb_scan_attributes {
    bool softplus; /* of delta (+ bias); linear above 20 */
    int64_t chunk; /* tokens between saved states (training) */
};
struct sb_activation_attributes {
    enum sb_activation_kind kind;
    float threshold;
};
struct sb_scale_attributes {
    float value; /* add: y = a + value * b; fill: the value */
};
struct sb_permute_attributes {
    int axes[5]; /* output axis i is input axis axes[i], as numpy.transpose */
};
struct sb_slice_attributes {
    int64_t first, count;
};
struct sb_mix_attributes {
    int64_t scale; /* positions to a side of one box unit */
};
struct sb_cross_entropy_attributes {
    float smoothing; /* with integer labels only */
    float weight;    /* the loss is weight * mean over rows */
};
struct sb_drop_path_attributes { /* of dropout, too */
    float rate;
    uint32_t branch; /* which branch of the model: part of the counter of the random numbers */
};
/* Each channel of each window by its own statistics over time. */
enum sb_normalisation {
    SB_NORMALISE_NONE,
    SB_NORMALISE_MEAN,    /* minus the mean */
    SB_NORMALISE_INSTANCE /* and divided by the deviation */
};
struct sb_series_patches_attributes {
    int64_t patch, stride, padding;
    float epsilon; /* added to the variance */
    enum sb_normalisation normalise;
    bool mix_channels; /* a token holds the patches of all channels */
};
/* The error e = prediction - target of one value. */
enum sb_forecast_loss {
    SB_FORECAST_LOSS_SQUARED,  /* e^2: the mean squared error */
    SB_FORECAST_LOSS_ABSOLUTE, /* |e|: the mean absolute error; its slope at 0 is 0 */
    SB_FORECAST_LOSS_HUBER     /* e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2) */
};
struct sb_forecast_loss_attributes {
    enum sb_forecast_loss kind;
    float delta;
    int64_t first_channel, channels; /* those that count */
    float weight;
};
struct sb_moving_average_attributes {
    int64_t kernel; /* odd */
};
struct sb_adamw_attributes {
    double beta1,
        beta2; /* 1 - beta from a beta in float32 would be wrong by 1e-5 for 0.999: subtract first, then round */
    float epsilon;
    float rate_factor;    /* of the step's learning rate */
    float weight_decay;   /* decoupled, scaled by the learning rate */
    float clip_norm;      /* 0: no clipping */
    int64_t first, count; /* elements of the parameter space: one group */
};
struct sb_average_attributes {
    float share; /* of the new values: 1 - decay */
};
struct sb_loss_scaling_attributes {
    double beta1, beta2; /* of the optimiser */
    int64_t interval;    /* good steps in a row after which the scale is doubled */
};
struct sb_accumulate_attributes {
    float scale; /* 1 / number of micro-batches */
};

/* What random erasing puts into a box. */
enum sb_erasing {
    SB_ERASING_PIXEL,    /* a normal number for each element */
    SB_ERASING_CONSTANT, /* zero, the mean */
    SB_ERASING_RANDOM    /* a normal number for each channel */
};
struct sb_mix_images_attributes {
    enum sb_erasing erasing;
};

union sb_attributes {
    struct sb_linear_attributes linear;
    struct sb_convolution_attributes convolution;
    struct sb_norm_attributes norm;
    struct sb_scan_attributes scan;
    struct sb_activation_attributes activation;
    struct sb_scale_attributes scale;
    struct sb_permute_attributes permute;
    struct sb_slice_attributes slice;
    struct sb_mix_attributes mix;
    struct sb_mix_images_attributes mix_images;
    struct sb_cross_entropy_attributes cross_entropy;
    struct sb_drop_path_attributes drop_path;
    struct sb_series_patches_attributes series_patches;
    struct sb_forecast_loss_attributes forecast_loss;
    struct sb_moving_average_attributes moving_average;
    struct sb_adamw_attributes adamw;
    struct sb_average_attributes average;
    struct sb_accumulate_attributes accumulate;
    struct sb_loss_scaling_attributes loss_scaling;
};

#endif
