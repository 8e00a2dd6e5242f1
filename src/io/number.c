#include "io/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* With wider intermediate results a quotient would be rounded twice. */
#if defined(__SIZEOF_INT128__) && FLT_EVAL_METHOD == 0
#define HAVE_QUICK_WAY 1
__extension__ typedef unsigned __int128 wide;
#endif

/* Made once and kept: it is a few bytes, and threads may read at any time. */
static locale_t plain_locale;
static void make_plain_locale(void) {
    plain_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}
static locale_t numbers_locale(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_plain_locale);
    return plain_locale;
}

static enum sb_number read_slowly(const char *text, char point, double *value) {
    char copy[SB_NUMBER_LONGEST + 1];
    const size_t length = strlen(text);
    memcpy(copy, text, length + 1);
    char *found = memchr(copy, point, length);
    if (found) *found = '.';
    const locale_t locale = numbers_locale();
    char *end;
    *value = locale ? strtod_l(copy, &end, locale) : strtod(copy, &end);
    if (*end) return SB_NUMBER_NONE;
    return isinf(*value) ? SB_NUMBER_INFINITE : SB_NUMBER_FINITE;
}

#ifdef HAVE_QUICK_WAY
enum { EXACT_POWERS = 22, INTEGER_POWERS = 19 };

static int bits_of(uint64_t number) {
    return 64 - __builtin_clzll(number);
}

/* digits / 10^power, rounded once. Up to 2^53 and 10^22 both are doubles themselves, and the division rounds. Else the
 * quotient is taken in integers with 62 or 63 bits and a sticky last one, so that the conversion rounds as if it saw
 * all digits. False: too large for either. */
static bool divide(uint64_t digits, int power, double *value) {
    static const double tens[EXACT_POWERS + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (power >= 0 && power <= EXACT_POWERS && digits <= (uint64_t)1 << 53) {
        *value = (double)digits / tens[power];
        return true;
    }
    if (power < 0 && power >= -EXACT_POWERS && digits <= (uint64_t)1 << 53) {
        *value = (double)digits * tens[-power];
        return true;
    }
    if (power < 0 || power > INTEGER_POWERS) return false;
    uint64_t divisor = 1;
    for (int i = 0; i < power; i++) divisor *= 10;
    const int shift = bits_of(divisor) + 62 - bits_of(digits);
    if (shift < 0) return false;
    const wide numerator = (wide)digits << shift;
    const uint64_t quotient = (uint64_t)(numerator / divisor);
    const uint64_t sticky = (wide)quotient * divisor != numerator;
    const uint64_t scale_bits = (uint64_t)(1023 - shift) << 52;
    double scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    *value = (double)(int64_t)(quotient | sticky) * scale;
    return true;
}
#endif

static bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

enum sb_number sb_number_read(const char *text, char point, double *value) {
    const char *at = text;
    const bool negative = *at == '-';
    if (*at == '-' || *at == '+') at++;
    uint64_t digits = 0;
    int used = 0, behind = 0; /* significant digits in `digits`; digits behind the point */
    const char *begin = at;
    for (; is_digit(*at); at++) {
        digits = digits * 10 + (uint64_t)(*at - '0');
        used += used > 0 || *at != '0';
    }
    bool any = at != begin;
    if (*at == point) {
        begin = ++at;
        for (; is_digit(*at); at++) {
            digits = digits * 10 + (uint64_t)(*at - '0');
            used += used > 0 || *at != '0';
        }
        behind = at - begin > SB_NUMBER_LONGEST ? SB_NUMBER_LONGEST : (int)(at - begin);
        any = any || behind > 0;
    }
    if (!any) {
        if (strcasecmp(at, "inf") != 0 && strcasecmp(at, "infinity") != 0) return SB_NUMBER_NONE;
        *value = negative ? -INFINITY : INFINITY;
        return SB_NUMBER_INFINITE;
    }
    bool quick = used <= 19;
    int exponent = 0;
    if (*at == 'e' || *at == 'E') {
        at++;
        const bool down = *at == '-';
        if (*at == '-' || *at == '+') at++;
        if (!is_digit(*at)) return SB_NUMBER_NONE;
        for (; is_digit(*at); at++)
            if (exponent < 100000) exponent = exponent * 10 + (*at - '0');
        if (down) exponent = -exponent;
    }
    if (*at || at - text > SB_NUMBER_LONGEST) return SB_NUMBER_NONE;
#ifdef HAVE_QUICK_WAY
    if (quick && digits == 0) {
        *value = negative ? -0.0 : 0.0;
        return SB_NUMBER_FINITE;
    }
    if (quick && divide(digits, behind - exponent, value)) {
        if (negative) *value = -*value;
        return SB_NUMBER_FINITE;
    }
#else
    (void)quick;
#endif
    return read_slowly(text, point, value);
}

void sb_number_print(double value, char text[SB_NUMBER_TEXT]) {
    const locale_t locale = numbers_locale();
    const locale_t before = locale ? uselocale(locale) : (locale_t)0;
    for (int digits = 15; digits <= 17; digits++) {
        double back;
        snprintf(text, SB_NUMBER_TEXT, "%.*g", digits, value);
        if (sb_number_read(text, '.', &back) != SB_NUMBER_NONE && back == value) break;
    }
    if (before) uselocale(before);
}
