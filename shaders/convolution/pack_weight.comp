// A convolution's weight as the right factor of a matrix product: y[tap * padded + channel, column]. PyTorch's weight
// is [output, input, line, tap]; forward sums over the inputs (channel = input, column = output), the input gradient
// over the outputs. Taps are those at first + step * (0, 1, ..), lines likewise; channels are padded with zeros.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < arguments.count; i += step) {
        const uint column = i % arguments.columns;
        const uint element = i / arguments.columns;
        const uint channel = element % arguments.padded_channels;
        const uint tap = element / arguments.padded_channels;
        const uint line = arguments.first_line + arguments.step * (tap / arguments.taps_x);
        const uint place = arguments.first_tap + arguments.step * (tap % arguments.taps_x);
        float value = 0.0;
        if (channel < arguments.channels)
            value = arguments.weight.at[channel * arguments.channel_stride + column * arguments.column_stride +
                                        line * arguments.kernel_width + place];
        arguments.y.at[i] = value;
    }
}
