#include "data/augment.h"

#include <string.h>

/* Where the window of `target` pixels begins, in the source's coordinates: at random within the padded axis, or, where
 * that is no longer than the window, so that the source lies in the middle. */
static int place(struct sb_random *random, int size, int pad, int target) {
    int room = size + 2 * pad - target;
    if (room <= 0) return size <= target ? -((target - size) / 2) : (size - target) / 2;
    return (int)sb_random_below(random, (uint32_t)room + 1) - pad;
}

/* The coordinate that `at` mirrors to, or -1 where the padding is zero. */
static int mirror(int at, int size, bool reflect) {
    if (at >= 0 && at < size) return at;
    if (!reflect) return -1;
    if (size == 1) return 0;
    int period = 2 * (size - 1);
    at %= period;
    if (at < 0) at += period;
    return at < size ? at : period - at;
}

static void copy_window(const uint8_t *source, struct sb_image_size size, int top, int left, bool flip, bool reflect,
                        uint8_t *pixels, int height, int width) {
    size_t channels = (size_t)size.channels, row_bytes = (size_t)width * channels;
    /* The part of a row that needs neither padding nor flipping is copied at once. */
    int inside_first = left < 0 ? -left : 0;
    int inside_end = size.width - left < width ? size.width - left : width;
    if (flip || inside_end <= inside_first) inside_first = inside_end = 0;
    for (int y = 0; y < height; y++) {
        uint8_t *row = pixels + row_bytes * (size_t)y;
        int from_y = mirror(top + y, size.height, reflect);
        if (from_y < 0) {
            memset(row, 0, row_bytes);
            continue;
        }
        const uint8_t *from = source + (size_t)from_y * (size_t)size.width * channels;
        for (int x = 0; x < width; x++) {
            if (x == inside_first && inside_end > inside_first) {
                memcpy(row + (size_t)x * channels, from + (size_t)(left + x) * channels,
                       (size_t)(inside_end - inside_first) * channels);
                x = inside_end - 1;
                continue;
            }
            int from_x = mirror(left + (flip ? width - 1 - x : x), size.width, reflect);
            if (from_x < 0)
                memset(row + (size_t)x * channels, 0, channels);
            else
                memcpy(row + (size_t)x * channels, from + (size_t)from_x * channels, channels);
        }
    }
}

void sb_augment(const struct sb_augmentation *augmentation, struct sb_random random, const uint8_t *source,
                struct sb_image_size size, uint8_t *pixels, int height, int width) {
    int top = place(&random, size.height, augmentation->pad, height);
    int left = place(&random, size.width, augmentation->pad, width);
    bool flip = (double)sb_random_uniform(&random) < augmentation->flip;
    copy_window(source, size, top, left, flip, augmentation->reflect, pixels, height, width);
}

void sb_center(const uint8_t *source, struct sb_image_size size, uint8_t *pixels, int height, int width) {
    int top = size.height <= height ? -((height - size.height) / 2) : (size.height - height) / 2;
    int left = size.width <= width ? -((width - size.width) / 2) : (size.width - width) / 2;
    copy_window(source, size, top, left, false, false, pixels, height, width);
}
