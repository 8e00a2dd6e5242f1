/* Pictures of a training run as PNG files, drawn with cairo. Files are replaced atomically. */
#ifndef SB_IO_PICTURE_H
#define SB_IO_PICTURE_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct sb_curve {
    const char *name;
    const double *x, *y; /* [count]; a y that is not a number leaves a gap */
    int count;
};

struct sb_panel {
    const char *title, *x_label;
    const struct sb_curve *curves;
    int curve_count;
    /* What stands at a whole x of the axis, in `text`; NULL: the number. */
    void (*tick)(const void *user, int64_t x, char text[static 64]);
    const void *user;
};

/* The panels side by side, three in a row, each with its axes and legend. */
bool sb_draw_curves(const char *path, const char *title, const struct sb_panel *panels, int panel_count,
                    struct simba_error *error);

/* counts [classes, classes]: row: the class it is, column: the class it was taken for. Colours are shares of the row;
 * up to 20 classes have their numbers written in, up to 40 their names at the sides. `names` [classes]. */
bool sb_draw_confusion(const char *path, const uint32_t *counts, int classes, const char *const *names,
                       struct simba_error *error);

/* uint8 images [count, height, width, channels] in a grid, each with a line of text below. */
bool sb_draw_images(const char *path, const uint8_t *pixels, int count, int height, int width, int channels,
                    const char *const *captions, struct simba_error *error);

#endif
