/* What is read from a PyTorch file, for test_torch.py to compare: print_torch FILE, or print_torch FILE CLASSES for a
 * label map. */
#include "data/token_target.h"
#include "io/torch_file.h"

#include <stdio.h>
#include <stdlib.h>

/* A line for each tensor: name, type, lengths and bytes, tabs between. */
static bool print_tensors(const char *path, struct simba_error *error) {
    struct sb_torch_file file;
    const bool fine = sb_torch_file_open(&file, path, error);
    for (int i = 0; fine && i < file.count; i++) {
        const struct sb_torch_tensor *tensor = &file.tensors[i];
        const size_t size = (size_t)tensor->elements * sb_stored_size(tensor->type);
        uint8_t *bytes = malloc(size ? size : 1);
        if (!bytes) abort();
        sb_torch_file_read(tensor, bytes);
        printf("%s\t%s\t", tensor->name, sb_stored_name(tensor->type));
        for (int axis = 0; axis < tensor->rank; axis++)
            printf("%s%lld", axis ? " " : "", (long long)tensor->shape[axis]);
        printf("\t");
        for (size_t at = 0; at < size; at++) printf("%02x", bytes[at]);
        printf("\n");
        free(bytes);
    }
    if (fine) printf("ignored\t%s\n", file.ignored);
    sb_torch_file_finish(&file);
    return fine;
}

/* Lengths, then a score and a class on each line. */
static bool print_map(const char *path, int classes, struct simba_error *error) {
    struct sb_buffer memory = {0};
    struct sb_label_map map;
    const bool fine = sb_label_map_read(path, classes, &memory, &map, error);
    if (fine) {
        printf("%d %d %d\n", map.top, map.height, map.width);
        for (int i = 0; i < map.top * map.height * map.width; i++)
            printf("%.17g %d\n", (double)map.scores[i], map.classes[i]);
    }
    free(memory.bytes);
    return fine;
}

int main(int count, char **arguments) {
    struct simba_error error = {0};
    if (count < 2) return 2;
    if (count == 2 ? print_tensors(arguments[1], &error) : print_map(arguments[1], atoi(arguments[2]), &error))
        return 0;
    fprintf(stderr, "%s\n", error.message);
    return 1;
}
