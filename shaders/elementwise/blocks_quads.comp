// blocks.comp for software drivers (common/quad.glsl): the y axis of the grid is the sample.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/quad.glsl"

void main() {
    const uint i = gl_GlobalInvocationID.x, item = gl_WorkGroupID.y;
    const int from = int(arguments.x_first + item * arguments.x_step + i);
    const uint at = arguments.y_first + item * arguments.y_step + i;
    uint64_pointer8 to = arguments.y;
    const float factor = SCALED ? arguments.scale.at[item] : 1.0;
    if (i >= arguments.count) return;
    const vec4 value = factor * texelFetch(x_texels, from);
    STORE_QUAD(to, at, value);
}
