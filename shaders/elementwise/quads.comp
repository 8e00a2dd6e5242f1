// y = function(a, b, value) over dense tensors, for software drivers (common/quad.glsl); y may be a or b.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/quad.glsl"
#include "elementwise/function.glsl"

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const int a_at = int(arguments.a_first + i), b_at = int(arguments.b_first + i);
    uint64_pointer8 to = arguments.y;
    const float value = arguments.value;
    if (i >= arguments.count) return;
    vec4 a = vec4(0), b = vec4(0), y;
    if (READS_A) a = texelFetch(a_texels, a_at);
    if (READS_B) b = texelFetch(b_texels, b_at);
    for (int k = 0; k < 4; k++) y[k] = compute(a[k], b[k], value);
    STORE_QUAD(to, i, y);
}
