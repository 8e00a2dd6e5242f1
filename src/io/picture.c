#include "io/picture.h"

#include "io/canvas.h"

#include <math.h>
#include <stdio.h>

/* ---- curves */

enum {
    PANEL_WIDTH = 480,
    PANEL_HEIGHT = 360,
    MARGIN_LEFT = 62,
    MARGIN_RIGHT = 16,
    MARGIN_TOP = 58,
    MARGIN_BOTTOM = 46
};

struct range {
    double low, high;
};

static void widen(struct range *range, double value) {
    if (!isfinite(value)) return;
    if (!(value >= range->low)) range->low = value;
    if (!(value <= range->high)) range->high = value;
}

/* 1, 2 or 5 times a power of ten, so that the range has about `wanted` steps. */
static double step_of(struct range range, int wanted) {
    const double rough = (range.high - range.low) / wanted, power = pow(10, floor(log10(rough)));
    return power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
}

/* In a panel whose own corner is the origin. */
static void draw_panel(cairo_t *cairo, const struct sb_panel *panel) {
    const double x0 = MARGIN_LEFT, x1 = PANEL_WIDTH - MARGIN_RIGHT;
    const double y0 = PANEL_HEIGHT - MARGIN_BOTTOM, y1 = MARGIN_TOP;
    struct range x = {NAN, NAN}, y = {NAN, NAN};
    for (int c = 0; c < panel->curve_count; c++)
        for (int i = 0; i < panel->curves[c].count; i++)
            if (isfinite(panel->curves[c].y[i])) {
                widen(&x, panel->curves[c].x[i]);
                widen(&y, panel->curves[c].y[i]);
            }
    sb_set_grey(cairo, 0.1);
    sb_draw_text(cairo, (x0 + x1) / 2, 38, 14, 0.5, panel->title);
    sb_draw_text(cairo, (x0 + x1) / 2, PANEL_HEIGHT - 10, 11, 0.5, panel->x_label);
    if (!isfinite(x.low)) {
        sb_draw_text(cairo, (x0 + x1) / 2, (y0 + y1) / 2, 12, 0.5, "nothing yet");
        return;
    }
    if (x.high - x.low < 1e-12) x.low -= 0.5, x.high += 0.5;
    const double room = fmax((y.high - y.low) * 0.05, fabs(y.high) * 1e-6 + 1e-12);
    y.low -= room, y.high += room;
    for (int axis = 0; axis < 2; axis++) {
        const struct range range = axis ? y : x;
        double step = step_of(range, axis ? 5 : panel->tick ? 2 : 6); /* dates are long */
        if (!axis && step < 1) step = 1;                              /* epochs and rows are whole */
        for (double tick = ceil(range.low / step) * step; tick <= range.high + step * 1e-9; tick += step) {
            const double share = (tick - range.low) / (range.high - range.low);
            char text[64];
            snprintf(text, sizeof text, "%.4g", fabs(tick) < step * 1e-9 ? 0 : tick);
            if (!axis && panel->tick) panel->tick(panel->user, llround(tick), text);
            sb_set_grey(cairo, 0.88);
            cairo_set_line_width(cairo, 1);
            const double at = axis ? y0 + share * (y1 - y0) : x0 + share * (x1 - x0);
            cairo_move_to(cairo, axis ? x0 : at, axis ? at : y0);
            cairo_line_to(cairo, axis ? x1 : at, axis ? at : y1);
            cairo_stroke(cairo);
            sb_set_grey(cairo, 0.3);
            if (axis)
                sb_draw_text(cairo, x0 - 6, at + 4, 11, 1, text);
            else
                sb_draw_text(cairo, at, y0 + 16, 11, panel->tick && share > 0.75 ? 1 : 0.5,
                             text); /* inside the panel */
        }
    }
    sb_set_grey(cairo, 0.4);
    cairo_rectangle(cairo, x0, y1, x1 - x0, y0 - y1);
    cairo_stroke(cairo);
    double legend = x0 + 4;
    for (int c = 0; c < panel->curve_count; c++) {
        const struct sb_curve *curve = &panel->curves[c];
        sb_set_colour(cairo, c);
        cairo_set_line_width(cairo, 1.8);
        bool drawing = false;
        for (int i = 0; i < curve->count; i++) {
            if (!isfinite(curve->y[i])) continue; /* epochs without an evaluation lie between its points */
            const double px = x0 + (curve->x[i] - x.low) / (x.high - x.low) * (x1 - x0);
            const double py = y0 + (curve->y[i] - y.low) / (y.high - y.low) * (y1 - y0);
            if (drawing)
                cairo_line_to(cairo, px, py);
            else
                cairo_move_to(cairo, px, py);
            drawing = true;
        }
        cairo_stroke(cairo);
        for (int i = 0; i < curve->count && curve->count <= 60; i++) {
            if (!isfinite(curve->y[i])) continue;
            cairo_arc(cairo, x0 + (curve->x[i] - x.low) / (x.high - x.low) * (x1 - x0),
                      y0 + (curve->y[i] - y.low) / (y.high - y.low) * (y1 - y0), 2.2, 0, 2 * acos(-1));
            cairo_fill(cairo);
        }
        cairo_rectangle(cairo, legend, 46, 10, 3);
        cairo_fill(cairo);
        legend += 14 + sb_draw_text(cairo, legend + 14, 52, 11, 0, curve->name) + 12;
    }
}

