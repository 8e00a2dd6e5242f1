/* What a run leaves for people to look at, beside results.csv: a TensorBoard event file, results.png (curves),
 * confusion_matrix.png and .csv of the best evaluation, samples.png (the first batch as it came out of augmentation).
 */
#ifndef SB_TRAIN_WATCH_H
#define SB_TRAIN_WATCH_H

#include "data/loader.h"
#include "io/event_file.h"
#include "simba/train.h"
#include "train/results.h"

struct sb_watch {
    const char *output; /* directory; of the caller */
    struct sb_event_file *events;
    int64_t last_step; /* the last one whose loss was written */
};

/* Steps from `first_step` on will follow. */
bool sb_watch_begin(struct sb_watch *watch, const char *output, int64_t first_step, struct simba_error *error);
void sb_watch_finish(struct sb_watch *watch);

/* Loss, gradient norm and loss scale go into the event file for one step out of ten. */
void sb_watch_step(struct sb_watch *watch, const struct simba_progress *progress);
/* After the epoch's row has been added to `results`, which the curves are drawn from. */
bool sb_watch_epoch(struct sb_watch *watch, const struct sb_task_type *type, const char *results,
                    const struct sb_result *result, struct simba_error *error);
/* counts [classes, classes]: row: what it is, column: what it was taken for. */
bool sb_watch_confusion(const struct sb_watch *watch, const uint32_t *counts, int classes, const char *const *names,
                        struct simba_error *error);
/* At most 36 images of the batch. */
bool sb_watch_samples(const struct sb_watch *watch, const struct sb_batch *batch, int height, int width, int channels,
                      const char *const *names, struct simba_error *error);

#endif
