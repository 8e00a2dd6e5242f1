// y[row, column] = sum over parts of x[part, row, column], in the order of the parts: the second stage of sums that
// were split over workgroups. x is dense, y may be pitched.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < arguments.count; i += step) {
        float sum = 0.0;
        for (uint part = 0; part < arguments.parts; part++) sum += arguments.x.at[part * arguments.count + i];
        const uint row = i / arguments.columns;
        arguments.y.at[row * arguments.y_pitch + (i - row * arguments.columns)] = sum;
    }
}
