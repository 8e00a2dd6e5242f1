// Windows, normalised and cut into patches: invocations side by side take the channels side by side in a window (rows
// of the tokens), each CHUNK values (the y axis of the grid) that lie one behind the other in its row. The other way
// round, times side by side, every load would be of another line of memory.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint channels = arguments.channels, patches = arguments.patches, size = arguments.size;
    const uint stride = arguments.stride, times = arguments.times;
    const uint count = patches * size, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint row = gl_GlobalInvocationID.x; row < arguments.rows; row += step) {
        const uint item = row / channels, channel = row - item * channels, first = item * times * channels + channel;
        const float mean = arguments.statistics.at[2 * row], deviation = arguments.statistics.at[2 * row + 1];
        for (uint start = gl_WorkGroupID.y * CHUNK; start < count; start += gl_NumWorkGroups.y * CHUNK) {
            uint number = start / size, place = start - number * size;
            for (uint i = start; i < min(start + CHUNK, count); i++) {
                const float value = arguments.x.at[first + min(number * stride + place, times - 1) * channels];
                const uint to = MIX_CHANNELS ? ((item * patches + number) * channels + channel) * size + place
                                             : row * count + i;
                arguments.tokens.at[to] = (value - mean) / deviation;
                place++;
                if (place == size) {
                    place = 0;
                    number++;
                }
            }
        }
    }
}
