#include "data/image_operations.h"

#include "base/vector.h"
#include "io/png.h"

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

/* One table for each channel. */
static void look_up(struct sb_image *image, uint8_t tables[][256], bool shared) {
    const int channels = image->channels;
    const size_t count = pixel_count(image);
    for (int c = 0; c < channels; c++) {
        const uint8_t *table = tables[shared ? 0 : c];
        uint8_t *value = image->pixels + c;
        for (size_t i = 0; i < count; i++, value += channels) *value = table[*value];
    }
}

static void count_values(const struct sb_image *image, int channel, int64_t histogram[256]) {
    memset(histogram, 0, 256 * sizeof *histogram);
    const uint8_t *value = image->pixels + channel;
    for (size_t i = 0; i < pixel_count(image); i++, value += image->channels) histogram[*value]++;
}

void sb_image_autocontrast(struct sb_image *image) {
    uint8_t tables[3][256];
    for (int c = 0; c < image->channels; c++) {
        int64_t histogram[256];
        count_values(image, c, histogram);
        int low = 0, high = 255;
        while (low < 255 && !histogram[low]) low++;
        while (high > 0 && !histogram[high]) high--;
        const double scale = high > low ? 255.0 / (high - low) : 1, offset = high > low ? -low * scale : 0;
        for (int i = 0; i < 256; i++) tables[c][i] = clipped((int64_t)(i * scale + offset));
    }
    look_up(image, tables, false);
}

void sb_image_equalize(struct sb_image *image) {
    uint8_t tables[3][256];
    for (int c = 0; c < image->channels; c++) {
        int64_t histogram[256], last = 0;
        count_values(image, c, histogram);
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
    look_up(image, tables, false);
}

void sb_image_invert(struct sb_image *image) {
    for (size_t i = 0; i < value_count(image); i++) image->pixels[i] = (uint8_t)(255 - image->pixels[i]);
}

void sb_image_posterize(struct sb_image *image, int bits) {
    if (bits >= 8) return;
    const uint8_t mask = (uint8_t)(0xff00 >> bits);
    for (size_t i = 0; i < value_count(image); i++) image->pixels[i] &= mask;
}

void sb_image_solarize(struct sb_image *image, int threshold) {
    uint8_t table[1][256];
    for (int i = 0; i < 256; i++) table[0][i] = (uint8_t)(i < threshold ? i : 255 - i);
    look_up(image, table, true);
}

void sb_image_solarize_add(struct sb_image *image, int addend) {
    uint8_t table[1][256];
    for (int i = 0; i < 256; i++) table[0][i] = i < 128 ? clipped(i + addend) : (uint8_t)i;
    look_up(image, table, true);
}

/* ---- blends, in PIL's single precision */

static uint8_t blended(int from, int to, float factor) {
    const float value = (float)from + factor * (float)(to - from);
    return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value;
}

static void blend_from_constant(struct sb_image *image, int from, float factor) {
    uint8_t table[1][256];
    for (int i = 0; i < 256; i++) table[0][i] = blended(from, i, factor);
    look_up(image, table, true);
}

SB_VECTOR_CLONES
static void blend_from_grey(uint8_t *pixel, size_t count, float factor) {
    for (size_t i = 0; i < count; i++, pixel += 3) {
        const int grey = sb_grey(pixel);
        for (int c = 0; c < 3; c++) pixel[c] = blended(grey, pixel[c], factor);
    }
}

void sb_image_colour(struct sb_image *image, float factor) {
    if (image->channels == 3) blend_from_grey(image->pixels, pixel_count(image), factor); /* grey is its own grey */
}

void sb_image_contrast(struct sb_image *image, float factor) {
    const size_t count = pixel_count(image);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += image->channels == 3 ? sb_grey(image->pixels + 3 * i) : image->pixels[i];
    blend_from_constant(image, (int)((double)sum / (double)count + 0.5), factor);
}

void sb_image_brightness(struct sb_image *image, float factor) {
    blend_from_constant(image, 0, factor);
}

/* The smoothed copy is the mean of nine pixels, the middle one five times, rounded; the border stays as it is. The
 * division by 13 is a multiplication: exact for sums up to 13 * 255. */
SB_VECTOR_CLONES
static void sharpen_row(const uint8_t *above, const uint8_t *row, const uint8_t *below, int channels, size_t count,
                        float factor, uint8_t *pixels) {
    for (size_t i = 0; i < count; i++) {
        const int middle = row[i];
        const uint8_t *a = above + i, *b = row + i, *c = below + i;
        const int sum = a[-channels] + a[0] + a[channels] + b[-channels] + 5 * middle + b[channels] + c[-channels] +
                        c[0] + c[channels];
        const int smooth = (2 * sum + 13) * 20165 >> 19;
        const float value = (float)smooth + factor * (float)(middle - smooth);
        pixels[i] = (uint8_t)(value <= 0 ? 0 : value >= 255 ? 255 : value);
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

void sb_image_flip(struct sb_image *image) {
    const int channels = image->channels;
    for (int y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + (size_t)y * (size_t)image->width * (size_t)channels;
        uint8_t *right = left + (size_t)(image->width - 1) * (size_t)channels;
        for (; left < right; left += channels, right -= channels)
            for (int c = 0; c < channels; c++) {
                const uint8_t value = left[c];
                left[c] = right[c];
                right[c] = value;
            }
    }
}
