#include "io/roofline.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "io/canvas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLOT_WIDTH = 760,
    LIST_WIDTH = 860,
    LEAST_HEIGHT = 620,
    MOST_PLOT_HEIGHT = 820,
    MARGIN_LEFT = 74,
    MARGIN_RIGHT = 24,
    MARGIN_TOP = 64,
    MARGIN_BOTTOM = 52,
    LINE = 17, /* of the list */
};

struct box {
    double x0, y0, x1, y1;
};

struct plot {
    cairo_t *cairo;
    const struct sb_roofline *roofline;
    struct box area; /* y0 is the upper border */
    /* Decimal logarithms of operations for a byte and of operations a second. */
    double x_low, x_high, y_low, y_high;
    struct box *taken; /* by points, their roofs, numbers and the names of ceilings */
    int taken_count;
};

static bool is_drawn(const struct sb_roofline_point *point) {
    return point->seconds > 0 && point->bytes > 0 && point->flops > 0;
}

static double intensity(const struct sb_roofline_point *point) {
    return point->flops / point->bytes;
}

static double rate(const struct sb_roofline_point *point) {
    return point->flops / point->seconds;
}

static double at_x(const struct plot *plot, double operations_per_byte) {
    return plot->area.x0 +
           (log10(operations_per_byte) - plot->x_low) / (plot->x_high - plot->x_low) * (plot->area.x1 - plot->area.x0);
}

static double at_y(const struct plot *plot, double per_second) {
    return plot->area.y1 -
           (log10(per_second) - plot->y_low) / (plot->y_high - plot->y_low) * (plot->area.y1 - plot->area.y0);
}

/* "18.2 G" */
static const char *count_text(char text[32], double value) {
    static const char *const units[] = {"", " k", " M", " G", " T", " P"};
    int unit = 0;
    while (value >= 999.5 && unit < 5) value /= 1000, unit++;
    snprintf(text, 32, "%.3g%s", value, units[unit]);
    return text;
}

static bool same_family(const struct sb_roofline_point *a, const struct sb_roofline_point *b) {
    const size_t length = strcspn(a->name, "/");
    return length == strcspn(b->name, "/") && !strncmp(a->name, b->name, length);
}

static void choose_colours(const struct sb_roofline *roofline, int *colours) {
    int families = 0;
    for (int i = 0; i < roofline->count; i++) {
        int first = 0;
        while (!same_family(&roofline->points[first], &roofline->points[i])) first++;
        colours[i] = first < i ? colours[first] : families++;
    }
}

/* ---- axes */

static void widen(double *low, double *high, double value) {
    if (!(value > 0)) return;
    *low = fmin(*low, log10(value));
    *high = fmax(*high, log10(value));
}

static double top_of(const struct sb_roofline *roofline) {
    return fmax(roofline->multiply_add, roofline->matrix);
}

static void choose_ranges(struct plot *plot) {
    const struct sb_roofline *roofline = plot->roofline;
    plot->x_low = plot->y_low = INFINITY;
    plot->x_high = plot->y_high = -INFINITY;
    for (int i = 0; i < roofline->count; i++) {
        const struct sb_roofline_point *point = &roofline->points[i];
        if (!is_drawn(point)) continue;
        widen(&plot->x_low, &plot->x_high, intensity(point));
        widen(&plot->y_low, &plot->y_high, rate(point));
        if (point->share > 0) widen(&plot->y_low, &plot->y_high, rate(point) / point->share);
    }
    widen(&plot->y_low, &plot->y_high, roofline->multiply_add);
    widen(&plot->y_low, &plot->y_high, roofline->matrix);
    if (roofline->copy > 0) widen(&plot->x_low, &plot->x_high, top_of(roofline) / roofline->copy); /* the ridge */
    if (!(plot->x_low <= plot->x_high)) plot->x_low = plot->x_high = 0;
    if (!(plot->y_low <= plot->y_high)) plot->y_low = plot->y_high = 9;
    /* Room for labels, and never less than a decade and a half. */
    plot->x_low -= 0.25, plot->x_high += 0.35;
    plot->y_low -= 0.25, plot->y_high += 0.3;
    plot->x_high = fmax(plot->x_high, plot->x_low + 1.5);
    plot->y_low = fmin(plot->y_low, plot->y_high - 1.5);
}

