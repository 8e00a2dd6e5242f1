#include "temporary.h"

#include "base/file.h"
#include "io/event_file.h"
#include "io/picture.h"

static uint64_t little(const uint8_t *bytes, int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

/* The check value of CRC-32C, masked as TFRecord's description says. */
static void checksum(void **state) {
    (void)state;
    const uint32_t crc = 0xe3069283u;
    assert_int_equal(sb_masked_crc((const uint8_t *)"123456789", 9), (crc >> 15 | crc << 17) + 0xa282ead8u);
}

static void records(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_event_file *file = sb_event_file_create(temporary_directory, 1700000000.5, 42, &error);
    if (!file) fail_msg("%s", error.message);
    sb_event_file_add(file, 1700000001.25, 300, "loss", 0.5);
    assert_true(sb_event_file_flush(file, &error));
    struct sb_event_file *second = sb_event_file_create(temporary_directory, 1700000000.5, 0, &error);
    assert_non_null(second); /* beside it */
    sb_event_file_destroy(second);
    sb_event_file_destroy(file);
    sb_event_file_destroy(NULL);
    uint8_t *bytes;
    size_t size;
    assert_true(sb_read_file(temporary("events.out.tfevents.1700000000.simba"), 0, &bytes, &size, &error));
    size_t at = 0;
    const uint8_t *data[3];
    size_t lengths[3];
    for (int record = 0; record < 3; record++) {
        assert_true(at + 12 <= size);
        lengths[record] = (size_t)little(bytes + at, 8);
        assert_int_equal(little(bytes + at + 8, 4), sb_masked_crc(bytes + at, 8));
        data[record] = bytes + at + 12;
        assert_true(at + 16 + lengths[record] <= size);
        assert_int_equal(little(data[record] + lengths[record], 4), sb_masked_crc(data[record], lengths[record]));
        at += 16 + lengths[record];
    }
    assert_int_equal(at, size);
    assert_non_null(memmem(data[0], lengths[0], "brain.Event:2", 13));
    /* wall_time 1700000000.5, step 42, session_log {status: START} */
    static const uint8_t start[] = {0x09, 0, 0, 0x20, 0x40, 0xfc, 0x54, 0xd9, 0x41, 0x10, 42, 0x3a, 2, 8, 1};
    assert_int_equal(lengths[1], sizeof start);
    assert_memory_equal(data[1], start, sizeof start);
    /* step 300 = 0xac 0x02; summary {value {tag "loss", simple_value 0.5}} */
    static const uint8_t scalar[] = {0x10, 0xac, 0x02, 0x2a, 13,   0x0a, 11, 0x0a, 4,
                                     'l',  'o',  's',  's',  0x15, 0,    0,  0,    0x3f};
    assert_int_equal(lengths[2], 9 + sizeof scalar);
    assert_memory_equal(data[2] + 9, scalar, sizeof scalar);
    free(bytes);
    assert_null(sb_event_file_create(temporary("absent"), 1, 0, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
}

static bool is_png(const char *path) {
    uint8_t signature[4];
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    const bool fine = fread(signature, 1, 4, file) == 4 && memcmp(signature, "\211PNG", 4) == 0;
    fclose(file);
    return fine;
}

/* Nothing at all, one point, and gaps can be drawn. */
static void pictures(void **state) {
    (void)state;
    struct simba_error error = {0};
    const double zero = 0.0, x[3] = {1, 2, 3}, y[3] = {5, zero / zero, 7};
    for (int count = 0; count <= 3; count++) {
        const struct sb_curve curve = {"a curve", x, y, count};
        const struct sb_panel panels[] = {{"a panel", "x", &curve, 1}, {"another", "x", &curve, 1}};
        assert_true(sb_draw_curves(temporary("curves.png"), "title", panels, 2, &error));
        assert_true(is_png(temporary("curves.png")));
        assert_int_equal(remove(temporary("curves.png")), 0);
    }
    const char *names[50];
    uint32_t counts[50 * 50] = {0};
    for (int i = 0; i < 50; i++) names[i] = "a class with a long name that goes on";
    counts[0] = 7;
    for (int classes = 2; classes <= 50; classes += 24) {
        assert_true(sb_draw_confusion(temporary("confusion.png"), counts, classes, names, &error));
        assert_true(is_png(temporary("confusion.png")));
    }
    uint8_t pixels[5 * 3 * 200 * 4] = {0};
    for (int channels = 1; channels <= 4; channels++)
        assert_true(
            sb_draw_images(temporary("images.png"), pixels, 5, 3, channels == 2 ? 200 : 4, channels, names, &error));
    assert_true(is_png(temporary("images.png")));
    assert_false(sb_draw_images(temporary("absent/images.png"), pixels, 1, 3, 4, 1, names, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum),
        cmocka_unit_test(records),
        cmocka_unit_test(pictures),
    };
    return cmocka_run_group_tests_name("data event file", tests, make_temporary, remove_temporary);
}
