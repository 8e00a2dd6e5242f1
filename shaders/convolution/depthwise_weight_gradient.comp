// First stage of the gradients of a depth-wise convolution's filters and bias: a workgroup takes `strips` strips of one
// image, with the inputs under the filter in registers as in depthwise.comp, and sums dy * input for each tap.
// sum_partials adds the workgroups.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "arguments.glsl"
#include "convolution/depthwise.glsl"

const int TAPS = SIDE * SIDE;

#ifdef TEXELS
#define LOAD_DY(index) texelFetch(dy_texels, int(arguments_dy + (index)))
#else
#define LOAD_DY(index) arguments_dy.at[index]
#endif

void main() {
    const uint lane_element = gl_GlobalInvocationID.x; // of a pixel
    const uint pixel_elements = arguments.channels / LANE_CHANNELS;
    if (lane_element >= pixel_elements) return;
    const int height = int(arguments.height), width = int(arguments.width);
    const int begin = int(gl_WorkGroupID.y * arguments.strips) * ROWS;
    const int end = min(begin + int(arguments.strips) * ROWS, height);
#ifdef TEXELS
    const uint arguments_x = arguments.x_first, arguments_dy = arguments.dy_first;
#else
    float_const_pointer4 arguments_x = arguments.x, arguments_dy = arguments.dy;
#endif

    element dweight[TAPS], dbias = element(0.0);
    [[unroll]] for (int k = 0; k < TAPS; k++) dweight[k] = element(0.0);
    for (int first = begin; first < end; first += ROWS) {
        strip_start(gl_WorkGroupID.z * uint(height), first, height, uint(width) * pixel_elements, lane_element);
        element window[SPAN][SIDE], dy[ROWS];
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
            // Past the image, line[] is its last row: loaded, and not counted.
            [[unroll]] for (int r = 0; r < ROWS; r++) {
                const element loaded = LOAD_DY(line[r + REACH] + uint(c) * pixel_elements);
                dy[r] = first + r < height ? loaded : element(0.0);
            }
            [[unroll]] for (int r = 0; r < ROWS; r++) {
                dbias += dy[r];
                const element arrived = to_factor(dy[r]);
                [[unroll]] for (int i = 0; i < SIDE; i++)
                    [[unroll]] for (int j = 0; j < SIDE; j++) dweight[i * SIDE + j] += arrived * window[r + i][j];
            }
        }
    }
    const uint part = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) * arguments.channels;
#ifdef TEXELS
    [[unroll]] for (int k = 0; k < 4; k++) {
        const uint channel = part + lane_element * 4 + k;
        [[unroll]] for (int tap = 0; tap < TAPS; tap++) arguments.dweight.at[channel * TAPS + tap] = dweight[tap][k];
        arguments.dbias.at[channel] = dbias[k];
    }
#else
    const uint channel = part + lane_element;
    [[unroll]] for (int tap = 0; tap < TAPS; tap++) arguments.dweight.at[channel * TAPS + tap] = dweight[tap];
    arguments.dbias.at[channel] = dbias;
#endif
}
