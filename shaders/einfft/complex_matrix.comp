// Complex weights [2, groups, rows, columns] (real parts, imaginary parts) as the real matrices [[re, im], [-im, re]]
// by which rows [re | im] are multiplied. One workgroup per row and group.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint rows = arguments.rows, columns = arguments.columns;
    const uint row = gl_WorkGroupID.x, group = gl_WorkGroupID.y;
    const uint from = (group * rows + row) * columns;
    const uint imaginary = arguments.groups * rows * columns;
    const uint upper = (group * 2 * rows + row) * 2 * columns;
    const uint lower = upper + rows * 2 * columns;
    for (uint c = gl_LocalInvocationID.x; c < columns; c += WORKGROUP) {
        const float re = arguments.weight.at[from + c], im = arguments.weight.at[from + imaginary + c];
        arguments.matrix.at[upper + c] = re;
        arguments.matrix.at[upper + columns + c] = im;
        arguments.matrix.at[lower + c] = -im;
        arguments.matrix.at[lower + columns + c] = re;
    }
}
