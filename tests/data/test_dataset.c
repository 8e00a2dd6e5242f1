#include "idx_files.h"

#include "base/file.h"
#include "data/dataset.h"

static void put_image(const char *path, uint8_t value, int height, int width, int channels) {
    struct simba_error error = {0};
    uint8_t pixels[32 * 32 * 3];
    memset(pixels, value, sizeof pixels);
    if (!sb_png_write(path, pixels, height, width, channels, &error)) fail_msg("%s", error.message);
}

static void make(const char *path) {
    struct simba_error error = {0};
    if (!sb_make_directories(path, &error)) fail_msg("%s", error.message);
}

static struct sb_dataset *open_folder(const char *path, struct simba_error *error) {
    return sb_dataset_open(&(struct sb_dataset_parameters){.path = path, .height = 8, .width = 6, .channels = 3},
                           error);
}

static void folder_is_read(void **state) {
    (void)state;
    struct simba_error error = {0};
    make(temporary("set/dog/deep/deeper"));
    make(temporary("set/cat"));
    make(temporary("set/Zebra"));
    make(temporary("set/.hidden"));
    put_text(temporary("set/readme.txt"), "about the set");
    put_text(temporary("set/cat/notes.txt"), "about cats");
    put_image(temporary("set/cat/b.png"), 20, 8, 6, 3);
    put_image(temporary("set/cat/a.PNG"), 10, 16, 12, 1);
    put_image(temporary("set/dog/deep/x.png"), 40, 8, 6, 3);
    put_image(temporary("set/dog/deep/deeper/y.png"), 30, 4, 4, 3);
    put_image(temporary("set/Zebra/z.png"), 50, 8, 6, 3);
    struct sb_dataset *dataset = open_folder(temporary("set"), &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_int_equal(dataset->count, 5);
    assert_int_equal(dataset->classes, 3);
    assert_string_equal(dataset->class_names[0], "Zebra"); /* byte order, whatever the locale */
    assert_string_equal(dataset->class_names[1], "cat");
    assert_string_equal(dataset->class_names[2], "dog");
    static const int labels[] = {0, 1, 1, 2, 2}, values[] = {50, 10, 20, 30, 40};
    struct sb_scratch scratch = {0};
    for (int i = 0; i < 5; i++) {
        uint8_t pixels[8 * 6 * 3];
        int32_t label = -1;
        if (!dataset->read(dataset, i, pixels, &label, &scratch, &error)) fail_msg("%s", error.message);
        assert_int_equal(label, labels[i]);
        for (size_t j = 0; j < sizeof pixels; j++) assert_int_equal(pixels[j], values[i]);
    }

    put_text(temporary("set/dog/deep/x.png"), "broken");
    uint8_t pixels[8 * 6 * 3];
    int32_t label;
    assert_false(dataset->read(dataset, 4, pixels, &label, &scratch, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, temporary("set/dog/deep/x.png"));
    assert_int_equal(remove(temporary("set/dog/deep/x.png")), 0);
    assert_false(dataset->read(dataset, 4, pixels, &label, &scratch, &error));
    check_error(&error, SIMBA_ERROR_FILE, temporary("set/dog/deep/x.png"));
    sb_scratch_finish(&scratch);
    sb_dataset_destroy(dataset);
    sb_dataset_destroy(NULL);
}

static void folder_with_given_classes(void **state) {
    (void)state;
    struct simba_error error = {0};
    make(temporary("given/dog"));
    put_image(temporary("given/dog/x.png"), 1, 8, 6, 3);
    static const char *const names[] = {"cat", "bird", "dog"};
    struct sb_dataset_parameters parameters = {
        .path = temporary("given"), .height = 8, .width = 6, .channels = 1, .class_names = names, .classes = 3};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    uint8_t pixels[8 * 6];
    int32_t label = -1;
    struct sb_scratch scratch = {0};
    assert_true(dataset->read(dataset, 0, pixels, &label, &scratch, &error));
    assert_int_equal(label, 2);
    assert_int_equal(dataset->classes, 3);
    sb_scratch_finish(&scratch);
    sb_dataset_destroy(dataset);
    make(temporary("given/dogs"));
    put_image(temporary("given/dogs/x.png"), 1, 8, 6, 3);
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "\"dogs\" is none of the model's 3 classes; the nearest is \"dog\"");
    parameters.class_names = NULL;
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "it has 2 class directories, 3 classes are configured");
}

