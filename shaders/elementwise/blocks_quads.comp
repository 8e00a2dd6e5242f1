// blocks.comp for software drivers (common/quad.glsl): the z axis of the grid is the sample, y the block of several.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/quad.glsl"

void main() {
    const uint i = gl_GlobalInvocationID.x, item = gl_WorkGroupID.z, count = arguments.count;
    const uint block = gl_WorkGroupID.y, source = REVERSED ? gl_NumWorkGroups.y - 1 - block : 0;
    const int from = int(arguments.x_first + item * arguments.x_step + source * count + i);
    const int row_at = int(arguments.row_first + i);
    const uint at = arguments.y_first + item * arguments.y_step + block * count + i;
    uint64_pointer8 to = arguments.y;
    const float factor = SCALED ? arguments.scale.at[item] : 1.0;
    if (i >= count) return;
    vec4 value = factor * texelFetch(x_texels, from);
    if (ADDED) value += texelFetch(row_texels, row_at);
    STORE_QUAD(to, at, value);
}
