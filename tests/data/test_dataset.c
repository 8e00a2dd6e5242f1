#include "idx_files.h"

#include "base/file.h"
#include "data/dataset.h"
#include "io/png.h"

#include <time.h>

static bool read_whole(const struct sb_dataset *dataset, int64_t index, struct sb_image *image, int32_t *label,
                       struct sb_scratch *scratch, struct simba_error *error) {
    struct sb_sample sample = {.index = index};
    struct sb_region inside;
    const bool fine = dataset->open(dataset, &sample, scratch, error);
    *label = sample.label;
    const struct sb_region whole = {0, 0, sample.width, sample.height};
    return fine && dataset->decode(dataset, &sample, whole, 0, 0, scratch, image, &inside, error);
}

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
    return sb_dataset_open(&(struct sb_dataset_parameters){.path = path, .channels = 3}, error);
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
    static const int heights[] = {8, 16, 8, 4, 8}, widths[] = {6, 12, 6, 4, 6};
    static const char *const keys[] = {"Zebra/z", "cat/a", "cat/b", "dog/deep/deeper/y", "dog/deep/x"};
    struct sb_scratch scratch = {0};
    for (int i = 0; i < 5; i++) {
        struct sb_image image;
        int32_t label = -1;
        if (!read_whole(dataset, i, &image, &label, &scratch, &error)) fail_msg("%s", error.message);
        assert_int_equal(label, labels[i]);
        assert_true(image.height == heights[i] && image.width == widths[i] && image.channels == 3);
        for (int j = 0; j < image.height * image.width * 3; j++) assert_int_equal(image.pixels[j], values[i]);
        char key[64];
        dataset->key(dataset, i, key, sizeof key);
        assert_string_equal(key, keys[i]);
    }

    put_text(temporary("set/dog/deep/x.png"), "broken");
    struct sb_image image;
    int32_t label;
    assert_false(read_whole(dataset, 4, &image, &label, &scratch, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, temporary("set/dog/deep/x.png"));
    assert_int_equal(remove(temporary("set/dog/deep/x.png")), 0);
    assert_false(read_whole(dataset, 4, &image, &label, &scratch, &error));
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
        .path = temporary("given"), .channels = 1, .class_names = names, .classes = 3};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    struct sb_image image;
    int32_t label = -1;
    struct sb_scratch scratch = {0};
    assert_true(read_whole(dataset, 0, &image, &label, &scratch, &error));
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
    put_text(temporary("one/void/inner/x.txt"), "not read");
    assert_null(open_folder(temporary("one"), &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "one/void: no JPEG or PNG image in this class directory (other files: 1)");
    put_image(temporary("one/stray.png"), 1, 8, 6, 3);
    assert_null(open_folder(temporary("one"), &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "stray.png: this image lies beside the class directories");
    assert_null(open_folder(temporary("absent"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    put_text(temporary("file"), "x");
    assert_null(sb_dataset_open(
        &(struct sb_dataset_parameters){.format = SB_DATASET_FOLDER, .path = temporary("file"), .channels = 3},
        &error));
    check_error(&error, SIMBA_ERROR_FILE, "Not a directory");
    make(temporary("loop/class"));
    assert_int_equal(symlink("..", temporary("loop/class/up")), 0);
    assert_null(open_folder(temporary("loop"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "nested deeper than 16");
    assert_null(sb_dataset_open(&(struct sb_dataset_parameters){.path = temporary("one")}, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "image files are read with 1 or 3 channels; 0 are");
    assert_null(sb_dataset_open(&(struct sb_dataset_parameters){0}, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "either a directory, or");
}

/* A line of eight million commas, which would take an hour if each were looked at from the beginning of the line. */
static void list_with_a_long_line(void **state) {
    (void)state;
    enum { LENGTH = 8 << 20 };
    struct simba_error error = {0};
    char *text = malloc(LENGTH + 1);
    assert_non_null(text);
    memset(text, ',', LENGTH);
    memcpy(text, "a", 1);
    memcpy(text + LENGTH - 8, "b.jpeg,7", 9);
    put_text(temporary("long.txt"), text);
    free(text);
    const time_t begin = time(NULL);
    struct sb_dataset *dataset = open_folder(temporary("long.txt"), &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_true(dataset->count == 1 && dataset->classes == 8);
    assert_true(time(NULL) - begin < 60);
    sb_dataset_destroy(dataset);
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
    assert_string_equal(dataset->class_names[9], "9");
    struct sb_image image;
    int32_t label;
    struct sb_scratch scratch = {0};
    assert_true(read_whole(dataset, 2, &image, &label, &scratch, &error));
    assert_true(image.height == 4 && image.width == 5 && image.channels == 1);
    assert_memory_equal(image.pixels, images + 40, 20);
    assert_int_equal(label, 9);
    char key[8];
    dataset->key(dataset, 2, key, sizeof key);
    assert_string_equal(key, "2");
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

static void labels_begin_with_directories(void **state) {
    (void)state;
    struct simba_error error = {0};
    make(temporary("named/n01"));
    make(temporary("named/n02"));
    put_image(temporary("named/n01/x.png"), 1, 8, 6, 3);
    put_image(temporary("named/n02/x.png"), 1, 8, 6, 3);
    static const char *const names[] = {"n02 goldfish", "n01 tench"};
    const struct sb_dataset_parameters parameters = {
        .path = temporary("named"), .channels = 3, .class_names = names, .classes = 2};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    struct sb_image image;
    int32_t label = -1;
    struct sb_scratch scratch = {0};
    assert_true(read_whole(dataset, 0, &image, &label, &scratch, &error));
    assert_int_equal(label, 1);
    sb_scratch_finish(&scratch);
    sb_dataset_destroy(dataset);
}

/* A directory's own class wins over one that begins alike. */
static void labels_that_begin_alike(void **state) {
    (void)state;
    struct simba_error error = {0};
    make(temporary("alike/dog"));
    put_image(temporary("alike/dog/x.png"), 1, 8, 6, 3);
    static const char *const names[] = {"dog house", "dog", "great tit", "great shark"};
    const struct sb_dataset_parameters parameters = {
        .path = temporary("alike"), .channels = 3, .class_names = names, .classes = 4};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    struct sb_image image;
    int32_t label = -1;
    struct sb_scratch scratch = {0};
    assert_true(read_whole(dataset, 0, &image, &label, &scratch, &error));
    assert_int_equal(label, 1);
    sb_scratch_finish(&scratch);
    sb_dataset_destroy(dataset);
    make(temporary("alike/great"));
    put_image(temporary("alike/great/x.png"), 1, 8, 6, 3);
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "several of the model's classes begin with \"great\"");
}

static void put_cifar(const char *path, int count, int label_bytes, int first) {
    const size_t record = (size_t)label_bytes + 3072;
    uint8_t *bytes = calloc((size_t)count, record);
    assert_non_null(bytes);
    for (int i = 0; i < count; i++) {
        uint8_t *image = bytes + (size_t)i * record;
        image[0] = 77; /* the coarse label, where there are two */
        image[label_bytes - 1] = (uint8_t)((first + i) % 10);
        for (int p = 0; p < 3072; p++) image[label_bytes + p] = (uint8_t)(p / 1024 * 50 + p % 1024 % 32 + first + i);
    }
    put_file(path, bytes, (size_t)count * record);
    free(bytes);
}

static void cifar_directory(void **state) {
    (void)state;
    struct simba_error error = {0};
    make(temporary("cifar10"));
    make(temporary("cifar100"));
    assert_int_equal(sb_cifar_directory(temporary("cifar10")), SB_DATASET_AUTO);
    for (int i = 1; i <= 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "cifar10/data_batch_%d.bin", i);
        put_cifar(temporary(name), 3, 1, 3 * i);
    }
    put_cifar(temporary("cifar10/test_batch.bin"), 2, 1, 5);
    put_cifar(temporary("cifar100/train.bin"), 4, 2, 1);
    put_text(temporary("cifar10/batches.meta.txt"), "A\nB\nC\nD\r\nE\nF\nG\nH\nI\nJ\n\n");
    struct sb_dataset_parameters parameters = {.path = temporary("cifar10"), .training = true, .channels = 3};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_true(dataset->count == 15 && dataset->classes == 10 && dataset->channels == 3);
    assert_string_equal(dataset->class_names[2], "C");
    assert_string_equal(dataset->class_names[3], "D");
    assert_string_equal(dataset->class_names[9], "J");
    struct sb_image image;
    int32_t label;
    struct sb_scratch scratch = {0};
    for (int i = 0; i < 15; i++) {
        assert_true(read_whole(dataset, i, &image, &label, &scratch, &error));
        assert_int_equal(label, (3 + i) % 10);
        for (int p = 0; p < 1024; p++)
            for (int c = 0; c < 3; c++) assert_int_equal(image.pixels[3 * p + c], (uint8_t)(c * 50 + p % 32 + 3 + i));
    }
    sb_dataset_destroy(dataset);
    parameters.training = false;
    for (int more = 0; more < 2; more++) {
        put_text(temporary("cifar10/batches.meta.txt"), more ? "A\nB\nC\nD\nE\nF\nG\nH\nI\nJ\nK" : "A\nB\n");
        assert_null(sb_dataset_open(&parameters, &error));
        check_error(&error, SIMBA_ERROR_FORMAT,
                    more ? "batches.meta.txt: more than 10 names" : "batches.meta.txt: fewer than 10 names");
    }
    assert_int_equal(remove(temporary("cifar10/batches.meta.txt")), 0);
    dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_int_equal(dataset->count, 2);
    assert_string_equal(dataset->class_names[3], "cat");
    sb_dataset_destroy(dataset);

    parameters = (struct sb_dataset_parameters){.path = temporary("cifar100"), .training = true};
    dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_true(dataset->count == 4 && dataset->classes == 100);
    assert_true(read_whole(dataset, 3, &image, &label, &scratch, &error));
    assert_int_equal(label, 4);
    sb_dataset_destroy(dataset);
    sb_scratch_finish(&scratch);

    parameters.training = false;
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FILE, "test.bin");
    put_text(temporary("cifar100/test.bin"), "short");
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "5 bytes are no whole number of images of 3074 bytes");
    parameters.training = true;
    parameters.format = SB_DATASET_CIFAR10;
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FILE, "data_batch_1.bin");
    put_text(temporary("cifar10/test_batch.bin"), "");
    parameters = (struct sb_dataset_parameters){.path = temporary("cifar10")};
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "0 bytes are no whole number");
    parameters.classes = 7;
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "it has 10 classes, 7 are configured");
}

static void list_file(void **state) {
    (void)state;
    struct simba_error error = {0};
    make(temporary("cars/a b"));
    put_image(temporary("cars/a b/x.png"), 9, 8, 6, 3);
    put_image(temporary("cars/y, z.png"), 8, 8, 6, 3);
    put_text(temporary("cars/train.txt"), "# path, class\n\na b/x.png,Volvo\r\n\"y, z.png\" Audi\na b/x.png\tAudi\n"
                                          "  a b/x.png   Volvo  ");
    struct sb_dataset_parameters parameters = {.path = temporary("cars/train.txt"), .channels = 3};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_true(dataset->count == 4 && dataset->classes == 2);
    assert_string_equal(dataset->class_names[0], "Audi");
    static const int labels[] = {1, 0, 0, 1}, values[] = {9, 8, 9, 9};
    struct sb_scratch scratch = {0};
    struct sb_image image;
    int32_t label;
    for (int i = 0; i < 4; i++) {
        if (!read_whole(dataset, i, &image, &label, &scratch, &error)) fail_msg("%s", error.message);
        assert_int_equal(label, labels[i]);
        assert_int_equal(image.pixels[0], values[i]);
    }
    char key[64];
    dataset->key(dataset, 0, key, sizeof key);
    assert_string_equal(key, "a b/x");
    sb_dataset_destroy(dataset);

    /* Absolute paths: in the list's directory, and elsewhere, shorter than the name of that directory. */
    char text[1200];
    snprintf(text, sizeof text, "%s,0\n/y.png,1\n", temporary("cars/a b/x.png"));
    put_text(temporary("cars/absolute.txt"), text);
    parameters.path = temporary("cars/absolute.txt");
    dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    dataset->key(dataset, 0, key, sizeof key);
    assert_string_equal(key, "a b/x");
    dataset->key(dataset, 1, key, sizeof key);
    assert_string_equal(key, "/y");
    sb_dataset_destroy(dataset);
    parameters.path = temporary("cars/train.txt");

    static const char *const names[] = {"Volvo", "Audi", "Saab"};
    parameters.class_names = names;
    parameters.classes = 3;
    dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_true(read_whole(dataset, 0, &image, &label, &scratch, &error));
    assert_int_equal(label, 0);
    sb_dataset_destroy(dataset);
    put_text(temporary("cars/typo.txt"), "a b/x.png Volvo\na b/x.png Sab\n");
    parameters.path = temporary("cars/typo.txt");
    assert_null(sb_dataset_open(&parameters, &error));
    check_error(&error, SIMBA_ERROR_FORMAT,
                "typo.txt, line 2: \"Sab\" is none of the 3 classes; the nearest is \"Saab\"");
    put_text(temporary("cars/number.txt"), "a b/x.png 2\na b/x.png 0\n");
    parameters.path = temporary("cars/number.txt");
    dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_true(read_whole(dataset, 0, &image, &label, &scratch, &error));
    assert_int_equal(label, 2);
    sb_dataset_destroy(dataset);
    sb_scratch_finish(&scratch);

    /* Many classes in no order, a heading, and separators within paths and names. */
    FILE *many = fopen(temporary("cars/many.csv"), "w");
    assert_non_null(many);
    fputs("Path,Label\n", many);
    for (int i = 0; i < 3000; i++) fprintf(many, "x/%d.JPEG,c%04d\n", i, i * 7 % 1000);
    fputs("a, b.png c0007\na,b.png\tc0008\nx.jpg,c0009\nx.jpg c0010, red\n\"x y\" , c0011\n", many);
    assert_int_equal(fclose(many), 0);
    parameters = (struct sb_dataset_parameters){.path = temporary("cars/many.csv"), .channels = 3};
    dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_true(dataset->count == 3005 && dataset->classes == 1001);
    static const char *const last_names[] = {"c0007", "c0008", "c0009", "c0010, red", "c0011"};
    static const char *const last_keys[] = {"a, b", "a,b", "x", "x", "x y"};
    for (int i = 0; i < 3005; i++) {
        struct sb_sample sample = {.index = i};
        char name[16];
        snprintf(name, sizeof name, "c%04d", i * 7 % 1000);
        dataset->open(dataset, &sample, &scratch, NULL); /* there are no such files */
        assert_string_equal(dataset->class_names[sample.label], i < 3000 ? name : last_names[i - 3000]);
        if (i < 3000) continue;
        dataset->key(dataset, i, key, sizeof key);
        assert_string_equal(key, last_keys[i - 3000]);
    }
    sb_dataset_destroy(dataset);
    sb_scratch_finish(&scratch);

    static const struct {
        const char *text, *message;
    } bad[] = {{"", "there is no image in this list"},
               {"alone\n", "line 1: there is no class: \"alone\""},
               {"a 1\nb Audi\n", "line 2: a name after classes that were numbers"},
               {"a Audi\n\"b 1\n", "line 2: the quote is not closed"},
               {"a,\n", "line 1: the path or the class is empty"},
               {"a 9999999999\n", "line 1: a class beyond the last one"}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_text(temporary("cars/bad.txt"), bad[i].text);
        const struct sb_dataset_parameters broken = {.path = temporary("cars/bad.txt"), .channels = 3};
        assert_null(sb_dataset_open(&broken, &error));
        check_error(&error, SIMBA_ERROR_FORMAT, bad[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_is_read),
        cmocka_unit_test(folder_with_given_classes),
        cmocka_unit_test(folders_that_are_none),
        cmocka_unit_test(labels_begin_with_directories),
        cmocka_unit_test(labels_that_begin_alike),
        cmocka_unit_test(cifar_directory),
        cmocka_unit_test(list_file),
        cmocka_unit_test(list_with_a_long_line),
        cmocka_unit_test(idx_directory),
        cmocka_unit_test(idx_pairs_that_do_not_fit),
    };
    return cmocka_run_group_tests_name("data dataset", tests, make_temporary, remove_temporary);
}
