// dx = factor * gamma * (dy - (dbeta + n * dgamma) / rows), n = (x - mean) * factor, from the finished sums; where the
// statistics are constants (no TRAINING) only factor * gamma * dy is left. RELU: dy counts where y > 0. dx may be dy or
// x.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "normalisation/columns.glsl"

void main() {
    const column_share share = share_columns(arguments.channels, arguments.rows, arguments.block_rows);
    if (share.start >= share.end) return;
    COPY(dy);
    COPY(x);
    COPY(y);
    POINTER to = arguments.dx;
    const float rows = float(arguments.rows);
    const element mean = LOAD_CHANNELS(arguments.stats, share.channel);
    const element factor = LOAD_CHANNELS(arguments.stats, arguments.channels + share.channel);
    const element scale = factor * LOAD_CHANNELS(arguments.gamma, share.channel);
    element dgamma = element(0.0), dbeta = element(0.0);
    if (TRAINING) {
        dgamma = LOAD_CHANNELS(arguments.dgamma, share.channel) / rows;
        dbeta = LOAD_CHANNELS(arguments.dbeta, share.channel) / rows;
    }
    for (uint row = share.start; row < share.end; row++) {
        const uint i = row * share.columns + share.column;
        element arrived = FETCH(dy, i);
        const element n = (FETCH(x, i) - mean) * factor;
        if (RELU) arrived = mix(element(0.0), arrived, positive(FETCH(y, i)));
        STORE(to, i, scale * (arrived - dbeta - n * dgamma));
    }
}
