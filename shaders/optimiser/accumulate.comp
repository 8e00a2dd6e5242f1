// accumulator = (first micro-batch ? 0 : accumulator) + scale * gradient
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "optimiser/step.glsl"

void main() {
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    const bool first = arguments.step.at[STEP_MICRO_BATCH] == 0;
    const float scale = arguments.scale;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        element sum = arguments.accumulator.at[i];
        if (first) sum = element(0);
        arguments.accumulator.at[i] = sum + scale * arguments.gradient.at[i];
    }
}
