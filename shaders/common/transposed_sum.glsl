// Sums over the lanes of a subgroup that is the whole workgroup, WORKGROUP of them at once by a tree of shuffles with
// constant lanes.
#ifndef SIMBA_COMMON_TRANSPOSED_SUM
#define SIMBA_COMMON_TRANSPOSED_SUM

// The sum over all lanes of sums[i], in lane i.
float transposed_sum(float sums[WORKGROUP]) {
    [[unroll]] for (uint level = 1; level < 8; level++) {
        const uint half_width = WORKGROUP >> level;
        if (half_width > 0) {
            const bool upper = (gl_SubgroupInvocationID & half_width) != 0;
            [[unroll]] for (uint i = 0; i < half_width; i++) {
                const float kept = upper ? sums[i + half_width] : sums[i];
                const float given = upper ? sums[i] : sums[i + half_width];
                sums[i] = kept + subgroupShuffleXor(given, half_width);
            }
        }
    }
    return sums[0];
}

#endif
