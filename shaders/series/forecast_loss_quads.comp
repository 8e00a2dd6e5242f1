// forecast_loss.comp over all channels for software drivers (common/quad.glsl): a loop here, but of eight fetches a
// round.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
const uint LANES = WORKGROUP, FETCHES = 4;
#include "common/sum.glsl"
#include "series/loss.glsl"

void main() {
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    const uint prediction_first = arguments.prediction_first, goal_first = arguments.goal_first;
    const uint rounds = (count + FETCHES * step - 1) / (FETCHES * step);
    const float delta = arguments.delta;
    vec4 sum = vec4(0);
    uint i = gl_GlobalInvocationID.x;
    for (uint round = 0; round < rounds; round++) {
        [[unroll]] for (uint k = 0; k < FETCHES; k++) {
            const uint at = min(i, count - 1);
            const vec4 prediction = texelFetch(prediction_texels, int(prediction_first + at));
            const vec4 error = prediction - texelFetch(goal_texels, int(goal_first + at));
            vec4 losses;
            [[unroll]] for (uint c = 0; c < 4; c++) losses[c] = loss_of(error[c], delta);
            sum += i < count ? losses : vec4(0);
            i += step;
        }
    }
    const float all = lanes_sum((sum.x + sum.y) + (sum.z + sum.w));
    if (gl_LocalInvocationIndex == 0) arguments.partial.at[gl_WorkGroupID.x] = all;
}
