// First stage of batch statistics: mean and sum of squared distances from it, of one channel over block_rows rows. The
// second pass corrects the mean by what the first one's rounding left.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint channel = gl_GlobalInvocationID.x;
    if (channel >= arguments.channels) return;
    const uint start = gl_WorkGroupID.y * arguments.block_rows;
    const uint end = min(start + arguments.block_rows, arguments.rows);
    const float count = float(end - start);
    float sum = 0.0, shift = 0.0, squares = 0.0;
    for (uint row = start; row < end; row++) sum += arguments.x.at[row * arguments.channels + channel];
    const float rough = sum / count;
    for (uint row = start; row < end; row++) {
        const float distance = arguments.x.at[row * arguments.channels + channel] - rough;
        shift += distance;
        squares += distance * distance;
    }
    const uint part = 2 * gl_WorkGroupID.y * arguments.channels + channel;
    arguments.blocks.at[part] = rough + shift / count;
    arguments.blocks.at[part + arguments.channels] = max(squares - shift * shift / count, 0.0);
}
