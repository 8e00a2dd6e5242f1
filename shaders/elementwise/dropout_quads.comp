// dropout.comp for software drivers (common/quad.glsl): the y axis of the grid is the sample.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/quad.glsl"
#include "elementwise/dropout.glsl"

void main() {
    const uint quad = gl_GlobalInvocationID.x, item = gl_WorkGroupID.y, at = item * arguments.count + quad;
    const int from = int(arguments.x_first + at);
    uint64_pointer8 to = arguments.y;
    const float rate = arguments.rate, kept = arguments.kept;
    const uvec2 key = dropout_key();
    const uvec4 counter = dropout_counter(item);
    if (quad >= arguments.count) return;
    const vec4 value = drop(texelFetch(x_texels, from), key, counter, quad, rate, kept);
    STORE_QUAD(to, at, value);
}
