// Matrix products with 16-bit factors on a device's matrix units: what matrix_product.comp computes with PRECISION fp16,
// by cooperative matrices of MATRIX_ROWS x MATRIX_DEPTH times MATRIX_DEPTH x MATRIX_COLUMNS, summed in float32. A subgroup
// computes FRAGMENT_ROWS x FRAGMENT_COLUMNS of them, a workgroup SUBGROUP_ROWS x SUBGROUP_COLUMNS times as many; any size,
// pitch and alignment of the tensors.
//
// Factors are rounded by integers on their way to shared memory, so they are the reference's exactly; products of two
// halves are exact in float32. What Vulkan leaves to the device is how it sums (NVIDIA's units cut off towards zero; Fasi
// et al., 2021, "Numerical behavior of NVIDIA tensor cores") and whether subnormal halves count: tests/vulkan/
// test_precision.c tells.
//
// Workgroup z = split * groups + group, as in matrix_product.comp.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/factor.glsl"
#include "linear/epilogue.glsl"

const uint TILE_ROWS = SUBGROUP_ROWS * FRAGMENT_ROWS * MATRIX_ROWS;
const uint TILE_COLUMNS = SUBGROUP_COLUMNS * FRAGMENT_COLUMNS * MATRIX_COLUMNS;

// Tiles have the order of memory, so that neighbouring threads read neighbouring elements, two each. Their lines begin at
// multiples of 16 bytes, as cooperative matrices demand, and not all in the same banks.
const uint PADDING = 8u;
const uint A_LINES = A_TRANSPOSED != 0u ? TILE_DEPTH : TILE_ROWS;
const uint A_LINE = A_TRANSPOSED != 0u ? TILE_ROWS : TILE_DEPTH;
const uint B_LINES = B_TRANSPOSED != 0u ? TILE_COLUMNS : TILE_DEPTH;
const uint B_LINE = B_TRANSPOSED != 0u ? TILE_DEPTH : TILE_COLUMNS;
const uint A_PITCH = (A_LINE + PADDING) / 2u; // in pairs
const uint B_PITCH = (B_LINE + PADDING) / 2u;
shared f16vec2 tile_a[A_LINES * A_PITCH];
shared f16vec2 tile_b[B_LINES * B_PITCH];
// One matrix of each subgroup on its way out: which invocation holds which of its elements is the device's secret.
const uint MATRIX = MATRIX_ROWS * MATRIX_COLUMNS;
shared float result[SUBGROUP_ROWS * SUBGROUP_COLUMNS * MATRIX];

float load_a(uint row, uint depth, uint depth_end, uint group) {
    if (row >= arguments.rows || depth >= depth_end) return 0.0;
    return arguments.a.at[group * arguments.a_group + (A_TRANSPOSED != 0u ? depth * arguments.a_pitch + row
                                                                          : row * arguments.a_pitch + depth)];
}

float load_b(uint depth, uint column, uint depth_end, uint group) {
    if (column >= arguments.columns || depth >= depth_end) return 0.0;
    return arguments.b.at[group * arguments.b_group + (B_TRANSPOSED != 0u ? column * arguments.b_pitch + depth
                                                                          : depth * arguments.b_pitch + column)];
}

void store(uint row, uint column, uint split, uint group, float sum) {
    if (row >= arguments.rows || column >= arguments.columns) return;
    if (epilogue_has(EPILOGUE_BIAS)) sum += arguments.bias.at[group * arguments.columns + column];
    if (epilogue_has(EPILOGUE_SAVED))
        arguments.saved.at[row * arguments.groups * arguments.columns + group * arguments.columns + column] = sum;
    sum = activate(ACTIVATION, sum, arguments.threshold);
    if (epilogue_has(EPILOGUE_ROW_SCALE)) sum *= arguments.row_scale.at[row / arguments.rows_per_sample];
    if (epilogue_has(EPILOGUE_RESIDUAL))
        sum += arguments.residual.at[group * arguments.y_group + row * arguments.residual_pitch + column];
    arguments.y.at[split * arguments.split_stride + group * arguments.y_group + row * arguments.y_pitch + column] = sum;
}

