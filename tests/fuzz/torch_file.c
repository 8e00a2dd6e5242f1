/* PyTorch files: every tensor that is found can be read, and a state dictionary has the same ones. */
#include "torch.h"

#include <stdlib.h>

static void read_tensors(const struct sb_torch_file *file) {
    for (int i = 0; i < file->count; i++) {
        const struct sb_torch_tensor *tensor = &file->tensors[i];
        const size_t size = (size_t)tensor->elements * sb_stored_size(tensor->type);
        void *bytes = malloc(size ? size : 1);
        fuzz_expect(bytes, "memory for a tensor");
        sb_torch_file_read(tensor, bytes);
        fuzz_touch(bytes, size);
        free(bytes);
    }
}

static void read_dictionary(struct sb_safetensors *file) {
    for (int i = 0; i < file->count; i++) {
        const struct sb_safetensor *tensor = &file->tensors[i];
        struct simba_error error = {0};
        float *numbers = malloc((size_t)tensor->elements * sizeof *numbers + 1);
        fuzz_expect(numbers && sb_safetensors_find(file, tensor->name), "a tensor has its name");
        fuzz_expect(sb_safetensors_read_floats(file, tensor, numbers, &error), "a tensor can be read");
        free(numbers);
    }
    sb_safetensors_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *path = fuzz_torch_file(bytes, size);
    if (!path) return 0;
    struct simba_error error = {0};
    struct sb_torch_file file;
    const bool opened = sb_torch_file_open(&file, path, &error);
    if (opened)
        read_tensors(&file);
    else
        fuzz_refused(&error, path);
    sb_torch_file_finish(&file);
    if (!opened) return 0;
    char ignored[512];
    struct sb_safetensors *dictionary = sb_torch_state_dictionary(path, NULL, ignored, &error);
    if (dictionary)
        read_dictionary(dictionary);
    else
        fuzz_refused(&error, path);
    return 0;
}
