#include "base/random.h"

#include <math.h>

/* The multipliers and the key schedule's Weyl constants of the paper. */
#define MULTIPLIER_0 0xD2511F53u
#define MULTIPLIER_1 0xCD9E8D57u
#define WEYL_0 0x9E3779B9u
#define WEYL_1 0xBB67AE85u

void sb_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t words[4]) {
    uint32_t key_0 = key[0], key_1 = key[1];
    uint32_t word_0 = counter[0], word_1 = counter[1], word_2 = counter[2], word_3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t product_0 = (uint64_t)MULTIPLIER_0 * word_0;
        uint64_t product_1 = (uint64_t)MULTIPLIER_1 * word_2;
        word_0 = (uint32_t)(product_1 >> 32) ^ word_1 ^ key_0;
        word_1 = (uint32_t)product_1;
        word_2 = (uint32_t)(product_0 >> 32) ^ word_3 ^ key_1;
        word_3 = (uint32_t)product_0;
        key_0 += WEYL_0;
        key_1 += WEYL_1;
    }
    words[0] = word_0;
    words[1] = word_1;
    words[2] = word_2;
    words[3] = word_3;
}

struct sb_random sb_random_start(uint64_t seed, enum sb_stream stream, uint64_t index) {
    return (struct sb_random){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {0, (uint32_t)stream, (uint32_t)index, (uint32_t)(index >> 32)},
        .used = 4,
    };
}

uint32_t sb_random_bits(struct sb_random *random) {
    if (random->used == 4) {
        sb_philox(random->key, random->counter, random->words);
        random->counter[0]++;
        random->used = 0;
    }
    return random->words[random->used++];
}

float sb_random_uniform(struct sb_random *random) {
    return (float)(sb_random_bits(random) >> 8) * 0x1p-24f;
}

uint32_t sb_random_below(struct sb_random *random, uint32_t bound) {
    /* 2^32 mod bound: below it, a remainder would be met once more often than the others. */
    uint32_t first = (0u - bound) % bound;
    uint32_t bits;
    do bits = sb_random_bits(random);
    while (bits < first);
    return bits % bound;
}

double sb_random_normal(struct sb_random *random) {
    double radius = ((double)sb_random_bits(random) + 1.0) * 0x1p-32; /* in (0, 1]: the logarithm is finite */
    double angle = (double)sb_random_bits(random) * 0x1p-32;
    return sqrt(-2.0 * log(radius)) * cos(6.283185307179586476925 * angle);
}

static double uniform_open(struct sb_random *random) {
    return ((double)sb_random_bits(random) + 0.5) * 0x1p-32;
}

/* Gamma(alpha, 1); below 1 through Gamma(alpha + 1) times a power of a uniform number. */
static double gamma_variate(struct sb_random *random, double alpha) {
    if (alpha < 1) {
        const double larger = gamma_variate(random, alpha + 1);
        return larger * pow(uniform_open(random), 1 / alpha);
    }
    const double d = alpha - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = sb_random_normal(random), root = 1 + c * x;
        if (root <= 0) continue;
        const double v = root * root * root;
        if (log(uniform_open(random)) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

double sb_random_beta(struct sb_random *random, double alpha) {
    const double a = gamma_variate(random, alpha), b = gamma_variate(random, alpha);
    return a + b > 0 ? a / (a + b) : 0.5; /* both underflow for a tiny alpha only */
}
