// pack_weight by texels, for software drivers: a lane reads four neighbours of the weight, (channel, tap) in PyTorch's
// order, for each of two columns, and stores pairs. Only for all taps and a weight whose columns are its outputs.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"

void main() {
    const uint taps = arguments.taps;
    const uint columns = arguments.columns;
    const uint padded_channels = arguments.padded_channels;
    const uint texels = arguments.column_texels;
    const uint pair = gl_GlobalInvocationID.x;
    const uint column = min(2u * pair, columns - 2u);
    uint64_pointer8 y = arguments.y;
    // One texel per workgroup: its taps and channels are the same for all lanes.
    const uint texel = gl_WorkGroupID.y;
    const vec4 low = texelFetch(weight_texels, int(arguments.weight_first + column * texels + texel));
    const vec4 high = texelFetch(weight_texels, int(arguments.weight_first + (column + 1u) * texels + texel));
    if (2u * pair >= columns) return;
    [[unroll]] for (uint i = 0u; i < 4u; i++) {
        const uint element = 4u * texel + i;
        const uint channel = element / taps;
        const uint tap = element - channel * taps;
        y.at[((tap * padded_channels + channel) * columns + column) / 2u] =
            packUint2x32(floatBitsToUint(vec2(low[i], high[i])));
    }
}
