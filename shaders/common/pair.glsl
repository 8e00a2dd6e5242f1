// Two neighbouring floats at once. PAIR64: through one 64-bit word, because software drivers walk over the lanes of a
// load and pay for each access, not for each byte. The pointers are declared in the table: uint64* or vec2*.
#ifndef SIMBA_COMMON_PAIR
#define SIMBA_COMMON_PAIR

#ifdef PAIR64
#define LOAD_PAIR(pointer, index) uintBitsToFloat(unpackUint2x32((pointer).at[index]))
#define STORE_PAIR(pointer, index, value) ((pointer).at[index] = packUint2x32(floatBitsToUint(value)))
#else
#define LOAD_PAIR(pointer, index) ((pointer).at[index])
#define STORE_PAIR(pointer, index, value) ((pointer).at[index] = (value))
#endif

#endif
