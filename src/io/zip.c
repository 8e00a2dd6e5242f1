#include "io/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* A deflated entry may promise no more than what its bytes could hold (deflate packs at most 1032 : 1). */
enum { END_SIZE = 22, LOCATOR_SIZE = 20, END64_SIZE = 56, CENTRAL_SIZE = 46, LOCAL_SIZE = 30, BEST_RATIO = 1032 };

static uint64_t little(const uint8_t *bytes, int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static bool broken(const struct sb_zip *zip, const char *what, struct simba_error *error) {
    return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: this zip archive is damaged or cut short: %s.", zip->path, what);
}

bool sb_is_zip(const uint8_t *bytes, size_t size) {
    return size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0;
}

/* The directory's place and number of entries. */
static bool find_directory(const struct sb_zip *zip, uint64_t *first, uint64_t *length, uint64_t *count,
                           struct simba_error *error) {
    if (zip->size < END_SIZE) return broken(zip, "it is too short", error);
    const size_t earliest = zip->size > END_SIZE + 0xffff ? zip->size - END_SIZE - 0xffff : 0;
    for (size_t at = zip->size - END_SIZE + 1; at-- > earliest;) {
        const uint8_t *end = zip->bytes + at;
        if (memcmp(end, "PK\5\6", 4) != 0 || little(end + 20, 2) != zip->size - at - END_SIZE) continue;
        *count = little(end + 10, 2);
        *length = little(end + 12, 4);
        *first = little(end + 16, 4);
        if (*count != 0xffff && *length != 0xffffffff && *first != 0xffffffff) return true;
        if (at < LOCATOR_SIZE || memcmp(end - LOCATOR_SIZE, "PK\6\7", 4) != 0) return true;
        const uint64_t place = little(end - LOCATOR_SIZE + 8, 8);
        if (place > zip->size || zip->size - place < END64_SIZE || memcmp(zip->bytes + place, "PK\6\6", 4) != 0)
            return broken(zip, "its ZIP64 end is not where it should be", error);
        *count = little(zip->bytes + place + 32, 8);
        *length = little(zip->bytes + place + 40, 8);
        *first = little(zip->bytes + place + 48, 8);
        return true;
    }
    return broken(zip, "its directory is missing", error);
}

/* ZIP64's values for those of size, stored size and header that did not fit, in this order. */
static bool read_extra(const uint8_t *extra, uint64_t length, uint64_t *values[3]) {
    for (uint64_t at = 0; at + 4 <= length;) {
        const uint64_t size = little(extra + at + 2, 2);
        if (size > length - at - 4) return false;
        if (little(extra + at, 2) == 1) {
            uint64_t used = 0;
            for (int i = 0; i < 3; i++) {
                if (*values[i] != 0xffffffff) continue;
                if (size - used < 8) return false;
                *values[i] = little(extra + at + 4 + used, 8);
                used += 8;
            }
        }
        at += 4 + size;
    }
    return true;
}

static int compare_places(const void *left, const void *right) {
    const struct sb_zip_entry *a = left, *b = right;
    return a->header < b->header ? -1 : a->header > b->header;
}

static int compare_names(const void *left, const void *right) {
    const struct sb_zip_entry *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* Entries that share bytes would let a small archive unpack to any size. `directory`: where it begins. Leaves them
 * sorted by name. */
static bool check_entries(struct sb_zip *zip, uint64_t directory, struct simba_error *error) {
    qsort(zip->entries, (size_t)zip->count, sizeof *zip->entries, compare_places);
    for (int64_t i = 0; i < zip->count; i++) {
        struct sb_zip_entry *entry = &zip->entries[i];
        if (entry->header > directory || directory - entry->header < LOCAL_SIZE ||
            entry->stored_size > directory - entry->header - LOCAL_SIZE)
            return broken(zip, "an entry reaches beyond its end", error);
        entry->end = i + 1 < zip->count ? entry[1].header : directory;
        if (entry->end - entry->header < LOCAL_SIZE + entry->stored_size)
            return broken(zip, "two entries overlap", error);
    }
    qsort(zip->entries, (size_t)zip->count, sizeof *zip->entries, compare_names);
    for (int64_t i = 1; i < zip->count; i++)
        if (compare_names(&zip->entries[i - 1], &zip->entries[i]) == 0)
            return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: this zip archive has two entries of the name \"%.200s\".",
                           zip->path, zip->entries[i].name);
    return true;
}

bool sb_zip_open(struct sb_zip *zip, const char *path, const uint8_t *bytes, size_t size, struct simba_error *error) {
    *zip = (struct sb_zip){.path = path, .bytes = bytes, .size = size};
    uint64_t first = 0, length = 0, count = 0;
    if (!find_directory(zip, &first, &length, &count, error)) return false;
    if (first > size || length > size - first || count > length / CENTRAL_SIZE)
        return broken(zip, "its directory reaches beyond its end", error);
    zip->entries = sb_allocate((size_t)count + 1, sizeof *zip->entries, error);
    if (!zip->entries) return false;
    const uint8_t *at = bytes + first;
    uint64_t left = length;
    for (uint64_t i = 0; i < count; i++) {
        if (left < CENTRAL_SIZE || memcmp(at, "PK\1\2", 4) != 0)
            return broken(zip, "its directory is cut short", error);
        const uint64_t name = little(at + 28, 2), extra = little(at + 30, 2), comment = little(at + 32, 2);
        const uint64_t method = little(at + 10, 2), all = CENTRAL_SIZE + name + extra + comment;
        if (left < all) return broken(zip, "its directory is cut short", error);
        struct sb_zip_entry *entry = &zip->entries[zip->count];
        entry->crc = (uint32_t)little(at + 16, 4);
        entry->stored_size = little(at + 20, 4);
        entry->size = little(at + 24, 4);
        entry->header = little(at + 42, 4);
        entry->deflated = method == 8;
        uint64_t *values[3] = {&entry->size, &entry->stored_size, &entry->header};
        if (!read_extra(at + CENTRAL_SIZE + name, extra, values)) return broken(zip, "a bad extra field", error);
        if ((method != 0 && method != 8) || (little(at + 8, 2) & 1))
            return sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                           "%s: an entry of this zip archive is encrypted or packed in a way that is not supported.",
                           path);
        if (memchr(at + CENTRAL_SIZE, 0, (size_t)name)) return broken(zip, "a zero byte in an entry's name", error);
        if (method == 0 ? entry->size != entry->stored_size : entry->size / BEST_RATIO > entry->stored_size + 1)
            return broken(zip, "an entry has an impossible size", error);
        entry->name = sb_pool_format(&zip->pool, error, "%.*s", (int)name, (const char *)at + CENTRAL_SIZE);
        if (!entry->name) return false;
        zip->count++;
        at += all;
        left -= all;
    }
    return check_entries(zip, first, error);
}

