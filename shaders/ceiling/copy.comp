// y = x: eight independent loads in each invocation, then eight stores; an invocation's neighbours have the neighbouring
// 16 bytes.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint first = gl_WorkGroupID.x * 8u * WORKGROUP + gl_LocalInvocationID.x;
    vec4 v0 = arguments.x.at[first], v1 = arguments.x.at[first + WORKGROUP];
    vec4 v2 = arguments.x.at[first + 2u * WORKGROUP], v3 = arguments.x.at[first + 3u * WORKGROUP];
    vec4 v4 = arguments.x.at[first + 4u * WORKGROUP], v5 = arguments.x.at[first + 5u * WORKGROUP];
    vec4 v6 = arguments.x.at[first + 6u * WORKGROUP], v7 = arguments.x.at[first + 7u * WORKGROUP];
    arguments.y.at[first] = v0;
    arguments.y.at[first + WORKGROUP] = v1;
    arguments.y.at[first + 2u * WORKGROUP] = v2;
    arguments.y.at[first + 3u * WORKGROUP] = v3;
    arguments.y.at[first + 4u * WORKGROUP] = v4;
    arguments.y.at[first + 5u * WORKGROUP] = v5;
    arguments.y.at[first + 6u * WORKGROUP] = v6;
    arguments.y.at[first + 7u * WORKGROUP] = v7;
}
