// y = (x / 255 - mean[c]) / deviation[c] for bytes x, four to an invocation, so that no 8-bit storage is needed.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint count = arguments.count, channels = arguments.channels, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint word = gl_GlobalInvocationID.x; 4 * word < count; word += step) {
        const uint bytes = arguments.x.at[word];
        uint channel = (4 * word) % channels;
        for (uint i = 0; i < 4; i++) {
            if (4 * word + i < count) {
                const float x = float(bytes >> 8 * i & 255u);
                arguments.y.at[4 * word + i] =
                    (x / 255.0 - arguments.constants.at[channel]) / arguments.constants.at[channels + channel];
            }
            channel++;
            if (channel == channels) channel = 0;
        }
    }
}
