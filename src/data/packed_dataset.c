#include "data/packed_dataset.h"

#include <stdio.h>

static bool open_sample(const struct sb_dataset *base, struct sb_sample *sample, struct sb_scratch *scratch,
                        struct simba_error *error) {
    (void)scratch;
    (void)error;
    const struct sb_packed_dataset *dataset = (const struct sb_packed_dataset *)base;
    sample->label = dataset->labels[sample->index];
    sample->width = dataset->width;
    sample->height = dataset->height;
    snprintf(sample->name, sizeof sample->name, "image %lld", (long long)sample->index);
    return true;
}

static bool decode_sample(const struct sb_dataset *base, const struct sb_sample *sample, struct sb_region region,
                          int target_width, int target_height, struct sb_scratch *scratch, struct sb_image *image,
                          struct sb_region *inside, struct simba_error *error) {
    (void)target_width;
    (void)target_height;
    (void)scratch;
    (void)error;
    const struct sb_packed_dataset *dataset = (const struct sb_packed_dataset *)base;
    const size_t size = (size_t)dataset->width * (size_t)dataset->height * (size_t)base->channels;
    /* Nobody writes to it: sb_image has no second form for what may only be read. */
    *image = (struct sb_image){.pixels = (uint8_t *)(uintptr_t)(dataset->pixels + size * (size_t)sample->index),
                               .width = dataset->width,
                               .height = dataset->height,
                               .channels = base->channels};
    *inside = region;
    return true;
}

static void write_key(const struct sb_dataset *base, int64_t index, char *key, size_t size) {
    (void)base;
    snprintf(key, size, "%lld", (long long)index);
}

void sb_packed_dataset_start(struct sb_packed_dataset *dataset) {
    dataset->base.open = open_sample;
    dataset->base.decode = decode_sample;
    dataset->base.key = write_key;
}
