#include "io/safetensors.h"

#include "base/half.h"
#include "base/json.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Numbers go to and from the file as they lie in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors files are little-endian");

#define LARGEST_HEADER ((uint64_t)100 * 1000 * 1000) /* the limit of the published implementation */
#define LARGEST_OFFSET ((int64_t)1 << 52)

static const struct {
    const char *name;
    size_t size;
} types[SB_STORED_COUNT] = {
    [SB_STORED_F64] = {"F64", 8},   [SB_STORED_F32] = {"F32", 4}, [SB_STORED_F16] = {"F16", 2},
    [SB_STORED_BF16] = {"BF16", 2}, [SB_STORED_I64] = {"I64", 8}, [SB_STORED_I32] = {"I32", 4},
    [SB_STORED_U8] = {"U8", 1},
};

const char *sb_stored_name(enum sb_stored_type type) {
    return types[type].name;
}
size_t sb_stored_size(enum sb_stored_type type) {
    return types[type].size;
}

/* pread until everything is there. */
static bool read_at(int descriptor, const char *path, uint64_t offset, void *bytes, size_t size,
                    struct simba_error *error) {
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t got = pread(descriptor, at, size < 1 << 30 ? size : 1 << 30, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return sb_fail_errno(error, errno, "read", path);
        if (got == 0)
            return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: the file ends at byte %" PRIu64 ", while it is being read.",
                           path, offset);
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

static bool parse_notes(struct sb_safetensors *file, struct sb_json json, struct simba_error *error) {
    if (!sb_json_is_object(json)) return sb_json_fail(error, json, "expected an object of strings.");
    int capacity = sb_json_count(json);
    file->notes = sb_pool_allocate(file->pool, sizeof *file->notes * (size_t)capacity, error);
    if (!file->notes) return false;
    struct sb_json member = {0};
    while (sb_json_next(json, &member)) {
        const char *value = NULL;
        if (!sb_json_string(member, NULL, &value, error)) return false;
        struct sb_safetensors_note *note = &file->notes[file->note_count];
        note->key = sb_pool_format(file->pool, error, "%s", sb_json_name(member));
        note->value = sb_pool_format(file->pool, error, "%s", value);
        if (!note->key || !note->value) return false;
        file->note_count++;
    }
    return true;
}

/* One member of the header. `start` and `size`: where the tensors' bytes lie in the file. */
static bool parse_tensor(struct sb_safetensors *file, struct sb_json json, uint64_t start, uint64_t size,
                         struct simba_error *error) {
    static const char *const known[] = {"dtype", "shape", "data_offsets", NULL};
    static const char *const names[] = {"F64", "F32", "F16", "BF16", "I64", "I32", "U8", NULL};
    struct sb_safetensor *tensor = &file->tensors[file->count];
    struct sb_json dtype, shape, offsets;
    int type = -1;
    if (!sb_json_is_object(json)) return sb_json_fail(error, json, "expected an object that describes a tensor.");
    if (!sb_json_only(json, known, error) || !sb_json_member(json, "dtype", &dtype, error) ||
        !sb_json_member(json, "shape", &shape, error) || !sb_json_member(json, "data_offsets", &offsets, error))
        return false;
    for (int i = 0; known[i]; i++) {
        struct sb_json member = i == 0 ? dtype : i == 1 ? shape : offsets;
        if (!member.value) return sb_json_fail(error, json, "\"%s\" is missing.", known[i]);
    }
    if (!sb_json_choice(json, "dtype", names, &type, error)) return false;
    tensor->type = (enum sb_stored_type)type;

    tensor->rank = sb_json_count(shape);
    if (!sb_json_is_array(shape) || tensor->rank > SB_SAFETENSORS_RANK)
        return sb_json_fail(error, shape, "expected an array of at most %d sizes.", SB_SAFETENSORS_RANK);
    tensor->elements = 1;
    for (int axis = 0; axis < tensor->rank; axis++) {
        int64_t *length = &tensor->shape[axis];
        struct sb_json element = sb_json_element(shape, axis);
        if (!sb_json_int(element, NULL, 0, LARGEST_OFFSET, length, error)) return false;
        if (__builtin_mul_overflow(tensor->elements, *length, &tensor->elements) || tensor->elements > LARGEST_OFFSET)
            return sb_json_fail(error, shape, "the tensor would have more elements than any file can hold.");
    }
    tensor->bytes = (uint64_t)tensor->elements * types[type].size;

    if (!sb_json_is_array(offsets) || sb_json_count(offsets) != 2)
        return sb_json_fail(error, offsets, "expected an array of two byte offsets.");
    int64_t begin = 0, end = 0;
    if (!sb_json_int(sb_json_element(offsets, 0), NULL, 0, LARGEST_OFFSET, &begin, error) ||
        !sb_json_int(sb_json_element(offsets, 1), NULL, 0, LARGEST_OFFSET, &end, error))
        return false;
    if (begin > end) return sb_json_fail(error, offsets, "the tensor ends before it begins.");
    if ((uint64_t)(end - begin) != tensor->bytes)
        return sb_json_fail(error, offsets,
                            "its shape needs %" PRIu64 " bytes of %s, its offsets span %" PRId64 " bytes.",
                            tensor->bytes, types[type].name, end - begin);
    if ((uint64_t)end > size)
        return sb_json_fail(error, offsets,
                            "the tensor ends at byte %" PRId64 " of the data, the file holds %" PRIu64
                            "; it was cut short, copy or download it again.",
                            end, size);
    tensor->offset = start + (uint64_t)begin;
    tensor->name = sb_pool_format(file->pool, error, "%s", sb_json_name(json));
    if (!tensor->name) return false;
    file->count++;
    return true;
}

static int compare_offsets(const void *left, const void *right) {
    const struct sb_safetensor *a = left, *b = right;
    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? -1 : 1; /* empty ones first: they take no place */
    return strcmp(a->name, b->name);
}

static int compare_names(const void *left, const void *right) {
    const struct sb_safetensor *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

static int compare_key(const void *key, const void *entry) {
    const struct sb_safetensor *const *tensor = entry;
    return strcmp(key, (*tensor)->name);
}

static bool parse_header(struct sb_safetensors *file, struct sb_json root, uint64_t start, uint64_t size,
                         struct simba_error *error) {
    if (!sb_json_is_object(root)) return sb_json_fail(error, root, "expected an object with a member per tensor.");
    size_t capacity = (size_t)sb_json_count(root);
    file->tensors = sb_pool_allocate(file->pool, sizeof *file->tensors * capacity, error);
    file->by_name = sb_pool_allocate(file->pool, sizeof(struct sb_safetensor *) * capacity, error);
    if (!file->tensors || !file->by_name) return false;
    struct sb_json member = {0};
    while (sb_json_next(root, &member)) {
        bool is_notes = strcmp(sb_json_name(member), "__metadata__") == 0;
        if (is_notes ? !parse_notes(file, member, error) : !parse_tensor(file, member, start, size, error))
            return false;
    }
    qsort(file->tensors, (size_t)file->count, sizeof *file->tensors, compare_offsets);
    uint64_t expected = start;
    for (int i = 0; i < file->count; i++) {
        const struct sb_safetensor *tensor = &file->tensors[i];
        if (tensor->offset != expected)
            return sb_fail(error, SIMBA_ERROR_FORMAT,
                           "%s: tensor \"%s\" begins at byte %" PRIu64 " of the data, expected %" PRIu64
                           ": tensors must follow each other without %s.",
                           file->path, tensor->name, tensor->offset - start, expected - start,
                           tensor->offset < expected ? "overlapping" : "holes");
        expected += tensor->bytes;
        file->by_name[i] = &file->tensors[i];
    }
    if (expected != start + size)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: %" PRIu64 " bytes follow behind the last tensor; the file is damaged.", file->path,
                       start + size - expected);
    qsort(file->by_name, (size_t)file->count, sizeof(struct sb_safetensor *), compare_names);
    return true;
}

static bool open_file(struct sb_safetensors *file, const char *path, struct simba_error *error) {
    file->path = strdup(path);
    file->pool = sb_allocate(1, sizeof *file->pool, error);
    if (!file->path || !file->pool)
        return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory to open %s.", path);
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file->descriptor < 0 || fstat(file->descriptor, &status) != 0) return sb_fail_errno(error, errno, "open", path);
    if (S_ISDIR(status.st_mode)) return sb_fail_errno(error, EISDIR, "read", path);

    uint64_t size = status.st_size > 0 ? (uint64_t)status.st_size : 0, length = 0;
    if (!S_ISREG(status.st_mode) || size < sizeof length)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: not a safetensors file: it has %" PRIu64 " bytes.", path, size);
    if (!read_at(file->descriptor, path, 0, &length, sizeof length, error)) return false;
    if (length > LARGEST_HEADER)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: not a safetensors file: its header would have %" PRIu64 " bytes, at most %" PRIu64
                       " are allowed.",
                       path, length, LARGEST_HEADER);
    if (length > size - sizeof length)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: the header of %" PRIu64 " bytes does not fit into the file of %" PRIu64
                       " bytes; it is no safetensors file, or was cut short.",
                       path, length, size);
    char *header = sb_allocate((size_t)length + 1, 1, error);
    if (!header) return false;
    bool done = read_at(file->descriptor, path, sizeof length, header, (size_t)length, error);
    if (done && header[0] != '{')
        done = sb_fail(error, SIMBA_ERROR_FORMAT, "%s: not a safetensors file: its header does not begin with \"{\".",
                       path);
    struct sb_json_document *document = done ? sb_json_read_bytes(path, header, (size_t)length, error) : NULL;
    free(header);
    if (!document) {
        if (done) sb_fail_within(error, "The header of this safetensors file cannot be read. ");
        return false;
    }
    done = parse_header(file, sb_json_root(document), sizeof length + length, size - sizeof length - length, error);
    sb_json_destroy(document);
    return done;
}