void main() {
    const uint thread = gl_LocalInvocationIndex;
    const uint first_column = gl_WorkGroupID.x * TILE_COLUMNS;
    const uint first_row = gl_WorkGroupID.y * TILE_ROWS;
    const uint group = gl_WorkGroupID.z % arguments.groups;
    const uint split = gl_WorkGroupID.z / arguments.groups;
    const uint depth_begin = split * arguments.split_depth;
    const uint depth_end = min(depth_begin + arguments.split_depth, arguments.depth);
    // This subgroup's part of the tile.
    const uint row = gl_SubgroupID / SUBGROUP_COLUMNS * FRAGMENT_ROWS * MATRIX_ROWS;
    const uint column = gl_SubgroupID % SUBGROUP_COLUMNS * FRAGMENT_COLUMNS * MATRIX_COLUMNS;

    coopmat<float, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_COLUMNS, gl_MatrixUseAccumulator>
        sums[FRAGMENT_ROWS * FRAGMENT_COLUMNS];
    [[unroll]] for (uint i = 0u; i < FRAGMENT_ROWS * FRAGMENT_COLUMNS; i++)
        sums[i] = coopmat<float, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_COLUMNS, gl_MatrixUseAccumulator>(0.0);

    for (uint depth = depth_begin; depth < depth_end; depth += TILE_DEPTH) {
        for (uint i = thread; i < A_LINES * A_LINE / 2u; i += WORKGROUP) {
            const uint line = i / (A_LINE / 2u), pair = i % (A_LINE / 2u);
            vec2 x;
            [[unroll]] for (uint j = 0u; j < 2u; j++)
                x[j] = A_TRANSPOSED != 0u ? load_a(first_row + 2u * pair + j, depth + line, depth_end, group)
                                          : load_a(first_row + line, depth + 2u * pair + j, depth_end, group);
            tile_a[line * A_PITCH + pair] = unpackFloat2x16(half_bits(x.x) | half_bits(x.y) << 16);
        }
        for (uint i = thread; i < B_LINES * B_LINE / 2u; i += WORKGROUP) {
            const uint line = i / (B_LINE / 2u), pair = i % (B_LINE / 2u);
            vec2 x;
            [[unroll]] for (uint j = 0u; j < 2u; j++)
                x[j] = B_TRANSPOSED != 0u ? load_b(depth + 2u * pair + j, first_column + line, depth_end, group)
                                          : load_b(depth + line, first_column + 2u * pair + j, depth_end, group);
            tile_b[line * B_PITCH + pair] = unpackFloat2x16(half_bits(x.x) | half_bits(x.y) << 16);
        }
        barrier();
        [[unroll]] for (uint k = 0u; k < TILE_DEPTH; k += MATRIX_DEPTH) {
            coopmat<float16_t, gl_ScopeSubgroup, MATRIX_ROWS, MATRIX_DEPTH, gl_MatrixUseA> a[FRAGMENT_ROWS];
            coopmat<float16_t, gl_ScopeSubgroup, MATRIX_DEPTH, MATRIX_COLUMNS, gl_MatrixUseB> b;
            [[unroll]] for (uint i = 0u; i < FRAGMENT_ROWS; i++) {
                const uint at = row + i * MATRIX_ROWS;
                if (A_TRANSPOSED != 0u)
                    coopMatLoad(a[i], tile_a, k * A_PITCH + at / 2u, A_PITCH, gl_CooperativeMatrixLayoutColumnMajor);
                else
                    coopMatLoad(a[i], tile_a, at * A_PITCH + k / 2u, A_PITCH, gl_CooperativeMatrixLayoutRowMajor);
            }
            [[unroll]] for (uint j = 0u; j < FRAGMENT_COLUMNS; j++) {
                const uint at = column + j * MATRIX_COLUMNS;
                if (B_TRANSPOSED != 0u)
                    coopMatLoad(b, tile_b, at * B_PITCH + k / 2u, B_PITCH, gl_CooperativeMatrixLayoutColumnMajor);
                else
                    coopMatLoad(b, tile_b, k * B_PITCH + at / 2u, B_PITCH, gl_CooperativeMatrixLayoutRowMajor);
                [[unroll]] for (uint i = 0u; i < FRAGMENT_ROWS; i++)
                    sums[i * FRAGMENT_COLUMNS + j] = coopMatMulAdd(a[i], b, sums[i * FRAGMENT_COLUMNS + j]);
            }
        }
        barrier();
    }

    [[unroll]] for (uint i = 0u; i < FRAGMENT_ROWS; i++)
        [[unroll]] for (uint j = 0u; j < FRAGMENT_COLUMNS; j++) {
            coopMatStore(sums[i * FRAGMENT_COLUMNS + j], result, gl_SubgroupID * MATRIX, MATRIX_COLUMNS,
                         gl_CooperativeMatrixLayoutRowMajor);
            barrier();
            for (uint k = gl_SubgroupInvocationID; k < MATRIX; k += gl_SubgroupSize)
                store(first_row + row + i * MATRIX_ROWS + k / MATRIX_COLUMNS,
                      first_column + column + j * MATRIX_COLUMNS + k % MATRIX_COLUMNS, split, group,
                      result[gl_SubgroupID * MATRIX + k]);
            barrier();
        }
}
