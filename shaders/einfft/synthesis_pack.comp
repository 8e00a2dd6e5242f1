// First part of EinFFT's inverse transform. Only the real part of the result is wanted, and that of groups 0 and 2 is
// the inverse of their Hermitian parts H(Z)[f] = (Z[f] + conj Z[-f]) / 2, so that two complex columns suffice:
//   P[f] = H(Z0)[f] + i H(Z2)[f]    Q[f] = Z1[f] + conj Z3[-f].
// Each invocation writes frequency f and its mirror -f.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

vec2 read_group(uint row, uint group, uint c) {
    const uint at = (row * 4 + group) * 2 * arguments.block + c;
    return vec2(arguments.z.at[at], arguments.z.at[at + arguments.block]);
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
            const vec2 a0 = read_group(row, 0, c), b0 = read_group(mirror_row, 0, c);
            const vec2 a1 = read_group(row, 1, c), b1 = read_group(mirror_row, 1, c);
            const vec2 a2 = read_group(row, 2, c), b2 = read_group(mirror_row, 2, c);
            const vec2 a3 = read_group(row, 3, c), b3 = read_group(mirror_row, 3, c);
            const vec2 h0 = 0.5 * vec2(a0.x + b0.x, a0.y - b0.y);
            const vec2 h2 = 0.5 * vec2(a2.x + b2.x, a2.y - b2.y);
            arguments.packed.at[row * 2 * block + c] = vec2(h0.x - h2.y, h0.y + h2.x);
            arguments.packed.at[row * 2 * block + block + c] = vec2(a1.x + b3.x, a1.y - b3.y);
            if (mirror != f) {
                arguments.packed.at[mirror_row * 2 * block + c] = vec2(h0.x + h2.y, h2.x - h0.y);
                arguments.packed.at[mirror_row * 2 * block + block + c] = vec2(b1.x + a3.x, b1.y - a3.y);
            }
        }
    }
}
