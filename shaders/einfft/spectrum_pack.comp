// First part of EinFFT's forward transform: the butterflies over the 4 blocks. Of real input the results 0 and 2 are
// real and 3 is the conjugate of 1, so that two complex columns hold all of them: P = r0 + i r2 and Q = r1.
// One workgroup takes a run of tokens of one sample, so that all addresses but the column are uniform.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint block = arguments.block;
    const uint first = gl_WorkGroupID.y * arguments.tokens_per_group;
    const uint last = min(first + arguments.tokens_per_group, arguments.tokens);
    float scale = arguments.scale;
    if (ROW_SCALE != 0) scale *= arguments.row_scale.at[gl_WorkGroupID.z];
    for (uint token = first; token < last; token++) {
        const uint row = gl_WorkGroupID.z * arguments.tokens + token;
        for (uint c = gl_LocalInvocationID.x; c < block; c += WORKGROUP) {
            const uint at = row * 4 * block + c;
            const float x0 = arguments.x.at[at], x1 = arguments.x.at[at + block];
            const float x2 = arguments.x.at[at + 2 * block], x3 = arguments.x.at[at + 3 * block];
            const uint to = row * 2 * block + c;
            arguments.packed.at[to] = scale * vec2(x0 + x2 + x1 + x3, x0 + x2 - x1 - x3);
            arguments.packed.at[to + block] = scale * vec2(x0 - x2, x3 - x1);
        }
    }
}
