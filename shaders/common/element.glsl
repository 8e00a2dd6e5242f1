// What a kernel works on at a time: one float, or with PAIRS two neighbours, so that one source serves both.
#ifndef SIMBA_COMMON_ELEMENT
#define SIMBA_COMMON_ELEMENT

#ifdef PAIRS
#include "common/pair.glsl"
#define element vec2
#define LOAD LOAD_PAIR
#define STORE STORE_PAIR
#else
#define element float
#define LOAD(pointer, index) ((pointer).at[index])
#define STORE(pointer, index, value) ((pointer).at[index] = (value))
#endif

#endif
