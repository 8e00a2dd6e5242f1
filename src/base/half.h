/* The 16-bit floats: IEEE 754 binary16 ("half"), and bfloat16, the upper half of a float. Roundings are to the nearest,
 * ties to even; what is too large becomes infinite. */
#ifndef SB_BASE_HALF_H
#define SB_BASE_HALF_H

#include <stdint.h>

float sb_float_from_half(uint16_t half);
uint16_t sb_half_from_float(float value);

/* The nearest number of the type, as a float. */
float sb_round_to_half(float value);
float sb_round_to_bfloat(float value);

#endif
