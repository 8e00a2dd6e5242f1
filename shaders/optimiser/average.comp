// average += share * (value - average), unless the step was not made (adamw.glsl).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/finite.glsl"

void main() {
    if (!is_finite(arguments.norm.at[0]) || (HAS_LOSS && !is_finite(arguments.loss.at[0]))) return;
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    const float share = arguments.share;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        const element average = arguments.average.at[i];
        arguments.average.at[i] = average + share * (arguments.value.at[i] - average);
    }
}