static void grid_line(const struct plot *plot, bool vertical, double at, double grey) {
    sb_set_grey(plot->cairo, grey);
    cairo_set_line_width(plot->cairo, 1);
    cairo_move_to(plot->cairo, vertical ? at : plot->area.x0, vertical ? plot->area.y1 : at);
    cairo_line_to(plot->cairo, vertical ? at : plot->area.x1, vertical ? plot->area.y0 : at);
    cairo_stroke(plot->cairo);
}

static void draw_axes(const struct plot *plot) {
    cairo_t *cairo = plot->cairo;
    for (int axis = 0; axis < 2; axis++) {
        const double low = axis ? plot->y_low : plot->x_low, high = axis ? plot->y_high : plot->x_high;
        for (int decade = (int)floor(low); decade <= (int)floor(high); decade++)
            for (int digit = 1; digit < 10; digit++) {
                const double value = digit * pow(10, decade);
                if (log10(value) < low - 1e-9 || log10(value) > high + 1e-9) continue;
                const double at = axis ? at_y(plot, value) : at_x(plot, value);
                grid_line(plot, !axis, at, digit == 1 ? 0.8 : 0.94);
                if (digit != 1 && digit != 2 && digit != 5) continue;
                if (digit != 1 && high - low > 3.2) continue;
                char text[32];
                sb_set_grey(cairo, 0.3);
                if (axis)
                    sb_draw_text(cairo, plot->area.x0 - 6, at + 4, 11, 1, count_text(text, value));
                else
                    sb_draw_text(cairo, at, plot->area.y1 + 16, 11, 0.5, count_text(text, value));
            }
    }
    sb_set_grey(cairo, 0.4);
    cairo_rectangle(cairo, plot->area.x0, plot->area.y0, plot->area.x1 - plot->area.x0, plot->area.y1 - plot->area.y0);
    cairo_stroke(cairo);
    sb_set_grey(cairo, 0.1);
    sb_draw_text(cairo, (plot->area.x0 + plot->area.x1) / 2, plot->area.y1 + 38, 12, 0.5,
                 "multiplications and additions for each byte that must move");
    cairo_save(cairo);
    cairo_translate(cairo, 16, (plot->area.y0 + plot->area.y1) / 2);
    cairo_rotate(cairo, -acos(-1) / 2);
    sb_draw_text(cairo, 0, 0, 12, 0.5, "multiplications and additions a second");
    cairo_restore(cairo);
}

/* ---- ceilings */

static void take(struct plot *plot, struct box box) {
    plot->taken[plot->taken_count++] = box;
}

static void draw_line(const struct plot *plot, double x0, double y0, double x1, double y1) {
    cairo_move_to(plot->cairo, at_x(plot, x0), at_y(plot, y0));
    cairo_line_to(plot->cairo, at_x(plot, x1), at_y(plot, y1));
    cairo_stroke(plot->cairo);
}

/* From the slope to the right border. */
static void draw_flat(struct plot *plot, double per_second, const char *name) {
    const struct sb_roofline *roofline = plot->roofline;
    const double left = pow(10, plot->x_low), right = pow(10, plot->x_high);
    if (!(per_second > 0)) return;
    const double from = roofline->copy > 0 ? fmax(per_second / roofline->copy, left) : left;
    char text[128], number[32];
    draw_line(plot, from, per_second, right, per_second);
    snprintf(text, sizeof text, "%s: %sFLOP/s", name, count_text(number, per_second));
    const double y = at_y(plot, per_second), right_end = plot->area.x1 - 6;
    const double width = sb_draw_text(plot->cairo, right_end, y - 5, 11, 1, text);
    take(plot, (struct box){right_end - width, y - 16, right_end, y});
}

