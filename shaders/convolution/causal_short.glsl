// What the causal convolution for short sequences shares with its gradient.
#ifndef SIMBA_CONVOLUTION_CAUSAL_SHORT
#define SIMBA_CONVOLUTION_CAUSAL_SHORT

#include "common/exponential.glsl"

// Of four channels: the weights [channel, tap] by tap, and the bias.
#define LOAD_PARAMETERS(weights, biases, quad)                                                         \
    biases = vec4(0.0);                                                                                \
    [[unroll]] for (uint i = 0; i < 4; i++) {                                                          \
        if (HAS_BIAS) biases[i] = arguments.bias.at[4 * (quad) + i];                                   \
        [[unroll]] for (uint k = 0; k < TAPS; k++)                                                     \
            weights[k][i] = arguments.weight.at[(4 * (quad) + i) * TAPS + k];                          \
    }

#endif
