#include "data/sampler.h"

#include "base/random.h"

int64_t sb_epoch_batches(int64_t count, int batch, bool drop_last) {
    return drop_last ? count / batch : (count + batch - 1) / batch;
}

void sb_epoch_order(uint64_t seed, int64_t epoch, bool shuffle, int64_t count, int64_t *order) {
    for (int64_t i = 0; i < count; i++) order[i] = i;
    if (!shuffle) return;
    struct sb_random random = sb_random_start(seed, SB_STREAM_SHUFFLE, (uint64_t)epoch);
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = sb_random_below(&random, (uint32_t)i + 1);
        int64_t exchanged = order[i];
        order[i] = order[j];
        order[j] = exchanged;
    }
}
