/* Functions of numbers for kernels: the formulas of the reference, written again, as what is compared must not be
 * shared.
 */
#ifndef SB_CUDA_NUMBERS_H
#define SB_CUDA_NUMBERS_H

#include "backend/cuda/kernel.h"

__device__ inline double cuda_sigmoid(double x) {
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

__device__ inline double cuda_activation(enum sb_activation_kind kind, double threshold, double x) {
    switch (kind) {
    case SB_ACTIVATION_NONE:
        return x;
    case SB_ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case SB_ACTIVATION_GELU:
        return 0.5 * x * erfc(-x * 0.70710678118654752440);
    case SB_ACTIVATION_SILU:
        return x * cuda_sigmoid(x);
    case SB_ACTIVATION_SOFT_SHRINK:
        return x > threshold ? x - threshold : x < -threshold ? x + threshold : 0;
    }
    return x;
}

/* From what is saved: the argument, or for ReLU and soft shrink the result. */
__device__ inline double cuda_activation_slope(enum sb_activation_kind kind, double saved) {
    switch (kind) {
    case SB_ACTIVATION_NONE:
        return 1;
    case SB_ACTIVATION_RELU:
        return saved > 0;
    case SB_ACTIVATION_GELU:
        return 0.5 * erfc(-saved * 0.70710678118654752440) + saved * 0.39894228040143267794 * exp(-0.5 * saved * saved);
    case SB_ACTIVATION_SILU: {
        const double sigmoid = cuda_sigmoid(saved);
        return sigmoid * (1 + saved * (1 - sigmoid));
    }
    case SB_ACTIVATION_SOFT_SHRINK:
        return saved != 0;
    }
    return 1;
}

/* The nearest number of `digits` binary digits, ties to even, in steps no smaller than 2^(smallest - digits + 1); from
 * `limit` on infinite, `limit` being half a step beyond the largest number of the type. */
__device__ inline float cuda_round(float x, int digits, int smallest, double limit) {
    if (!(fabs((double)x) < limit)) return x != x ? x : copysignf((float)HUGE_VAL, x);
    int exponent;
    frexp((double)x, &exponent); /* |x| = [1/2, 1) * 2^exponent */
    const int step = (exponent - 1 > smallest ? exponent - 1 : smallest) - digits + 1;
    return (float)ldexp(rint(ldexp((double)x, -step)), step);
}

/* A factor of the node's products, rounded as its precision says. */
__device__ inline float cuda_factor(enum sb_precision precision, float x) {
    switch (precision) {
    case SB_PRECISION_BF16:
        return cuda_round(x, 8, -126, 0x1.FFp127);
    case SB_PRECISION_FP16:
        return cuda_round(x, 11, -14, 65520);
    case SB_PRECISION_FP32:
        break;
    }
    return x;
}

/* Philox4x32-10, as sb_philox of base/random.h: four words for a counter under a key. */
__device__ inline void cuda_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t words[4]) {
    uint32_t keys[2] = {key[0], key[1]};
    for (int i = 0; i < 4; i++) words[i] = counter[i];
    for (int round = 0; round < 10; round++) {
        const uint64_t even = (uint64_t)0xD2511F53u * words[0], odd = (uint64_t)0xCD9E8D57u * words[2];
        words[0] = (uint32_t)(odd >> 32) ^ words[1] ^ keys[0];
        words[1] = (uint32_t)odd;
        words[2] = (uint32_t)(even >> 32) ^ words[3] ^ keys[1];
        words[3] = (uint32_t)even;
        keys[0] += 0x9E3779B9u;
        keys[1] += 0xBB67AE85u;
    }
}

#endif
