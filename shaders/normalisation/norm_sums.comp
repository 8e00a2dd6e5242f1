// First stage of dgamma = sum of dy n and dbeta = sum of dy over rows, n = (x - mean) * factor; sum_partials adds the
// blocks of rows. BATCH: mean and factor belong to channels, not rows. RELU: dy counts where y > 0 only.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "normalisation/columns.glsl"

void main() {
    const uint channels = arguments.channels;
    const column_share share = share_columns(channels, arguments.rows, arguments.block_rows);
    if (share.start >= share.end) return;
    COPY(dy);
    COPY(x);
    COPY(y);
    float_const_pointer4 stats = arguments.stats;
    element mean = element(0.0), factor = element(0.0), dgamma = element(0.0), dbeta = element(0.0);
    if (BATCH) {
        mean = LOAD_CHANNELS(stats, share.channel);
        factor = LOAD_CHANNELS(stats, channels + share.channel);
    }
    for (uint row = share.start; row < share.end; row++) {
        const uint i = row * share.columns + share.column;
        element arrived = FETCH(dy, i);
        const element n = FETCH(x, i);
        if (RELU) arrived = mix(element(0.0), arrived, positive(FETCH(y, i)));
        if (!BATCH) {
            mean = element(stats.at[2 * row]);
            factor = element(stats.at[2 * row + 1]);
        }
        dgamma += arrived * (n - mean) * factor;
        dbeta += arrived;
    }
    const uint part = share.block * channels + share.channel;
    STORE_CHANNELS(arguments.dgamma, part, dgamma);
    STORE_CHANNELS(arguments.dbeta, part, dbeta);
}
