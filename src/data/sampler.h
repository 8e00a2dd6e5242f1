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

#endif
