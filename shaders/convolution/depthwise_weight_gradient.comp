// First stage of the gradients of a depth-wise convolution's filters and bias: an invocation takes one channel and
// `strips` strips of ROWS rows of one image, with the inputs under the filter in registers as in depthwise.comp, and
// sums dy * input for each tap. sum_partials adds the workgroups.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"

const int REACH = SIDE / 2;
const int SPAN = ROWS + SIDE - 1;

void main() {
    const uint channel = gl_GlobalInvocationID.x;
    if (channel >= arguments.channels) return;
    const int height = int(arguments.height), width = int(arguments.width);
    const uint image = gl_WorkGroupID.z * arguments.height * arguments.width;
    const int begin = int(gl_WorkGroupID.y * arguments.strips) * ROWS;
    const int end = min(begin + int(arguments.strips) * ROWS, height);

    float dweight[SIDE * SIDE], dbias = 0.0;
    [[unroll]] for (int k = 0; k < SIDE * SIDE; k++) dweight[k] = 0.0;
    for (int first = begin; first < end; first += ROWS) {
        uint line[SPAN];
        bool inside[SPAN];
        float window[SPAN][SIDE]; // window[i][j]: row first + i - REACH, column c + j - REACH
        [[unroll]] for (int i = 0; i < SPAN; i++) {
            const int row = first + i - REACH;
            inside[i] = row >= 0 && row < height;
            line[i] = (image + uint(clamp(row, 0, height - 1)) * arguments.width) * arguments.channels + channel;
            [[unroll]] for (int j = 0; j < SIDE; j++) {
                const int column = j - REACH - 1;
                const float x = arguments.x.at[line[i] + uint(clamp(column, 0, width - 1)) * arguments.channels];
                window[i][j] = inside[i] && column >= 0 && column < width ? x : 0.0;
            }
        }
        for (int c = 0; c < width; c++) {
            const int column = c + REACH;
            const uint offset = uint(min(column, width - 1)) * arguments.channels;
            [[unroll]] for (int i = 0; i < SPAN; i++) {
                [[unroll]] for (int j = 0; j + 1 < SIDE; j++) window[i][j] = window[i][j + 1];
                const float x = arguments.x.at[line[i] + offset];
                window[i][SIDE - 1] = inside[i] && column < width ? x : 0.0;
            }
            [[unroll]] for (int r = 0; r < ROWS; r++) {
                // Past the image, line[] points at its last row: loaded, and not counted.
                const float loaded = arguments.dy.at[line[r + REACH] + uint(c) * arguments.channels];
                const float dy = first + r < end ? loaded : 0.0;
                dbias += dy;
                [[unroll]] for (int i = 0; i < SIDE; i++)
                    [[unroll]] for (int j = 0; j < SIDE; j++) dweight[i * SIDE + j] += dy * window[r + i][j];
            }
        }
    }
    const uint part = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * arguments.channels + channel;
    [[unroll]] for (int k = 0; k < SIDE * SIDE; k++) arguments.dweight.at[part * SIDE * SIDE + k] = dweight[k];
    arguments.dbias.at[part] = dbias;
}
