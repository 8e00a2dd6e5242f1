// y = function(a, b, value) over dense tensors with an even number of elements; y may be a or b.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/pair.glsl"
#include "elementwise/function.glsl"

void main() {
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    const float value = arguments.value;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        vec2 a = vec2(0), b = vec2(0);
        if (READS_A) a = LOAD_PAIR(arguments.a, i);
        if (READS_B) b = LOAD_PAIR(arguments.b, i);
        STORE_PAIR(arguments.y, i, vec2(compute(a.x, b.x, value), compute(a.y, b.y, value)));
    }
}
