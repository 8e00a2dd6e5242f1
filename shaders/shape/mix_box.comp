// Inside the box a sample takes the elements of its counterpart in the reversed batch. The y axis of the grid goes over
// image rows [batch, height], x over the elements of a row.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint height = arguments.height, channels = arguments.channels, count = arguments.width * channels;
    const uint rows = arguments.batch * height, step = gl_NumWorkGroups.x * WORKGROUP;
    const int scale = arguments.scale;
    const int top = arguments.box.at[0] * scale, left = arguments.box.at[1] * scale;
    const int bottom = arguments.box.at[2] * scale, right = arguments.box.at[3] * scale;
    for (uint row = gl_WorkGroupID.y; row < rows; row += gl_NumWorkGroups.y) {
        const uint item = row / height, line = row - item * height;
        const uint mirrored = (arguments.batch - 1 - item) * height + line;
        const bool within = int(line) >= top && int(line) < bottom;
        for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
            const int column = int(i / channels);
            const uint from = within && column >= left && column < right ? mirrored : row;
            arguments.y.at[row * count + i] = arguments.x.at[from * count + i];
        }
    }
}
