// One contiguous block for each sample (the z axis of the grid): y = x, or x times the sample's factor, or x plus a row.
// With REVERSED there are several blocks, one behind the other (y), which take each other's place, the last the first's.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint count = arguments.count, blocks = REVERSED ? arguments.blocks : 1, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint item = gl_WorkGroupID.z; item < arguments.samples; item += gl_NumWorkGroups.z) {
        const float factor = SCALED ? arguments.scale.at[item] : 1.0;
        for (uint block = gl_WorkGroupID.y; block < blocks; block += gl_NumWorkGroups.y) {
            const uint from = arguments.x_first + item * arguments.x_step + (blocks - 1 - block) * count;
            const uint to = arguments.y_first + item * arguments.y_step + block * count;
            for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
                const element value = factor * arguments.x.at[from + i];
                if (ADDED)
                    arguments.y.at[to + i] = value + arguments.row.at[i];
                else
                    arguments.y.at[to + i] = value;
            }
        }
    }
}
