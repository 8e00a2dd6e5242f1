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
const uint THREAD_ROWS = 4u;    // one thread's outputs: four neighbouring rows
const uint THREAD_COLUMNS = 8u; // of four neighbouring columns, and of four more 32 columns on
const uint A_EACH = TILE_ROWS * TILE_DEPTH / WORKGROUP; // elements of the tiles that a thread brings
const uint B_EACH = TILE_COLUMNS * TILE_DEPTH / WORKGROUP;

// Four more columns than needed keep the banks apart when the tile is written along the other axis, and leave four
// neighbours where they can be read at once.
shared float tile_a[TILE_DEPTH][TILE_ROWS + 4u];
shared float tile_b[TILE_DEPTH][TILE_COLUMNS + 4u];

uint thread_column(uint j) {
    return gl_LocalInvocationIndex % 8u * 4u + j / 4u * 32u + j % 4u;
}

// Elements of the two factors, and whether they are inside. What is not is read where something is: a branch around
// every load would have the loads wait for each other.
float load_a(uint row, uint depth, uint depth_end, uint group, out bool inside) {
    inside = row < arguments.rows && depth < depth_end;
    const uint r = min(row, arguments.rows - 1u), k = min(depth, depth_end - 1u);
#ifdef CONVOLUTION
    bool inside_image;
    const float x = A_TRANSPOSED != 0u ? gather(k, r, inside_image) : gather(r, k, inside_image);
    inside = inside && inside_image;
    return x;
#else
    return arguments.a.at[group * arguments.a_group +
                          (A_TRANSPOSED != 0u ? k * arguments.a_pitch + r : r * arguments.a_pitch + k)];
#endif
}

float load_b(uint depth, uint column, uint depth_end, uint group, out bool inside) {
    inside = column < arguments.columns && depth < depth_end;
    const uint c = min(column, arguments.columns - 1u), k = min(depth, depth_end - 1u);
    return arguments.b.at[group * arguments.b_group +
                          (B_TRANSPOSED != 0u ? c * arguments.b_pitch + k : k * arguments.b_pitch + c)];
}

// Where a thread's n-th element of a tile lies: (depth, row) and (depth, column). Neighbouring threads read neighbouring
// elements, whichever axis is contiguous.
uvec2 place_a(uint n) {
    const uint i = n * WORKGROUP + gl_LocalInvocationIndex;
    return A_TRANSPOSED != 0u ? uvec2(i / TILE_ROWS, i % TILE_ROWS) : uvec2(i % TILE_DEPTH, i / TILE_DEPTH);
}
uvec2 place_b(uint n) {
    const uint i = n * WORKGROUP + gl_LocalInvocationIndex;
    return B_TRANSPOSED != 0u ? uvec2(i % TILE_DEPTH, i / TILE_DEPTH) : uvec2(i / TILE_COLUMNS, i % TILE_COLUMNS);
}

// A thread's share of the next tiles as it is loaded, on its way while the present ones are multiplied: nothing may be
// done with it before. Bit n of next_inside is for next_a[n], bit 16 + n for next_b[n].
float next_a[A_EACH], next_b[B_EACH];
uint next_inside;

void load_tiles(uint first_row, uint first_column, uint depth, uint depth_end, uint group) {
    next_inside = 0u;
    [[unroll]] for (uint n = 0u; n < A_EACH; n++) {
        bool inside;
        next_a[n] = load_a(first_row + place_a(n).y, depth + place_a(n).x, depth_end, group, inside);
        next_inside |= inside ? 1u << n : 0u;
    }
    [[unroll]] for (uint n = 0u; n < B_EACH; n++) {
        bool inside;
        next_b[n] = load_b(depth + place_b(n).x, first_column + place_b(n).y, depth_end, group, inside);
        next_inside |= inside ? 0x10000u << n : 0u;
    }
}

