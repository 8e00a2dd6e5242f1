/* What every picture is drawn on: white, with text and a few colours, written as PNG or SVG. */
#ifndef SB_IO_CANVAS_H
#define SB_IO_CANVAS_H

#include "base/status.h"

#include <cairo.h>
#include <stdbool.h>

/* Told apart also by those who see red and green alike (Okabe and Ito 2008). */
enum { SB_COLOURS = 6 };
extern const double sb_colours[SB_COLOURS][3];

struct sb_canvas {
    cairo_surface_t *surface; /* of pixels for a PNG; for an SVG a recording */
    cairo_t *cairo;
    const char *path;
    int width, height;
    struct simba_error *error;
};
/* `path` is read again at the end; a name that ends in ".svg" makes it an SVG, every other one a PNG. */
bool sb_canvas_begin(struct sb_canvas *canvas, const char *path, int width, int height, struct simba_error *error);
/* Writes the file when all went well so far, and frees the canvas in any case. */
bool sb_canvas_end(struct sb_canvas *canvas, bool fine);

void sb_set_colour(cairo_t *cairo, int index); /* of sb_colours, any index */
void sb_set_grey(cairo_t *cairo, double brightness);
/* `align` 0: begins at x, 0.5: centred, 1: ends there; y is the baseline. Returns its width. */
double sb_draw_text(cairo_t *cairo, double x, double y, double size, double align, const char *text);
double sb_text_width(cairo_t *cairo, double size, const char *text);

#endif
