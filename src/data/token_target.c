#include "data/token_target.h"

#include "base/half.h"
#include "io/torch_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_MAP = 4096, LARGEST_TOP = 100, HALF_CLASSES = 2048 };

/* ---- files */

static bool convert(const struct sb_torch_tensor *tensor, const char *path, int classes, struct sb_buffer *memory,
                    struct sb_label_map *map, struct simba_error *error) {
    const bool fits = tensor->rank == 4 && tensor->shape[0] == 2 && tensor->shape[1] >= 1 &&
                      tensor->shape[1] <= LARGEST_TOP && tensor->shape[2] >= 1 && tensor->shape[2] <= LARGEST_MAP &&
                      tensor->shape[3] >= 1 && tensor->shape[3] <= LARGEST_MAP &&
                      (tensor->type == SB_STORED_F16 || tensor->type == SB_STORED_F32);
    if (!fits)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: this is no label map: expected a tensor [2, top, height, width] of half or single "
                       "precision.",
                       path);
    const size_t count = (size_t)tensor->elements / 2, size = sb_stored_size(tensor->type);
    if (!sb_buffer_reserve(memory, count * 8 + 2 * count * size, error)) return false;
    *map = (struct sb_label_map){.top = (int)tensor->shape[1],
                                 .height = (int)tensor->shape[2],
                                 .width = (int)tensor->shape[3],
                                 .scores = (float *)(void *)memory->bytes,
                                 .classes = (int32_t *)(void *)(memory->bytes + 4 * count)};
    const uint8_t *stored = memory->bytes + 8 * count;
    sb_torch_file_read(tensor, memory->bytes + 8 * count);
    for (size_t i = 0; i < 2 * count; i++) {
        float value;
        uint16_t half;
        if (size == 2) {
            memcpy(&half, stored + 2 * i, sizeof half);
            value = sb_float_from_half(half);
        } else
            memcpy(&value, stored + 4 * i, sizeof value);
        const bool score = i < count;
        if (score ? !isfinite(value) : !(value >= 0 && value < (float)classes && value == floorf(value)))
            return sb_fail(error, SIMBA_ERROR_FORMAT,
                           "%s: this label map has %g where %s is expected (element %zu); are there %d classes?", path,
                           (double)value, score ? "a score" : "the number of a class", i, classes);
        if (score)
            map->scores[i] = value;
        else
            map->classes[i - count] = (int32_t)value;
    }
    return true;
}

bool sb_label_map_read(const char *path, int classes, struct sb_buffer *memory, struct sb_label_map *map,
                       struct simba_error *error) {
    struct sb_torch_file file;
    bool fine = sb_torch_file_open(&file, path, error);
    if (fine && (file.count != 1 || file.tensors[0].name[0]))
        fine =
            sb_fail(error, SIMBA_ERROR_FORMAT, "%s: this is no label map: expected one tensor and nothing else.", path);
    fine = fine && convert(&file.tensors[0], path, classes, memory, map, error);
    sb_torch_file_finish(&file);
    return fine;
}

bool sb_label_map_write(const char *path, const struct sb_label_map *map, struct simba_error *error) {
    const size_t count = (size_t)map->top * (size_t)map->height * (size_t)map->width;
    uint16_t *values = sb_allocate(2 * count, sizeof *values, error);
    if (!values) return false;
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        /* Stored scores stay finite. */
        const float score = map->scores[i] > 65504 ? 65504 : map->scores[i] < -65504 ? -65504 : map->scores[i];
        values[i] = sb_half_from_float(score);
        values[count + i] = sb_half_from_float((float)map->classes[i]);
        fine = fine && map->classes[i] <= HALF_CLASSES;
    }
    const int64_t shape[4] = {2, map->top, map->height, map->width};
    const struct sb_safetensors_entry entry = {
        .name = "", .type = SB_STORED_F16, .rank = 4, .shape = shape, .bytes = values};
    if (!fine) sb_fail(error, SIMBA_ERROR_UNSUPPORTED, "%s: label maps number at most %d classes.", path, HALF_CLASSES);
    fine = fine && sb_torch_write(path, &entry, 1, error);
    free(values);
    return fine;
}

/* ---- geometry */

static void flip(struct sb_label_map *map) {
    for (int row = 0; row < map->top * map->height; row++)
        for (int left = 0, right = map->width - 1; left < right; left++, right--) {
            const int a = row * map->width + left, b = row * map->width + right;
            const float score = map->scores[a];
            const int32_t class = map->classes[a];
            map->scores[a] = map->scores[b], map->classes[a] = map->classes[b];
            map->scores[b] = score, map->classes[b] = class;
        }
}

static int within(int at, int size) {
    return at < 0 ? 0 : at < size ? at : size - 1;
}

