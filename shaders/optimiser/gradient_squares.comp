// partial[group] = the group's share of the sum of squares: each lane its stride, then the tree; a fixed order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
const uint LANES = WORKGROUP;
#include "common/sum.glsl"

void main() {
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    element sum = element(0);
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step)
        sum += arguments.gradient.at[i] * arguments.gradient.at[i];
    const float all = lanes_sum(dot(sum, element(1)));
    if (gl_LocalInvocationIndex == 0) arguments.partial.at[gl_WorkGroupID.x] = all;
}
