// y [rows, columns] = x where x has an element, else 0, (plus an addend). Rows of y may lie y_pitch apart, elements of
// x x_row and x_column: so x may be turned around on the way. An invocation copies CHUNK elements of a row.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint x_rows = arguments.x_rows, x_columns = arguments.x_columns, columns = arguments.columns;
    const uint x_row = arguments.x_row, x_column = arguments.x_column;
    const uint y_pitch = arguments.y_pitch, addend_pitch = arguments.addend_pitch;
    const uint row_step = gl_NumWorkGroups.x * WORKGROUP, column_step = gl_NumWorkGroups.y * CHUNK;
    for (uint row = gl_GlobalInvocationID.x; row < arguments.rows; row += row_step) {
        for (uint start = gl_WorkGroupID.y * CHUNK; start < columns; start += column_step) {
            for (uint column = start; column < min(start + CHUNK, columns); column++) {
                float value = 0.0;
                if (row < x_rows && column < x_columns) value = arguments.x.at[row * x_row + column * x_column];
                if (ADDEND) value += arguments.addend.at[row * addend_pitch + column];
                arguments.y.at[row * y_pitch + column] = value;
            }
        }
    }
}
