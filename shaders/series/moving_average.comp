// trend[row, t] = mean of x[row] over t - around .. t + around, its ends repeated beyond them; remainder = x - trend.
// An invocation sums up the window of the first of BLOCK values and moves it along: one of them on a GPU, where
// neighbours share their loads; on software drivers each load costs, and 16 values take 4 loads each. Sums are of
// differences from the block's first value, so that what is left of a constant is 0.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const int times = int(arguments.times), around = int(arguments.around);
    const float scale = 1.0 / float(2 * around + 1);
    const uint blocks = (arguments.times + BLOCK - 1) / BLOCK, count = arguments.rows * blocks;
    const uint step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        const uint row = i / blocks, first = row * arguments.times;
        const int start = int((i - row * blocks) * BLOCK);
        const float origin = arguments.x.at[first + uint(start)];
        // With what rounding has lost: beyond its ends a row goes on with one value, and so all in one direction.
        precise float sum = 0, excess = 0;
        for (int t = start - around; t <= start + around; t++) {
            precise float value = arguments.x.at[first + uint(clamp(t, 0, times - 1))] - origin - excess;
            precise float next = sum + value;
            excess = (next - sum) - value;
            sum = next;
        }
        for (int t = start; t < min(start + int(BLOCK), times); t++) {
            const float above = sum * scale;
            arguments.trend.at[first + uint(t)] = origin + above;
            arguments.remainder.at[first + uint(t)] = (arguments.x.at[first + uint(t)] - origin) - above;
            if (BLOCK > 1)
                sum += arguments.x.at[first + uint(min(t + around + 1, times - 1))] -
                       arguments.x.at[first + uint(max(t - around, 0))];
        }
    }
}
