// Two neighbouring floats in one 64-bit word: a software driver gathers lane by lane, and half as many loads are half
// the time.
#ifndef SIMBA_NORMALISATION_PAIRS
#define SIMBA_NORMALISATION_PAIRS

vec2 unpack(uint64_t word) {
    return uintBitsToFloat(unpackUint2x32(word));
}

uint64_t pack(vec2 values) {
    return packUint2x32(floatBitsToUint(values));
}

// `x` where pair i of this lane is one of the row's `pairs`, else zero.
vec2 within(uint i, uint lane, uint pairs, vec2 x) {
    return i * WORKGROUP + lane < pairs ? x : vec2(0.0);
}

#endif