void sb_zip_finish(struct sb_zip *zip) {
    sb_pool_finish(&zip->pool);
    free(zip->entries);
    zip->entries = NULL;
    zip->count = 0;
}

const struct sb_zip_entry *sb_zip_find(const struct sb_zip *zip, const char *name) {
    const struct sb_zip_entry wanted = {.name = name};
    return bsearch(&wanted, zip->entries, (size_t)zip->count, sizeof *zip->entries, compare_names);
}

uint32_t sb_zip_crc(const uint8_t *bytes, uint64_t size) {
    uLong crc = crc32(0, NULL, 0);
    while (size > 0) {
        const uInt here = size < 1 << 30 ? (uInt)size : 1 << 30;
        crc = crc32(crc, bytes, here);
        bytes += here;
        size -= here;
    }
    return (uint32_t)crc;
}

static bool inflate_into(const uint8_t *from, uint64_t stored, uint8_t *to, uint64_t size) {
    z_stream stream = {.next_in = (uint8_t *)(uintptr_t)from, .next_out = to};
    if (inflateInit2(&stream, -15) != Z_OK) return false;
    int status = Z_OK;
    uint64_t in = stored, out = size;
    while (status == Z_OK) {
        const uInt in_here = in < 1 << 30 ? (uInt)in : 1 << 30, out_here = out < 1 << 30 ? (uInt)out : 1 << 30;
        stream.avail_in = in_here;
        stream.avail_out = out_here;
        status = inflate(&stream, Z_NO_FLUSH);
        in -= in_here - stream.avail_in;
        out -= out_here - stream.avail_out;
        if (in_here == stream.avail_in && out_here == stream.avail_out && status == Z_OK) break;
    }
    inflateEnd(&stream);
    return status == Z_STREAM_END && out == 0;
}

const uint8_t *sb_zip_read(const struct sb_zip *zip, const struct sb_zip_entry *entry, uint8_t **owned,
                           struct simba_error *error) {
    *owned = NULL;
    const uint8_t *local = zip->bytes + entry->header;
    if (memcmp(local, "PK\3\4", 4) != 0) {
        broken(zip, "an entry is not where the directory says", error);
        return NULL;
    }
    const uint64_t begin = LOCAL_SIZE + little(local + 26, 2) + little(local + 28, 2),
                   room = entry->end - entry->header;
    if (begin > room || entry->stored_size > room - begin) {
        broken(zip, "an entry reaches beyond its end", error);
        return NULL;
    }
    const uint8_t *bytes = local + begin;
    if (entry->deflated) {
        if (!(*owned = sb_allocate((size_t)entry->size + 1, 1, error))) return NULL;
        if (!inflate_into(bytes, entry->stored_size, *owned, entry->size)) {
            broken(zip, "an entry cannot be unpacked", error);
            goto failed;
        }
        bytes = *owned;
    }
    if (sb_zip_crc(bytes, entry->size) == entry->crc) return bytes;
    sb_fail(error, SIMBA_ERROR_FORMAT, "%s: \"%s\" in this zip archive does not match its checksum.", zip->path,
            entry->name);
failed:
    free(*owned);
    *owned = NULL;
    return NULL;
}
