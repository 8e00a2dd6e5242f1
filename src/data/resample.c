#include "data/resample.h"

#include "base/vector.h"

#include <math.h>
#include <string.h>

/* Weights have 22 binary digits behind the point. Both passes work on blocks of bytes that lie side by side. */
enum { PRECISION = 22, BLOCK = 32, TILE = 16 };

/* For one axis: result i is the sum over k < used of weights[i * taps + k] * source[first[i] + k]. The weights
 * of pixels that do not count are 0. */
struct axis {
    int taps, used;
    int *first;
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

/* At most. */
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
    axis->used = 0;
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
        for (int k = 0; k < axis->taps; k++) {
            const double weight = k >= count ? 0 : total != 0 ? exact[k] / total : exact[k];
            weights[k] = (int32_t)(weight * (1 << PRECISION) + (weight < 0 ? -0.5 : 0.5));
        }
        axis->first[i] = origin + low;
        if (count > axis->used) axis->used = count;
    }
}

/* One row of BLOCK bytes out of `taps` rows. Plain loops: vectors by hand were a third faster with AVX2, and eight
 * times slower without. */
static inline __attribute__((always_inline)) void
blend_block(const uint8_t *source, size_t row_bytes, const int32_t *weights, int taps, uint8_t *restrict pixels) {
    int32_t sums[BLOCK];
    for (int i = 0; i < BLOCK; i++) sums[i] = 1 << (PRECISION - 1);
    for (int k = 0; k < taps; k++) {
        const uint8_t *row = source + row_bytes * (size_t)k;
        for (int i = 0; i < BLOCK; i++) sums[i] += row[i] * weights[k];
    }
    for (int i = 0; i < BLOCK; i++) {
        int32_t value = sums[i] >> PRECISION;
        value = value < 0 ? 0 : value;
        value = value > 255 ? 255 : value;
        pixels[i] = (uint8_t)value;
    }
}

/* One row of `size` bytes. BLOCK - 1 bytes are read behind the last source row. */
SB_VECTOR_CLONES
static void blend_rows(const uint8_t *source, size_t row_bytes, const int32_t *weights, int taps, uint8_t *pixels,
                       size_t size) {
    size_t i = 0;
    for (; i + BLOCK <= size; i += BLOCK) blend_block(source + i, row_bytes, weights, taps, pixels + i);
    if (i == size) return;
    uint8_t last[BLOCK];
    blend_block(source + i, row_bytes, weights, taps, last);
    memcpy(pixels + i, last, size - i);
}

/* As playing cards: one byte from each half in turn. Four times make columns out of the rows of a tile. */
static void riffle(const uint8_t *restrict from, uint8_t *restrict to) {
    enum { HALF = TILE * TILE / 2 };
    for (int i = 0; i < HALF; i++) {
        to[2 * i] = from[i];
        to[2 * i + 1] = from[HALF + i];
    }
}

static inline __attribute__((always_inline)) void transpose_tile(const uint8_t *source, size_t source_row, size_t rows,
                                                                 size_t columns, uint8_t *target, size_t target_row) {
    uint8_t one[TILE * TILE], other[TILE * TILE];
    if (rows < TILE || columns < TILE) memset(one, 0, sizeof one);
    for (size_t y = 0; y < rows; y++) memcpy(one + TILE * y, source + source_row * y, columns);
    riffle(one, other), riffle(other, one), riffle(one, other), riffle(other, one);
    for (size_t x = 0; x < columns; x++) memcpy(target + target_row * x, one + TILE * x, rows);
}

/* target[x][y] = source[y][x]. */
static void transpose(const uint8_t *source, size_t source_row, size_t rows, size_t columns, uint8_t *target,
                      size_t target_row) {
    for (size_t y = 0; y < rows; y += TILE)
        for (size_t x = 0; x < columns; x += TILE) {
            const uint8_t *from = source + source_row * y + x;
            uint8_t *to = target + target_row * x + y;
            const size_t height = rows - y, width = columns - x;
            if (height >= TILE && width >= TILE)
                transpose_tile(from, source_row, TILE, TILE, to, target_row);
            else
                transpose_tile(from, source_row, height < TILE ? height : TILE, width < TILE ? width : TILE, to,
                               target_row);
        }
}

static size_t aligned(size_t size) {
    return (size + 15) & ~(size_t)15;
}

static uint8_t *carve(uint8_t **memory, size_t size) {
    uint8_t *part = *memory;
    *memory += aligned(size);
    return part;
}

/* For scaling rows, a strip of BLOCK of them is turned, so that what one weight applies to lies side by side, as in the
 * other pass. In the last strip there may be fewer; what stands in the place of the others is not taken out again. */
struct strip {
    uint8_t *columns; /* [source columns that are used, channels, BLOCK] */
    uint8_t *results; /* [window_width, channels, BLOCK] */
    int first, count; /* of the columns that are used */
};