static void folders_that_are_none(void **state) {
    (void)state;
    struct simba_error error = {0};
    make(temporary("empty"));
    assert_null(open_folder(temporary("empty"), &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "no class directory in it");
    make(temporary("one/full"));
    make(temporary("one/void/inner"));
    put_image(temporary("one/full/x.png"), 1, 8, 6, 3);
    put_text(temporary("one/void/inner/x.jpg"), "not read");
    assert_null(open_folder(temporary("one"), &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "one/void: no PNG image in this class directory (other files: 1;");
    put_image(temporary("one/stray.png"), 1, 8, 6, 3);
    assert_null(open_folder(temporary("one"), &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "stray.png: this image lies beside the class directories");
    assert_null(open_folder(temporary("absent"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    put_text(temporary("file"), "x");
    assert_null(open_folder(temporary("file"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "Not a directory");
    make(temporary("loop/class"));
    assert_int_equal(symlink("..", temporary("loop/class/up")), 0);
    assert_null(open_folder(temporary("loop"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "nested deeper than 16");
    assert_null(sb_dataset_open(&(struct sb_dataset_parameters){.path = temporary("one")}, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "brought to one size");
    assert_null(sb_dataset_open(&(struct sb_dataset_parameters){0}, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "either a directory, or");
}

static void idx_directory(void **state) {
    (void)state;
    struct simba_error error = {0};
    uint8_t images[3 * 4 * 5], labels[3] = {2, 0, 9};
    for (int i = 0; i < 60; i++) images[i] = (uint8_t)i;
    const char *path = temporary("idx");
    make(path);
    assert_false(sb_is_idx_directory(path));
    put_idx(temporary("idx/train-images-idx3-ubyte.gz"), 3, (uint32_t[]){3, 4, 5}, images, 60, true);
    put_idx(temporary("idx/train-labels-idx1-ubyte"), 1, (uint32_t[]){3}, labels, 3, false);
    assert_true(sb_is_idx_directory(path));
    struct sb_dataset_parameters parameters = {.path = path, .training = true};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_true(dataset->count == 3 && dataset->classes == 10 && dataset->channels == 1);
    assert_true(dataset->height == 4 && dataset->width == 5);
    assert_string_equal(dataset->class_names[9], "9");
    uint8_t pixels[20];
    int32_t label;
    struct sb_scratch scratch = {0};
    assert_true(dataset->read(dataset, 2, pixels, &label, &scratch, &error));
    assert_memory_equal(pixels, images + 40, 20);
    assert_int_equal(label, 9);
    sb_dataset_destroy(dataset);

    parameters.classes = 9;
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "label 2 is 9; with 9 classes, labels from 0 to 8 are expected");
    parameters.classes = 12;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    parameters.class_names = names;
    dataset = sb_dataset_open(&parameters, &error);
    assert_non_null(dataset);
    assert_string_equal(dataset->class_names[11], "l");
    sb_dataset_destroy(dataset);
    parameters.channels = 3;
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "its images have 1 channels, the configuration says 3");
    parameters = (struct sb_dataset_parameters){.path = path, .training = false};
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FILE, "expected t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz there");
}

static void idx_pairs_that_do_not_fit(void **state) {
    (void)state;
    struct simba_error error = {0};
    uint8_t bytes[64] = {0};
    const char *images = temporary("images"), *labels = temporary("labels");
    struct sb_dataset_parameters parameters = {.images = images, .labels = labels};
    put_idx(images, 4, (uint32_t[]){2, 2, 2, 3}, bytes, 24, false);
    put_idx(labels, 1, (uint32_t[]){2}, bytes, 2, false);
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    assert_non_null(dataset);
    assert_true(dataset->channels == 3 && dataset->classes == 1);
    sb_dataset_destroy(dataset);
    put_idx(labels, 1, (uint32_t[]){3}, bytes, 3, false);
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "do not belong together");
    put_idx(labels, 2, (uint32_t[]){2, 1}, bytes, 2, false);
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "labels have 1");
    put_idx(images, 2, (uint32_t[]){2, 2}, bytes, 4, false);
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "images need 3");
    put_idx(images, 3, (uint32_t[]){0, 2, 2}, bytes, 0, false);
    put_idx(labels, 1, (uint32_t[]){0}, bytes, 0, false);
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "there is no image in it");
    put_text(labels, "text");
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "not an IDX file");
    parameters.labels = NULL;
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "either a directory, or");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_is_read),
        cmocka_unit_test(folder_with_given_classes),
        cmocka_unit_test(folders_that_are_none),
        cmocka_unit_test(idx_directory),
        cmocka_unit_test(idx_pairs_that_do_not_fit),
    };
    return cmocka_run_group_tests_name("data dataset", tests, make_temporary, remove_temporary);
}
