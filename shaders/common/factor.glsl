// What a product multiplies: to_factor(x) is the number of the type PRECISION (a specialisation constant: enum
// sb_precision) that is nearest to x, ties to even, as a float; too large ones become infinite. With integers, because
// Vulkan leaves open how packHalf2x16 and conversions round and what becomes of subnormal numbers, and because every
// device can.
#ifndef SIMBA_COMMON_FACTOR
#define SIMBA_COMMON_FACTOR

const uint PRECISION_FP32 = 0u, PRECISION_BF16 = 1u, PRECISION_FP16 = 2u;

float to_factor(float x) {
    if (PRECISION == PRECISION_FP32) return x;
    const uint bits = floatBitsToUint(x), magnitude = bits & 0x7fffffffu;
    // Below 2^-14 a half is a multiple of 2^-24: the smaller the exponent, the more bits are lost.
    const int lost = PRECISION == PRECISION_BF16 ? 16 : clamp(126 - int(magnitude >> 23), 13, 23);
    // Half a step less a bit, and that bit if the number below is odd. At 2^-24 itself the bit is the exponent's, odd.
    const uint half_step = 1u << (lost - 1);
    uint nearest = (magnitude + half_step - 1u + (magnitude >> lost & 1u)) & (0u - 2u * half_step);
    if (PRECISION == PRECISION_FP16) {
        nearest = magnitude < 0x33800000u ? (magnitude > 0x33000000u ? 0x33800000u : 0u) : nearest; // 2^-24, half of it
        nearest = nearest >= 0x47800000u ? 0x7f800000u : nearest;                                   // 2^16
    }
    nearest = magnitude > 0x7f800000u ? 0x7fc00000u : nearest; // no number
    return uintBitsToFloat(nearest | bits & 0x80000000u);
}

vec4 to_factor(vec4 x) {
    return vec4(to_factor(x.x), to_factor(x.y), to_factor(x.z), to_factor(x.w));
}

// The 16 bits of to_factor(x) as a half.
uint half_bits(float x) {
    const uint bits = floatBitsToUint(to_factor(x)), magnitude = bits & 0x7fffffffu;
    uint code = min((magnitude >> 13) - 0x1c000u, 0x7c00u);                                // at most infinity
    if (magnitude < 0x38800000u) code = uint(uintBitsToFloat(magnitude) * 16777216.0);     // below 2^-14: in 2^-24
    if (magnitude > 0x7f800000u) code = 0x7e00u;                                           // no number
    return bits >> 16 & 0x8000u | code;
}

#endif
