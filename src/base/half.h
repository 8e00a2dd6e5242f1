/* IEEE 754 binary16. */
#ifndef SB_BASE_HALF_H
#define SB_BASE_HALF_H

#include <stdint.h>

float sb_float_from_half(uint16_t half);
/* Rounds to the nearest, ties to even; what is too large becomes infinite. */
uint16_t sb_half_from_float(float value);

#endif
