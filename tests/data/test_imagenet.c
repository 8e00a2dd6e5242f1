/* The evaluation transform on photographs of ImageNet gives every pixel that torchvision gives on PIL images
 * (make_imagenet_cases.py): from files through the data set and the pipeline to the bytes that the model normalises.
 * The photographs are not ours to hand out. Usage: test_imagenet DIRECTORY, in which there is imagenet-samples.tar;
 * without it the test is skipped. */
#include "real_data.h"
#include "temporary.h"

#include "data/pipeline.h"

enum { SIDE = 224, TAR_BLOCK = 512 };

struct imagenet_case {
    const char *name;
    uint64_t hash;
};

#include "imagenet_cases.h"

enum { CASES = sizeof imagenet_cases / sizeof *imagenet_cases };

static const char *archive;

/* Writes the files of a tar archive (POSIX.1-1988) into a directory. */
static void unpack(FILE *tar, const char *directory) {
    char header[TAR_BLOCK];
    while (fread(header, 1, TAR_BLOCK, tar) == TAR_BLOCK && header[0]) {
        const size_t size = strtoul(header + 124, NULL, 8);
        const size_t padded = (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
        uint8_t *content = malloc(padded + 1);
        assert_non_null(content);
        assert_int_equal(fread(content, 1, padded, tar), padded);
        char path[512];
        snprintf(path, sizeof path, "%s/%.100s", directory, header);
        if (header[156] == '0' || header[156] == '\0') put_file(path, content, size);
        free(content);
    }
}

static void evaluation(void **state) {
    (void)state;
    struct simba_error error = {0};
    assert_int_equal(mkdir(temporary("photographs"), 0777), 0);
    assert_int_equal(mkdir(temporary("photographs/all"), 0777), 0);
    FILE *tar = fopen(archive, "rb");
    assert_non_null(tar);
    unpack(tar, temporary("photographs/all"));
    fclose(tar);

    const struct sb_dataset_parameters parameters = {.path = temporary("photographs"), .channels = 3};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) fail_msg("%s", error.message);
    assert_int_equal(dataset->count, CASES);
    const struct sb_pipeline pipeline = {
        .evaluation = {.height = SIDE, .width = SIDE, .crop_fraction = 0.96, .filter = SB_FILTER_BICUBIC}};
    struct sb_scratch scratch = {0};
    static uint8_t pixels[SIDE * SIDE * 3];
    int different = 0;
    for (int i = 0; i < CASES; i++) {
        struct sb_sample sample;
        if (!sb_pipeline_apply(&pipeline, dataset, i, (struct sb_random){0}, &scratch, pixels, &sample, NULL, &error))
            fail_msg("%s", error.message);
        const char *name = strrchr(sample.name, '/');
        assert_non_null(name);
        assert_string_equal(name + 1, imagenet_cases[i].name);
        if (hash_of(pixels, sizeof pixels) == imagenet_cases[i].hash) continue;
        print_message("%s differs from PIL's\n", imagenet_cases[i].name);
        different++;
    }
    if (different) fail_msg("%d of %d photographs differ from PIL's", different, (int)CASES);
    sb_scratch_finish(&scratch);
    sb_dataset_destroy(dataset);
}

int main(int count, char **words) {
    archive = find_real_data(count > 1 ? words[1] : ".", "imagenet-samples.tar");
    const struct CMUnitTest tests[] = {cmocka_unit_test(evaluation)};
    return cmocka_run_group_tests_name("data imagenet", tests, make_temporary, remove_temporary);
}
