// y = a + value * b; each may be pitched, and y may be a or b.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < arguments.count; i += step) {
        const uint row = i / arguments.columns;
        const uint column = i - row * arguments.columns;
        arguments.y.at[row * arguments.y_pitch + column] =
            arguments.a.at[row * arguments.a_pitch + column] +
            arguments.value * arguments.b.at[row * arguments.b_pitch + column];
    }
}
