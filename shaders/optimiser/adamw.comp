// One step of AdamW on one range of the parameter space, in place.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "optimiser/adamw.glsl"

void main() {
    if (!prepare()) return;
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        element parameter = arguments.parameter.at[i], moment1 = arguments.moment1.at[i];
        element moment2 = arguments.moment2.at[i];
        update(parameter, arguments.gradient.at[i], moment1, moment2);
        arguments.parameter.at[i] = parameter;
        arguments.moment1.at[i] = moment1;
        arguments.moment2.at[i] = moment2;
    }
}
