/* Rounding to the 16-bit floats: every number of each, the ties between neighbours, what lies beside them, the ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/half.h"
#include "bits.h"

#include <math.h>
#include <stdbool.h>

static float from_bfloat(uint16_t bits) {
    return from_bits((uint32_t)bits << 16);
}

static void expect(float (*round)(float), float value, float wanted) {
    const float got = round(value);
    if (bits_of(got) != bits_of(wanted)) fail_msg("%a becomes %a, not %a", value, got, wanted);
}

/* Numbers count from 0 up to infinity by their bits; what is beyond the largest one rounds as if the next step, 2^16 or
 * 2^128, were a number. */
static void check_type(float (*round)(float), float (*decode)(uint16_t), uint16_t infinity, double beyond) {
    for (uint16_t bits = 0; bits < infinity; bits++) {
        const bool last = bits + 1 == infinity;
        const float value = decode(bits), next = decode((uint16_t)(bits + 1));
        const double middle = ((double)value + (last ? beyond : (double)next)) / 2;
        const float nearest = bits & 1 ? next : value;
        assert_true(value < next && (double)(float)middle == middle);
        for (int sign = 1; sign >= -1; sign -= 2) {
            const float s = (float)sign;
            expect(round, s * value, s * value);
            expect(round, s * (float)middle, s * nearest);
            expect(round, s * nextafterf((float)middle, 0), s * value);
            expect(round, s * nextafterf((float)middle, INFINITY), s * next);
        }
    }
    expect(round, INFINITY, INFINITY);
    expect(round, -INFINITY, -INFINITY);
    expect(round, -3.4e38f, -INFINITY);
    /* Not the quiet one with the upper bits set alone: all 23 bits tell a NaN from infinity. */
    for (uint32_t bit = 0; bit < 23; bit++)
        for (uint32_t sign = 0; sign < 2; sign++)
            assert_true(isnan(round(from_bits(sign << 31 | 0x7f800000u | 1u << bit))));
}

static void half(void **state) {
    (void)state;
    check_type(sb_round_to_half, sb_float_from_half, 0x7c00, 0x1p16);
    expect(sb_round_to_half, from_bits(1), 0);
    expect(sb_round_to_half, -from_bits(1), -0.0f);
    expect(sb_round_to_half, 65504, 65504);
    expect(sb_round_to_half, 65520, INFINITY);
}

static void bfloat(void **state) {
    (void)state;
    check_type(sb_round_to_bfloat, from_bfloat, 0x7f80, 0x1p128);
    expect(sb_round_to_bfloat, 1.00390625f, 1);
    expect(sb_round_to_bfloat, 1.01171875f, 1.015625f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(half), cmocka_unit_test(bfloat)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
