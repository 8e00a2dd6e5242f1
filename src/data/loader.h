/* Prefetching: threads read, augment and pack batches ahead of the one who consumes them. What a batch holds depends on
 * (seed, epoch, batch) alone, never on threads or timing; batches come in order. After its creation the loader itself
 * allocates nothing (decoding a compressed image does, inside libpng). */
#ifndef SB_DATA_LOADER_H
#define SB_DATA_LOADER_H

#include "data/token_target.h"
#include "simba/device.h"

struct sb_loader;

struct sb_loader_parameters {
    const struct sb_dataset *dataset;             /* must outlive the loader */
    const struct sb_pipeline *pipeline;           /* copied */
    const struct sb_token_targets *token_targets; /* copied; made for every image of a cropping pipeline; NULL: none */
    int batch;                                    /* images per batch */
    bool shuffle;
    bool drop_last; /* else the last batch of an epoch may have fewer images */
    int repeats; /* repeated augmentation: draws of each image (sampler.h), over `ranks` batches of a step; 0, 1: off.
                    Shuffles, and drops what is left over. */
    int ranks;   /* 0: 1 */
    uint64_t seed;
    int threads;                      /* 0: 2 */
    int depth;                        /* batches held, the consumer's included; 0: 4, at least 2 */
    int64_t first_epoch, first_batch; /* where to begin: of a resumed run */
    int64_t epochs;                   /* ends before this epoch; 0: goes on for ever */

    /* So many different images may turn out to be unreadable; each is logged once. In its place comes the next image of
     * the data set, with the same random numbers, or (mark_broken) an empty one with the label -1. */
    int broken_images;
    bool mark_broken;
    struct simba_log log; /* called by sb_loader_next */
};

struct sb_batch {
    const uint8_t *pixels;      /* [batch, height, width, channels]; zero behind the last image */
    const int32_t *labels;      /* [batch]; zero behind the last image; -1: a broken image that was marked */
    const float *class_targets; /* [batch, classes], and */
    const float *token_targets; /* [batch, tokens, classes], with sb_loader_parameters.token_targets */
    int count;                  /* images in it; 0: the end */
    int64_t epoch, index;       /* this batch's place: the index-th of its epoch */
};

struct sb_loader *sb_loader_create(const struct sb_loader_parameters *parameters, struct simba_error *error);
/* At any moment; ends the threads. NULL is fine. */
void sb_loader_destroy(struct sb_loader *loader);

/* Batches of one epoch. */
int64_t sb_loader_batches(const struct sb_loader *loader);

/* Waits for the next batch. Its memory belongs to the loader and stays valid until the next call. One broken
 * image too many is an error when its batch's turn comes, and again on every later call. From one thread at a time. */
bool sb_loader_next(struct sb_loader *loader, struct sb_batch *batch, struct simba_error *error);

/* Different images that could not be read so far. */
int sb_loader_broken(struct sb_loader *loader);

/* Seconds that sb_loader_next has waited so far. */
double sb_loader_waited(const struct sb_loader *loader);

#endif
