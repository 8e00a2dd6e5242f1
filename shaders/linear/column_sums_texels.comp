// column_sums by texels, for software drivers: four columns per lane.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"

const uint ROWS = 8u; // fetched at a time: what a loop carries is blended with its mask every turn

void main() {
    const uint texel = gl_GlobalInvocationID.x;
    const uint texels = arguments.columns / 4u;
    const uint pitch = arguments.x_pitch;
    const uint first = gl_WorkGroupID.y * arguments.slice_rows;
    const uint end = min(first + arguments.slice_rows, arguments.rows);
    const uint start = arguments.x_first + min(texel, texels - 1u);
    vec4 sum = vec4(0.0);
    for (uint row = first; row < end; row += ROWS) {
        vec4 part = vec4(0.0);
        [[unroll]] for (uint i = 0u; i < ROWS; i++) {
            const vec4 value = texelFetch(x_texels, int(start + min(row + i, end - 1u) * pitch));
            part += row + i < end ? value : vec4(0.0);
        }
        sum += part;
    }
    const uint to = gl_WorkGroupID.y * arguments.columns + texel * 4u;
    if (texel < texels)
        [[unroll]] for (uint c = 0u; c < 4u; c++) arguments.sums.at[to + c] = sum[c];
}