/* The nearest place of the map; from outside come scores of 0, for the classes at the border. */
static bool transform(struct sb_label_map *map, const struct sb_affine *affine, struct sb_buffer *work,
                      struct simba_error *error) {
    const size_t plane = (size_t)map->height * (size_t)map->width, count = plane * (size_t)map->top;
    if (!sb_buffer_reserve(work, 8 * count, error)) return false;
    float *scores = (float *)(void *)work->bytes;
    int32_t *classes = (int32_t *)(void *)(work->bytes + 4 * count);
    memcpy(scores, map->scores, 4 * count);
    memcpy(classes, map->classes, 4 * count);
    const double *m = affine->matrix;
    for (int row = 0; row < map->height; row++)
        for (int column = 0; column < map->width; column++) {
            const double x = (column + 0.5) / map->width, y = (row + 0.5) / map->height;
            const int from_x = (int)floor((m[0] * x + m[1] * y + m[2]) * map->width);
            const int from_y = (int)floor((m[3] * x + m[4] * y + m[5]) * map->height);
            const int near_x = within(from_x, map->width), near_y = within(from_y, map->height);
            const size_t from = (size_t)near_y * (size_t)map->width + (size_t)near_x;
            for (int k = 0; k < map->top; k++) {
                const size_t to = (size_t)k * plane + (size_t)row * (size_t)map->width + (size_t)column;
                map->scores[to] = from_x == near_x && from_y == near_y ? scores[(size_t)k * plane + from] : 0;
                map->classes[to] = classes[(size_t)k * plane + from];
            }
        }
    return true;
}

/* ---- RoI align (He et al., 2017) as torchvision computes it with aligned=False and sampling_ratio=-1 */

static void add_place(const struct sb_label_map *map, int row, int column, float weight, float *result) {
    const size_t plane = (size_t)map->height * (size_t)map->width;
    const size_t at = (size_t)row * (size_t)map->width + (size_t)column;
    for (int k = 0; k < map->top; k++)
        result[map->classes[(size_t)k * plane + at]] += weight * map->scores[(size_t)k * plane + at];
}

static void add_sample(const struct sb_label_map *map, float y, float x, float weight, float *result) {
    if (y < -1 || y > (float)map->height || x < -1 || x > (float)map->width) return;
    if (y < 0) y = 0;
    if (x < 0) x = 0;
    int top = (int)y, left = (int)x, bottom = top + 1, right = left + 1;
    if (top >= map->height - 1) top = bottom = map->height - 1, y = (float)top;
    if (left >= map->width - 1) left = right = map->width - 1, x = (float)left;
    const float down = y - (float)top, across = x - (float)left;
    add_place(map, top, left, weight * (1 - down) * (1 - across), result);
    add_place(map, top, right, weight * (1 - down) * across, result);
    add_place(map, bottom, left, weight * down * (1 - across), result);
    add_place(map, bottom, right, weight * down * across, result);
}

/* box: left, top, right, bottom in places of the map. */
static void align(const struct sb_label_map *map, const float box[4], int height, int width, int classes,
                  float *results) {
    const float roi_width = fmaxf(box[2] - box[0], 1), roi_height = fmaxf(box[3] - box[1], 1);
    const float bin_width = roi_width / (float)width, bin_height = roi_height / (float)height;
    const int across = (int)ceilf(bin_width), down = (int)ceilf(bin_height);
    memset(results, 0, (size_t)height * (size_t)width * (size_t)classes * sizeof *results);
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++)
            for (int i = 0; i < down; i++)
                for (int j = 0; j < across; j++)
                    add_sample(map, box[1] + (float)row * bin_height + ((float)i + 0.5f) * bin_height / (float)down,
                               box[0] + (float)column * bin_width + ((float)j + 0.5f) * bin_width / (float)across,
                               1.0f / (float)(down * across),
                               results + (size_t)(row * width + column) * (size_t)classes);
}

/* Scores -> smoothed probabilities. Nearly all scores are 0, whose exponential is computed once. */
static void finish(float *row, int classes, double smoothing) {
    float largest = 0;
    for (int k = 0; k < classes; k++)
        if (row[k] > largest) largest = row[k];
    const float nothing = expf(-largest);
    double sum = 0;
    for (int k = 0; k < classes; k++) {
        row[k] = row[k] == 0 ? nothing : expf(row[k] - largest);
        sum += (double)row[k];
    }
    const double off = smoothing / classes, on = (1 - smoothing + off) / sum;
    for (int k = 0; k < classes; k++) row[k] = (float)((double)row[k] * on + off);
}

bool sb_token_targets_make(const struct sb_token_targets *parameters, struct sb_label_map *map,
                           const struct sb_view *view, bool crop_last, float *class_target, float *token_targets,
                           struct sb_buffer *work, struct simba_error *error) {
    const int classes = parameters->classes;
    struct sb_region crop = view->crop;
    if (view->flipped && crop_last) flip(map);
    for (int i = 0; i < view->affine_count && crop_last; i++)
        if (!transform(map, &view->affine[i], work, error)) return false;
    if (parameters->as_published) crop = (struct sb_region){crop.top, crop.left, crop.height, crop.width};
    /* The published code measures both axes by the width. */
    const double rows = parameters->as_published ? map->width : map->height;
    const float box[4] = {(float)(crop.left * map->width - 0.5), (float)(crop.top * rows - 0.5),
                          (float)((crop.left + crop.width) * map->width - 0.5),
                          (float)((crop.top + crop.height) * rows - 0.5)};
    align(map, box, 1, 1, classes, class_target);
    align(map, box, parameters->height, parameters->width, classes, token_targets);
    finish(class_target, classes, parameters->smoothing);
    for (int i = 0; i < parameters->height * parameters->width; i++)
        finish(token_targets + (size_t)i * (size_t)classes, classes, parameters->smoothing);
    return true;
}
