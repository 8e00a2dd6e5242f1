// statistics[b, c] = mean and sqrt(variance + epsilon) over time of x[b, :, c], or one or both of 0 and 1 as NORMALISE
// (enum sb_normalisation) says; one invocation each. Sums are of differences from the first value, so that a channel
// far from zero keeps its digits, and a constant one is 0.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"

const uint NONE = 0, INSTANCE = 2;
const uint LOADS = 8; // loaded at a time

void main() {
    const uint times = arguments.times, channels = arguments.channels, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < arguments.batch * channels; i += step) {
        const uint item = i / channels, first = item * times * channels + (i - item * channels);
        float mean = 0, deviation = 1;
        if (NORMALISE != NONE) {
            const float origin = arguments.x.at[first];
            float sum = 0, squares = 0;
            for (uint start = 0; start < times; start += LOADS) {
                float part = 0;
                [[unroll]] for (uint k = 0; k < LOADS; k++) {
                    const float value = arguments.x.at[first + min(start + k, times - 1) * channels] - origin;
                    part += start + k < times ? value : 0.0;
                }
                sum += part;
            }
            const float shift = sum / float(times);
            mean = origin + shift;
            for (uint start = 0; start < times && NORMALISE == INSTANCE; start += LOADS) {
                float part = 0;
                [[unroll]] for (uint k = 0; k < LOADS; k++) {
                    const float value = arguments.x.at[first + min(start + k, times - 1) * channels] - origin - shift;
                    part += start + k < times ? value * value : 0.0;
                }
                squares += part;
            }
            if (NORMALISE == INSTANCE) deviation = sqrt(squares / float(times) + arguments.epsilon);
        }
        arguments.statistics.at[2 * i] = mean;
        arguments.statistics.at[2 * i + 1] = deviation;
    }
}
