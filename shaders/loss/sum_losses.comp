// loss = factor * sum of the rows' losses: one workgroup, every lane its stride, then the tree; a fixed order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
const uint LANES = WORKGROUP;
#include "common/sum.glsl"

void main() {
    float sum = 0;
    for (uint i = gl_LocalInvocationIndex; i < arguments.count; i += WORKGROUP) sum += arguments.losses.at[i];
    sum = lanes_sum(sum);
    if (gl_LocalInvocationIndex == 0) arguments.loss.at[0] = arguments.factor * sum;
}