static void draw_ceilings(struct plot *plot) {
    const struct sb_roofline *roofline = plot->roofline;
    cairo_t *cairo = plot->cairo;
    const double left = pow(10, plot->x_low), right = pow(10, plot->x_high), top = top_of(roofline);
    sb_set_grey(cairo, 0.15);
    cairo_set_line_width(cairo, 1.6);
    draw_flat(plot, roofline->multiply_add, "multiply-add, float32");
    draw_flat(plot, roofline->matrix, "matrix units, 16-bit factors");
    if (!(roofline->copy > 0)) return;
    cairo_save(cairo);
    cairo_rectangle(cairo, plot->area.x0, plot->area.y0, plot->area.x1 - plot->area.x0, plot->area.y1 - plot->area.y0);
    cairo_clip(cairo);
    const double end = top > 0 ? fmin(top / roofline->copy, right) : right;
    draw_line(plot, left, left * roofline->copy, end, end * roofline->copy);
    /* Along the slope, in the middle of what of it is visible. */
    const double bottom = fmax(left, pow(10, plot->y_low) / roofline->copy), middle = sqrt(bottom * end);
    char text[128], number[32];
    snprintf(text, sizeof text, "copy: %sB/s", count_text(number, roofline->copy));
    cairo_translate(cairo, at_x(plot, middle), at_y(plot, middle * roofline->copy));
    cairo_rotate(cairo, atan2(at_y(plot, 10) - at_y(plot, 1), at_x(plot, 10) - at_x(plot, 1)));
    sb_draw_text(cairo, 0, -6, 11, 0.5, text);
    cairo_restore(cairo);
}

/* ---- points and their numbers */

static bool is_free(const struct plot *plot, struct box box) {
    if (box.x0 < plot->area.x0 || box.x1 > plot->area.x1 || box.y0 < plot->area.y0 || box.y1 > plot->area.y1)
        return false;
    for (int i = 0; i < plot->taken_count; i++) {
        const struct box *other = &plot->taken[i];
        if (box.x0 < other->x1 && other->x0 < box.x1 && box.y0 < other->y1 && other->y0 < box.y1) return false;
    }
    return true;
}

/* The number as near to its point as there is room, with a line to it when that is not beside it. */
static void put_number(struct plot *plot, double x, double y, const char *text) {
    cairo_t *cairo = plot->cairo;
    const double half = sb_text_width(cairo, 10, text) / 2 + 1;
    struct box box = {0};
    double distance = 0, angle = 0;
    bool found = false;
    for (distance = 11; !found && distance < 160; distance += 5)
        for (int direction = 0; !found && direction < 16; direction++) {
            angle = acos(-1) * (-0.25 + direction / 8.0);
            const double middle_x = x + (distance + half - 5) * cos(angle), middle_y = y + distance * sin(angle);
            box = (struct box){middle_x - half, middle_y - 5, middle_x + half, middle_y + 5};
            found = is_free(plot, box);
        }
    const double middle_x = (box.x0 + box.x1) / 2, middle_y = (box.y0 + box.y1) / 2;
    if (distance > 18) {
        cairo_set_line_width(cairo, 0.6);
        cairo_move_to(cairo, x, y);
        cairo_line_to(cairo, middle_x - half * cos(angle), middle_y - 5 * sin(angle));
        cairo_stroke(cairo);
    }
    sb_draw_text(cairo, middle_x, middle_y + 3.5, 10, 0.5, text);
    take(plot, box);
}

enum { RADIUS = 4 };

