// What the kernels of the depth-wise convolution share: the inputs under the filter, in registers. A lane has one
// channel, or with TEXELS (software drivers) four neighbours, fetched as one texel. It works on a strip of ROWS rows
// from left to right; what lies outside the image is loaded from its border and replaced by zero: no branch around
// loads. Arguments are copied first, since reading them inside a loop costs such drivers a load for each lane.
#ifndef SIMBA_CONVOLUTION_DEPTHWISE
#define SIMBA_CONVOLUTION_DEPTHWISE
#include "common/factor.glsl"

const int REACH = SIDE / 2;
const int SPAN = ROWS + SIDE - 1;

#ifdef TEXELS
#define element vec4
#define LOAD_X(index) to_factor(texelFetch(x_texels, int(arguments_x + (index))))
const uint LANE_CHANNELS = 4;
#else
#define element float
#define LOAD_X(index) to_factor(arguments_x.at[index])
const uint LANE_CHANNELS = 1;
#endif

// The strip's rows: where each begins, for the lane's channel, in units of LOAD_X, and whether the image has it.
// (Arrays of a specialised size can be neither returned nor initialised.)
uint line[SPAN];
bool inside[SPAN];

void strip_start(uint image_row, int first, int height, uint row_elements, uint lane_element) {
    [[unroll]] for (int i = 0; i < SPAN; i++) {
        const int row = first + i - REACH;
        inside[i] = row >= 0 && row < height;
        line[i] = (image_row + uint(clamp(row, 0, height - 1))) * row_elements + lane_element;
    }
}

#endif
