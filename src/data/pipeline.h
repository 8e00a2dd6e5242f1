/* From an image of a data set to the model's input: the transform of evaluation, or the augmentation of training. */
#ifndef SB_DATA_PIPELINE_H
#define SB_DATA_PIPELINE_H

#include "data/dataset.h"
#include "data/evaluation_transform.h"
#include "data/randaugment.h"

enum sb_crop { SB_CROP_PAD, SB_CROP_RANDOM_RESIZED };
enum sb_crop_filter { SB_CROP_BILINEAR, SB_CROP_BICUBIC, SB_CROP_RANDOM };

/* Never changes while in use, so that threads share it. */
struct sb_pipeline {
    struct sb_evaluation_transform evaluation; /* its size is that of the result */
    bool augment;                              /* else the evaluation transform alone */

    /* In this order. PAD: the evaluation transform, then as many pixels as it has are cut at random out of the image
     * with `padding` pixels around. RANDOM_RESIZED: sb_random_resized_crop, scaled to the model's size. */
    enum sb_crop crop;
    int padding;
    bool reflect; /* the padding mirrors the image (without its border row); else it is zero */
    double scale[2], ratio[2];
    enum sb_crop_filter filter; /* of the random crop, and of RandAugment's affine operations */
    double flip;                /* probability of exchanging left and right */
    struct sb_randaugment randaugment;
    double colour_jitter; /* brightness, contrast and saturation, in random order, by factors in 1 -+ this; 0: none */

    /* The order of the published training with token labels: flip, RandAugment on the whole image, crop. */
    bool crop_last;
};

/* What happened to the geometry, for label maps. */
struct sb_view {
    bool flipped;
    struct sb_affine affine[SB_RANDAUGMENT_MOST]; /* before the crop (crop_last) or behind it */
    int affine_count;
    struct sb_region crop; /* in shares of the image's size, of the (flipped) image */
};

/* Image `index` of the data set -> uint8 [height, width, channels]. The result depends on the image and `random`
 * alone. *sample tells its label and name also after a failure of decoding. `view` may be NULL. */
bool sb_pipeline_apply(const struct sb_pipeline *pipeline, const struct sb_dataset *dataset, int64_t index,
                       struct sb_random random, struct sb_scratch *scratch, uint8_t *pixels, struct sb_sample *sample,
                       struct sb_view *view, struct simba_error *error);

/* Out of an image of the result's size: PAD's random crop. */
void sb_random_padded_crop(const struct sb_image *image, int padding, bool reflect, struct sb_random *random,
                           uint8_t *pixels);

/* torchvision's ColorJitter for brightness, contrast and saturation. */
void sb_colour_jitter(struct sb_image *image, double strength, struct sb_random *random);

#endif
