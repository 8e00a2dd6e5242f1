/* State dictionaries of PyTorch files, as safetensors; and the other way. */
#include "base/file.h"
#include "io/torch_file.h"
#include "io/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading */

static bool begins_with(const char *name, const char *key) {
    const size_t length = strlen(key);
    return strncmp(name, key, length) == 0 && name[length] == '.';
}

static bool any_begins_with(const struct sb_torch_file *file, const char *key) {
    for (int i = 0; i < file->count; i++)
        if (begins_with(file->tensors[i].name, key)) return true;
    return false;
}

/* The usual keys; else the one below which everything lies. */
static const char *choose_key(struct sb_torch_file *file, struct simba_error *error) {
    static const char *const keys[] = {"model", "state_dict", "model_state_dict"};
    for (int i = 0; i < 3; i++)
        if (any_begins_with(file, keys[i])) return keys[i];
    const char *dot = file->count ? strchr(file->tensors[0].name, '.') : NULL;
    const char *first =
        dot ? sb_pool_format(&file->pool, error, "%.*s", (int)(dot - file->tensors[0].name), file->tensors[0].name)
            : NULL;
    for (int i = 0; first && i < file->count; i++)
        if (!begins_with(file->tensors[i].name, first)) return NULL;
    return first && strcmp(first, "module") != 0 ? first : NULL;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* What a pickle can hold and a safetensors file cannot. */
static bool check_names(const char *shown, const struct sb_safetensors_entry *entries, int count,
                        struct simba_error *error) {
    const char **names = sb_allocate((size_t)count, sizeof *names, error);
    if (!names) return false;
    bool fine = true;
    for (int i = 0; i < count; i++) names[i] = entries[i].name;
    qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int i = 0; fine && i < count; i++) {
        if (strcmp(names[i], "__metadata__") == 0)
            fine = sb_fail(error, SIMBA_ERROR_FORMAT, "%s: a tensor has the name \"__metadata__\", which is reserved.",
                           shown);
        else if (i > 0 && strcmp(names[i - 1], names[i]) == 0)
            fine = sb_fail(error, SIMBA_ERROR_FORMAT, "%s: there are two tensors of the name \"%s\".", shown, names[i]);
    }
    free(names);
    return fine;
}

/* The tensors as a safetensors file at `path`, which is read again from its descriptor. */
static struct sb_safetensors *as_safetensors(const char *path, const struct sb_torch_file *file, const char *key,
                                             const char *shown, struct simba_error *error) {
    struct sb_safetensors *result = NULL;
    struct sb_safetensors_entry *entries = sb_allocate((size_t)file->count + 1, sizeof *entries, error);
    int count = 0, largest = 0;
    bool prefixed = true;
    if (!entries) return NULL;
    for (int i = 0; i < file->count; i++) {
        const struct sb_torch_tensor *tensor = &file->tensors[i];
        if (key && !begins_with(tensor->name, key)) continue;
        entries[count] = (struct sb_safetensors_entry){.name = tensor->name + (key ? strlen(key) + 1 : 0),
                                                       .type = tensor->type,
                                                       .rank = tensor->rank,
                                                       .shape = tensor->shape,
                                                       .bytes = tensor};
        prefixed = prefixed && begins_with(entries[count].name, "module");
        if (tensor->elements > file->tensors[largest].elements) largest = i;
        count++;
    }
    for (int i = 0; prefixed && i < count; i++) entries[i].name += strlen("module.");
    uint8_t *bytes = sb_allocate((size_t)file->tensors[largest].elements + 1, 8, error);
    struct sb_safetensors_writer writer;
    bool fine = bytes && check_names(shown, entries, count, error) &&
                sb_safetensors_begin(&writer, path, entries, count, NULL, 0, error);
    for (int i = 0; fine && i < count; i++) {
        const struct sb_torch_tensor *tensor = entries[i].bytes;
        sb_torch_file_read(tensor, bytes);
        fine = sb_safetensors_append(&writer, bytes, (size_t)tensor->elements * sb_stored_size(tensor->type), error);
        if (!fine) sb_safetensors_discard(&writer);
    }
    if (fine && sb_safetensors_commit(&writer, error)) {
        result = sb_safetensors_open(path, error);
        /* Its messages should name what the user knows. */
        char *name = result ? strdup(shown) : NULL;
        if (name) {
            free(result->path);
            result->path = name;
        }
    }
    free(bytes);
    free(entries);
    return result;
}

