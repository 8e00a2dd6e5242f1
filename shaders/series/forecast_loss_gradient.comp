// dprediction = factor * dloss * slope of the loss in the channels that count, else 0; it may be prediction.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "series/loss.glsl"

void main() {
    const uint count = arguments.count, columns = arguments.columns, step = gl_NumWorkGroups.x * WORKGROUP;
    const uint first = arguments.first_channel, channels = arguments.channels;
    const float delta = arguments.delta, factor = arguments.dloss.at[0] * arguments.factor;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        const float error = arguments.prediction.at[i] - arguments.goal.at[i];
        const bool counts = ALL_CHANNELS || i % columns - first < channels; // wraps below the first
        arguments.dprediction.at[i] = counts ? factor * slope_of(error, delta) : 0.0;
    }
}
