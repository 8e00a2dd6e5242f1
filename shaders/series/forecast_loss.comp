// partial[group] = the group's share of the losses of the channels that count: each lane its stride, then the tree; a
// fixed order. count is the number of those values.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
const uint LANES = WORKGROUP;
#include "common/sum.glsl"
#include "series/loss.glsl"

void main() {
    const uint count = arguments.count, columns = arguments.columns, channels = arguments.channels;
    const uint first = arguments.first_channel, step = gl_NumWorkGroups.x * WORKGROUP;
    const float delta = arguments.delta;
    float sum = 0;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        uint at = i;
        if (!ALL_CHANNELS) {
            const uint row = i / channels;
            at = row * columns + first + (i - row * channels);
        }
        sum += loss_of(arguments.prediction.at[at] - arguments.goal.at[at], delta);
    }
    sum = lanes_sum(sum);
    if (gl_LocalInvocationIndex == 0) arguments.partial.at[gl_WorkGroupID.x] = sum;
}
