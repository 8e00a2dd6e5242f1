// One contiguous block for each sample (the y axis of the grid): y = x, or x times the sample's factor.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/element.glsl"

void main() {
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint sample_index = gl_WorkGroupID.y; sample_index < arguments.samples; sample_index += gl_NumWorkGroups.y) {
        const uint from = arguments.x_first + sample_index * arguments.x_step;
        const uint to = arguments.y_first + sample_index * arguments.y_step;
        float factor = 1;
        if (SCALED) factor = arguments.scale.at[sample_index];
        for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
            element value = LOAD(arguments.x, from + i);
            if (SCALED) value *= factor;
            STORE(arguments.y, to + i, value);
        }
    }
}
