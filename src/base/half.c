#include "base/half.h"

#include <stdbool.h>
#include <string.h>

float sb_float_from_half(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    uint32_t bits = sign | (exponent + 112) << 23 | fraction << 13;
    float value;
    if (exponent == 31) bits = sign | 0x7F800000u | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    if (exponent != 0) return value;
    const float subnormal = (float)fraction * 0x1p-24f;
    return sign ? -subnormal : subnormal;
}

uint16_t sb_half_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) return (uint16_t)(sign | 0x7E00);  /* not a number */
    if (magnitude >= 0x477FF000u) return (uint16_t)(sign | 0x7C00); /* 65520 and more round to infinity */
    if (magnitude < 0x38800000u) {                                  /* below 2^-14: a multiple of 2^-24 */
        float absolute;
        memcpy(&absolute, &magnitude, sizeof absolute);
        const float scaled = absolute * 0x1p24f + 0x1p23f; /* the addition rounds */
        memcpy(&bits, &scaled, sizeof bits);
        return (uint16_t)(sign | (bits & 0x7FFFFF));
    }
    const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
}

float sb_round_to_half(float value) {
    return sb_float_from_half(sb_half_from_float(value));
}

float sb_round_to_bfloat(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const bool is_number = (bits & 0x7FFFFFFFu) <= 0x7F800000u;
    bits =
        is_number ? bits + 0x7FFF + (bits >> 16 & 1) : bits | 0x400000u; /* one that is none must not become infinite */
    bits &= 0xFFFF0000u;
    memcpy(&value, &bits, sizeof value);
    return value;
}
