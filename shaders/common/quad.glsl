// Four neighbouring floats at once, for software drivers. Mesa's walks over the lanes of a load or store through an
// address, one branch each, but not over those of a texel fetch: so reading is texelFetch, writing two 64-bit words,
// and an invocation does its share in straight-line code, because a loop would blend every value with its mask.
#ifndef SIMBA_COMMON_QUAD
#define SIMBA_COMMON_QUAD

#define STORE_QUAD(pointer, index, value)                                        \
    {                                                                            \
        const uvec4 quad_words = floatBitsToUint(value);                         \
        (pointer).at[2 * (index)] = packUint2x32(quad_words.xy);                 \
        (pointer).at[2 * (index) + 1] = packUint2x32(quad_words.zw);             \
    }

#endif
