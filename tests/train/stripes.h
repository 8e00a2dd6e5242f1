/* A small data set of three kinds of stripes with noise, and a configuration of a small model for it. */
#ifndef SB_TESTS_TRAIN_STRIPES_H
#define SB_TESTS_TRAIN_STRIPES_H

#include "../temporary.h"

static uint32_t noise = 1;

enum { SIDE = 12, CLASSES = 3, TRAINING = 43, EVALUATION = 10 };

static inline uint32_t random_below(uint32_t bound) {
    noise = noise * 1664525u + 1013904223u;
    return (noise >> 8) % bound;
}

static inline void put_number(FILE *file, uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) fputc((int)(number >> shift & 255), file);
}

static inline void write_idx(const char *directory, const char *part, int count) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", directory, part);
    FILE *images = fopen(path, "wb");
    snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", directory, part);
    FILE *labels = fopen(path, "wb");
    assert_true(images && labels);
    put_number(images, 0x803);
    put_number(images, (uint32_t)count);
    put_number(images, SIDE);
    put_number(images, SIDE);
    put_number(labels, 0x801);
    put_number(labels, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        const int label = i % CLASSES;
        fputc(label, labels);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                const int on = (label == 0 ? x : label == 1 ? y : x + y) / 2 % 2;
                fputc(on * 150 + (int)random_below(100), images);
            }
    }
    fclose(images);
    fclose(labels);
}

static inline void write_augmented_configuration(const char *path, const char *mixer, const char *augmentation,
                                                 const char *train) {
    char text[4096];
    snprintf(text, sizeof text,
             "{\"model\": {\"size\": \"custom\", \"mixer\": \"%s\", \"stem\": 4, \"dims\": [8, 12], \"depths\": [1, 2],"
             " \"mlp_ratios\": [2, 2], \"d_state\": 4, \"channels\": 1, \"classes\": %d, \"image_size\": %d,"
             " \"drop_path\": 0.3}, \"data\": {\"path\": \"%s\"},"
             " \"augmentation\": {%s}, \"train\": {%s}}",
             mixer, CLASSES, SIDE, temporary("data"), augmentation, train);
    put_text(path, text);
}

static inline void write_configuration(const char *path, const char *mixer, const char *train) {
    write_augmented_configuration(path, mixer, "\"crop_padding\": 1, \"flip\": 0.5", train);
}

/* In the temporary directory. */
static inline void make_stripes(void) {
    mkdir(temporary("data"), 0777);
    write_idx(temporary("data"), "train", TRAINING);
    write_idx(temporary("data"), "t10k", EVALUATION);
}

#endif
