#include "data/image_operations.h"

#include "base/vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t pixel_count(const struct sb_image *image) {
    return (size_t)image->width * (size_t)image->height;
}

static size_t value_count(const struct sb_image *image) {
    return pixel_count(image) * (size_t)image->channels;
}

/* ---- one value at a time */

static uint8_t clipped(int64_t value) {
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* A table for each channel. */
static void look_up(struct sb_image *image, uint8_t tables[3][256]) {
    const int channels = image->channels == 3 ? 3 : 1;
    uint8_t *pixel = image->pixels;
    for (size_t i = pixel_count(image); i > 0; i--, pixel += channels)
        for (int c = 0; c < channels; c++) pixel[c] = tables[c][pixel[c]];
}

static void count_values(const struct sb_image *image, int64_t histograms[3][256]) {
    memset(histograms, 0, 3 * sizeof *histograms);
    const uint8_t *pixel = image->pixels;
    if (image->channels == 1)
        for (size_t i = pixel_count(image); i > 0; i--, pixel++) histograms[0][*pixel]++;
    else
        for (size_t i = pixel_count(image); i > 0; i--, pixel += 3)
            for (int c = 0; c < 3; c++) histograms[c][pixel[c]]++;
}

void sb_image_autocontrast(struct sb_image *image) {
    uint8_t tables[3][256];
    int64_t histograms[3][256];
    count_values(image, histograms);
    for (int c = 0; c < image->channels; c++) {
        const int64_t *histogram = histograms[c];
        int low = 0, high = 255;
        while (low < 255 && !histogram[low]) low++;
        while (high > 0 && !histogram[high]) high--;
        const double scale = high > low ? 255.0 / (high - low) : 1, offset = high > low ? -low * scale : 0;
        for (int i = 0; i < 256; i++) tables[c][i] = clipped((int64_t)(i * scale + offset));
    }
    look_up(image, tables);
}

void sb_image_equalize(struct sb_image *image) {
    uint8_t tables[3][256];
    int64_t histograms[3][256];
    count_values(image, histograms);
    for (int c = 0; c < image->channels; c++) {
        const int64_t *histogram = histograms[c];
        int64_t last = 0;
        int occurring = 0;
        for (int i = 0; i < 256; i++)
            if (histogram[i]) last = histogram[i], occurring++;
        const int64_t step = occurring > 1 ? ((int64_t)pixel_count(image) - last) / 255 : 0;
        int64_t below = step / 2;
        for (int i = 0; i < 256; i++) {
            tables[c][i] = step ? clipped(below / step) : (uint8_t)i;
            below += histogram[i];
        }
    }
    look_up(image, tables);
}

void sb_image_invert(struct sb_image *image) {
    uint8_t *restrict values = image->pixels;
    const size_t count = value_count(image);
    for (size_t i = 0; i < count; i++) values[i] = (uint8_t)(255 - values[i]);
}

void sb_image_posterize(struct sb_image *image, int bits) {
    if (bits >= 8) return;
    const uint8_t mask = (uint8_t)(0xff00 >> bits);
    uint8_t *restrict values = image->pixels;
    const size_t count = value_count(image);
    for (size_t i = 0; i < count; i++) values[i] &= mask;
}

SB_VECTOR_CLONES
static void solarize(uint8_t *restrict values, size_t count, int threshold) {
    for (size_t i = 0; i < count; i++) values[i] = (uint8_t)(values[i] < threshold ? values[i] : 255 - values[i]);
}

void sb_image_solarize(struct sb_image *image, int threshold) {
    solarize(image->pixels, value_count(image), threshold);
}

SB_VECTOR_CLONES
static void solarize_add(uint8_t *restrict values, size_t count, int addend) {
    for (size_t i = 0; i < count; i++) {
        int sum = values[i] + addend;
        sum = sum < 0 ? 0 : sum;
        sum = sum > 255 ? 255 : sum;
        values[i] = (uint8_t)(values[i] < 128 ? sum : values[i]);
    }
}

void sb_image_solarize_add(struct sb_image *image, int addend) {
    solarize_add(image->pixels, value_count(image), addend);
}

/* ---- blends, in PIL's single precision */

static inline uint8_t blended(int from, int to, float factor) {
    float value = (float)from + factor * (float)(to - from);
    value = value < 0 ? 0 : value;
    value = value > 255 ? 255 : value;
    return (uint8_t)value;
}

SB_VECTOR_CLONES
static void blend_from_constant(uint8_t *restrict values, size_t count, int from, float factor) {
    for (size_t i = 0; i < count; i++) values[i] = blended(from, values[i], factor);
}

/* In pieces, and the grey values first, so that the blend need not know where a pixel begins. */
SB_VECTOR_CLONES
static void blend_from_grey(uint8_t *restrict pixels, size_t count, float factor) {
    enum { PIECE = 64 };
    uint8_t grey[3 * PIECE];
    for (; count > 0;) {
        const size_t here = count < PIECE ? count : PIECE;
        for (size_t i = 0; i < here; i++) grey[3 * i] = grey[3 * i + 1] = grey[3 * i + 2] = sb_grey(pixels + 3 * i);
        for (size_t i = 0; i < 3 * here; i++) pixels[i] = blended(grey[i], pixels[i], factor);
        pixels += 3 * here;
        count -= here;
    }
}

void sb_image_colour(struct sb_image *image, float factor) {
    if (image->channels == 3) blend_from_grey(image->pixels, pixel_count(image), factor); /* grey is its own grey */
}

SB_VECTOR_CLONES
static uint64_t sum_of_grey(const uint8_t *pixels, size_t count, int channels) {
    uint64_t sum = 0;
    if (channels == 3)
        for (size_t i = 0; i < count; i++) sum += sb_grey(pixels + 3 * i);
    else
        for (size_t i = 0; i < count; i++) sum += pixels[i];
    return sum;
}

void sb_image_contrast(struct sb_image *image, float factor) {
    const size_t count = pixel_count(image);
    const uint64_t sum = sum_of_grey(image->pixels, count, image->channels);
    const int mean = (int)((double)sum / (double)count + 0.5);
    blend_from_constant(image->pixels, value_count(image), mean, factor);
}

void sb_image_brightness(struct sb_image *image, float factor) {
    blend_from_constant(image->pixels, value_count(image), 0, factor);
}

/* The smoothed copy is the mean of nine pixels, the middle one five times, rounded; the border stays as it is. The
 * division by 13 is a multiplication: exact for sums up to 13 * 255. */
SB_VECTOR_CLONES
static void sharpen_row(const uint8_t *above, const uint8_t *row, const uint8_t *below, int channels, size_t count,
                        float factor, uint8_t *restrict pixels) {
    for (size_t i = 0; i < count; i++) {
        const int middle = row[i];
        const uint8_t *a = above + i, *b = row + i, *c = below + i;
        const int sum = a[-channels] + a[0] + a[channels] + b[-channels] + 5 * middle + b[channels] + c[-channels] +
                        c[0] + c[channels];
        const int smooth = (2 * sum + 13) * 20165 >> 19;
        pixels[i] = blended(smooth, middle, factor);
    }
}

bool sb_image_sharpness(struct sb_image *image, float factor, struct sb_buffer *work, struct simba_error *error) {
    if (image->width < 3 || image->height < 3) return true; /* all of it is border */
    const size_t channels = (size_t)image->channels, row_bytes = (size_t)image->width * channels;
    if (!sb_buffer_reserve(work, value_count(image), error)) return false;
    memcpy(work->bytes, image->pixels, value_count(image));
    for (int y = 1; y < image->height - 1; y++) {
        const uint8_t *row = work->bytes + row_bytes * (size_t)y + channels;
        sharpen_row(row - row_bytes, row, row + row_bytes, image->channels, row_bytes - 2 * channels, factor,
                    image->pixels + row_bytes * (size_t)y + channels);
    }
    return true;
}

static inline void flip_row(uint8_t *left, int width, size_t channels) {
    uint8_t *right = left + (size_t)(width - 1) * channels;
    for (; left < right; left += channels, right -= channels)
        for (size_t c = 0; c < channels; c++) {
            const uint8_t value = left[c];
            left[c] = right[c];
            right[c] = value;
        }
}

void sb_image_flip(struct sb_image *image) {
    const size_t channels = (size_t)image->channels, row_bytes = (size_t)image->width * channels;
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->pixels + row_bytes * (size_t)y;
        if (channels == 3)
            flip_row(row, image->width, 3);
        else
            flip_row(row, image->width, channels);
    }
}
