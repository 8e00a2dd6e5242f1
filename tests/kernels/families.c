/* The list of all families, in the order of ops/ops.h. */
#include "families.h"

const struct check_family *const check_families[] = {
    &check_linear,          &check_conv2d,         &check_depthwise_conv2d,
    &check_causal_conv1d,   &check_layer_norm,     &check_batch_norm,
    &check_selective_scan,  &check_spectrum,       &check_synthesis,
    &check_complex_matrix,  &check_activation,     &check_add,
    &check_multiply,        &check_negative_exp,   &check_scale_rows,
    &check_add_row,         &check_dropout,        &check_copy,
    &check_normalise_image, &check_permute,        &check_slice_tokens,
    &check_concat_tokens,   &check_reverse_tokens, &check_token_mean,
    &check_token_max,       &check_mix_box,        &check_mix_images,
    &check_cross_entropy,   &check_series_patches, &check_series_forecast,
    &check_forecast_loss,   &check_moving_average, &check_drop_path_scale,
    &check_accumulate,      &check_gradient_norm,  &check_loss_scaling,
    &check_adamw,           &check_average,        NULL,
};
