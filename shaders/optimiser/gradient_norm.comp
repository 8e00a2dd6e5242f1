// norm = sqrt of the sum of the partial sums, by one workgroup.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
const uint LANES = WORKGROUP;
#include "common/sum.glsl"

void main() {
    float sum = 0;
    for (uint i = gl_LocalInvocationIndex; i < arguments.count; i += WORKGROUP) sum += arguments.partial.at[i];
    sum = lanes_sum(sum);
    if (gl_LocalInvocationIndex == 0) arguments.norm.at[0] = sqrt(sum);
}
