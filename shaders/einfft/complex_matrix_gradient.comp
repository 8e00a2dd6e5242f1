// The adjoint of complex_matrix: each weight collects the gradients of the places it was written to.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint rows = arguments.rows, columns = arguments.columns;
    const uint row = gl_WorkGroupID.x, group = gl_WorkGroupID.y;
    const uint to = (group * rows + row) * columns;
    const uint imaginary = arguments.groups * rows * columns;
    const uint upper = (group * 2 * rows + row) * 2 * columns;
    const uint lower = upper + rows * 2 * columns;
    for (uint c = gl_LocalInvocationID.x; c < columns; c += WORKGROUP) {
        arguments.dweight.at[to + c] = arguments.dmatrix.at[upper + c] + arguments.dmatrix.at[lower + columns + c];
        arguments.dweight.at[to + imaginary + c] =
            arguments.dmatrix.at[upper + columns + c] - arguments.dmatrix.at[lower + c];
    }
}
