#include "io/torch_file.h"

#include "io/pickle.h"
#include "io/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How deep values nest; how many are looked at for each byte of the file, since values may contain others any number of
 * times; and how often tensors may show the same numbers, which a network of shared layers does. */
enum { DEEPEST = 32, LOOKS = 4, SHARING = 64, TENSOR_LOOKS = 32, PICKLE_RATIO = 16 };

/* The long integer with which files begin that torch before 1.6 wrote: protocol 2, LONG1, ten bytes, STOP. */
static const uint8_t old_magic[] = {0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

static const struct {
    const char *name;
    enum sb_stored_type type; /* SB_STORED_COUNT: known, and not stored by safetensors here */
    size_t size;
} storages[] = {
    {"torch FloatStorage", SB_STORED_F32, 4},
    {"torch DoubleStorage", SB_STORED_F64, 8},
    {"torch HalfStorage", SB_STORED_F16, 2},
    {"torch BFloat16Storage", SB_STORED_BF16, 2},
    {"torch LongStorage", SB_STORED_I64, 8},
    {"torch IntStorage", SB_STORED_I32, 4},
    {"torch ByteStorage", SB_STORED_U8, 1},
    {"torch BoolStorage", SB_STORED_U8, 1},
    {"torch ShortStorage", SB_STORED_COUNT, 2},
    {"torch CharStorage", SB_STORED_COUNT, 1},
    {"torch ComplexFloatStorage", SB_STORED_COUNT, 8},
    {"torch ComplexDoubleStorage", SB_STORED_COUNT, 16},
};
enum { STORAGES = sizeof storages / sizeof storages[0] };

struct storage {
    const char *key;
    const uint8_t *bytes; /* NULL: not read yet */
    uint64_t size;
    size_t element; /* the older format: bytes of one number, 0: no tensor has told */
};

struct reading {
    struct sb_torch_file *file;
    const char *path;
    struct simba_error *error;
    struct sb_zip zip;
    char prefix[256];         /* of the entries: "archive/" */
    struct storage *storages; /* as the archive's entries; in the older format, in the file's order */
    struct storage **by_key;  /* the older format */
    int64_t storage_count;
    uint64_t looks; /* that are left */
    uint64_t shown; /* bytes of all tensors */
};

static bool bad(struct reading *reading, const char *what) {
    return sb_fail(reading->error, SIMBA_ERROR_FORMAT, "%s: this PyTorch file is damaged: %s.", reading->path, what);
}

static bool look(struct reading *reading, uint64_t count) {
    if (count > reading->looks) return bad(reading, "its values contain each other too often");
    reading->looks -= count;
    return true;
}

static bool is_text(const struct sb_pickle *value, const char *text) {
    return value->kind == SB_PICKLE_TEXT && strcmp(value->text, text) == 0;
}

static int compare_storages(const void *left, const void *right) {
    const struct storage *const *a = left, *const *b = right;
    return strcmp((*a)->key, (*b)->key);
}

static struct storage *find_old_storage(struct reading *reading, const char *key) {
    const struct storage wanted = {.key = key}, *const at = &wanted;
    struct storage **found =
        bsearch(&at, reading->by_key, (size_t)reading->storage_count, sizeof(struct storage *), compare_storages);
    return found ? *found : NULL;
}

/* Unpacked bytes that live as long as the file. */
static bool keep(struct sb_torch_file *file, uint8_t *owned, uint64_t size) {
    uint8_t **larger = realloc(file->owned, ((size_t)file->owned_count + 1) * sizeof *larger);
    if (!larger) return false;
    file->owned = larger;
    file->owned[file->owned_count++] = owned;
    file->unpacked += size;
    return true;
}

/* The bytes of a storage by its key, read from the archive when they are asked for first. */
static const struct storage *find_storage(struct reading *reading, const char *key) {
    if (reading->by_key) {
        const struct storage *storage = find_old_storage(reading, key);
        if (!storage) bad(reading, "a tensor has no storage");
        return storage;
    }
    char name[512];
    const int length = snprintf(name, sizeof name, "%sdata/%s", reading->prefix, key);
    const struct sb_zip_entry *entry = (size_t)length < sizeof name ? sb_zip_find(&reading->zip, name) : NULL;
    if (!entry) {
        bad(reading, "a tensor has no storage");
        return NULL;
    }
    struct storage *storage = &reading->storages[entry - reading->zip.entries];
    if (storage->bytes) return storage;
    uint8_t *owned;
    const uint8_t *bytes = sb_zip_read(&reading->zip, entry, &owned, reading->error);
    if (!bytes) return NULL;
    if (owned && !keep(reading->file, owned, entry->size)) {
        free(owned);
        sb_fail(reading->error, SIMBA_ERROR_MEMORY, "The host has no memory to read %s.", reading->path);
        return NULL;
    }
    *storage = (struct storage){.bytes = bytes, .size = entry->size};
    return storage;
}

/* Remembers what is not taken, for a note. */
static void ignore(struct reading *reading, const char *name) {
    char *text = reading->file->ignored;
    const size_t room = sizeof reading->file->ignored, length = strlen(text);
    if (length + strlen(name) + 8 < room)
        snprintf(text + length, room - length, "%s%s", length ? ", " : "", name);
    else if (length + 6 < room && strcmp(text + (length > 3 ? length - 3 : 0), "...") != 0)
        snprintf(text + length, room - length, ", ...");
}

/* torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, ...) */
static bool add_tensor(struct reading *reading, const char *name, const struct sb_pickle *arguments) {
    if (arguments->kind != SB_PICKLE_TUPLE || arguments->count < 4) return bad(reading, "a tensor without its parts");
    const struct sb_pickle *const *parts = arguments->items;
    const struct sb_pickle *outside = parts[0]->kind == SB_PICKLE_PERSISTENT ? parts[0]->items[0] : NULL;
    if (!outside || outside->kind != SB_PICKLE_TUPLE || outside->count < 5 || !is_text(outside->items[0], "storage") ||
        outside->items[1]->kind != SB_PICKLE_GLOBAL || outside->items[2]->kind != SB_PICKLE_TEXT ||
        parts[1]->kind != SB_PICKLE_INTEGER || parts[2]->kind != SB_PICKLE_TUPLE || parts[3]->kind != SB_PICKLE_TUPLE ||
        parts[2]->count != parts[3]->count)
        return bad(reading, "a tensor without its parts");
    if (!look(reading, TENSOR_LOOKS + strlen(name))) return false;
    if (outside->count > 5 && outside->items[5]->kind != SB_PICKLE_NONE)
        return sb_fail(
            reading->error, SIMBA_ERROR_UNSUPPORTED,
            "%s: \"%s\" is a view of a storage as torch before 0.4 wrote it, which is not read. Load and save "
            "the file with a newer torch.",
            reading->path, name);
    int kind = 0;
    while (kind < STORAGES && strcmp(storages[kind].name, outside->items[1]->text) != 0) kind++;
    if (kind == STORAGES || storages[kind].type == SB_STORED_COUNT || parts[2]->count > SB_SAFETENSORS_RANK) {
        ignore(reading, name);
        return true;
    }
    struct sb_torch_tensor tensor = {.type = storages[kind].type, .rank = (int)parts[2]->count, .elements = 1};
    int64_t last = parts[1]->integer; /* the farthest element */
    bool fine = last >= 0;
    for (int axis = 0; fine && axis < tensor.rank; axis++) {
        const struct sb_pickle *length = parts[2]->items[axis], *stride = parts[3]->items[axis];
        fine = length->kind == SB_PICKLE_INTEGER && stride->kind == SB_PICKLE_INTEGER && length->integer >= 0 &&
               stride->integer >= 0;
        if (!fine) break;
        tensor.shape[axis] = length->integer;
        tensor.stride[axis] = stride->integer;
        int64_t reach;
        fine = !__builtin_mul_overflow(tensor.elements, length->integer, &tensor.elements) &&
               tensor.elements < (int64_t)1 << 48 &&
               !__builtin_mul_overflow(length->integer > 0 ? length->integer - 1 : 0, stride->integer, &reach) &&
               !__builtin_add_overflow(last, reach, &last);
    }
    if (!fine) return bad(reading, "a tensor of an impossible shape");
    const struct storage *storage = find_storage(reading, outside->items[2]->text);
    if (!storage) return false;
    const uint64_t stored = storage->size / storages[kind].size;
    if (tensor.elements > 0 && (uint64_t)last >= stored) return bad(reading, "a tensor reaches beyond its storage");
    /* Strides of zero could make a huge tensor out of one number; no weights are like that. */
    if ((uint64_t)tensor.elements > stored) return bad(reading, "a tensor is larger than its storage");
    tensor.first = storage->bytes + (tensor.elements ? (uint64_t)parts[1]->integer * storages[kind].size : 0);
    reading->shown += (uint64_t)tensor.elements * storages[kind].size;
    struct sb_torch_file *file = reading->file;
    if (file->count == file->capacity) {
        const int capacity = file->capacity ? 2 * file->capacity : 64;
        struct sb_torch_tensor *larger = realloc(file->tensors, (size_t)capacity * sizeof *larger);
        if (!larger)
            return sb_fail(reading->error, SIMBA_ERROR_MEMORY, "The host has no memory to read %s.", reading->path);
        file->tensors = larger;
        file->capacity = capacity;
    }
    tensor.name = sb_pool_format(&file->pool, reading->error, "%s", name);
    if (!tensor.name) return false;
    file->tensors[file->count++] = tensor;
    return true;
}

static bool is_call(const struct sb_pickle *value, const char *name) {
    return value->kind == SB_PICKLE_CALL && value->items[0]->kind == SB_PICKLE_GLOBAL &&
           strcmp(value->items[0]->text, name) == 0;
}

/* Everything below a value, by its path. */
static bool walk(struct reading *reading, const char *name, const struct sb_pickle *value, int depth) {
    if (depth > DEEPEST) return bad(reading, "its dictionaries are nested too deeply");
    if (!look(reading, 1 + (uint64_t)value->count)) return false;
    if (is_call(value, "torch._utils _rebuild_parameter") && value->items[1]->kind == SB_PICKLE_TUPLE &&
        value->items[1]->count > 0)
        return walk(reading, name, value->items[1]->items[0], depth + 1);
    if (is_call(value, "torch._utils _rebuild_tensor_v2") || is_call(value, "torch._utils _rebuild_tensor"))
        return add_tensor(reading, name, value->items[1]);
    const bool is_dict = value->kind == SB_PICKLE_DICT;
    if (!is_dict && value->kind != SB_PICKLE_LIST && value->kind != SB_PICKLE_TUPLE) {
        ignore(reading, name[0] ? name : "an object");
        return true;
    }
    /* An optimiser's state is large, and nothing here wants it. */
    if (is_dict && sb_pickle_member(value, "param_groups")) {
        ignore(reading, name[0] ? name : "an optimiser");
        return true;
    }
    for (int64_t i = 0; i < value->count; i += is_dict ? 2 : 1) {
        const struct sb_pickle *key = is_dict ? value->items[i] : NULL;
        char child[512], number[32];
        snprintf(number, sizeof number, "%lld", (long long)(key && key->kind == SB_PICKLE_INTEGER ? key->integer : i));
        const char *text = key && key->kind == SB_PICKLE_TEXT ? key->text : number;
        const int length = snprintf(child, sizeof child, "%s%s%s", name, name[0] ? "." : "", text);
        if (length < 0 || (size_t)length >= sizeof child) return bad(reading, "a name that is too long");
        if (!walk(reading, child, value->items[is_dict ? i + 1 : i], depth + 1)) return false;
    }
    return true;
}

static bool big_endian(struct reading *reading) {
    return sb_fail(reading->error, SIMBA_ERROR_UNSUPPORTED,
                   "%s: its numbers are big-endian, which is not read. Load and save it with torch on a little-endian "
                   "machine.",
                   reading->path);
}

/* The one data.pkl, and with it the prefix of all names. */
static const struct sb_zip_entry *find_object(struct reading *reading) {
    const struct sb_zip_entry *found = NULL;
    for (int64_t i = 0; i < reading->zip.count; i++) {
        const char *name = reading->zip.entries[i].name, *slash = strchr(name, '/');
        if (!slash || strcmp(slash + 1, "data.pkl") != 0 || (size_t)(slash - name) + 2 >= sizeof reading->prefix)
            continue;
        if (found) {
            bad(reading, "there are two data.pkl in it");
            return NULL;
        }
        found = &reading->zip.entries[i];
        snprintf(reading->prefix, sizeof reading->prefix, "%.*s", (int)(slash - name) + 1, name);
    }
    if (!found)
        sb_fail(reading->error, SIMBA_ERROR_FORMAT,
                "%s: this zip archive is no PyTorch file: there is no data.pkl in it.", reading->path);
    return found;
}

/* torch 2.1 and later say how the numbers lie; earlier ones have always been little-endian where they are met. */
static bool check_order(struct reading *reading) {
    char name[sizeof reading->prefix + 16];
    uint8_t *owned;
    snprintf(name, sizeof name, "%sbyteorder", reading->prefix);
    const struct sb_zip_entry *entry = sb_zip_find(&reading->zip, name);
    if (!entry) return true;
    const uint8_t *bytes = sb_zip_read(&reading->zip, entry, &owned, reading->error);
    if (!bytes) return false;
    const bool is_big = entry->size == 3 && memcmp(bytes, "big", 3) == 0;
    free(owned);
    return is_big ? big_endian(reading) : true;
}

static bool read_zip(struct reading *reading) {
    struct sb_torch_file *file = reading->file;
    if (!sb_zip_open(&reading->zip, reading->path, file->bytes, file->size, reading->error)) return false;
    const struct sb_zip_entry *entry = find_object(reading);
    if (!entry || !check_order(reading)) return false;
    /* A value takes eighty times the memory of the byte that makes it, which deflate can pack a thousand times. */
    if (entry->size / PICKLE_RATIO > file->size) return bad(reading, "its data.pkl is far larger than the file");
    reading->storages = sb_allocate((size_t)reading->zip.count, sizeof *reading->storages, reading->error);
    if (!reading->storages) return false;
    uint8_t *owned;
    const uint8_t *bytes = sb_zip_read(&reading->zip, entry, &owned, reading->error);
    size_t used;
    const struct sb_pickle *root =
        bytes ? sb_pickle_read(reading->path, bytes, (size_t)entry->size, &used, &file->pool, reading->error) : NULL;
    free(owned);
    return root && walk(reading, "", root, 0);
}

/* In the older format a storage does not say how large its numbers are; the tensors do. */
static bool find_sizes(struct reading *reading, const struct sb_pickle *value, int depth) {
    if (depth > DEEPEST) return true;
    if (!look(reading, 1 + (uint64_t)value->count)) return false;
    if (value->kind != SB_PICKLE_PERSISTENT) {
        for (int64_t i = 0; i < value->count; i++)
            if (!find_sizes(reading, value->items[i], depth + 1)) return false;
        return true;
    }
    const struct sb_pickle *outside = value->items[0];
    if (outside->kind != SB_PICKLE_TUPLE || outside->count < 5 || outside->items[2]->kind != SB_PICKLE_TEXT ||
        outside->items[1]->kind != SB_PICKLE_GLOBAL)
        return true;
    struct storage *storage = find_old_storage(reading, outside->items[2]->text);
    for (int kind = 0; storage && kind < STORAGES; kind++)
        if (strcmp(storages[kind].name, outside->items[1]->text) == 0) storage->element = storages[kind].size;
    return true;
}

static bool list_storages(struct reading *reading, const struct sb_pickle *keys) {
    if (keys->kind != SB_PICKLE_LIST) return bad(reading, "the list of its storages is missing");
    reading->storages = sb_allocate((size_t)keys->count, sizeof *reading->storages, reading->error);
    reading->by_key = sb_allocate((size_t)keys->count, sizeof(struct storage *), reading->error);
    if (!reading->storages || !reading->by_key) return false;
    for (int64_t i = 0; i < keys->count; i++) {
        if (keys->items[i]->kind != SB_PICKLE_TEXT) return bad(reading, "a storage without a name");
        reading->storages[i].key = keys->items[i]->text;
        reading->by_key[i] = &reading->storages[i];
    }
    reading->storage_count = keys->count;
    qsort(reading->by_key, (size_t)keys->count, sizeof(struct storage *), compare_storages);
    for (int64_t i = 1; i < keys->count; i++)
        if (compare_storages(&reading->by_key[i - 1], &reading->by_key[i]) == 0)
            return bad(reading, "two storages of the same name");
    return true;
}

/* Five pickles (magic, version, system, object, keys of the storages), then the storages: a count and the numbers. */
static bool read_old(struct reading *reading) {
    struct sb_torch_file *file = reading->file;
    const struct sb_pickle *values[5];
    size_t at = 0;
    for (int i = 0; i < 5; i++) {
        size_t used;
        values[i] =
            sb_pickle_read(reading->path, file->bytes + at, file->size - at, &used, &file->pool, reading->error);
        if (!values[i]) return false;
        at += used;
    }
    const struct sb_pickle *little = sb_pickle_member(values[2], "little_endian");
    if (little && little->kind == SB_PICKLE_BOOL && !little->integer) return big_endian(reading);
    if (!list_storages(reading, values[4]) || !find_sizes(reading, values[3], 0)) return false;
    for (int64_t i = 0; i < reading->storage_count; i++) {
        struct storage *storage = &reading->storages[i];
        uint64_t count = 0;
        if (file->size - at < 8) return bad(reading, "a storage is missing");
        memcpy(&count, file->bytes + at, 8);
        at += 8;
        if (!storage->element) return bad(reading, "a storage of an unknown type");
        if (count > (file->size - at) / storage->element) return bad(reading, "a storage is cut short");
        storage->bytes = file->bytes + at;
        storage->size = count * storage->element;
        at += (size_t)storage->size;
    }
    return walk(reading, "", values[3], 0);
}

bool sb_is_torch_file(const uint8_t *bytes, size_t size) {
    return sb_is_zip(bytes, size) || (size >= sizeof old_magic && memcmp(bytes, old_magic, sizeof old_magic) == 0);
}

bool sb_torch_file_open(struct sb_torch_file *file, const char *path, struct simba_error *error) {
    *file = (struct sb_torch_file){.count = 0};
    struct reading reading = {.file = file, .path = path, .error = error};
    if (!sb_read_file(path, (size_t)1 << 36, &file->bytes, &file->size, error)) return false;
    reading.looks = (uint64_t)file->size * LOOKS;
    bool fine;
    if (sb_is_zip(file->bytes, file->size))
        fine = read_zip(&reading);
    else if (sb_is_torch_file(file->bytes, file->size))
        fine = read_old(&reading);
    else
        fine = sb_fail(error, SIMBA_ERROR_FORMAT, "%s: not a PyTorch file: expected one that torch.save wrote.", path);
    if (fine && reading.shown / SHARING > file->size + file->unpacked)
        fine = bad(&reading, "its tensors show the same numbers too often");
    sb_zip_finish(&reading.zip);
    free(reading.storages);
    free(reading.by_key);
    return fine;
}

void sb_torch_file_finish(struct sb_torch_file *file) {
    for (int i = 0; i < file->owned_count; i++) free(file->owned[i]);
    free(file->owned);
    free(file->tensors);
    free(file->bytes);
    sb_pool_finish(&file->pool);
    *file = (struct sb_torch_file){.count = 0};
}

void sb_torch_file_read(const struct sb_torch_tensor *tensor, void *bytes) {
    if (tensor->elements == 0) return; /* the other lengths may be of any size */
    const size_t size = sb_stored_size(tensor->type);
    int64_t index[SB_SAFETENSORS_RANK] = {0};
    int64_t dense = 1;
    bool is_dense = true;
    for (int axis = tensor->rank; axis-- > 0;) {
        is_dense = is_dense && (tensor->shape[axis] == 1 || tensor->stride[axis] == dense);
        dense *= tensor->shape[axis];
    }
    if (is_dense) {
        memcpy(bytes, tensor->first, (size_t)tensor->elements * size);
        return;
    }
    uint8_t *to = bytes;
    for (int64_t i = 0; i < tensor->elements; i++, to += size) {
        int64_t place = 0;
        for (int axis = 0; axis < tensor->rank; axis++) place += index[axis] * tensor->stride[axis];
        memcpy(to, tensor->first + (size_t)place * size, size);
        for (int axis = tensor->rank; axis-- > 0 && ++index[axis] == tensor->shape[axis];) index[axis] = 0;
    }
}
