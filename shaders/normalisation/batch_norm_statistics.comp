// Second stage: joins the blocks' means and squared distances in order (Chan, Golub and LeVeque, 1979), updates the
// running statistics, and writes what normalises. Without TRAINING the running statistics are used as they are.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/finite.glsl"

void main() {
    const uint channel = gl_GlobalInvocationID.x;
    if (channel >= arguments.channels) return;
    float mean = arguments.running_mean.at[channel], variance = arguments.running_var.at[channel];
    if (TRAINING) {
        const float running_mean = mean, running_var = variance;
        float squares = 0.0;
        mean = 0.0;
        for (uint start = 0; start < arguments.rows; start += arguments.block_rows) {
            const uint part = 2 * (start / arguments.block_rows) * arguments.channels + channel;
            const float count = float(min(arguments.block_rows, arguments.rows - start));
            const float distance = arguments.blocks.at[part] - mean;
            mean += distance * (count / (float(start) + count));
            squares += arguments.blocks.at[part + arguments.channels] +
                       distance * distance * (float(start) * count / (float(start) + count));
        }
        variance = squares / float(arguments.rows);
        const float unbiased = squares / float(max(arguments.rows - 1, 1));
        if (is_finite(mean) && is_finite(unbiased)) {
            arguments.running_mean.at[channel] = mix(running_mean, mean, arguments.momentum);
            arguments.running_var.at[channel] = mix(running_var, unbiased, arguments.momentum);
        }
    }
    arguments.stats.at[channel] = mean;
    arguments.stats.at[arguments.channels + channel] = 1.0 / sqrt(variance + arguments.epsilon);
}
