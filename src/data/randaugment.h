/* RandAugment (Cubuk et al. 2020) as timm's strings describe it, "rand-m9-mstd0.5-inc1": `n` operations (2) are chosen
 * out of 15 with replacement, each applied with probability 1/2 at a magnitude from N(m, mstd), cut to 0..10, with a
 * random sign where it has one. inc1: stronger magnitudes always mean stronger changes. */
#ifndef SB_DATA_RANDAUGMENT_H
#define SB_DATA_RANDAUGMENT_H

#include "base/random.h"
#include "data/image_operations.h"

enum sb_randaugment_operation {
    SB_RANDAUGMENT_AUTOCONTRAST,
    SB_RANDAUGMENT_EQUALIZE,
    SB_RANDAUGMENT_INVERT,
    SB_RANDAUGMENT_ROTATE,
    SB_RANDAUGMENT_POSTERIZE,
    SB_RANDAUGMENT_SOLARIZE,
    SB_RANDAUGMENT_SOLARIZE_ADD,
    SB_RANDAUGMENT_COLOUR,
    SB_RANDAUGMENT_CONTRAST,
    SB_RANDAUGMENT_BRIGHTNESS,
    SB_RANDAUGMENT_SHARPNESS,
    SB_RANDAUGMENT_SHEAR_X,
    SB_RANDAUGMENT_SHEAR_Y,
    SB_RANDAUGMENT_TRANSLATE_X,
    SB_RANDAUGMENT_TRANSLATE_Y,
    SB_RANDAUGMENT_OPERATIONS
};

enum { SB_RANDAUGMENT_MOST = 16 };

struct sb_randaugment {
    int operations;   /* applied to each image at most; 0: none */
    double magnitude; /* 0..10 */
    double deviation; /* of the magnitude */
    bool increasing;
    uint8_t fill[3]; /* what comes in from outside the image */
};

/* An affine operation that was applied: its matrix for coordinates in which the image is 1 x 1. */
struct sb_affine {
    double matrix[6];
};

/* From text; "" is none. `where` begins the message of an error ("FILE: $.augmentation.randaugment"). The fill is left
 * as it is. */
bool sb_randaugment_parse(const char *text, const char *where, struct sb_randaugment *randaugment,
                          struct simba_error *error);

/* One operation at a level (0..10), with the sign already decided; `negative` matters for those that have one. Affine
 * ones need `work`, of which the image's pixels are copied back, and tell what they did. */
bool sb_randaugment_apply(const struct sb_randaugment *randaugment, enum sb_randaugment_operation operation,
                          double level, bool negative, enum sb_filter filter, struct sb_image *image,
                          struct sb_buffer *work, struct sb_affine *affine, bool *is_affine, struct simba_error *error);

/* All of it. `filter`: of affine operations; NULL: bilinear or bicubic at random for each. affine[SB_RANDAUGMENT_MOST]
 * gets the affine operations in the order in which they were applied. */
bool sb_randaugment(const struct sb_randaugment *randaugment, struct sb_random *random, const enum sb_filter *filter,
                    struct sb_image *image, struct sb_buffer *work, struct sb_affine *affine, int *affine_count,
                    struct simba_error *error);

#endif
