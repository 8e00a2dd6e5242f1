/* The table of lowerings. */
#include "backend/vulkan/lowerings.h"

const vk_lower_function vk_lower_functions[SB_OP_COUNT] = {
    /* linear.c */
    [SB_OP_LINEAR] = vk_lower_linear,
    [SB_OP_LINEAR_WEIGHT_GRADIENT] = vk_lower_linear_weight_gradient,
    /* convolution.c */
    [SB_OP_CONV2D] = vk_lower_conv2d,
    [SB_OP_CONV2D_INPUT_GRADIENT] = vk_lower_conv2d_input_gradient,
    [SB_OP_CONV2D_WEIGHT_GRADIENT] = vk_lower_conv2d_weight_gradient,
    [SB_OP_DEPTHWISE_CONV2D] = vk_lower_depthwise_conv2d,
    [SB_OP_DEPTHWISE_CONV2D_GRADIENT] = vk_lower_depthwise_conv2d_gradient,
    [SB_OP_CAUSAL_CONV1D] = vk_lower_causal_conv1d,
    [SB_OP_CAUSAL_CONV1D_GRADIENT] = vk_lower_causal_conv1d_gradient,
    /* normalisation.c */
    [SB_OP_LAYER_NORM] = vk_lower_layer_norm,
    [SB_OP_LAYER_NORM_GRADIENT] = vk_lower_layer_norm_gradient,
    [SB_OP_BATCH_NORM] = vk_lower_batch_norm,
    [SB_OP_BATCH_NORM_GRADIENT] = vk_lower_batch_norm_gradient,
    /* scan.c */
    [SB_OP_SELECTIVE_SCAN] = vk_lower_selective_scan,
    [SB_OP_SELECTIVE_SCAN_GRADIENT] = vk_lower_selective_scan_gradient,
    /* einfft.c */
    [SB_OP_SPECTRUM] = vk_lower_spectrum,
    [SB_OP_SYNTHESIS] = vk_lower_synthesis,
    [SB_OP_COMPLEX_MATRIX] = vk_lower_complex_matrix,
    [SB_OP_COMPLEX_MATRIX_GRADIENT] = vk_lower_complex_matrix_gradient,
    /* elementwise.c */
    [SB_OP_ACTIVATION] = vk_lower_activation,
    [SB_OP_ACTIVATION_GRADIENT] = vk_lower_activation_gradient,
    [SB_OP_ADD] = vk_lower_add,
    [SB_OP_MULTIPLY] = vk_lower_multiply,
    [SB_OP_NEGATIVE_EXP] = vk_lower_negative_exp,
    [SB_OP_SCALE_ROWS] = vk_lower_scale_rows,
    [SB_OP_FILL] = vk_lower_fill,
    [SB_OP_COPY] = vk_lower_copy,
    [SB_OP_NORMALISE_IMAGE] = vk_lower_normalise_image,
    /* shape.c */
    [SB_OP_PERMUTE] = vk_lower_permute,
    [SB_OP_SLICE_TOKENS] = vk_lower_slice_tokens,
    [SB_OP_CONCAT_TOKENS] = vk_lower_concat_tokens,
    [SB_OP_MIX_BOX] = vk_lower_mix_box,
    [SB_OP_MIX_IMAGES] = vk_lower_mix_images,
    /* reduction.c */
    [SB_OP_TOKEN_MEAN] = vk_lower_token_mean,
    [SB_OP_TOKEN_MEAN_GRADIENT] = vk_lower_token_mean_gradient,
    [SB_OP_TOKEN_MAX] = vk_lower_token_max,
    [SB_OP_TOKEN_MAX_GRADIENT] = vk_lower_token_max_gradient,
    /* loss.c */
    [SB_OP_CROSS_ENTROPY] = vk_lower_cross_entropy,
    [SB_OP_CROSS_ENTROPY_GRADIENT] = vk_lower_cross_entropy_gradient,
    /* optimiser.c */
    [SB_OP_DROP_PATH_SCALE] = vk_lower_drop_path_scale,
    [SB_OP_ACCUMULATE] = vk_lower_accumulate,
    [SB_OP_GRADIENT_NORM] = vk_lower_gradient_norm,
    [SB_OP_ADAMW] = vk_lower_adamw,
};
