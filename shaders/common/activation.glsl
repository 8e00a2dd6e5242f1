// The activations of enum sb_activation_kind (ops/attributes.h). `kind` is a specialisation constant, so one remains.
#ifndef SB_ACTIVATION_GLSL
#define SB_ACTIVATION_GLSL

#include "common/erf.glsl"

const uint ACTIVATION_NONE = 0u;
const uint ACTIVATION_RELU = 1u;
const uint ACTIVATION_GELU = 2u;
const uint ACTIVATION_SILU = 3u;
const uint ACTIVATION_SOFT_SHRINK = 4u;

float activate(uint kind, float x, float threshold) {
    if (kind == ACTIVATION_RELU) return max(x, 0.0);
    if (kind == ACTIVATION_GELU) return 0.5 * x * (1.0 + error_function(x * 0.70710678));
    if (kind == ACTIVATION_SILU) return x / (1.0 + exp(-x));
    if (kind == ACTIVATION_SOFT_SHRINK) return x - clamp(x, -threshold, threshold);
    return x;
}

#endif
