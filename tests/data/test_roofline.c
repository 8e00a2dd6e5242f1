/* The roofline picture, by its pixels: points and lines are where the numbers say. */
#include "temporary.h"

#include "base/file.h"
#include "io/canvas.h"
#include "io/png.h"
#include "io/roofline.h"

#include <math.h>

static struct simba_error error;

/* Colours 0 and 1 on the slope, 2 on the flat part, 3 below it with a roof of its own as high as colour 2 is. */
static const struct sb_roofline_point points[] = {
    {.name = "copies/slow",
     .detail = "small",
     .seconds = 1,
     .bytes = 1e9,
     .flops = 1e9,
     .share = 1,
     .bound_by = "copy"},
    {.name = "sums/fast", .seconds = 0.5, .bytes = 5e8, .flops = 4e9, .share = NAN},
    {.name = "products", .seconds = 1, .bytes = 1e9, .flops = 2e10, .share = 0.5, .bound_by = "multiply-add"},
    {.name = "scans", .seconds = 1, .bytes = 5e8, .flops = 5e9, .share = 0.25, .bound_by = "special", .own_roof = true},
    {.name = "moves", .seconds = 1, .bytes = 1e9, .share = NAN}, /* no arithmetic: listed only */
    {.name = "unsupported", .share = NAN},
};
enum { POINTS = sizeof points / sizeof points[0], PLOT_RIGHT = 740 };
static const struct sb_roofline roofline = {
    .title = "a device", .copy = 1e9, .multiply_add = 4e10, .points = points, .count = POINTS};

struct picture {
    struct sb_buffer pixels;
    struct sb_image image;
};

static const uint8_t *pixel(const struct picture *picture, int x, int y) {
    return picture->image.pixels + ((size_t)y * (size_t)picture->image.width + (size_t)x) * 3;
}

static bool has_colour(const uint8_t *rgb, int index) {
    for (int c = 0; c < 3; c++)
        if (fabs(rgb[c] - 255 * sb_colours[index][c]) > 2) return false;
    return true;
}

static bool is_dark(const uint8_t *rgb) {
    return rgb[0] < 128 && rgb[1] < 128 && rgb[2] < 128;
}

struct place {
    double x, y, top;
    int count;
};

/* Where the pixels of a colour are, left of the list: their centre from row `from` on, and the highest one. */
static struct place find(const struct picture *picture, int index, int from) {
    struct place place = {.top = INFINITY};
    for (int y = from; y < picture->image.height; y++)
        for (int x = 0; x < PLOT_RIGHT; x++)
            if (has_colour(pixel(picture, x, y), index)) {
                place.x += x, place.y += y, place.count++;
                if (y < place.top) place.top = y;
            }
    place.x /= place.count, place.y /= place.count;
    return place;
}

static void read_picture(const char *path, struct picture *picture) {
    uint8_t *bytes;
    size_t size;
    *picture = (struct picture){0};
    assert_true(sb_read_file(path, 0, &bytes, &size, &error));
    assert_true(sb_png_decode(path, bytes, size, 3, &picture->pixels, &picture->image, &error));
    free(bytes);
}

static void test_places(void **state) {
    (void)state;
    const char *path = temporary("roofline.png");
    struct picture picture;
    assert_true(sb_draw_roofline(path, &roofline, &error));
    read_picture(path, &picture);
    const struct place slow = find(&picture, 0, 0), fast = find(&picture, 1, 0), product = find(&picture, 2, 0);
    const struct place scan_all = find(&picture, 3, 0), scan = find(&picture, 3, (int)scan_all.top + 4);
    assert_true(slow.count >= 20 && slow.count <= 80); /* one disc of radius 4 */
    assert_true(fast.count >= 20 && fast.count <= 80);
    assert_true(product.count >= 20 && product.count <= 80);
    /* Eight times the operations for a byte and eight times the rate: 1 and 8 are log10(8) decades apart on both axes,
     * and so every other distance follows. */
    const double x_decade = (fast.x - slow.x) / log10(8), y_decade = (slow.y - fast.y) / log10(8);
    assert_true(x_decade > 50 && y_decade > 50);
    assert_float_equal((product.x - slow.x) / x_decade, log10(20), 0.02);
    assert_float_equal((slow.y - product.y) / y_decade, log10(20), 0.02);
    assert_float_equal((scan.x - slow.x) / x_decade, log10(10), 0.05);
    assert_float_equal(scan_all.top, product.y, 2); /* a quarter of its roof: 5e9 of 2e10 */
    /* Both lie on the line of the bandwidth. */
    assert_true(is_dark(pixel(&picture, (int)lround((slow.x + fast.x) / 2), (int)lround((slow.y + fast.y) / 2))));
    assert_false(is_dark(pixel(&picture, (int)lround((slow.x + fast.x) / 2), (int)lround((slow.y + fast.y) / 2) + 9)));
    /* The flat ceiling: twice as high as the product, to the right border. */
    const int roof = (int)lround(product.y - log10(2) * y_decade);
    int dark = 0;
    for (int y = roof - 1; y <= roof + 1; y++) dark += is_dark(pixel(&picture, PLOT_RIGHT - 8, y));
    assert_true(dark > 0);
    free(picture.pixels.bytes);
}

