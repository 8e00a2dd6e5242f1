// The second stage of a sum that was split: y[i] = (addend[i] +) sum over splits, in their order, of x[split, i].
// UNPACK: x is [tap * channels + channel, output] and y PyTorch's convolution weight [output, channel, tap].
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < arguments.count; i += step) {
        uint source = i;
        if (UNPACK != 0u) {
            const uint tap = i % arguments.taps;
            const uint channel = i / arguments.taps % arguments.channels;
            const uint row = tap * arguments.padded_channels + channel;
            source = row * arguments.x_pitch + i / (arguments.taps * arguments.channels);
        }
        float sum = 0.0;
        for (uint split = 0u; split < arguments.splits; split++) {
            sum += arguments.x.at[source];
            source += arguments.split_stride;
        }
        if (ADDEND != 0u) sum += arguments.addend.at[i];
        arguments.y.at[i] = sum;
    }
}
