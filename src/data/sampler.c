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

int64_t sb_repeated_samples(int64_t count) {
    return count < 256 ? count : count / 256 * 256;
}

int64_t sb_repeated_batches(const struct sb_repeats *repeats) {
    return sb_repeated_samples(repeats->count) / repeats->ranks / repeats->batch * repeats->ranks;
}

void sb_repeated_order(const struct sb_repeats *repeats, uint64_t seed, int64_t epoch, int64_t *images,
                       int64_t *order) {
    sb_epoch_order(seed, epoch, true, repeats->count, images);
    const int64_t batches = sb_repeated_batches(repeats);
    for (int64_t b = 0; b < batches; b++)
        for (int64_t i = 0; i < repeats->batch; i++) {
            const int64_t step = b / repeats->ranks, rank = b % repeats->ranks;
            const int64_t place = (step * repeats->batch + i) * repeats->ranks + rank;
            order[b * repeats->batch + i] =
                images[place / repeats->repeats] * repeats->repeats + place % repeats->repeats;
        }
}
