#include "io/safetensors.h"

#include <cJSON.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool entry_bytes(const struct sb_safetensors_entry *entry, uint64_t *bytes) {
    *bytes = sb_stored_size(entry->type);
    if (entry->rank < 0 || entry->rank > SB_SAFETENSORS_RANK) return false;
    for (int axis = 0; axis < entry->rank; axis++)
        if (entry->shape[axis] < 0 || __builtin_mul_overflow(*bytes, (uint64_t)entry->shape[axis], bytes)) return false;
    return *bytes < (uint64_t)1 << 52;
}

static cJSON *describe(const struct sb_safetensors_entry *entry, uint64_t begin, uint64_t end) {
    cJSON *tensor = cJSON_CreateObject(), *shape, *offsets;
    bool done = tensor && cJSON_AddStringToObject(tensor, "dtype", sb_stored_name(entry->type));
    done = done && (shape = cJSON_AddArrayToObject(tensor, "shape"));
    for (int axis = 0; axis < entry->rank && done; axis++)
        done = cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)entry->shape[axis]));
    done = done && (offsets = cJSON_AddArrayToObject(tensor, "data_offsets"));
    done = done && cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)begin));
    done = done && cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)end));
    if (done) return tensor;
    cJSON_Delete(tensor);
    return NULL;
}

/* The header's text and the number of bytes that follow it. */
static char *make_header(const char *path, const struct sb_safetensors_entry *entries, int count,
                         const struct sb_safetensors_note *notes, int note_count, uint64_t *total,
                         struct simba_error *error) {
    cJSON *root = cJSON_CreateObject(), *metadata = NULL;
    bool done = root != NULL;
    if (note_count > 0) done = done && (metadata = cJSON_AddObjectToObject(root, "__metadata__"));
    for (int i = 0; i < note_count && done; i++)
        done = cJSON_AddStringToObject(metadata, notes[i].key, notes[i].value) != NULL;
    *total = 0;
    for (int i = 0; i < count && done; i++) {
        uint64_t bytes;
        if (!entry_bytes(&entries[i], &bytes)) {
            cJSON_Delete(root);
            sb_fail(error, SIMBA_ERROR_INTERNAL, "%s: tensor \"%s\" has a shape that no file can hold.", path,
                    entries[i].name);
            return NULL;
        }
        cJSON *tensor = describe(&entries[i], *total, *total + bytes);
        done = tensor && cJSON_AddItemToObject(root, entries[i].name, tensor);
        *total += bytes;
    }
    char *text = done ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    if (!text) sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the header of %s.", path);
    return text;
}

bool sb_safetensors_begin(struct sb_safetensors_writer *writer, const char *path,
                          const struct sb_safetensors_entry *entries, int count,
                          const struct sb_safetensors_note *notes, int note_count, struct simba_error *error) {
    *writer = (struct sb_safetensors_writer){0};
    char *header = make_header(path, entries, count, notes, note_count, &writer->left, error);
    if (!header) return false;
    /* Spaces behind the header bring the tensors to a multiple of 8 bytes. */
    size_t length = strlen(header);
    uint64_t padded = (length + 7) / 8 * 8;
    bool done = sb_writer_open(&writer->file, path, error) &&
                sb_writer_write(&writer->file, &padded, sizeof padded, error) &&
                sb_writer_write(&writer->file, header, length, error) &&
                sb_writer_write(&writer->file, "       ", (size_t)padded - length, error);
    free(header);
    if (!done) sb_safetensors_discard(writer);
    return done;
}

bool sb_safetensors_append(struct sb_safetensors_writer *writer, const void *bytes, size_t size,
                           struct simba_error *error) {
    if (size > writer->left)
        return sb_fail(error, SIMBA_ERROR_INTERNAL, "%s: more bytes are written than were declared.",
                       writer->file.path);
    if (!sb_writer_write(&writer->file, bytes, size, error)) return false;
    writer->left -= size;
    return true;
}

bool sb_safetensors_commit(struct sb_safetensors_writer *writer, struct simba_error *error) {
    if (writer->left == 0) return sb_writer_commit(&writer->file, error);
    sb_fail(error, SIMBA_ERROR_INTERNAL, "%s: %" PRIu64 " declared bytes were not written.", writer->file.path,
            writer->left);
    sb_safetensors_discard(writer);
    return false;
}

void sb_safetensors_discard(struct sb_safetensors_writer *writer) {
    sb_writer_discard(&writer->file);
}

bool sb_safetensors_write(const char *path, const struct sb_safetensors_entry *entries, int count,
                          const struct sb_safetensors_note *notes, int note_count, struct simba_error *error) {
    struct sb_safetensors_writer writer;
    if (!sb_safetensors_begin(&writer, path, entries, count, notes, note_count, error)) return false;
    for (int i = 0; i < count; i++) {
        uint64_t bytes;
        entry_bytes(&entries[i], &bytes);
        if (!sb_safetensors_append(&writer, entries[i].bytes, (size_t)bytes, error)) {
            sb_safetensors_discard(&writer);
            return false;
        }
    }
    return sb_safetensors_commit(&writer, error);
}
