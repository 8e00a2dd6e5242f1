// Matrix products on software drivers, where one lane of a load costs as much as a load: no shared memory, a subgroup
// per workgroup, and everything read as texels of four floats: texel buffers, or addresses in the kernel's twin.
//
// A workgroup has TILE_ROWS rows and COLUMN_TEXELS * 4 columns per lane. STEP of the depth at a time it fetches a block
// of a, spread over the lanes, and a block of b, with each lane its own columns; SPREAD hands a's elements to all
// lanes. All fetches come before all arithmetic: a fetch may be a function call for which the driver saves the registers.
// Arguments are copied first, since reading a push constant within a loop is a gather.
//
//   A_TRANSPOSED: a is stored [depth, row] (weight gradients); then any depth is fine. Otherwise STEP divides it.
//   B_TRANSPOSED: b is stored [column, depth].
//   CONVOLUTION (preprocessor): a is an image, see gather.glsl.
//
// All pitches in texels, so every row of a, b and the residual starts at a multiple of 16 bytes.
// Workgroup z = split * groups + group: each split sums its own range of the depth into its own y.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/factor.glsl"
#include "common/spread.glsl"
#include "linear/epilogue.glsl"

const uint A_TEXELS = TILE_ROWS * STEP / 4u;
const uint A_FETCHES = (A_TEXELS + WORKGROUP - 1u) / WORKGROUP;
const uint A_ROW_TEXELS = A_TRANSPOSED != 0u ? TILE_ROWS / 4u : STEP / 4u; // texels along the stored rows of a
const uint LANE_COLUMNS = 4u * COLUMN_TEXELS;
const uint B_FETCHES = STEP * COLUMN_TEXELS;
const uint SCALE_LOADS = (TILE_ROWS + WORKGROUP - 1u) / WORKGROUP;

#ifdef CONVOLUTION
#include "convolution/gather_texels.glsl"
#endif

void store(uint64_pointer8 to, uint index, vec4 value) {
    to.at[index / 2u] = packUint2x32(floatBitsToUint(value.xy));
    to.at[index / 2u + 1u] = packUint2x32(floatBitsToUint(value.zw));
}

