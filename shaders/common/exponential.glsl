// Exponentials of known accuracy, and the functions made of them. Needs the specialisation constant POLYNOMIAL: drivers
// that compute on a CPU have an exp2 with a relative error of 2.5e-5, too much for a recurrence over thousands of
// tokens; there a polynomial takes its place (1e-7). Real devices keep their instruction (2 units in the last place).
#ifndef SIMBA_COMMON_EXPONENTIAL
#define SIMBA_COMMON_EXPONENTIAL

const float LOG2_E = 1.44269504088896341;
const float LN_2 = 0.693147180559945309;

// 2^x for x in [-126, 127): integer part into the exponent, fraction in [-0.5, 0.5] by a minimax polynomial of degree 5
// whose constant term is exactly 1, so that 2^x is exact where x is tiny.
float exponential2_in_range(float x) {
    precise float shifted = x + 12582912.0; // 1.5 * 2^23: the integer part ends in the lowest bits
    precise float fraction = x - (shifted - 12582912.0);
    float power = 1.32647269e-3 * fraction + 9.67151266e-3;
    power = power * fraction + 5.55073374e-2;
    power = power * fraction + 2.40222421e-1;
    power = power * fraction + 6.93146978e-1;
    power = power * fraction + 1.0;
    return intBitsToFloat(floatBitsToInt(power) + (floatBitsToInt(shifted) << 23));
}

// 2^x; with the polynomial, x is clamped to what float32 can hold without denormals.
float exponential2(float x) {
    return POLYNOMIAL ? exponential2_in_range(clamp(x, -126.0, 126.0)) : exp2(x);
}

// The same for x < 127: one instruction less.
float exponential2_of_negative(float x) {
    return POLYNOMIAL ? exponential2_in_range(max(x, -100.0)) : exp2(x);
}

float sigmoid(float x) {
    return 1.0 / (1.0 + exponential2(-LOG2_E * x));
}

vec4 sigmoids(vec4 x) {
    return vec4(sigmoid(x.x), sigmoid(x.y), sigmoid(x.z), sigmoid(x.w));
}

// log(1 + exp(x)), linear above 20 as in the reference. With e = exp(-|x|), log1p(e) = 2 artanh(e / (2 + e)): a series
// in the square of at most 1/9, so small results keep all their digits (GLSL has no log1p).
float softplus(float x) {
    const float e = exponential2(-LOG2_E * abs(x));
    const float s = e / (2.0 + e);
    const float q = s * s;
    float series = 2.80244598e-1 * q + 2.79991409e-1;
    series = series * q + 4.00216991e-1;
    series = series * q + 6.66664131e-1;
    series = series * q + 2.0;
    return x > 20.0 ? x : max(x, 0.0) + s * series;
}

#endif
