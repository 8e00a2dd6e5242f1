// One contiguous block for each sample (the y axis of the grid): y = x, or x times the sample's factor.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint item = gl_WorkGroupID.y; item < arguments.samples; item += gl_NumWorkGroups.y) {
        const uint from = arguments.x_first + item * arguments.x_step;
        const uint to = arguments.y_first + item * arguments.y_step;
        const float factor = SCALED ? arguments.scale.at[item] : 1.0;
        for (uint i = gl_GlobalInvocationID.x; i < count; i += step)
            arguments.y.at[to + i] = factor * arguments.x.at[from + i];
    }
}