void main() {
    const uint lane = gl_SubgroupInvocationID;
    const uint first_row = gl_WorkGroupID.y * TILE_ROWS;
    const uint group = gl_WorkGroupID.z % arguments.groups;
    const uint split = gl_WorkGroupID.z / arguments.groups;
    const uint rows = arguments.rows;
    const uint columns = arguments.columns;
    const uint depth_begin = split * arguments.split_depth;
    const uint depth_end = min(depth_begin + arguments.split_depth, arguments.depth);
    const uint b_pitch = arguments.b_pitch;

    // Rows and columns beyond the edge repeat the last ones and are not stored.
    uint column_texel[COLUMN_TEXELS];
    [[unroll]] for (uint j = 0u; j < COLUMN_TEXELS; j++)
        column_texel[j] = (gl_WorkGroupID.x * COLUMN_TEXELS + j) * WORKGROUP + lane;
    uint b_start[COLUMN_TEXELS];
    [[unroll]] for (uint j = 0u; j < COLUMN_TEXELS; j++) {
        const uint texel = min(column_texel[j], columns / 4u - 1u);
        b_start[j] = arguments.b_first + group * arguments.b_group +
                     (B_TRANSPOSED != 0u ? texel * 4u * b_pitch : texel);
    }
#ifdef CONVOLUTION
    gather_start(first_row, lane, depth_begin);
#else
    const uint a_pitch = arguments.a_pitch;
    uint a_start[A_FETCHES];
    uint a_depth[A_FETCHES]; // of what the lane fetches, within the step; only for A_TRANSPOSED
    [[unroll]] for (uint f = 0u; f < A_FETCHES; f++) {
        const uint element = min(f * WORKGROUP + lane, A_TEXELS - 1u);
        const uint along = element % A_ROW_TEXELS;
        const uint across = element / A_ROW_TEXELS;
        a_start[f] = arguments.a_first + group * arguments.a_group +
                     (A_TRANSPOSED != 0u ? min(first_row / 4u + along, rows / 4u - 1u)
                                         : min(first_row + across, rows - 1u) * a_pitch + along);
        a_depth[f] = across;
    }
#endif

    vec4 sums[TILE_ROWS][COLUMN_TEXELS];
    [[unroll]] for (uint i = 0u; i < TILE_ROWS; i++)
        [[unroll]] for (uint j = 0u; j < COLUMN_TEXELS; j++) sums[i][j] = vec4(0.0);

    for (uint depth = depth_begin; depth < depth_end; depth += STEP) {
        vec4 a[A_FETCHES];
        vec4 b[B_FETCHES];
        [[unroll]] for (uint f = 0u; f < A_FETCHES; f++) {
#ifdef CONVOLUTION
            a[f] = gather_fetch(f, depth_end);
#else
            if (A_TRANSPOSED != 0u) {
                const uint at = depth + a_depth[f];
                const vec4 value = texelFetch(a_texels, int(a_start[f] + min(at, depth_end - 1u) * a_pitch));
                a[f] = at < depth_end ? value : vec4(0.0);
            } else {
                a[f] = texelFetch(a_texels, int(a_start[f] + depth / 4u));
            }
#endif
        }
#ifdef CONVOLUTION
        gather_advance();
#endif
        if (B_TRANSPOSED != 0u) {
            [[unroll]] for (uint q = 0u; q < STEP / 4u; q++)
                [[unroll]] for (uint j = 0u; j < COLUMN_TEXELS; j++)
                    [[unroll]] for (uint c = 0u; c < 4u; c++)
                        b[(q * COLUMN_TEXELS + j) * 4u + c] =
                            texelFetch(b_texels, int(b_start[j] + c * b_pitch + depth / 4u + q));
        } else {
            [[unroll]] for (uint q = 0u; q < STEP; q++) {
                const uint at = A_TRANSPOSED != 0u ? min(depth + q, depth_end - 1u) : depth + q;
                [[unroll]] for (uint j = 0u; j < COLUMN_TEXELS; j++)
                    b[q * COLUMN_TEXELS + j] = texelFetch(b_texels, int(b_start[j] + at * b_pitch));
            }
        }
        [[unroll]] for (uint f = 0u; f < A_FETCHES; f++) a[f] = to_factor(a[f]);
        [[unroll]] for (uint f = 0u; f < B_FETCHES; f++) b[f] = to_factor(b[f]);
        [[unroll]] for (uint i = 0u; i < TILE_ROWS; i++)
            [[unroll]] for (uint q = 0u; q < STEP; q++) {
                const uint element = A_TRANSPOSED != 0u ? q * A_ROW_TEXELS + i / 4u : i * A_ROW_TEXELS + q / 4u;
                const float factor = SPREAD(
                    a[element / WORKGROUP][A_TRANSPOSED != 0u ? i % 4u : q % 4u], element % WORKGROUP);
                [[unroll]] for (uint j = 0u; j < COLUMN_TEXELS; j++) {
                    if (B_TRANSPOSED != 0u) {
                        const uint at = ((q / 4u) * COLUMN_TEXELS + j) * 4u;
                        sums[i][j] += factor * vec4(b[at][q % 4u], b[at + 1u][q % 4u], b[at + 2u][q % 4u],
                                                    b[at + 3u][q % 4u]);
                    } else {
                        sums[i][j] += factor * b[q * COLUMN_TEXELS + j];
                    }
                }
            }
    }

    // Copies, because within the conditions below a read of an argument would be a gather again.
    uint64_pointer8 y = arguments.y;
    uint64_pointer8 saved = arguments.saved;
    const uint y_pitch = arguments.y_pitch;
    const uint y_start = split * arguments.split_stride + group * arguments.y_group;
    const uint saved_pitch = arguments.groups * columns;
    const float threshold = arguments.threshold;
    float row_scales[SCALE_LOADS];
    if (epilogue_has(EPILOGUE_ROW_SCALE))
        [[unroll]] for (uint s = 0u; s < SCALE_LOADS; s++)
            row_scales[s] = arguments.row_scale.at[min(first_row + s * WORKGROUP + lane, rows - 1u) /
                                                   arguments.rows_per_sample];
    [[unroll]] for (uint j = 0u; j < COLUMN_TEXELS; j++) {
        const uint texel = min(column_texel[j], columns / 4u - 1u);
        const bool inside = column_texel[j] == texel;
        vec4 bias = vec4(0.0);
        if (epilogue_has(EPILOGUE_BIAS))
            bias = texelFetch(bias_texels, int(arguments.bias_first + group * (columns / 4u) + texel));
        [[unroll]] for (uint i = 0u; i < TILE_ROWS; i++) {
#ifdef CONVOLUTION
            const uint target = A_TRANSPOSED != 0u ? min(first_row + i, rows - 1u) : gather_target(i);
#else
            const uint target = min(first_row + i, rows - 1u);
#endif
            const vec4 argument = sums[i][j] + bias;
            vec4 result;
            [[unroll]] for (uint c = 0u; c < 4u; c++) result[c] = activate(ACTIVATION, argument[c], threshold);
            if (epilogue_has(EPILOGUE_ROW_SCALE)) result *= SPREAD(row_scales[i / WORKGROUP], i % WORKGROUP);
            if (epilogue_has(EPILOGUE_RESIDUAL))
                result += texelFetch(residual_texels,
                                     int(arguments.residual_first + group * (arguments.y_group / 4u) +
                                         target * arguments.residual_pitch + texel));
            if (inside && first_row + i < rows) {
                if (epilogue_has(EPILOGUE_SAVED))
                    store(saved, target * saved_pitch + group * columns + texel * 4u, argument);
                store(y, y_start + target * y_pitch + texel * 4u, result);
            }
        }
    }
}
