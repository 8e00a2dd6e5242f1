// By its bits: a compiler may take isnan and isinf for false.
#ifndef SIMBA_COMMON_FINITE
#define SIMBA_COMMON_FINITE

bool is_finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }

#endif
