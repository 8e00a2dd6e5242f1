// Depth-wise SIDE x SIDE convolution of images [batch, height, width, channel], stride 1, same size, with bias and GELU;
// with FLIP and neither it is the gradient with respect to the input. The window of inputs moves through registers:
// (ROWS + SIDE - 1) / ROWS loads for a result instead of SIDE * SIDE.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "common/activation.glsl"
#include "convolution/depthwise.glsl"

const int TAPS = SIDE * SIDE;

void main() {
    const uint lane_element = gl_GlobalInvocationID.x; // of a pixel
    const uint pixel_elements = arguments.channels / LANE_CHANNELS;
    if (lane_element >= pixel_elements) return;
    const int height = int(arguments.height), width = int(arguments.width);
    const int first = int(gl_WorkGroupID.y) * ROWS;

    element weight[TAPS], bias = element(0.0);
#ifdef TEXELS
    const uint arguments_x = arguments.x_first;
    uint64_pointer8 arguments_y = arguments.y, arguments_saved = arguments.saved;
    vec4 filters[TAPS]; // of four channels, one after the other
    [[unroll]] for (int i = 0; i < TAPS; i++)
        filters[i] = texelFetch(weight_texels, int(arguments.weight_first + lane_element * TAPS + i));
    [[unroll]] for (int k = 0; k < TAPS; k++)
        [[unroll]] for (int c = 0; c < 4; c++) {
            const int at = c * TAPS + (FLIP ? TAPS - 1 - k : k);
            weight[k][c] = to_factor(filters[at / 4][at % 4]);
        }
    if (HAS_BIAS) bias = texelFetch(bias_texels, int(arguments.bias_first + lane_element));
#else
    float_const_pointer4 arguments_x = arguments.x;
    float_pointer4 arguments_y = arguments.y, arguments_saved = arguments.saved;
    [[unroll]] for (int k = 0; k < TAPS; k++)
        weight[k] = to_factor(arguments.weight.at[lane_element * TAPS + (FLIP ? TAPS - 1 - k : k)]);
    if (HAS_BIAS) bias = arguments.bias.at[lane_element];
#endif

    strip_start(gl_WorkGroupID.z * uint(height), first, height, uint(width) * pixel_elements, lane_element);
    element window[SPAN][SIDE]; // window[i][j]: row first + i - REACH, column c + j - REACH
    [[unroll]] for (int i = 0; i < SPAN; i++)
        [[unroll]] for (int j = 0; j < SIDE; j++) {
            const int column = j - REACH - 1;
            const element x = LOAD_X(line[i] + uint(clamp(column, 0, width - 1)) * pixel_elements);
            window[i][j] = inside[i] && column >= 0 && column < width ? x : element(0.0);
        }
    for (int c = 0; c < width; c++) {
        const int column = c + REACH;
        const uint offset = uint(min(column, width - 1)) * pixel_elements;
        [[unroll]] for (int i = 0; i < SPAN; i++) {
            [[unroll]] for (int j = 0; j + 1 < SIDE; j++) window[i][j] = window[i][j + 1];
            const element x = LOAD_X(line[i] + offset);
            window[i][SIDE - 1] = inside[i] && column < width ? x : element(0.0);
        }
        [[unroll]] for (int r = 0; r < ROWS; r++) {
            element sum = bias;
            [[unroll]] for (int i = 0; i < SIDE; i++)
                [[unroll]] for (int j = 0; j < SIDE; j++) sum += weight[i * SIDE + j] * window[r + i][j];
            element y;
#ifdef TEXELS
            [[unroll]] for (int k = 0; k < 4; k++) y[k] = activate(ACTIVATION, sum[k], 0.0);
#else
            y = activate(ACTIVATION, sum, 0.0);
#endif
            if (first + r < height) {
                const uint at = line[r + REACH] + uint(c) * pixel_elements;
#ifdef TEXELS
                if (SAVE) {
                    arguments_saved.at[2 * at] = packUint2x32(floatBitsToUint(sum.xy));
                    arguments_saved.at[2 * at + 1] = packUint2x32(floatBitsToUint(sum.zw));
                }
                arguments_y.at[2 * at] = packUint2x32(floatBitsToUint(y.xy));
                arguments_y.at[2 * at + 1] = packUint2x32(floatBitsToUint(y.zw));
#else
                if (SAVE) arguments_saved.at[at] = sum;
                arguments_y.at[at] = y;
#endif
            }
        }
    }
}