void store_tiles() {
    [[unroll]] for (uint n = 0u; n < A_EACH; n++)
        tile_a[place_a(n).x][place_a(n).y] = (next_inside & 1u << n) != 0u ? to_factor(next_a[n]) : 0.0;
    [[unroll]] for (uint n = 0u; n < B_EACH; n++)
        tile_b[place_b(n).x][place_b(n).y] = (next_inside & 0x10000u << n) != 0u ? to_factor(next_b[n]) : 0.0;
}

void main() {
    const uint thread = gl_LocalInvocationIndex;
    const uint first_column = gl_WorkGroupID.x * TILE_COLUMNS;
    const uint first_row = gl_WorkGroupID.y * TILE_ROWS;
    const uint group = gl_WorkGroupID.z % arguments.groups;
    const uint split = gl_WorkGroupID.z / arguments.groups;
    const uint depth_begin = split * arguments.split_depth;
    const uint depth_end = min(depth_begin + arguments.split_depth, arguments.depth);
    const uint thread_row = thread / 8u * THREAD_ROWS;

    float sums[THREAD_ROWS][THREAD_COLUMNS];
    [[unroll]] for (uint i = 0u; i < THREAD_ROWS; i++)
        [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) sums[i][j] = 0.0;

    if (depth_begin < depth_end) load_tiles(first_row, first_column, depth_begin, depth_end, group);
    for (uint depth = depth_begin; depth < depth_end; depth += TILE_DEPTH) {
        store_tiles();
        barrier();
        if (depth + TILE_DEPTH < depth_end)
            load_tiles(first_row, first_column, depth + TILE_DEPTH, depth_end, group);
        for (uint k = 0u; k < TILE_DEPTH; k++) {
            float b[THREAD_COLUMNS];
            [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) b[j] = tile_b[k][thread_column(j)];
            [[unroll]] for (uint i = 0u; i < THREAD_ROWS; i++) {
                const float a = tile_a[k][thread_row + i];
                [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) sums[i][j] = fma(a, b[j], sums[i][j]);
            }
        }
        barrier();
    }

    // Likewise loads first.
    float bias[THREAD_COLUMNS], residual[THREAD_COLUMNS];
    [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) {
        const uint column = min(first_column + thread_column(j), arguments.columns - 1u);
        bias[j] = epilogue_has(EPILOGUE_BIAS) ? arguments.bias.at[group * arguments.columns + column] : 0.0;
    }
    [[unroll]] for (uint i = 0u; i < THREAD_ROWS; i++) {
        const uint row = first_row + thread_row + i;
        if (row >= arguments.rows) continue;
#ifdef CONVOLUTION
        const uint target = A_TRANSPOSED != 0u ? row : target_row(row);
#else
        const uint target = row;
#endif
        float row_scale = 1.0;
        if (epilogue_has(EPILOGUE_ROW_SCALE)) row_scale = arguments.row_scale.at[row / arguments.rows_per_sample];
        [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) {
            const uint column = min(first_column + thread_column(j), arguments.columns - 1u);
            residual[j] = 0.0;
            if (epilogue_has(EPILOGUE_RESIDUAL))
                residual[j] =
                    arguments.residual.at[group * arguments.y_group + target * arguments.residual_pitch + column];
        }
        [[unroll]] for (uint j = 0u; j < THREAD_COLUMNS; j++) {
            const uint column = first_column + thread_column(j);
            if (column >= arguments.columns) continue;
            float sum = sums[i][j];
            if (epilogue_has(EPILOGUE_BIAS)) sum += bias[j];
            if (epilogue_has(EPILOGUE_SAVED))
                arguments.saved.at[target * arguments.groups * arguments.columns + group * arguments.columns + column] =
                    sum;
            sum = activate(ACTIVATION, sum, arguments.threshold);
            if (epilogue_has(EPILOGUE_ROW_SCALE)) sum *= row_scale;
            if (epilogue_has(EPILOGUE_RESIDUAL)) sum += residual[j];
            arguments.y.at[split * arguments.split_stride + group * arguments.y_group + target * arguments.y_pitch +
                           column] = sum;
        }
    }
}
