#include "io/cifar.h"

#include "base/file.h"

#include <stddef.h>
#include <stdlib.h>

enum { PLANE = SB_CIFAR_SIDE * SB_CIFAR_SIDE, PIXELS = SB_CIFAR_CHANNELS * PLANE };

static bool make_room(struct sb_cifar *cifar, size_t count) {
    uint8_t *pixels = realloc(cifar->pixels, count * PIXELS);
    if (!pixels) return false;
    cifar->pixels = pixels;
    uint8_t *labels = realloc(cifar->labels, count);
    if (!labels) return false;
    cifar->labels = labels;
    return true;
}

/* Planes to pixels. */
static void read_pixels(const uint8_t *planes, uint8_t *pixels) {
    for (int p = 0; p < PLANE; p++)
        for (int c = 0; c < SB_CIFAR_CHANNELS; c++) pixels[SB_CIFAR_CHANNELS * p + c] = planes[c * PLANE + p];
}

bool sb_cifar_read(const char *path, bool hundred, struct sb_cifar *cifar, struct simba_error *error) {
    const size_t record = (hundred ? 2 : 1) + PIXELS, before = (size_t)cifar->count;
    const int classes = hundred ? 100 : 10;
    uint8_t *bytes;
    size_t size;
    if (!sb_read_file(path, 0, &bytes, &size, error)) return false;
    const size_t count = size / record;
    bool fine = size > 0 && size % record == 0;
    if (!fine)
        sb_fail(error, SIMBA_ERROR_FORMAT,
                "%s: %zu bytes are no whole number of images of %zu bytes; the file is cut short or of another kind.",
                path, size, record);
    if (fine && !make_room(cifar, before + count))
        fine = sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the images of %s.", path);
    for (size_t i = 0; fine && i < count; i++) {
        const uint8_t *planes = bytes + (i + 1) * record - PIXELS;
        const uint8_t label = planes[-1];
        cifar->labels[before + i] = label;
        read_pixels(planes, cifar->pixels + (before + i) * PIXELS);
        if (label >= classes)
            fine = sb_fail(error, SIMBA_ERROR_FORMAT, "%s: label %d of image %zu; from 0 to %d are expected.", path,
                           label, i, classes - 1);
    }
    if (fine) cifar->count += (int64_t)count;
    free(bytes);
    return fine;
}

void sb_cifar_finish(struct sb_cifar *cifar) {
    free(cifar->pixels);
    free(cifar->labels);
    *cifar = (struct sb_cifar){0};
}
