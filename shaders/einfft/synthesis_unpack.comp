// Last part of EinFFT's inverse transform: with p = Re w0 + i Re w2 and q = w1 + conj w3 of the four groups' inverse
// transforms w over the tokens, the real part of the inverse butterfly over the blocks; then the residual.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void write_block(uint at, float value) {
    if (RESIDUAL != 0) value += arguments.residual.at[at];
    arguments.y.at[at] = value;
}

void main() {
    const uint block = arguments.block;
    const uint first = gl_WorkGroupID.y * arguments.tokens_per_group;
    const uint last = min(first + arguments.tokens_per_group, arguments.tokens);
    float scale = arguments.scale;
    if (ROW_SCALE != 0) scale *= arguments.row_scale.at[gl_WorkGroupID.z];
    for (uint token = first; token < last; token++) {
        const uint row = gl_WorkGroupID.z * arguments.tokens + token;
        for (uint c = gl_LocalInvocationID.x; c < block; c += WORKGROUP) {
            const vec2 p = scale * arguments.packed.at[row * 2 * block + c];
            const vec2 q = scale * arguments.packed.at[row * 2 * block + block + c];
            const uint at = row * 4 * block + c;
            write_block(at, p.x + p.y + q.x);
            write_block(at + block, p.x - p.y - q.y);
            write_block(at + 2 * block, p.x + p.y - q.x);
            write_block(at + 3 * block, p.x - p.y + q.y);
        }
    }
}
