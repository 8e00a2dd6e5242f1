/* Token labels (Jiang et al., "All Tokens Matter", 2021): label maps, and the targets that are made of them as the
 * published TokenLabeling code does. */
#ifndef SB_DATA_TOKEN_TARGET_H
#define SB_DATA_TOKEN_TARGET_H

#include "base/memory.h"
#include "data/pipeline.h"

/* For every place of a grid over an image its most probable classes. */
struct sb_label_map {
    int top, height, width;
    float *scores;    /* [top, height, width]: logits */
    int32_t *classes; /* [top, height, width] */
};

/* Reads what torch.save wrote of a tensor [2, top, height, width] of half or single precision: scores, then classes.
 * Its memory is that of `memory`. */
bool sb_label_map_read(const char *path, int classes, struct sb_buffer *memory, struct sb_label_map *map,
                       struct simba_error *error);
/* Writes one, in half precision. At most 2048 classes, which that can tell apart. Atomic. */
bool sb_label_map_write(const char *path, const struct sb_label_map *map, struct simba_error *error);

struct sb_token_targets {
    const char *directory;      /* with a file KEY.pt for each image (struct sb_dataset) */
    int classes, height, width; /* of the grid of the model's last tokens */
    double smoothing;
    /* The published code hands roi_align rows where columns belong and the other way round, which takes the crop's
     * mirror image at the diagonal. */
    bool as_published;
};

/* `class_target` [classes] and `token_targets` [height * width, classes] of what the view shows of the map: RoI align
 * of the scores (scores of classes that a place does not name are 0), softmax over all classes, times 1 - smoothing +
 * smoothing / classes, plus smoothing / classes. The map is changed. `work` grows. */
bool sb_token_targets_make(const struct sb_token_targets *parameters, struct sb_label_map *map,
                           const struct sb_view *view, bool crop_last, float *class_target, float *token_targets,
                           struct sb_buffer *work, struct simba_error *error);

#endif
