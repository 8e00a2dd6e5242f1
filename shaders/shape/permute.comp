// y = x with its axes in another order: each invocation finds where its element comes from. Axes are padded in front
// to five. Weights and small tensors only, so the divisions do not matter.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < arguments.count; i += step) {
        uint rest = i, from = 0;
        for (int axis = 4; axis >= 0; axis--) {
            const uint size = arguments.shape[axis];
            from += rest % size * arguments.stride[axis];
            rest /= size;
        }
        arguments.y.at[i] = arguments.x.at[from];
    }
}
