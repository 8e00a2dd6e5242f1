// y = function(a, b, value) for rows with any pitch, element by element; y may be a or b.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "elementwise/function.glsl"

void main() {
    const uint count = arguments.count, columns = arguments.columns, step = gl_NumWorkGroups.x * WORKGROUP;
    const uint a_pitch = arguments.a_pitch, b_pitch = arguments.b_pitch, y_pitch = arguments.y_pitch;
    const float value = arguments.value;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        const uint row = i / columns, column = i - row * columns;
        float a = 0, b = 0;
        if (READS_A) a = arguments.a.at[row * a_pitch + column];
        if (READS_B) b = arguments.b.at[row * b_pitch + column];
        arguments.y.at[row * y_pitch + column] = compute(a, b, value);
    }
}
