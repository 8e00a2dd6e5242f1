// y = function(a, b, value) over dense tensors, four elements at a time; y may be a or b.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "elementwise/function.glsl"

void main() {
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    const float value = arguments.value;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        vec4 a = vec4(0), b = vec4(0), y;
        if (READS_A) a = arguments.a.at[i];
        if (READS_B) b = arguments.b.at[i];
        for (int k = 0; k < 4; k++) y[k] = compute(a[k], b[k], value);
        arguments.y.at[i] = y;
    }
}
