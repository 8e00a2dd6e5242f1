/* Label maps: what a trained model sees where in each image of a data set, for training others with token labels. */
#ifndef SIMBA_LABEL_H
#define SIMBA_LABEL_H

#include "simba/device.h"

#ifdef __cplusplus
extern "C" {
#endif

struct simba_label_options {
    struct simba_device *device;
    const char *weights; /* of the model that labels; safetensors or PyTorch file */
    /* What is labelled: an image folder (the directory with the classes), a list, or an IDX or CIFAR directory, whose
     * training images are taken. */
    const char *data;
    const char *output; /* directory; made when missing */
    int top;            /* classes kept for each place; 0: 5 */
    int batch;          /* images computed at once; 0: 16 */
    int threads;        /* that decode images; 0: 2 */
    bool overwrite;     /* else maps that are there stay, so that an interrupted run goes on */
    void (*progress)(void *user, int64_t done, int64_t total); /* images; may be NULL */
    void *user;
};

struct simba_labelling {
    int64_t images, written, present, broken; /* broken: images that could not be read, each told to the device's log */
    int height, width, top;                   /* of a map */
};

/* Writes OUTPUT/CLASS/IMAGE.pt for every image CLASS/IMAGE.EXTENSION (sets in one file: OUTPUT/NUMBER.pt): a tensor
 * [2, top, height, width] of half precision, scores and class numbers, as the published label maps are. The whole image
 * is scaled to the model's size, out of proportion where it must be; each token of the last stage is a place of the
 * map. The scores are the auxiliary head's; of a model without one, the class head applied to every token. `result` may
 * be NULL. Each file is atomic. Two images that would have one map (a.png and a.jpg), and one whose map would lie
 * outside of OUTPUT (../a.png in a list), are an error before anything is written. */
SIMBA_API bool simba_label(const struct simba_label_options *options, struct simba_labelling *result,
                           struct simba_error *error);

#ifdef __cplusplus
}
#endif
#endif