struct sb_safetensors *sb_safetensors_open(const char *path, struct simba_error *error) {
    struct sb_safetensors *file = sb_allocate(1, sizeof *file, error);
    if (!file) return NULL;
    file->descriptor = -1;
    if (!open_file(file, path, error)) {
        /* A complaint about a JSON value is one about the file's content here, not about a configuration. */
        if (error && error->code == SIMBA_ERROR_CONFIG) error->code = SIMBA_ERROR_FORMAT;
        sb_safetensors_close(file);
        return NULL;
    }
    return file;
}

void sb_safetensors_close(struct sb_safetensors *file) {
    if (!file) return;
    if (file->descriptor >= 0) close(file->descriptor);
    if (file->pool) sb_pool_finish(file->pool);
    free(file->pool);
    free(file->path);
    free(file);
}

const struct sb_safetensor *sb_safetensors_find(const struct sb_safetensors *file, const char *name) {
    struct sb_safetensor **found =
        bsearch(name, file->by_name, (size_t)file->count, sizeof(struct sb_safetensor *), compare_key);
    return found ? *found : NULL;
}

const char *sb_safetensors_note(const struct sb_safetensors *file, const char *key) {
    for (int i = 0; i < file->note_count; i++)
        if (strcmp(file->notes[i].key, key) == 0) return file->notes[i].value;
    return NULL;
}

