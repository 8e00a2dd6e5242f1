#include "data/resample.h"

#include "base/vector.h"

#include <math.h>
#include <string.h>

enum { PRECISION = 22, LANES = 4 };

typedef int32_t lanes __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef uint8_t bytes __attribute__((vector_size(LANES)));

/* For one axis: result i is the sum over k < count[i] of weights[i * taps + k] * source[first[i] + k]. */
struct axis {
    int taps;
    int *first, *count;
    int32_t *weights;
};

static double filter_weight(enum sb_filter filter, double x) {
    x = fabs(x);
    if (filter == SB_FILTER_BILINEAR) return x < 1 ? 1 - x : 0;
    const double a = -0.5;
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double filter_support(enum sb_filter filter, double scale) {
    return (filter == SB_FILTER_BILINEAR ? 1 : 2) * (scale > 1 ? scale : 1);
}

static int tap_count(enum sb_filter filter, double extent, int size) {
    return (int)ceil(filter_support(filter, extent / size)) * 2 + 1;
}

/* The window's part of an axis of `size` results out of [begin, begin + extent) of `source` pixels. Positions count
 * from the first pixel of that range, so that rounding is that of an image cut out there. `exact` has room for the taps
 * of one result. */
static void fill_axis(struct axis *axis, enum sb_filter filter, int source, double begin, double extent, int size,
                      int first, int window, double *exact) {
    const double scale = extent / size, support = filter_support(filter, scale);
    const double inverse = 1 / (scale > 1 ? scale : 1);
    const int origin = (int)floor(begin);
    int end = (int)ceil(begin + extent) - origin;
    if (end > source - origin) end = source - origin;
    for (int i = 0; i < window; i++) {
        const double center = begin - origin + (first + i + 0.5) * scale;
        int low = (int)(center - support + 0.5), high = (int)(center + support + 0.5);
        if (low < 0) low = 0;
        if (high > end) high = end;
        const int count = high - low;
        double total = 0;
        for (int k = 0; k < count; k++) {
            exact[k] = filter_weight(filter, (k + low - center + 0.5) * inverse);
            total += exact[k];
        }
        int32_t *weights = axis->weights + (size_t)i * (size_t)axis->taps;
        for (int k = 0; k < count; k++) {
            const double weight = total != 0 ? exact[k] / total : exact[k];
            weights[k] = (int32_t)(weight * (1 << PRECISION) + (weight < 0 ? -0.5 : 0.5));
        }
        axis->first[i] = origin + low;
        axis->count[i] = count;
    }
}

static uint8_t clipped(int32_t sum) {
    const int32_t value = sum >> PRECISION;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* A row of three channels: four bytes are taken at a time, of which the last belongs to the next pixel and is not
 * used. There must be a byte behind the row. */
SB_VECTOR_CLONES
static void scale_row_of_colours(const struct axis *axis, const uint8_t *source, uint8_t *pixels, int width) {
    for (int x = 0; x < width; x++) {
        const int32_t *weights = axis->weights + (size_t)x * (size_t)axis->taps;
        const uint8_t *from = source + 3 * (size_t)axis->first[x];
        const int32_t half = 1 << (PRECISION - 1);
        lanes sums = {half, half, half, half};
        for (int k = 0; k < axis->count[x]; k++) {
            bytes values;
            memcpy(&values, from + 3 * k, sizeof values);
            sums += __builtin_convertvector(values, lanes) * weights[k];
        }
        for (int c = 0; c < 3; c++) pixels[3 * x + c] = clipped(sums[c]);
    }
}

static void scale_row(const struct axis *axis, const uint8_t *source, uint8_t *pixels, int width, int channels) {
    for (int x = 0; x < width; x++) {
        const int32_t *weights = axis->weights + (size_t)x * (size_t)axis->taps;
        const uint8_t *from = source + (size_t)axis->first[x] * (size_t)channels;
        for (int c = 0; c < channels; c++) {
            int32_t sum = 1 << (PRECISION - 1);
            for (int k = 0; k < axis->count[x]; k++) sum += from[k * channels + c] * weights[k];
            pixels[x * channels + c] = clipped(sum);
        }
    }
}

/* One row of the result out of `count` rows. */
SB_VECTOR_CLONES
static void blend_rows(const uint8_t *source, size_t row_bytes, const int32_t *weights, int count, uint8_t *pixels) {
    enum { BLOCK = 64 };
    for (size_t first = 0; first < row_bytes; first += BLOCK) {
        const size_t here = row_bytes - first < BLOCK ? row_bytes - first : BLOCK;
        int32_t sums[BLOCK];
        for (int i = 0; i < BLOCK; i++) sums[i] = 1 << (PRECISION - 1);
        for (int k = 0; k < count; k++) {
            const uint8_t *from = source + (size_t)k * row_bytes + first;
            const int32_t weight = weights[k];
            if (here == BLOCK)
                for (int i = 0; i < BLOCK; i++) sums[i] += from[i] * weight;
            else
                for (size_t i = 0; i < here; i++) sums[i] += from[i] * weight;
        }
        for (size_t i = 0; i < here; i++) pixels[first + i] = clipped(sums[i]);
    }
}

static size_t aligned(size_t size) {
    return (size + 15) & ~(size_t)15;
}

bool sb_resample(const struct sb_image *source, const struct sb_resampling *resampling, uint8_t *pixels,
                 int window_width, int window_height, struct sb_buffer *work, struct simba_error *error) {
    const struct sb_region region = resampling->region;
    const int channels = source->channels;
    const size_t row_bytes = (size_t)window_width * (size_t)channels;
    const size_t source_row = (size_t)source->width * (size_t)channels;
    struct axis columns = {.taps = tap_count(resampling->filter, region.width, resampling->width)};
    struct axis rows = {.taps = tap_count(resampling->filter, region.height, resampling->height)};
    const int most = columns.taps > rows.taps ? columns.taps : rows.taps;
    const size_t exact_bytes = aligned((size_t)most * sizeof(double));
    const size_t column_bytes = aligned((size_t)window_width * sizeof(int));
    const size_t row_index_bytes = aligned((size_t)window_height * sizeof(int));
    const size_t column_weights = aligned((size_t)window_width * (size_t)columns.taps * sizeof(int32_t));
    const size_t row_weights = aligned((size_t)window_height * (size_t)rows.taps * sizeof(int32_t));
    const size_t between_bytes = row_bytes * (size_t)source->height;
    if (!sb_buffer_reserve(work,
                           exact_bytes + 2 * column_bytes + 2 * row_index_bytes + column_weights + row_weights +
                               aligned(between_bytes) + source_row + 16,
                           error))
        return false;
    uint8_t *memory = work->bytes;
    double *exact = (double *)memory;
    memory += exact_bytes;
    columns.first = (int *)memory, memory += column_bytes;
    columns.count = (int *)memory, memory += column_bytes;
    rows.first = (int *)memory, memory += row_index_bytes;
    rows.count = (int *)memory, memory += row_index_bytes;
    columns.weights = (int32_t *)memory, memory += column_weights;
    rows.weights = (int32_t *)memory, memory += row_weights;
    uint8_t *between = memory, *last_row = memory + aligned(between_bytes);
    fill_axis(&columns, resampling->filter, source->width, region.left, region.width, resampling->width,
              resampling->left, window_width, exact);
    fill_axis(&rows, resampling->filter, source->height, region.top, region.height, resampling->height, resampling->top,
              window_height, exact);

    /* A pass that would change nothing is left out; what it copies must still be the window. */
    const bool same_rows = resampling->height == region.height && region.top == floor(region.top);
    const bool same_columns = resampling->width == region.width && region.left == floor(region.left);
    const int first_row = rows.first[0], end_row = rows.first[window_height - 1] + rows.count[window_height - 1];
    for (int y = first_row; y < end_row; y++) {
        const uint8_t *from = source->pixels + source_row * (size_t)y;
        uint8_t *to = between + row_bytes * (size_t)y;
        if (same_columns) {
            memcpy(to, from + (size_t)((int)region.left + resampling->left) * (size_t)channels, row_bytes);
            continue;
        }
        if (channels != 3) {
            scale_row(&columns, from, to, window_width, channels);
            continue;
        }
        if (y == source->height - 1) { /* where the byte behind the row may not be ours to read */
            memcpy(last_row, from, source_row);
            last_row[source_row] = 0;
            from = last_row;
        }
        scale_row_of_colours(&columns, from, to, window_width);
    }
    for (int y = 0; y < window_height; y++) {
        uint8_t *to = pixels + row_bytes * (size_t)y;
        if (same_rows)
            memcpy(to, between + row_bytes * (size_t)((int)region.top + resampling->top + y), row_bytes);
        else
            blend_rows(between + row_bytes * (size_t)rows.first[y], row_bytes,
                       rows.weights + (size_t)y * (size_t)rows.taps, rows.count[y], to);
    }
    return true;
}
