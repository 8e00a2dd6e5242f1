// partial[group] = the group's share of the sum of squares: each lane its stride, then the tree; a fixed order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/pair.glsl"
const uint LANES = WORKGROUP;
#include "common/sum.glsl"

void main() {
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    float sum = 0;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        const vec2 gradient = LOAD_PAIR(arguments.gradient, i);
        sum += dot(gradient, gradient);
    }
    sum = lanes_sum(sum);
    if (gl_LocalInvocationIndex == 0) arguments.partial.at[gl_WorkGroupID.x] = sum;
}
