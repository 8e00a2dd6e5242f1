/* For test_torch.py. What is read from a PyTorch file: print_torch FILE, or print_torch FILE CLASSES for a label map.
 * The same file with ZIP64's records, which only one of more than 4 GB would have: print_torch FILE --zip64 OUTPUT. */
#include "data/token_target.h"
#include "io/torch_file.h"
#include "io/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool write_zip64(const char *from, const char *to, struct simba_error *error) {
    struct sb_zip zip = {.count = 0};
    struct sb_zip_writer writer;
    uint8_t *bytes, *owned;
    size_t size;
    if (!sb_read_file(from, 0, &bytes, &size, error)) return false;
    bool fine = sb_zip_open(&zip, from, bytes, size, error) && sb_zip_begin(&writer, to, error);
    if (fine) {
        writer.largest =
            0; /* torch's reader takes a far place for true unless the size is in ZIP64's records as well */
        for (int64_t i = 0; fine && i < zip.count; i++) {
            const uint8_t *entry = sb_zip_read(&zip, &zip.entries[i], &owned, error);
            fine = entry && sb_zip_add(&writer, zip.entries[i].name, entry, (size_t)zip.entries[i].size, error);
            free(owned);
        }
        if (fine)
            fine = sb_zip_commit(&writer, error);
        else
            sb_zip_discard(&writer);
    }
    sb_zip_finish(&zip);
    free(bytes);
    return fine;
}

static bool run(int count, char **arguments, struct simba_error *error) {
    if (count == 2) return print_tensors(arguments[1], error);
    if (count == 3) return print_map(arguments[1], atoi(arguments[2]), error);
    return write_zip64(arguments[1], arguments[3], error);
}

int main(int count, char **arguments) {
    struct simba_error error = {0};
    if (count < 2 || count > 4 || (count == 4 && strcmp(arguments[2], "--zip64") != 0)) return 2;
    if (run(count, arguments, &error)) return 0;
    fprintf(stderr, "%s\n", error.message);
    return 1;
}
