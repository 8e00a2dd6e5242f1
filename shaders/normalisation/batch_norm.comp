// y = (x - mean) * factor * gamma + beta with the statistics of each channel, optionally through ReLU. y may be x.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "normalisation/columns.glsl"

void main() {
    const column_share share = share_columns(arguments.channels, arguments.rows, arguments.block_rows);
    if (share.start >= share.end) return;
    COPY(x);
    POINTER to = arguments.y;
    const element mean = LOAD_CHANNELS(arguments.stats, share.channel);
    const element factor = LOAD_CHANNELS(arguments.stats, arguments.channels + share.channel) *
                           LOAD_CHANNELS(arguments.gamma, share.channel);
    const element beta = LOAD_CHANNELS(arguments.beta, share.channel);
    for (uint row = share.start; row < share.end; row++) {
        const uint i = row * share.columns + share.column;
        const element y = (FETCH(x, i) - mean) * factor + beta;
        STORE(to, i, RELU ? max(y, element(0.0)) : y);
    }
}