/* Families beyond the colours have another shape. */
static void draw_marker(cairo_t *cairo, double x, double y, int colour) {
    sb_set_colour(cairo, colour);
    switch (colour / SB_COLOURS % 3) {
    case 0:
        cairo_arc(cairo, x, y, RADIUS, 0, 2 * acos(-1));
        break;
    case 1:
        cairo_rectangle(cairo, x - RADIUS + 0.5, y - RADIUS + 0.5, 2 * RADIUS - 1, 2 * RADIUS - 1);
        break;
    default:
        cairo_move_to(cairo, x, y - RADIUS - 1);
        cairo_line_to(cairo, x + RADIUS + 1, y);
        cairo_line_to(cairo, x, y + RADIUS + 1);
        cairo_line_to(cairo, x - RADIUS - 1, y);
    }
    cairo_fill(cairo);
}

static void draw_points(struct plot *plot, const int *colours) {
    cairo_t *cairo = plot->cairo;
    const struct sb_roofline *roofline = plot->roofline;
    bool own_roofs = false;
    for (int i = 0; i < roofline->count; i++) {
        const struct sb_roofline_point *point = &roofline->points[i];
        if (!is_drawn(point)) continue;
        const double x = at_x(plot, intensity(point)), y = at_y(plot, rate(point));
        sb_set_colour(cairo, colours[i]);
        if (point->own_roof && point->share > 0) {
            const double roof = at_y(plot, rate(point) / point->share), dashes[] = {2, 3};
            own_roofs = true;
            cairo_set_line_width(cairo, 1);
            cairo_set_dash(cairo, dashes, 2, 0);
            cairo_move_to(cairo, x, y);
            cairo_line_to(cairo, x, roof);
            cairo_stroke(cairo);
            cairo_set_dash(cairo, NULL, 0, 0);
            cairo_set_line_width(cairo, 2);
            cairo_move_to(cairo, x - 7, roof);
            cairo_line_to(cairo, x + 7, roof);
            cairo_stroke(cairo);
            take(plot, (struct box){x - 7, roof - 1, x + 7, roof + 1});
        }
        draw_marker(cairo, x, y, colours[i]);
        take(plot, (struct box){x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS});
    }
    if (own_roofs) {
        sb_set_grey(cairo, 0.4);
        sb_draw_text(cairo, plot->area.x1 - 6, plot->area.y1 - 8, 10, 1,
                     "bar above a point: its rate if its special functions alone took time");
    }
    for (int i = 0; i < roofline->count; i++) {
        const struct sb_roofline_point *point = &roofline->points[i];
        if (!is_drawn(point)) continue;
        char text[16];
        snprintf(text, sizeof text, "%d", i + 1);
        const double *colour = sb_colours[colours[i] % SB_COLOURS];
        cairo_set_source_rgb(cairo, 0.7 * colour[0], 0.7 * colour[1], 0.7 * colour[2]);
        put_number(plot, at_x(plot, intensity(point)), at_y(plot, rate(point)), text);
    }
}

/* ---- the list */

/* At most `width` wide; what is too long ends in dots, behind a whole character: of half a one cairo draws nothing, and
 * then nothing more at all. */
static void put_cut(cairo_t *cairo, double x, double y, double width, const char *text) {
    char cut[256];
    int starts[sizeof cut], count = 0, at = 0;
    for (int length; text[at]; at += length) {
        length = sb_utf8_length((const uint8_t *)text + at);
        if (!length || at + length > (int)sizeof cut - 4) break; /* bytes that are no text, or no room for the dots */
        memcpy(cut + at, text + at, (size_t)length);
        starts[count++] = at;
    }
    snprintf(cut + at, sizeof cut - (size_t)at, "%s", text[at] ? "..." : "");
    while (count && sb_text_width(cairo, 11, cut) > width) {
        at = starts[--count];
        snprintf(cut + at, sizeof cut - (size_t)at, "...");
    }
    sb_draw_text(cairo, x, y, 11, 0, cut);
}

static void rate_text(const struct sb_roofline_point *point, char text[64]) {
    char number[32];
    if (point->seconds > 0 && point->flops > 0)
        snprintf(text, 64, "%sFLOP/s", count_text(number, rate(point)));
    else if (point->seconds > 0 && point->bytes > 0)
        snprintf(text, 64, "%sB/s", count_text(number, point->bytes / point->seconds));
    else
        snprintf(text, 64, "-");
}