bool sb_draw_curves(const char *path, const char *title, const struct sb_panel *panels, int panel_count,
                    struct simba_error *error) {
    struct sb_canvas canvas;
    const int columns = panel_count < 3 ? panel_count : 3, rows = (panel_count + columns - 1) / columns;
    const bool fine = sb_canvas_begin(&canvas, path, PANEL_WIDTH * columns, PANEL_HEIGHT * rows, error);
    for (int i = 0; fine && i < panel_count; i++) {
        cairo_save(canvas.cairo);
        cairo_translate(canvas.cairo, PANEL_WIDTH * (i % columns), PANEL_HEIGHT * (i / columns));
        draw_panel(canvas.cairo, &panels[i]);
        cairo_restore(canvas.cairo);
    }
    if (fine) {
        sb_set_grey(canvas.cairo, 0.1);
        sb_draw_text(canvas.cairo, 12, 16, 12, 0, title);
    }
    return sb_canvas_end(&canvas, fine);
}

/* ---- confusion matrix */

static void set_heat(cairo_t *cairo, double share) {
    /* White to a deep blue, brighter steps first: rare confusions are what one looks for. */
    const double s = sqrt(share);
    cairo_set_source_rgb(cairo, 1 - 0.97 * s, 1 - 0.72 * s, 1 - 0.45 * s);
}

bool sb_draw_confusion(const char *path, const uint32_t *counts, int classes, const char *const *names,
                       struct simba_error *error) {
    const bool numbers = classes <= 20, labels = classes <= 40;
    const double cell = numbers ? 44 : labels ? 22 : classes <= 200 ? 6 : 2;
    const double side = labels ? 150 : 40, top = 44;
    struct sb_canvas canvas;
    const bool fine = sb_canvas_begin(&canvas, path, (int)(side + cell * classes + 20),
                                      (int)(top + cell * classes + (labels ? 130 : 34)), error);
    cairo_t *cairo = canvas.cairo;
    for (int row = 0; fine && row < classes; row++) {
        const uint32_t *of = counts + (size_t)row * (size_t)classes;
        double total = 0;
        for (int column = 0; column < classes; column++) total += of[column];
        for (int column = 0; column < classes; column++) {
            const double share = total > 0 ? of[column] / total : 0;
            set_heat(cairo, share);
            cairo_rectangle(cairo, side + cell * column, top + cell * row, cell, cell);
            cairo_fill(cairo);
            if (!numbers || !of[column]) continue;
            char text[16];
            snprintf(text, sizeof text, "%u", of[column]);
            cairo_set_source_rgb(cairo, share > 0.3, share > 0.3, share > 0.3);
            sb_draw_text(cairo, side + cell * (column + 0.5), top + cell * (row + 0.5) + 4, 11, 0.5, text);
        }
        if (!labels) continue;
        char name[22];
        snprintf(name, sizeof name, "%.20s", names[row]);
        sb_set_grey(cairo, 0.1);
        sb_draw_text(cairo, side - 6, top + cell * (row + 0.5) + 4, 11, 1, name);
        cairo_save(cairo);
        cairo_translate(cairo, side + cell * (row + 0.5) + 4, top + cell * classes + 6);
        cairo_rotate(cairo, -acos(-1) / 2);
        sb_draw_text(cairo, 0, 0, 11, 1, name);
        cairo_restore(cairo);
    }
    if (fine) {
        sb_set_grey(cairo, 0.1);
        sb_draw_text(cairo, side, 18, 13, 0, "rows: the class it is; columns: the class it was taken for");
        sb_set_grey(cairo, 0.4);
        cairo_set_line_width(cairo, 1);
        cairo_rectangle(cairo, side, top, cell * classes, cell * classes);
        cairo_stroke(cairo);
    }
    return sb_canvas_end(&canvas, fine);
}

/* ---- images */

bool sb_draw_images(const char *path, const uint8_t *pixels, int count, int height, int width, int channels,
                    const char *const *captions, struct simba_error *error) {
    /* Small images are enlarged by a whole factor; all of a pixel stays one square. */
    int scale = 1;
    while (width * (scale + 1) <= 128) scale++;
    int columns = (int)ceil(sqrt(count));
    if (columns < 1) columns = 1;
    const int rows = (count + columns - 1) / columns, cell_width = width * scale + 10,
              cell_height = height * scale + 28;
    struct sb_canvas canvas;
    const bool fine = sb_canvas_begin(&canvas, path, columns * cell_width + 10, rows * cell_height + 10, error);
    for (int i = 0; fine && i < count; i++) {
        const int left = 10 + i % columns * cell_width, top = 10 + i / columns * cell_height;
        cairo_surface_flush(canvas.surface);
        uint8_t *surface = cairo_image_surface_get_data(canvas.surface);
        const int stride = cairo_image_surface_get_stride(canvas.surface);
        for (int y = 0; y < height * scale; y++) {
            uint32_t *row = (uint32_t *)(void *)(surface + (size_t)(top + y) * (size_t)stride) + left;
            const uint8_t *from =
                pixels + (((size_t)i * (size_t)height + (size_t)(y / scale)) * (size_t)width) * (size_t)channels;
            for (int x = 0; x < width * scale; x++) {
                const uint8_t *pixel = from + (size_t)(x / scale) * (size_t)channels;
                const uint8_t green = channels >= 3 ? pixel[1] : pixel[0], blue = channels >= 3 ? pixel[2] : pixel[0];
                row[x] = (uint32_t)pixel[0] << 16 | (uint32_t)green << 8 | blue;
            }
        }
        cairo_surface_mark_dirty(canvas.surface);
        char caption[64];
        snprintf(caption, sizeof caption, "%.40s", captions[i]);
        sb_set_grey(canvas.cairo, 0.1);
        cairo_save(canvas.cairo);
        cairo_rectangle(canvas.cairo, left, top + height * scale, cell_width - 4, 28);
        cairo_clip(canvas.cairo);
        sb_draw_text(canvas.cairo, left, top + height * scale + 14, 11, 0, caption);
        cairo_restore(canvas.cairo);
    }
    return sb_canvas_end(&canvas, fine);
}
