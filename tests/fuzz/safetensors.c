/* safetensors files: what is opened can be read whole, and the model that they are of has parameters. */
#include "fuzz.h"

#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

static void try_file(const char *path) {
    struct simba_error error = {0};
    struct sb_safetensors *file = sb_safetensors_open(path, &error);
    if (!file) {
        fuzz_refused(&error, path);
        return;
    }
    for (int i = 0; i < file->count; i++) {
        const struct sb_safetensor *tensor = &file->tensors[i];
        float *numbers = malloc((size_t)tensor->elements * sizeof *numbers + 1);
        fuzz_expect(numbers && sb_safetensors_find(file, tensor->name), "a tensor has its name");
        fuzz_expect(sb_safetensors_read_floats(file, tensor, numbers, &error), "a tensor can be read");
        free(numbers);
    }
    for (int i = 0; i < file->note_count; i++)
        fuzz_expect(sb_safetensors_note(file, file->notes[i].key), "a note has its key");
    struct sb_model_config config;
    struct sb_parameter_list list = {.count = 0};
    if (!sb_weights_config(file, &config, &error))
        fuzz_refused(&error, path);
    else
        fuzz_expect(sb_model_parameters(&config, &list, &error) && list.elements > 0, "a model with parameters");
    sb_parameter_list_finish(&list);
    sb_safetensors_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    enum { DATA = 24 };
    try_file(fuzz_file(bytes, size));
    /* And as a header alone, before some data: the length in front of it would hardly ever be right. */
    const uint64_t length = size;
    uint8_t *whole = calloc(sizeof length + size + DATA, 1);
    fuzz_expect(whole, "memory for the input");
    memcpy(whole, &length, sizeof length);
    if (size) memcpy(whole + sizeof length, bytes, size);
    try_file(fuzz_file(whole, sizeof length + size + DATA));
    free(whole);
    return 0;
}
