// Copies an image with its channels padded by zeros to a multiple of four, so that it can be read as texels.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < arguments.count; i += step) {
        const uint pixel = i / arguments.padded_channels;
        const uint channel = i % arguments.padded_channels;
        float value = 0.0;
        if (channel < arguments.channels) value = arguments.x.at[pixel * arguments.channels + channel];
        arguments.y.at[i] = value;
    }
}