bool sb_safetensors_read(const struct sb_safetensors *file, const struct sb_safetensor *tensor, void *bytes,
                         struct simba_error *error) {
    return read_at(file->descriptor, file->path, tensor->offset, bytes, (size_t)tensor->bytes, error);
}

static float from_bits(uint32_t bits) {
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static float to_float(enum sb_stored_type type, const uint8_t *bytes) {
    union {
        double f64;
        float f32;
        uint16_t u16;
        int64_t i64;
        int32_t i32;
        uint8_t u8;
    } number;
    memcpy(&number, bytes, types[type].size);
    switch (type) {
    case SB_STORED_F64:
        return (float)number.f64;
    case SB_STORED_F16:
        return sb_float_from_half(number.u16);
    case SB_STORED_BF16:
        return from_bits((uint32_t)number.u16 << 16);
    case SB_STORED_I64:
        return (float)number.i64;
    case SB_STORED_I32:
        return (float)number.i32;
    case SB_STORED_U8:
        return (float)number.u8;
    default:
        return number.f32;
    }
}

bool sb_safetensors_read_floats(const struct sb_safetensors *file, const struct sb_safetensor *tensor, float *numbers,
                                struct simba_error *error) {
    if (tensor->type == SB_STORED_F32) return sb_safetensors_read(file, tensor, numbers, error);
    uint8_t piece[16384];
    size_t size = types[tensor->type].size;
    int64_t step = (int64_t)(sizeof piece / size);
    for (int64_t first = 0; first < tensor->elements; first += step) {
        int64_t count = tensor->elements - first < step ? tensor->elements - first : step;
        uint64_t offset = tensor->offset + (uint64_t)first * size;
        if (!read_at(file->descriptor, file->path, offset, piece, (size_t)count * size, error)) return false;
        for (int64_t i = 0; i < count; i++) numbers[first + i] = to_float(tensor->type, piece + (size_t)i * size);
    }
    return true;
}
