#include "io/canvas.h"

#include "base/file.h"

#include <cairo-svg.h>
#include <string.h>

const double sb_colours[SB_COLOURS][3] = {{0, 0.447, 0.698},   {0.835, 0.369, 0}, {0, 0.62, 0.451},
                                          {0.8, 0.475, 0.655}, {0.902, 0.624, 0}, {0.337, 0.706, 0.914}};

void sb_set_colour(cairo_t *cairo, int index) {
    const double *colour = sb_colours[index % SB_COLOURS];
    cairo_set_source_rgb(cairo, colour[0], colour[1], colour[2]);
}

void sb_set_grey(cairo_t *cairo, double brightness) {
    cairo_set_source_rgb(cairo, brightness, brightness, brightness);
}

static bool is_svg(const char *path) {
    const size_t length = strlen(path);
    return length > 4 && !strcmp(path + length - 4, ".svg");
}

bool sb_canvas_begin(struct sb_canvas *canvas, const char *path, int width, int height, struct simba_error *error) {
    *canvas = (struct sb_canvas){.path = path, .width = width, .height = height, .error = error};
    const cairo_rectangle_t extents = {0, 0, width, height};
    canvas->surface = is_svg(path) ? cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &extents)
                                   : cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    canvas->cairo = cairo_create(canvas->surface);
    sb_set_grey(canvas->cairo, 1);
    cairo_paint(canvas->cairo);
    cairo_select_font_face(canvas->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    return cairo_status(canvas->cairo) == CAIRO_STATUS_SUCCESS ||
           sb_fail(error, SIMBA_ERROR_MEMORY, "A picture of %d x %d pixels cannot be drawn: %s.", width, height,
                   cairo_status_to_string(cairo_status(canvas->cairo)));
}

struct output {
    struct sb_writer writer;
    struct simba_error *error;
};

static cairo_status_t write_bytes(void *closure, const unsigned char *bytes, unsigned int size) {
    struct output *output = closure;
    return sb_writer_write(&output->writer, bytes, size, output->error) ? CAIRO_STATUS_SUCCESS
                                                                        : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_status_t write_svg(const struct sb_canvas *canvas, struct output *output) {
    cairo_surface_t *svg = cairo_svg_surface_create_for_stream(write_bytes, output, canvas->width, canvas->height);
    cairo_t *cairo = cairo_create(svg);
    cairo_set_source_surface(cairo, canvas->surface, 0, 0);
    cairo_paint(cairo);
    cairo_status_t status = cairo_status(cairo);
    cairo_destroy(cairo);
    cairo_surface_finish(svg); /* writes */
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(svg);
    cairo_surface_destroy(svg);
    return status;
}

bool sb_canvas_end(struct sb_canvas *canvas, bool fine) {
    struct output output = {.error = canvas->error};
    /* After a failure cairo leaves out whatever is drawn. */
    const cairo_status_t drawn = cairo_status(canvas->cairo);
    if (fine && drawn != CAIRO_STATUS_SUCCESS)
        fine = sb_fail(canvas->error, SIMBA_ERROR_INTERNAL, "%s cannot be drawn: %s.", canvas->path,
                       cairo_status_to_string(drawn));
    fine = fine && sb_writer_open(&output.writer, canvas->path, canvas->error);
    if (fine) {
        const cairo_status_t status = is_svg(canvas->path)
                                          ? write_svg(canvas, &output)
                                          : cairo_surface_write_to_png_stream(canvas->surface, write_bytes, &output);
        fine = status == CAIRO_STATUS_SUCCESS;
        if (!fine && status != CAIRO_STATUS_WRITE_ERROR)
            sb_fail(canvas->error, SIMBA_ERROR_INTERNAL, "%s cannot be drawn: %s.", canvas->path,
                    cairo_status_to_string(status));
        if (fine)
            fine = sb_writer_commit(&output.writer, canvas->error);
        else
            sb_writer_discard(&output.writer);
    }
    cairo_destroy(canvas->cairo);
    cairo_surface_destroy(canvas->surface);
    return fine;
}

double sb_text_width(cairo_t *cairo, double size, const char *text) {
    cairo_text_extents_t extents;
    cairo_set_font_size(cairo, size);
    cairo_text_extents(cairo, text, &extents);
    return extents.x_advance;
}

double sb_draw_text(cairo_t *cairo, double x, double y, double size, double align, const char *text) {
    const double width = sb_text_width(cairo, size, text);
    cairo_move_to(cairo, x - align * width, y);
    cairo_show_text(cairo, text);
    return width;
}
