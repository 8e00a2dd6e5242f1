/* Counter-based random numbers (Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
 * the same (key, counter) gives the same numbers on every machine, thread and device, so nothing but the counter has
 * to be saved to resume a run. shaders/common/random.glsl is the same function. */
#ifndef SB_BASE_RANDOM_H
#define SB_BASE_RANDOM_H

#include <stdint.h>

/* What a stream of numbers is used for; part of the key, so that streams never meet. */
enum sb_stream {
    SB_STREAM_INITIALISATION = 1,
    SB_STREAM_SHUFFLE,
    SB_STREAM_AUGMENTATION,
    SB_STREAM_DROP_PATH,
    SB_STREAM_TEST,
    SB_STREAM_MIXING,
    SB_STREAM_ERASING,
    SB_STREAM_DROPOUT
};

/* Four 32-bit words for the 128-bit counter {counter[0..3]} under the 64-bit key. */
void sb_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t words[4]);

/* A sequential reader over one stream: key = seed, counter = {position, stream, index low, index high}. */
struct sb_random {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t words[4];
    int used;
};

/* `index` tells apart independent sequences of one stream (a parameter, an image of an epoch, a step). */
struct sb_random sb_random_start(uint64_t seed, enum sb_stream stream, uint64_t index);

uint32_t sb_random_bits(struct sb_random *random);
/* In [0, 1), 24 bits: (bits >> 8) / 2^24. */
float sb_random_uniform(struct sb_random *random);
/* Uniform integer in [0, bound), bound > 0, without modulo bias (rejection). */
uint32_t sb_random_below(struct sb_random *random, uint32_t bound);
/* Standard normal (Box-Muller on two uniforms in double precision). */
double sb_random_normal(struct sb_random *random);
/* Beta(alpha, alpha), alpha > 0: from two gamma variates (Marsaglia and Tsang, 2000). */
double sb_random_beta(struct sb_random *random, double alpha);

#endif
