// Depth-wise SIDE x SIDE convolution of images [batch, height, width, channel], stride 1, same size, with bias and GELU;
// with FLIP and neither it is the gradient with respect to the input. An invocation takes one channel and a strip of
// ROWS rows, and walks it from left to right with the inputs under the filter in registers: (ROWS + SIDE - 1) / ROWS
// loads for a result instead of SIDE * SIDE.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/activation.glsl"

const int REACH = SIDE / 2;
const int SPAN = ROWS + SIDE - 1;

void main() {
    const uint channel = gl_GlobalInvocationID.x;
    if (channel >= arguments.channels) return;
    const int height = int(arguments.height), width = int(arguments.width);
    const int first = int(gl_WorkGroupID.y) * ROWS;
    const uint image = gl_WorkGroupID.z * arguments.height * arguments.width;
    const float bias = HAS_BIAS ? arguments.bias.at[channel] : 0.0;

    float weight[SIDE * SIDE];
    [[unroll]] for (int k = 0; k < SIDE * SIDE; k++)
        weight[k] = arguments.weight.at[channel * SIDE * SIDE + (FLIP ? SIDE * SIDE - 1 - k : k)];

    // What lies outside the image is loaded from its border and replaced by zero: no branch around loads.
    uint line[SPAN];
    bool inside[SPAN];
    [[unroll]] for (int i = 0; i < SPAN; i++) {
        const int row = first + i - REACH;
        inside[i] = row >= 0 && row < height;
        line[i] = (image + uint(clamp(row, 0, height - 1)) * arguments.width) * arguments.channels + channel;
    }
    float window[SPAN][SIDE]; // window[i][j]: row first + i - REACH, column c + j - REACH
    [[unroll]] for (int i = 0; i < SPAN; i++)
        [[unroll]] for (int j = 0; j < SIDE; j++) {
            const int column = j - REACH - 1;
            const float x = arguments.x.at[line[i] + uint(clamp(column, 0, width - 1)) * arguments.channels];
            window[i][j] = inside[i] && column >= 0 && column < width ? x : 0.0;
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
            float sum = bias;
            [[unroll]] for (int i = 0; i < SIDE; i++)
                [[unroll]] for (int j = 0; j < SIDE; j++) sum += weight[i * SIDE + j] * window[r + i][j];
            if (first + r < height) {
                const uint at = line[r + REACH] + uint(c) * arguments.channels;
                if (SAVE) arguments.saved.at[at] = sum;
                arguments.y.at[at] = activate(ACTIVATION, sum, 0.0);
            }
        }
    }
}
