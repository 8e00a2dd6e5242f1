// y[b, t, c] = mean[b, c] + deviation[b, c] * x[b, c, t], or with GRADIENT y[b, c, t] = deviation[b, c] * x[b, t, c].
// Rows and chunks of times to invocations as in series_patches.comp.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint channels = arguments.channels, times = arguments.times, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint row = gl_GlobalInvocationID.x; row < arguments.rows; row += step) {
        const uint item = row / channels, first = item * times * channels + (row - item * channels);
        const float mean = arguments.statistics.at[2 * row], deviation = arguments.statistics.at[2 * row + 1];
        for (uint start = gl_WorkGroupID.y * CHUNK; start < times; start += gl_NumWorkGroups.y * CHUNK) {
            for (uint t = start; t < min(start + CHUNK, times); t++) {
                if (GRADIENT)
                    arguments.y.at[row * times + t] = deviation * arguments.x.at[first + t * channels];
                else
                    arguments.y.at[first + t * channels] = deviation * arguments.x.at[row * times + t] + mean;
            }
        }
    }
}
