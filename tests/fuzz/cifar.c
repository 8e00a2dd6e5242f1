/* CIFAR's binary files: the first byte chooses between CIFAR-10 and CIFAR-100 and whether zeros fill up the last
 * record, and the last bytes are the file of the classes' names. */
#include "fuzz.h"

#include "base/file.h"
#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD = 3073, NAMES = 64 };

static char directory[128];

static void remove_directory(void) {
    static const char *const files[] = {"test_batch.bin", "test.bin", "batches.meta.txt", "fine_label_names.txt"};
    for (int i = 0; i < 4; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        unlink(path);
    }
    rmdir(directory);
}

static void put(const char *name, const void *bytes, size_t size) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    fuzz_expect(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0, "a file is written");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 1 + NAMES) return 0;
    if (!directory[0]) {
        snprintf(directory, sizeof directory, "%s/simba-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
        fuzz_expect(mkdtemp(directory) && atexit(remove_directory) == 0, "a directory");
    }
    const bool hundred = bytes[0] & 1, whole = bytes[0] & 2;
    const size_t given = size - 1 - NAMES;
    size_t length = whole ? (given + RECORD - 1) / RECORD * (RECORD + hundred) : given;
    uint8_t *content = calloc(length + 1, 1);
    fuzz_expect(content, "memory for the input");
    memcpy(content, bytes + 1, given < length ? given : length);
    put(hundred ? "test.bin" : "test_batch.bin", content, length);
    put(hundred ? "fine_label_names.txt" : "batches.meta.txt", bytes + size - NAMES, NAMES);
    free(content);
    struct simba_error error = {0};
    const struct sb_dataset_parameters parameters = {.format = hundred ? SB_DATASET_CIFAR100 : SB_DATASET_CIFAR10,
                                                     .path = directory};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) {
        fuzz_refused(&error, directory);
        return 0;
    }
    struct sb_sample sample = {0};
    struct sb_image image;
    struct sb_region inside;
    struct sb_scratch scratch = {0};
    for (; sample.index < dataset->count; sample.index++) {
        fuzz_expect(dataset->open(dataset, &sample, &scratch, &error) && sample.label < dataset->classes, "a label");
        fuzz_expect(dataset->decode(dataset, &sample, (struct sb_region){0, 0, 32, 32}, 0, 0, &scratch, &image, &inside,
                                    &error),
                    "an image");
        fuzz_touch(image.pixels, 32 * 32 * 3);
    }
    sb_scratch_finish(&scratch);
    sb_dataset_destroy(dataset);
    return 0;
}