static void scale_rows(const struct axis *axis, const struct sb_image *source, const struct strip *strip, int first_row,
                       int rows, uint8_t *pixels, int width) {
    const size_t channels = (size_t)source->channels, column_bytes = channels * BLOCK;
    const size_t source_row = (size_t)source->width * channels, row_bytes = (size_t)width * channels;
    const uint8_t *from = source->pixels + source_row * (size_t)first_row + (size_t)strip->first * channels;
    for (int y = 0; y < rows; y += BLOCK, from += BLOCK * source_row, pixels += BLOCK * row_bytes) {
        const size_t here = rows - y < BLOCK ? (size_t)(rows - y) : BLOCK;
        transpose(from, source_row, here, (size_t)strip->count * channels, strip->columns, BLOCK);
        for (int x = 0; x < width; x++)
            blend_rows(strip->columns + column_bytes * (size_t)(axis->first[x] - strip->first), column_bytes,
                       axis->weights + (size_t)x * (size_t)axis->taps, axis->used,
                       strip->results + column_bytes * (size_t)x, column_bytes);
        transpose(strip->results, BLOCK, row_bytes, here, pixels, row_bytes);
    }
}

bool sb_resample(const struct sb_image *source, const struct sb_resampling *resampling, uint8_t *pixels,
                 int window_width, int window_height, struct sb_buffer *work, struct simba_error *error) {
    const struct sb_region region = resampling->region;
    const size_t channels = (size_t)source->channels;
    const size_t row_bytes = (size_t)window_width * channels, source_row = (size_t)source->width * channels;
    struct axis columns = {.taps = tap_count(resampling->filter, region.width, resampling->width)};
    struct axis rows = {.taps = tap_count(resampling->filter, region.height, resampling->height)};
    const size_t exact_bytes = (size_t)(columns.taps > rows.taps ? columns.taps : rows.taps) * sizeof(double);
    const size_t column_bytes = (size_t)window_width * sizeof(int),
                 row_index_bytes = (size_t)window_height * sizeof(int);
    const size_t column_weights = column_bytes * (size_t)columns.taps,
                 row_weights = row_index_bytes * (size_t)rows.taps;
    /* Taps without weight may lie behind the last column or row. */
    const size_t strip_bytes = ((size_t)source->width + (size_t)columns.taps) * channels * BLOCK;
    const size_t between_bytes = row_bytes * ((size_t)source->height + (size_t)rows.taps) + BLOCK;
    if (!sb_buffer_reserve(work,
                           aligned(exact_bytes) + aligned(column_bytes) + aligned(row_index_bytes) +
                               aligned(column_weights) + aligned(row_weights) + aligned(strip_bytes) +
                               aligned(row_bytes * BLOCK) + aligned(between_bytes),
                           error))
        return false;
    uint8_t *memory = work->bytes;
    double *exact = (double *)carve(&memory, exact_bytes);
    columns.first = (int *)carve(&memory, column_bytes);
    rows.first = (int *)carve(&memory, row_index_bytes);
    columns.weights = (int32_t *)carve(&memory, column_weights);
    rows.weights = (int32_t *)carve(&memory, row_weights);
    struct strip strip = {.columns = carve(&memory, strip_bytes), .results = carve(&memory, row_bytes * BLOCK)};
    uint8_t *between = carve(&memory, between_bytes);
    fill_axis(&columns, resampling->filter, source->width, region.left, region.width, resampling->width,
              resampling->left, window_width, exact);
    fill_axis(&rows, resampling->filter, source->height, region.top, region.height, resampling->height, resampling->top,
              window_height, exact);

    /* A pass that would change nothing is left out; what it copies must still be the window. */
    const bool same_rows = resampling->height == region.height && region.top == floor(region.top);
    const bool same_columns = resampling->width == region.width && region.left == floor(region.left);
    const int first_row = rows.first[0];
    int end_row = rows.first[window_height - 1] + rows.used;
    if (end_row > source->height) end_row = source->height;
    if (same_columns) {
        const size_t left = (size_t)((int)region.left + resampling->left) * channels;
        for (int y = first_row; y < end_row; y++)
            memcpy(between + row_bytes * (size_t)(y - first_row), source->pixels + source_row * (size_t)y + left,
                   row_bytes);
    } else {
        strip.first = columns.first[0];
        strip.count = columns.first[window_width - 1] + columns.used - strip.first;
        const int most = source->width - strip.first;
        if (strip.count > most) {
            memset(strip.columns + (size_t)most * channels * BLOCK, 0, (size_t)(strip.count - most) * channels * BLOCK);
            strip.count = most;
        }
        scale_rows(&columns, source, &strip, first_row, end_row - first_row, between, window_width);
    }
    memset(between + row_bytes * (size_t)(end_row - first_row), 0, row_bytes * (size_t)rows.taps + BLOCK);
    for (int y = 0; y < window_height; y++) {
        uint8_t *to = pixels + row_bytes * (size_t)y;
        if (same_rows)
            memcpy(to, between + row_bytes * (size_t)((int)region.top + resampling->top + y - first_row), row_bytes);
        else
            blend_rows(between + row_bytes * (size_t)(rows.first[y] - first_row), row_bytes,
                       rows.weights + (size_t)y * (size_t)rows.taps, rows.used, to, row_bytes);
    }
    return true;
}
