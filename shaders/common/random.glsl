// Philox4x32-10, the same function as src/base/random.c: counter-based, so that every invocation draws its own numbers
// from (key, counter) alone. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#ifndef SIMBA_COMMON_RANDOM
#define SIMBA_COMMON_RANDOM

uvec4 philox(uvec2 key, uvec4 counter) {
    for (int round = 0; round < 10; round++) {
        uint high_0, low_0, high_1, low_1;
        umulExtended(0xD2511F53u, counter.x, high_0, low_0);
        umulExtended(0xCD9E8D57u, counter.z, high_1, low_1);
        counter = uvec4(high_1 ^ counter.y ^ key.x, low_1, high_0 ^ counter.w ^ key.y, low_0);
        key += uvec2(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

// In [0, 1), 24 bits: sb_random_uniform.
float philox_uniform(uint bits) {
    return float(bits >> 8) * 5.9604644775390625e-8;
}

#endif
