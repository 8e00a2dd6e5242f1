/* Which images form which batch. */
#ifndef SB_DATA_SAMPLER_H
#define SB_DATA_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

/* Batches of one epoch over `count` images; a rest smaller than a batch is dropped or is a batch of its own. */
int64_t sb_epoch_batches(int64_t count, int batch, bool drop_last);

/* The order of an epoch: every number below `count` once, shuffled by (seed, epoch) alone (Fisher-Yates), or in order.
 * count < 2^32. */
void sb_epoch_order(uint64_t seed, int64_t epoch, bool shuffle, int64_t count, int64_t *order);

/* Repeated augmentation (Hoffer et al., 2020), as DeiT's RASampler does it: `repeats` copies of each image stand behind
 * one another in the shuffled order, image r, r + ranks, ... of which goes to rank r. An epoch ends after as many
 * copies as there are images, rounded down to a multiple of 256 where there are 256, so that it has about count /
 * repeats different ones. The batches of one step, one to a rank, follow each other here, as they do in an
 * accumulation. */
struct sb_repeats {
    int64_t count;
    int repeats, ranks, batch;
};
/* Copies in an epoch, and the batches that they fill: as many for each rank. */
int64_t sb_repeated_samples(int64_t count);
int64_t sb_repeated_batches(const struct sb_repeats *repeats);
/* order[i] = image * repeats + copy, batch after batch; `images` has room for `count` numbers. */
void sb_repeated_order(const struct sb_repeats *repeats, uint64_t seed, int64_t epoch, int64_t *images, int64_t *order);

#endif
