// Matrix products of every kind, for any device: y[row, column] = epilogue(sum over depth of a[row, depth] *
// b[depth, column]), by tiles in shared memory. 64 x 64 outputs per workgroup of 128, 32 each; any size, pitch and
// alignment.
//
//   A_TRANSPOSED: a is stored [depth, row] (weight gradients, whose depth are the rows of the activations).
//   B_TRANSPOSED: b is stored [column, depth] (PyTorch's [out, in]).
//   CONVOLUTION (preprocessor): a is an image; "pixel, tap" addresses it (gather.glsl). a[pixel, tap], or with
//   A_TRANSPOSED a[tap, pixel].
//
// Workgroup z = split * groups + group: each split sums its own range of the depth into its own y.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/factor.glsl"
#include "linear/epilogue.glsl"
#ifdef CONVOLUTION
#include "convolution/gather.glsl"
#endif

const uint TILE_ROWS = 64u;
const uint TILE_COLUMNS = 64u;
const uint TILE_DEPTH = 16u;
const uint THREAD_ROWS = 4u;    // one thread's outputs: rows thread_row + 16 i,
const uint THREAD_COLUMNS = 8u; // columns thread_column + 8 j
const uint A_COUNT = TILE_ROWS * TILE_DEPTH;
const uint B_COUNT = TILE_COLUMNS * TILE_DEPTH;

// One more column than needed keeps the banks apart when the tile is written along the other axis.
shared float tile_a[TILE_DEPTH][TILE_ROWS + 1u];
shared float tile_b[TILE_DEPTH][TILE_COLUMNS + 1u];

float load_a(uint row, uint depth, uint depth_end, uint group) {
    if (row >= arguments.rows || depth >= depth_end) return 0.0;
#ifdef CONVOLUTION
    return to_factor(A_TRANSPOSED != 0u ? gather(depth, row) : gather(row, depth));
#else
    return to_factor(arguments.a.at[group * arguments.a_group + (A_TRANSPOSED != 0u ? depth * arguments.a_pitch + row
                                                                                    : row * arguments.a_pitch + depth)]);
#endif
}

float load_b(uint depth, uint column, uint depth_end, uint group) {
    if (column >= arguments.columns || depth >= depth_end) return 0.0;
    return to_factor(arguments.b.at[group * arguments.b_group + (B_TRANSPOSED != 0u ? column * arguments.b_pitch + depth
                                                                                    : depth * arguments.b_pitch + column)]);
}

void main() {
    const uint thread = gl_LocalInvocationIndex;
    const uint first_column = gl_WorkGroupID.x * TILE_COLUMNS;
    const uint first_row = gl_WorkGroupID.y * TILE_ROWS;
    const uint group = gl_WorkGroupID.z % arguments.groups;
    const uint split = gl_WorkGroupID.z / arguments.groups;
    const uint depth_begin = split * arguments.split_depth;
    const uint depth_end = min(depth_begin + arguments.split_depth, arguments.depth);
    const uint thread_row = thread / 8u;
    const uint thread_column = thread % 8u;

    float sums[THREAD_ROWS][THREAD_COLUMNS];
    [[unroll]] for (uint i = 0u; i < THREAD_ROWS; i++)
        [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) sums[i][j] = 0.0;

    for (uint depth = depth_begin; depth < depth_end; depth += TILE_DEPTH) {
        // Neighbouring threads read neighbouring elements, whichever axis is contiguous.
        for (uint i = thread; i < A_COUNT; i += WORKGROUP) {
            const uint k = A_TRANSPOSED != 0u ? i / TILE_ROWS : i % TILE_DEPTH;
            const uint row = A_TRANSPOSED != 0u ? i % TILE_ROWS : i / TILE_DEPTH;
            tile_a[k][row] = load_a(first_row + row, depth + k, depth_end, group);
        }
        for (uint i = thread; i < B_COUNT; i += WORKGROUP) {
            const uint k = B_TRANSPOSED != 0u ? i % TILE_DEPTH : i / TILE_COLUMNS;
            const uint column = B_TRANSPOSED != 0u ? i / TILE_DEPTH : i % TILE_COLUMNS;
            tile_b[k][column] = load_b(depth + k, first_column + column, depth_end, group);
        }
        barrier();
        for (uint k = 0u; k < TILE_DEPTH; k++) {
            float b[THREAD_COLUMNS];
            [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) b[j] = tile_b[k][thread_column + 8u * j];
            [[unroll]] for (uint i = 0u; i < THREAD_ROWS; i++) {
                const float a = tile_a[k][thread_row + 16u * i];
                [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) sums[i][j] = fma(a, b[j], sums[i][j]);
            }
        }
        barrier();
    }

    [[unroll]] for (uint i = 0u; i < THREAD_ROWS; i++) {
        const uint row = first_row + thread_row + 16u * i;
        if (row >= arguments.rows) continue;
#ifdef CONVOLUTION
        const uint target = A_TRANSPOSED != 0u ? row : target_row(row);
#else
        const uint target = row;
#endif
        [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) {
            const uint column = first_column + thread_column + 8u * j;
            if (column >= arguments.columns) continue;
            float sum = sums[i][j];
            if (epilogue_has(EPILOGUE_BIAS)) sum += arguments.bias.at[group * arguments.columns + column];
            if (epilogue_has(EPILOGUE_SAVED))
                arguments.saved.at[target * arguments.groups * arguments.columns + group * arguments.columns + column] =
                    sum;
            sum = activate(ACTIVATION, sum, arguments.threshold);
            if (epilogue_has(EPILOGUE_ROW_SCALE)) sum *= arguments.row_scale.at[row / arguments.rows_per_sample];
            if (epilogue_has(EPILOGUE_RESIDUAL))
                sum += arguments.residual.at[group * arguments.y_group + target * arguments.residual_pitch + column];
            arguments.y.at[split * arguments.split_stride + group * arguments.y_group + target * arguments.y_pitch +
                           column] = sum;
        }
    }
}
