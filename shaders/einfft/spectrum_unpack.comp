// Last part of EinFFT's forward transform: with P and Q transformed over the tokens, frequency f and its mirror -f give
//   Z0[f] = (P[f] + conj P[-f]) / 2    Z2[f] = (P[f] - conj P[-f]) / 2i    Z1[f] = Q[f]    Z3[f] = conj Q[-f].
// Each invocation writes both.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void write_group(uint row, uint group, uint c, vec2 value) {
    const uint at = (row * 4 + group) * 2 * arguments.block + c;
    arguments.z.at[at] = value.x;
    arguments.z.at[at + arguments.block] = value.y;
}

void main() {
    const uint block = arguments.block;
    const uint first = gl_WorkGroupID.y * arguments.tokens_per_group;
    const uint last = min(first + arguments.tokens_per_group, arguments.tokens / 2 + 1);
    for (uint f = first; f < last; f++) {
        const uint mirror = f == 0 ? 0 : arguments.tokens - f;
        const uint row = gl_WorkGroupID.z * arguments.tokens + f;
        const uint mirror_row = gl_WorkGroupID.z * arguments.tokens + mirror;
        for (uint c = gl_LocalInvocationID.x; c < block; c += WORKGROUP) {
            const vec2 p = arguments.packed.at[row * 2 * block + c];
            const vec2 q = arguments.packed.at[row * 2 * block + block + c];
            const vec2 pm = arguments.packed.at[mirror_row * 2 * block + c];
            const vec2 qm = arguments.packed.at[mirror_row * 2 * block + block + c];
            const vec2 z0 = 0.5 * vec2(p.x + pm.x, p.y - pm.y);
            const vec2 z2 = 0.5 * vec2(p.y + pm.y, pm.x - p.x);
            write_group(row, 0, c, z0);
            write_group(row, 1, c, q);
            write_group(row, 2, c, z2);
            write_group(row, 3, c, vec2(qm.x, -qm.y));
            if (mirror != f) {
                write_group(mirror_row, 0, c, vec2(z0.x, -z0.y));
                write_group(mirror_row, 1, c, qm);
                write_group(mirror_row, 2, c, vec2(z2.x, -z2.y));
                write_group(mirror_row, 3, c, vec2(q.x, -q.y));
            }
        }
    }
}
