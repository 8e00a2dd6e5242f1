// The activations and their derivatives; kinds as enum sb_activation_kind. NaN goes in and comes out.
#ifndef SIMBA_COMMON_ACTIVATION
#define SIMBA_COMMON_ACTIVATION

const uint ACTIVATION_NONE = 0, ACTIVATION_RELU = 1, ACTIVATION_GELU = 2, ACTIVATION_SILU = 3,
           ACTIVATION_SOFT_SHRINK = 4;

// The standard normal distribution function at x, and exp(-x^2 / 2), which it needs anyway. With z = |x| / sqrt(2),
// erfc(z) / 2 = exp(-z^2) t P(t), t = 1 / (1 + 0.4 z): P interpolates exp(z^2) erfc(z) / (2 t) at the Chebyshev points
// of (0, 1], relative error 2.9e-7. In floats the result is within 2e-7, and the lower tail within 2e-6 of itself:
// there is no 1 + erf(x) in which it could cancel.
float normal_distribution(float x, out float gaussian) {
    const float z = abs(x) * 0.70710678;
    const float t = 1.0 / (1.0 + 0.4 * z);
    float p = 0.0256732426;
    p = p * t - 0.0936627526;
    p = p * t + 0.088213963;
    p = p * t - 0.00598078625;
    p = p * t + 0.072240668;
    p = p * t + 0.0838731429;
    p = p * t + 0.103972329;
    p = p * t + 0.112832314;
    p = p * t + 0.112837951;
    gaussian = exp(-z * z);
    const float tail = gaussian * (t * p);
    return x < 0.0 ? tail : 1.0 - tail;
}

float gelu(float x) {
    float gaussian;
    return x * normal_distribution(x, gaussian);
}

// Phi(x) + x phi(x)
float gelu_derivative(float x) {
    float gaussian;
    const float distribution = normal_distribution(x, gaussian);
    return distribution + x * (0.39894228 * gaussian);
}

float sigmoid(float x) { return 1.0 / (1.0 + exp(-x)); }
float silu(float x) { return x * sigmoid(x); }

float silu_derivative(float x) {
    const float s = sigmoid(x);
    return s * (1.0 + x * (1.0 - s));
}

float soft_shrink(float x, float threshold) {
    return abs(x) <= threshold ? 0.0 : x > 0.0 ? x - threshold : x + threshold;
}

float activate(uint kind, float x, float threshold) {
    switch (kind) {
    case ACTIVATION_RELU: return x < 0.0 ? 0.0 : x;
    case ACTIVATION_GELU: return gelu(x);
    case ACTIVATION_SILU: return silu(x);
    case ACTIVATION_SOFT_SHRINK: return soft_shrink(x, threshold);
    default: return x;
    }
}

// The derivative at the argument (GELU, SiLU), or from the result (ReLU, soft shrink).
float activation_derivative(uint kind, float saved) {
    switch (kind) {
    case ACTIVATION_RELU: return saved > 0.0 ? 1.0 : 0.0;
    case ACTIVATION_GELU: return gelu_derivative(saved);
    case ACTIVATION_SILU: return silu_derivative(saved);
    case ACTIVATION_SOFT_SHRINK: return saved != 0.0 ? 1.0 : 0.0;
    default: return 1.0;
    }
}

#endif
