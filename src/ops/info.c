#include "ops/build.h"

/* Output o may stand in the place of the inputs of these bits. */
#define OUTPUT_0_IN_PLACE_OF(bits) .in_place = {[0] = (bits)}

static const struct sb_op_info table[SB_OP_COUNT] = {
    [SB_OP_RESHAPE] = {"reshape", sb_gradient_reshape, sb_cost_view},
    [SB_OP_SPLIT] = {"split", sb_gradient_split, sb_cost_view},
    [SB_OP_LINEAR] = {"linear", sb_gradient_linear, sb_cost_linear, OUTPUT_0_IN_PLACE_OF(1u << SB_LINEAR_RESIDUAL)},
    [SB_OP_LINEAR_WEIGHT_GRADIENT] = {"linear_weight_gradient", NULL, sb_cost_linear_weight_gradient,
                                      OUTPUT_0_IN_PLACE_OF(1u << SB_WEIGHT_GRADIENT_ADDEND)},
    [SB_OP_CONV2D] = {"conv2d", sb_gradient_conv2d, sb_cost_convolution},
    [SB_OP_CONV2D_INPUT_GRADIENT] = {"conv2d_input_gradient", NULL, sb_cost_convolution, OUTPUT_0_IN_PLACE_OF(1u << 2)},
    [SB_OP_CONV2D_WEIGHT_GRADIENT] = {"conv2d_weight_gradient", NULL, sb_cost_convolution},
    [SB_OP_DEPTHWISE_CONV2D] = {"depthwise_conv2d", sb_gradient_depthwise_conv2d, sb_cost_convolution},
    [SB_OP_DEPTHWISE_CONV2D_GRADIENT] = {"depthwise_conv2d_gradient", NULL, sb_cost_convolution},
    [SB_OP_CAUSAL_CONV1D] = {"causal_conv1d", sb_gradient_causal_conv1d, sb_cost_convolution},
    [SB_OP_CAUSAL_CONV1D_GRADIENT] = {"causal_conv1d_gradient", NULL, sb_cost_convolution},
    [SB_OP_LAYER_NORM] = {"layer_norm", sb_gradient_layer_norm, sb_cost_elementwise},
    [SB_OP_LAYER_NORM_GRADIENT] = {"layer_norm_gradient", NULL, sb_cost_elementwise, OUTPUT_0_IN_PLACE_OF(1u << 4)},
    [SB_OP_BATCH_NORM] = {"batch_norm", sb_gradient_batch_norm, sb_cost_elementwise,
                          OUTPUT_0_IN_PLACE_OF(1u << SB_BATCH_NORM_X)},
    [SB_OP_BATCH_NORM_GRADIENT] = {"batch_norm_gradient", NULL, sb_cost_elementwise, OUTPUT_0_IN_PLACE_OF(1u << 0)},
    [SB_OP_SELECTIVE_SCAN] = {"selective_scan", sb_gradient_selective_scan, sb_cost_selective_scan},
    [SB_OP_SELECTIVE_SCAN_GRADIENT] = {"selective_scan_gradient", NULL, sb_cost_selective_scan_gradient},
    [SB_OP_SPECTRUM] = {"spectrum", sb_gradient_spectrum, sb_cost_transform},
    [SB_OP_SYNTHESIS] = {"synthesis", sb_gradient_synthesis, sb_cost_transform, OUTPUT_0_IN_PLACE_OF(1u << 1)},
    [SB_OP_COMPLEX_MATRIX] = {"complex_matrix", sb_gradient_complex_matrix, sb_cost_traffic},
    [SB_OP_COMPLEX_MATRIX_GRADIENT] = {"complex_matrix_gradient", NULL, sb_cost_traffic},
    [SB_OP_ACTIVATION] = {"activation", sb_gradient_activation, sb_cost_activation, OUTPUT_0_IN_PLACE_OF(1u << 0)},
    [SB_OP_ACTIVATION_GRADIENT] = {"activation_gradient", NULL, sb_cost_activation, OUTPUT_0_IN_PLACE_OF(3u)},
    [SB_OP_ADD] = {"add", sb_gradient_add, sb_cost_elementwise, OUTPUT_0_IN_PLACE_OF(3u)},
    [SB_OP_MULTIPLY] = {"multiply", sb_gradient_multiply, sb_cost_elementwise, OUTPUT_0_IN_PLACE_OF(3u)},
    [SB_OP_NEGATIVE_EXP] = {"negative_exp", sb_gradient_negative_exp, sb_cost_activation,
                            OUTPUT_0_IN_PLACE_OF(1u << 0)},
    [SB_OP_SCALE_ROWS] = {"scale_rows", sb_gradient_scale_rows, sb_cost_elementwise, OUTPUT_0_IN_PLACE_OF(1u << 0)},
    [SB_OP_FILL] = {"fill", NULL, sb_cost_traffic},
    [SB_OP_COPY] = {"copy", sb_gradient_copy, sb_cost_traffic},
    [SB_OP_NORMALISE_IMAGE] = {"normalise_image", NULL, sb_cost_traffic},
    [SB_OP_PERMUTE] = {"permute", sb_gradient_permute, sb_cost_traffic},
    [SB_OP_SLICE_TOKENS] = {"slice_tokens", sb_gradient_slice_tokens, sb_cost_traffic},
    [SB_OP_CONCAT_TOKENS] = {"concat_tokens", sb_gradient_concat_tokens, sb_cost_traffic},
    [SB_OP_MIX_BOX] = {"mix_box", sb_gradient_mix_box, sb_cost_traffic},
    [SB_OP_TOKEN_MEAN] = {"token_mean", sb_gradient_token_mean, sb_cost_elementwise},
    [SB_OP_TOKEN_MEAN_GRADIENT] = {"token_mean_gradient", NULL, sb_cost_traffic},
    [SB_OP_TOKEN_MAX] = {"token_max", sb_gradient_token_max, sb_cost_elementwise},
    [SB_OP_TOKEN_MAX_GRADIENT] = {"token_max_gradient", NULL, sb_cost_traffic},
    [SB_OP_CROSS_ENTROPY] = {"cross_entropy", sb_gradient_cross_entropy, sb_cost_cross_entropy},
    [SB_OP_CROSS_ENTROPY_GRADIENT] = {"cross_entropy_gradient", NULL, sb_cost_cross_entropy,
                                      OUTPUT_0_IN_PLACE_OF(1u << 1)},
    [SB_OP_DROP_PATH_SCALE] = {"drop_path_scale", NULL, sb_cost_traffic},
    [SB_OP_ACCUMULATE] = {"accumulate", NULL, sb_cost_elementwise},
    [SB_OP_GRADIENT_NORM] = {"gradient_norm", NULL, sb_cost_elementwise},
    [SB_OP_ADAMW] = {"adamw", NULL, sb_cost_elementwise},
};

const struct sb_op_info *sb_op_info(enum sb_op op) {
    return &table[op];
}