static void share_text(const struct sb_roofline_point *point, char text[64]) {
    if (point->share >= 0 && point->bound_by)
        snprintf(text, 64, "%.3g %% of %.40s", 100 * point->share, point->bound_by);
    else
        text[0] = '\0';
}

static void draw_list(const struct plot *plot, const int *colours) {
    cairo_t *cairo = plot->cairo;
    const struct sb_roofline *roofline = plot->roofline;
    const double left = PLOT_WIDTH, right = PLOT_WIDTH + LIST_WIDTH - 14, gap = 14;
    double name_width = 0, rate_width = 0, share_width = 0;
    char text[64];
    for (int i = 0; i < roofline->count; i++) {
        const struct sb_roofline_point *point = &roofline->points[i];
        name_width = fmax(name_width, sb_text_width(cairo, 11, point->name));
        rate_text(point, text);
        rate_width = fmax(rate_width, sb_text_width(cairo, 11, text));
        share_text(point, text);
        share_width = fmax(share_width, sb_text_width(cairo, 11, text));
    }
    name_width = fmin(name_width, 260);
    const double name = left + 42, detail = name + name_width + gap, rates = right - share_width - gap;
    for (int i = 0; i < roofline->count; i++) {
        const struct sb_roofline_point *point = &roofline->points[i];
        const double y = MARGIN_TOP + 10 + LINE * i;
        if (is_drawn(point)) draw_marker(cairo, left + 6, y - 4, colours[i]);
        sb_set_grey(cairo, 0.1);
        snprintf(text, sizeof text, "%d", i + 1);
        sb_draw_text(cairo, left + 34, y, 11, 1, text);
        put_cut(cairo, name, y, name_width, point->name);
        sb_set_grey(cairo, 0.4);
        put_cut(cairo, detail, y, rates - rate_width - gap - detail, point->detail ? point->detail : "");
        sb_set_grey(cairo, 0.1);
        rate_text(point, text);
        sb_draw_text(cairo, rates, y, 11, 1, text);
        share_text(point, text);
        sb_draw_text(cairo, right, y, 11, 1, text);
    }
}

bool sb_draw_roofline(const char *path, const struct sb_roofline *roofline, struct simba_error *error) {
    const int list_height = MARGIN_TOP + LINE * roofline->count + 24;
    const int height = list_height > LEAST_HEIGHT ? list_height : LEAST_HEIGHT;
    struct sb_canvas canvas;
    bool fine = sb_canvas_begin(&canvas, path, PLOT_WIDTH + LIST_WIDTH, height, error);
    const double plot_height = height < MOST_PLOT_HEIGHT ? height : MOST_PLOT_HEIGHT;
    struct plot plot = {.cairo = canvas.cairo,
                        .roofline = roofline,
                        .area = {MARGIN_LEFT, MARGIN_TOP, PLOT_WIDTH - MARGIN_RIGHT, plot_height - MARGIN_BOTTOM}};
    const size_t room = (size_t)roofline->count + 1;
    int *colours = fine ? sb_allocate(room, sizeof *colours, error) : NULL;
    plot.taken = colours ? sb_allocate(3 * room + 2, sizeof *plot.taken, error) : NULL;
    fine = plot.taken != NULL;
    if (fine) {
        choose_colours(roofline, colours);
        choose_ranges(&plot);
        draw_axes(&plot);
        draw_ceilings(&plot);
        draw_points(&plot, colours);
        draw_list(&plot, colours);
        sb_set_grey(canvas.cairo, 0.1);
        sb_draw_text(canvas.cairo, MARGIN_LEFT, 24, 14, 0, roofline->title);
        sb_set_grey(canvas.cairo, 0.4);
        if (roofline->subtitle) sb_draw_text(canvas.cairo, MARGIN_LEFT, 44, 11, 0, roofline->subtitle);
    }
    free(plot.taken);
    free(colours);
    return sb_canvas_end(&canvas, fine);
}
