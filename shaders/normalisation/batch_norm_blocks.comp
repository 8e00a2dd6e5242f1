// First stage of batch statistics: each channel's mean and sum of squared distances from it, over a block of rows. The
// second pass corrects the mean by what the first one's rounding left.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "normalisation/columns.glsl"

void main() {
    const uint channels = arguments.channels;
    const column_share share = share_columns(channels, arguments.rows, arguments.block_rows);
    if (share.start >= share.end) return;
    COPY(x);
    const float count = float(share.end - share.start);
    element sum = element(0.0), shift = element(0.0), squares = element(0.0);
    for (uint row = share.start; row < share.end; row++) sum += FETCH(x, row * share.columns + share.column);
    const element rough = sum / count;
    for (uint row = share.start; row < share.end; row++) {
        const element distance = FETCH(x, row * share.columns + share.column) - rough;
        shift += distance;
        squares += distance * distance;
    }
    const uint part = 2 * share.block * channels + share.channel;
    STORE_CHANNELS(arguments.blocks, part, rough + shift / count);
    STORE_CHANNELS(arguments.blocks, part + channels, max(squares - shift * shift / count, element(0.0)));
}
