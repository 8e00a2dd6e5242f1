// gradient_squares.comp for software drivers (common/quad.glsl): a loop here, but of eight fetches a round.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
const uint LANES = WORKGROUP, FETCHES = 8;
#include "common/sum.glsl"

void main() {
    const uint count = arguments.count, first = arguments.gradient_first, step = gl_NumWorkGroups.x * WORKGROUP;
    const uint rounds = (count + FETCHES * step - 1) / (FETCHES * step);
    vec4 sum = vec4(0);
    uint i = gl_GlobalInvocationID.x;
    for (uint round = 0; round < rounds; round++) {
        [[unroll]] for (uint k = 0; k < FETCHES; k++) {
            const vec4 gradient = texelFetch(gradient_texels, int(first + min(i, count - 1)));
            sum += i < count ? gradient * gradient : vec4(0);
            i += step;
        }
    }
    const float all = lanes_sum((sum.x + sum.y) + (sum.z + sum.w));
    if (gl_LocalInvocationIndex == 0) arguments.partial.at[gl_WorkGroupID.x] = all;
}
