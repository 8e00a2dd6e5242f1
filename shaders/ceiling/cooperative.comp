// The rate of the matrix units: twelve independent sums of cooperative matrices in each subgroup, eight products added to
// each in a turn, as in chains.glsl. All elements of a product are 8 factor addend, whatever the size: exact in halves and
// in float32 when both are powers of two, and so are the sums.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"

const uint CHAINS = 12u, STEPS = 8u;

void main() {
    const uint turns = arguments.turns;
    const coopmat<float16_t, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_DEPTH, gl_MatrixUseA> a =
        coopmat<float16_t, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_DEPTH, gl_MatrixUseA>(
            float16_t(arguments.factor * 8.0 / float(MATRIX_DEPTH)));
    const coopmat<float16_t, gl_ScopeSubgroup, MATRIX_DEPTH, MATRIX_COLUMNS, gl_MatrixUseB> b =
        coopmat<float16_t, gl_ScopeSubgroup, MATRIX_DEPTH, MATRIX_COLUMNS, gl_MatrixUseB>(float16_t(arguments.addend));
    coopmat<float, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_COLUMNS, gl_MatrixUseAccumulator> sums[CHAINS];
    [[unroll]] for (uint i = 0u; i < CHAINS; i++)
        sums[i] = coopmat<float, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_COLUMNS, gl_MatrixUseAccumulator>(float(i));
    for (uint turn = 0u; turn < turns; turn++) {
        [[unroll]] for (uint step = 0u; step < STEPS; step++)
            [[unroll]] for (uint i = 0u; i < CHAINS; i++) sums[i] = coopMatMulAdd(a, b, sums[i]);
    }
    // An invocation may hold no element of a small matrix; then it has nothing to say.
    float sum = 0.0;
    [[unroll]] for (uint i = 0u; i < CHAINS; i++)
        if (sums[i].length() > 0) sum += sums[i][0];
    arguments.sums.at[gl_GlobalInvocationID.x] = sum;
}
