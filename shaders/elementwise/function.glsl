// What an elementwise kernel computes from a, b and one number; the constant FUNCTION picks. It is known when the
// pipeline is made, so the loads that a function has no use for and all other branches are gone.
#include "common/activation.glsl"

const uint FUNCTION_FILL = 1, FUNCTION_COPY = 2, FUNCTION_NEGATIVE_EXP = 3, FUNCTION_ADD = 4, FUNCTION_MULTIPLY = 5,
           FUNCTION_ACTIVATION = 16, FUNCTION_ACTIVATION_GRADIENT = 32; // plus the kind of activation

const bool READS_A = FUNCTION != FUNCTION_FILL;
const bool READS_B = FUNCTION == FUNCTION_ADD || FUNCTION == FUNCTION_MULTIPLY || FUNCTION >= FUNCTION_ACTIVATION_GRADIENT;

float compute(float a, float b, float value) {
    if (FUNCTION == FUNCTION_FILL) return value;
    if (FUNCTION == FUNCTION_COPY) return a;
    if (FUNCTION == FUNCTION_NEGATIVE_EXP) return -exp(a);
    if (FUNCTION == FUNCTION_ADD) return a + value * b;
    if (FUNCTION == FUNCTION_MULTIPLY) return a * b;
    if (FUNCTION < FUNCTION_ACTIVATION_GRADIENT) return activate(FUNCTION - FUNCTION_ACTIVATION, a, value);
    return a * activation_derivative(FUNCTION - FUNCTION_ACTIVATION_GRADIENT, b);
}
