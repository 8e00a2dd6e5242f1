/* Lists of images: with classes of their own, and with those of a model. */
#include "fuzz.h"

#include "data/dataset.h"

#include <string.h>

static void try_list(const char *path, const char *const *names, int count) {
    struct simba_error error = {0};
    const struct sb_dataset_parameters parameters = {
        .format = SB_DATASET_LIST, .path = path, .channels = 3, .class_names = names, .classes = count};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, &error);
    if (!dataset) {
        fuzz_refused(&error, path);
        return;
    }
    fuzz_expect(dataset->count > 0 && dataset->classes > 0, "images and classes");
    for (int i = 0; i < dataset->classes; i++) fuzz_expect(dataset->class_names[i], "a class has a name");
    for (int64_t i = 0; i < dataset->count; i++) {
        char key[256];
        dataset->key(dataset, i, key, sizeof key);
        const char *name = strrchr(key, '/');
        fuzz_expect(!strchr(name ? name : key, '.'), "a key has no ending");
    }
    sb_dataset_destroy(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"cat", "dog", "wild boar"};
    const char *path = fuzz_file(bytes, size);
    try_list(path, NULL, 0);
    try_list(path, names, 3);
    return 0;
}