/* A device without ceilings, and no row at all, still make a picture. */
static void test_without_ceilings(void **state) {
    (void)state;
    const char *path = temporary("bare.png");
    struct picture picture;
    assert_true(
        sb_draw_roofline(path, &(struct sb_roofline){.title = "bare", .points = points, .count = POINTS}, &error));
    read_picture(path, &picture);
    assert_true(find(&picture, 2, 0).count > 20);
    free(picture.pixels.bytes);
    assert_true(sb_draw_roofline(path, &(struct sb_roofline){.title = "empty"}, &error));
}

/* Long names are cut between characters, wherever that is; what lies behind them is drawn. */
static void test_long_names(void **state) {
    (void)state;
    const char *path = temporary("names.png");
    for (int shift = 0; shift < 3; shift++) {
        char name[400] = "";
        memset(name, 'a', (size_t)shift);
        while (strlen(name) < 390) strcat(name, "\u00e9\u2211");
        const struct sb_roofline_point named[] = {{.name = name, .detail = name, .share = NAN},
                                                  {.name = "behind", .seconds = 1, .bytes = 1e9, .flops = 1e9}};
        struct picture picture;
        assert_true(
            sb_draw_roofline(path, &(struct sb_roofline){.title = "names", .points = named, .count = 2}, &error));
        read_picture(path, &picture);
        int dark = 0; /* in the list, in the second row's number and name */
        for (int y = 0; y < picture.image.height; y++)
            for (int x = PLOT_RIGHT + 20; x < picture.image.width; x++) dark += has_colour(pixel(&picture, x, y), 1);
        assert_true(dark > 0);
        free(picture.pixels.bytes);
    }
}

/* Half a character: cairo fails, and so does the picture. */
static void test_no_text(void **state) {
    (void)state;
    struct sb_canvas canvas;
    assert_true(sb_canvas_begin(&canvas, temporary("bad.png"), 100, 100, &error));
    sb_draw_text(canvas.cairo, 10, 50, 11, 0, "half \xc3");
    assert_false(sb_canvas_end(&canvas, true));
    assert_non_null(strstr(error.message, "cannot be drawn"));
}

static void test_svg(void **state) {
    (void)state;
    const char *path = temporary("roofline.svg");
    uint8_t *bytes;
    size_t size;
    assert_true(sb_draw_roofline(path, &roofline, &error));
    assert_true(sb_read_file(path, 0, &bytes, &size, &error));
    assert_non_null(strstr((char *)bytes, "<svg"));
    assert_non_null(strstr((char *)bytes, "</svg>"));
    assert_null(strstr((char *)bytes, "<image")); /* lines and glyphs, no pixels */
    free(bytes);
}

static void test_no_place(void **state) {
    (void)state;
    assert_false(sb_draw_roofline(temporary("missing/roofline.png"), &roofline, &error));
    assert_int_equal(error.code, SIMBA_ERROR_FILE);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places),     cmocka_unit_test(test_without_ceilings),
                                       cmocka_unit_test(test_long_names), cmocka_unit_test(test_no_text),
                                       cmocka_unit_test(test_svg),        cmocka_unit_test(test_no_place)};
    return cmocka_run_group_tests_name("roofline", tests, make_temporary, remove_temporary);
}
