#include "data/resample.h"

#include <math.h>
#include <string.h>

/* For one axis: result i is the sum over k of weights[i * taps + k] * source[first[i] + k]. */
struct axis {
    int taps;
    int *first;
    float *weights;
};

static int tap_count(int source, int size) {
    double scale = (double)source / size;
    return 2 * (int)ceil(scale > 1.0 ? scale : 1.0) + 1;
}

static void fill_axis(struct axis *axis, int source, int size) {
    double scale = (double)source / size;
    double support = scale > 1.0 ? scale : 1.0;
    for (int i = 0; i < size; i++) {
        double center = (i + 0.5) * scale, total = 0.0;
        int first = (int)floor(center - support + 0.5), end = (int)floor(center + support + 0.5);
        if (first < 0) first = 0;
        if (end > source) end = source;
        float *weights = axis->weights + (size_t)i * (size_t)axis->taps;
        axis->first[i] = first;
        for (int k = 0; k < axis->taps; k++) {
            double distance = fabs(first + k + 0.5 - center) / support;
            weights[k] = first + k < end && distance < 1.0 ? (float)(1.0 - distance) : 0.0f;
            total += weights[k];
        }
        for (int k = 0; k < axis->taps; k++) weights[k] = (float)(weights[k] / total);
        /* Taps of weight zero beyond the source must not be read. */
        if (first + axis->taps > source) {
            int shift = first + axis->taps - source;
            memmove(weights + shift, weights, (size_t)(axis->taps - shift) * sizeof *weights);
            memset(weights, 0, (size_t)shift * sizeof *weights);
            axis->first[i] = first - shift;
        }
    }
}

static size_t aligned(size_t bytes) {
    return (bytes + 15) & ~(size_t)15;
}

bool sb_resample(const uint8_t *source, int source_height, int source_width, uint8_t *pixels, int height, int width,
                 int channels, struct sb_buffer *scratch, struct simba_error *error) {
    if (source_height == height && source_width == width) {
        memcpy(pixels, source, (size_t)height * (size_t)width * (size_t)channels);
        return true;
    }
    struct axis columns = {.taps = tap_count(source_width, width)}, rows = {.taps = tap_count(source_height, height)};
    if (columns.taps > source_width) columns.taps = source_width;
    if (rows.taps > source_height) rows.taps = source_height;
    size_t row = (size_t)width * (size_t)channels;
    size_t sizes[5] = {
        aligned((size_t)width * sizeof *columns.first),
        aligned((size_t)height * sizeof *rows.first),
        aligned((size_t)width * (size_t)columns.taps * sizeof(float)),
        aligned((size_t)height * (size_t)rows.taps * sizeof(float)),
        row * (size_t)source_height * sizeof(float),
    };
    if (!sb_buffer_reserve(scratch, sizes[0] + sizes[1] + sizes[2] + sizes[3] + sizes[4], error)) return false;
    uint8_t *memory = scratch->bytes;
    columns.first = (int *)memory, memory += sizes[0];
    rows.first = (int *)memory, memory += sizes[1];
    columns.weights = (float *)memory, memory += sizes[2];
    rows.weights = (float *)memory, memory += sizes[3];
    float *between = (float *)memory;
    fill_axis(&columns, source_width, width);
    fill_axis(&rows, source_height, height);

    for (int y = 0; y < source_height; y++) {
        const uint8_t *from = source + (size_t)y * (size_t)source_width * (size_t)channels;
        float *to = between + (size_t)y * row;
        for (int x = 0; x < width; x++) {
            const float *weights = columns.weights + (size_t)x * (size_t)columns.taps;
            const uint8_t *first = from + (size_t)columns.first[x] * (size_t)channels;
            for (int c = 0; c < channels; c++) {
                float sum = 0.0f;
                for (int k = 0; k < columns.taps; k++) sum += weights[k] * (float)first[k * channels + c];
                *to++ = sum;
            }
        }
    }
    for (int y = 0; y < height; y++) {
        const float *weights = rows.weights + (size_t)y * (size_t)rows.taps;
        const float *first = between + (size_t)rows.first[y] * row;
        uint8_t *to = pixels + (size_t)y * row;
        for (size_t x = 0; x < row; x++) {
            float sum = 0.5f;
            for (int k = 0; k < rows.taps; k++) sum += weights[k] * first[(size_t)k * row + x];
            to[x] = sum <= 0.0f ? 0 : sum >= 255.0f ? 255 : (uint8_t)sum;
        }
    }
    return true;
}
