// The rate of the matrix units: twelve independent sums of cooperative matrices in each subgroup, eight products added to
// each in a turn, as in chains.glsl. All elements of a product are 8 factor addend, whatever the size: exact in halves and
// in float32 when both are powers of two, and so are the sums. The factors come from memory, or a compiler for a CPU sees
// that all elements are equal and computes one of them.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"

const uint CHAINS = 12u, STEPS = 8u;
shared float16_t a_elements[MATRIX_ROWS * MATRIX_DEPTH];
shared float16_t b_elements[MATRIX_DEPTH * MATRIX_COLUMNS];

void main() {
    const uint turns = arguments.turns;
    for (uint i = gl_LocalInvocationIndex; i < MATRIX_ROWS * MATRIX_DEPTH; i += WORKGROUP)
        a_elements[i] = float16_t(arguments.factor * 8.0 / float(MATRIX_DEPTH));
    for (uint i = gl_LocalInvocationIndex; i < MATRIX_DEPTH * MATRIX_COLUMNS; i += WORKGROUP)
        b_elements[i] = float16_t(arguments.addend);
    barrier();
    coopmat<float16_t, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_DEPTH, gl_MatrixUseA> a;
    coopmat<float16_t, gl_ScopeSubgroup, MATRIX_DEPTH, MATRIX_COLUMNS, gl_MatrixUseB> b;
    coopMatLoad(a, a_elements, 0u, MATRIX_DEPTH, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoad(b, b_elements, 0u, MATRIX_COLUMNS, gl_CooperativeMatrixLayoutRowMajor);
    coopmat<float, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_COLUMNS, gl_MatrixUseAccumulator> sums[CHAINS];
    [[unroll]] for (uint i = 0u; i < CHAINS; i++)
        sums[i] = coopmat<float, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_COLUMNS, gl_MatrixUseAccumulator>(float(i));
    for (uint turn = 0u; turn < turns; turn++) {
        [[unroll]] for (uint step = 0u; step < STEPS; step++)
            [[unroll]] for (uint i = 0u; i < CHAINS; i++) sums[i] = coopMatMulAdd(a, b, sums[i]);
    }
    coopmat<float, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_COLUMNS, gl_MatrixUseAccumulator> total = sums[0];
    [[unroll]] for (uint i = 1u; i < CHAINS; i++) total += sums[i];
    // Every element, or a compiler leaves out what is not asked for; each of them is the same power of two's multiple.
    float sum = 0.0;
    for (int i = 0; i < total.length(); i++) sum += total[i];
    arguments.sums.at[gl_GlobalInvocationID.x] = sum / float(total.length());
}
