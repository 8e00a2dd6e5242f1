// Sets every element of a (possibly pitched) tensor to one value; each lane takes elements a grid apart.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < arguments.count; i += step) {
        const uint row = i / arguments.columns;
        arguments.y.at[row * arguments.y_pitch + (i - row * arguments.columns)] = arguments.value;
    }
}
