// The parts of the scan's gradient that are sums over all tokens of one channel: dD = sum of u dy silu(z), and dbias =
// sum of ddelta. A workgroup row takes block_rows rows; sum_partials adds the blocks.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/exponential.glsl"

void main() {
    const uint channel = gl_GlobalInvocationID.x;
    if (channel >= arguments.channels) return;
    const uint first = gl_WorkGroupID.y * arguments.block_rows;
    const uint end = min(first + arguments.block_rows, arguments.rows);
    float dd = 0.0, dbias = 0.0;
    for (uint row = first; row < end; row++) {
        const uint element = row * arguments.channels + channel;
        if (HAS_D) {
            float g = arguments.dy.at[element];
            if (HAS_Z) {
                const float z = arguments.z.at[row * arguments.z_pitch + channel];
                g *= z * sigmoid(z);
            }
            dd += g * arguments.u.at[element];
        }
        if (HAS_BIAS) dbias += arguments.ddelta.at[element];
    }
    const uint place = gl_WorkGroupID.y * arguments.channels + channel;
    if (HAS_D) arguments.dd.at[place] = dd;
    if (HAS_BIAS) arguments.dbias.at[place] = dbias;
}
