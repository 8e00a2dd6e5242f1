// Bias gradients: sums[slice, column] = sum of x[row, column] over the slice's rows. One thread per column and slice;
// the slices are then added by sum_splits.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint column = gl_GlobalInvocationID.x;
    if (column >= arguments.columns) return;
    const uint first = gl_WorkGroupID.y * arguments.slice_rows;
    const uint end = min(first + arguments.slice_rows, arguments.rows);
    uint index = first * arguments.x_pitch + column;
    float sum = 0.0;
    for (uint row = first; row < end; row++) {
        sum += arguments.x.at[index];
        index += arguments.x_pitch;
    }
    arguments.sums.at[gl_WorkGroupID.y * arguments.columns + column] = sum;
}
