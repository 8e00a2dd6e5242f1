// The error function, for exact GELU: absolute error below 2e-7 in float32.
// |x| <= 1: x times a polynomial in x^2; above: 1 - exp(-q(x)) with q near -log(erfc(x)). Both are interpolations at
// Chebyshev points made for this project. Without branches: software drivers run both arms anyway.
#ifndef SB_ERF_GLSL
#define SB_ERF_GLSL

float error_function(float x) {
    const float s = min(x * x, 1.0);
    const float inner =
        x * (1.128379166 + s * (-0.3761262667 + s * (0.1128359472 + s * (-2.685421201e-2 +
             s * (5.189087423e-3 + s * (-8.016864282e-4 + s * 7.875875047e-5))))));
    const float t = min(abs(x), 4.0);
    const float q =
        7.658977784e-4 + t * (1.125893652 + t * (0.6391412576 + t * (0.1032811176 + t * (-2.260477224e-2 +
             t * (3.432351381e-3 + t * (-3.169370225e-4 + t * 1.327236181e-5))))));
    const float outer = (1.0 - exp(-q)) * sign(x);
    return mix(inner, outer, abs(x) > 1.0);
}

#endif