struct sb_safetensors *sb_torch_state_dictionary(const char *path, const char *key, char *ignored,
                                                 struct simba_error *error) {
    struct sb_torch_file file;
    struct sb_safetensors *result = NULL;
    if (!sb_torch_file_open(&file, path, error)) goto done;
    if (!key) key = choose_key(&file, error);
    if (file.count == 0 || (key && !any_begins_with(&file, key))) {
        char names[300] = "";
        for (int i = 0; i < file.count && i < 3; i++)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s\"%.80s\"", i ? ", " : "",
                     file.tensors[i].name);
        sb_fail(error, SIMBA_ERROR_FORMAT, "%s: expected a state dictionary%s%s%s, found %d tensors%s%s.", path,
                key ? " below \"" : "", key ? key : "", key ? "\"" : "", file.count, file.count ? ": " : "", names);
        goto done;
    }
    const char *root = getenv("TMPDIR");
    char directory[256], temporary[300];
    snprintf(directory, sizeof directory, "%.200s/simba-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(directory)) {
        sb_fail_errno(error, errno, "make a directory for temporary files", directory);
        goto done;
    }
    snprintf(temporary, sizeof temporary, "%s/weights", directory);
    result = as_safetensors(temporary, &file, key, path, error);
    unlink(temporary);
    rmdir(directory);
    if (result && ignored) {
        snprintf(ignored, 512, "%s", file.ignored);
        for (int i = 0; key && i < file.count; i++) {
            const char *name = file.tensors[i].name, *dot = strchr(name, '.');
            char other[128];
            snprintf(other, sizeof other, "%.*s", dot ? (int)(dot - name) : 100, name);
            if (begins_with(name, key) || strstr(ignored, other) || strlen(ignored) + strlen(other) + 3 > 512) continue;
            snprintf(ignored + strlen(ignored), 512 - strlen(ignored), "%s%s", ignored[0] ? ", " : "", other);
        }
    }
done:
    sb_torch_file_finish(&file);
    return result;
}

/* ---- writing */

/* Opcodes of protocol 2. */
static void put_unicode(struct sb_bytes *text, const char *string) {
    sb_put(text, "X", 1);
    sb_put_little(text, strlen(string), 4);
    sb_put_text(text, string);
}

static void put_integer(struct sb_bytes *text, int64_t value) {
    if (value >= 0 && value < 256) {
        sb_put(text, "K", 1);
        sb_put_little(text, (uint64_t)value, 1);
    } else if (value < (int64_t)1 << 31) {
        sb_put(text, "J", 1);
        sb_put_little(text, (uint64_t)value, 4);
    } else {
        sb_put(text, "\x8a\x08", 2);
        sb_put_little(text, (uint64_t)value, 8);
    }
}

static const char *storage_name(enum sb_stored_type type) {
    static const char *const names[SB_STORED_COUNT] = {
        [SB_STORED_F64] = "DoubleStorage",    [SB_STORED_F32] = "FloatStorage", [SB_STORED_F16] = "HalfStorage",
        [SB_STORED_BF16] = "BFloat16Storage", [SB_STORED_I64] = "LongStorage",  [SB_STORED_I32] = "IntStorage",
        [SB_STORED_U8] = "ByteStorage"};
    return names[type];
}

static int64_t elements_of(const struct sb_safetensors_entry *entry) {
    int64_t elements = 1;
    for (int axis = 0; axis < entry->rank; axis++) elements *= entry->shape[axis];
    return elements;
}

static void put_tensor(struct sb_bytes *text, const struct sb_safetensors_entry *entry, int number) {
    char key[16];
    snprintf(key, sizeof key, "%d", number);
    sb_put_text(text, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_unicode(text, "storage");
    sb_put_text(text, "ctorch\n");
    sb_put_text(text, storage_name(entry->type));
    sb_put_text(text, "\n");
    put_unicode(text, key);
    put_unicode(text, "cpu");
    put_integer(text, elements_of(entry));
    sb_put_text(text, "tQK");
    sb_put_little(text, 0, 1); /* the offset in the storage */
    sb_put_text(text, "(");
    for (int axis = 0; axis < entry->rank; axis++) put_integer(text, entry->shape[axis]);
    sb_put_text(text, "t(");
    int64_t stride = elements_of(entry);
    for (int axis = 0; axis < entry->rank; axis++) {
        stride = entry->shape[axis] ? stride / entry->shape[axis] : 1;
        put_integer(text, stride);
    }
    sb_put_text(text, "t\x89"
                      "ccollections\nOrderedDict\n)RtR");
}

static void put_object(struct sb_bytes *text, const struct sb_safetensors_entry *entries, int count) {
    sb_put(text, "\x80\x02", 2);
    if (count == 1 && !entries[0].name[0]) {
        put_tensor(text, &entries[0], 0);
    } else {
        sb_put_text(text, "ccollections\nOrderedDict\n)R(");
        for (int i = 0; i < count; i++) {
            put_unicode(text, entries[i].name);
            put_tensor(text, &entries[i], i);
        }
        sb_put_text(text, "u");
    }
    sb_put_text(text, ".");
}

static bool write_entries(struct sb_zip_writer *writer, const struct sb_safetensors_entry *entries, int count,
                          struct simba_error *error) {
    struct sb_bytes object = {0};
    put_object(&object, entries, count);
    bool fine =
        !object.failed || sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory to write %s.", writer->file.path);
    fine = fine && sb_zip_add(writer, "archive/data.pkl", object.bytes, object.size, error);
    for (int i = 0; fine && i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "archive/data/%d", i);
        const size_t size = (size_t)elements_of(&entries[i]) * sb_stored_size(entries[i].type);
        fine = sb_zip_add(writer, name, entries[i].bytes, size, error);
    }
    free(object.bytes);
    return fine && sb_zip_add(writer, "archive/version", "3\n", 2, error);
}

bool sb_torch_write(const char *path, const struct sb_safetensors_entry *entries, int count,
                    struct simba_error *error) {
    struct sb_zip_writer writer;
    if (!sb_zip_begin(&writer, path, error)) return false;
    if (write_entries(&writer, entries, count, error)) return sb_zip_commit(&writer, error);
    sb_zip_discard(&writer);
    return false;
}
