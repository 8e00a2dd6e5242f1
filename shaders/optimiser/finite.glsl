// By its bits: a compiler may take isnan and isinf for false.
bool is_finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }
