/* The draws of random erasing, Mixup and CutMix for a batch, as timm makes them; the images are mixed on the device
 * (ops.h, MIX_IMAGES). */
#ifndef SB_DATA_MIXING_H
#define SB_DATA_MIXING_H

#include <stdbool.h>
#include <stdint.h>

enum sb_mix_mode {
    SB_MIX_BATCH,  /* one draw for all images */
    SB_MIX_PAIR,   /* one for each image and its counterpart */
    SB_MIX_ELEMENT /* one for each image */
};

struct sb_mixing {
    double mixup, cutmix;      /* alpha of Beta(alpha, alpha); 0: not used */
    double probability;        /* that an image (pair, batch) is mixed at all */
    double switch_probability; /* of CutMix, where both are used */
    enum sb_mix_mode mode;
    double erasing; /* probability that an image gets `erasing_boxes` boxes */
    int erasing_boxes;
};

/* `erase` [batch, erasing_boxes, 4] (erasing 0: NULL): boxes as top, left, bottom, right. Their area is uniform in 2 %
 * to a third of the image, shared out among the boxes; the logarithm of height / width uniform in that of 0.3 to 1 /
 * 0.3. */
void sb_draw_erasing(const struct sb_mixing *mixing, uint64_t seed, uint64_t batch_number, int batch, int height,
                     int width, float *erase);

/* `mix` [batch, 5]: the weight of the image itself and the box that comes from its counterpart, batch - 1 - i.
 * `targets` [batch, classes]: lambda of the image's class and 1 - lambda of its counterpart's, both smoothed:
 * `smoothing` / classes everywhere and 1 - smoothing more at the class. lambda is the share of the area that is the
 * image's own. */
void sb_draw_mixing(const struct sb_mixing *mixing, uint64_t seed, uint64_t batch_number, int batch, int height,
                    int width, const int32_t *labels, int64_t classes, double smoothing, float *mix, float *targets);

/* MixToken: a box of tokens (top, left, bottom, right) that comes from the counterpart, with sides of sqrt(1 - lambda)
 * of the grid's, lambda from Beta(1, 1). `class_targets` [batch, classes] are mixed by what is left of the grid. */
void sb_draw_token_box(uint64_t seed, uint64_t batch_number, int batch, int height, int width, int64_t classes,
                       int32_t box[4], float *class_targets);

#endif
