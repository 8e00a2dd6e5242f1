/* A zip archive in the making, for tests that break it: where each part of it lies is known. */
#ifndef TESTS_ARCHIVE_H
#define TESTS_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

enum { ARCHIVE_ENTRIES = 8 };

struct archive {
    uint8_t bytes[1 << 16];
    size_t size;
    struct archive_entry {
        const char *name;
        size_t name_size;
        size_t local, data, central; /* where its local header, its bytes and its line of the directory lie */
        size_t size, stored;
        uint32_t crc;
        bool deflated;
    } entries[ARCHIVE_ENTRIES];
    int count;
    size_t directory, end; /* where the directory and the record behind it lie */
};

static inline void archive_set(struct archive *archive, size_t at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) archive->bytes[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

static inline void archive_put(struct archive *archive, uint64_t value, int bytes) {
    archive_set(archive, archive->size, value, bytes);
    archive->size += (size_t)bytes;
}

/* What both headers of an entry have. */
static inline void archive_describe(struct archive *archive, const struct archive_entry *entry) {
    archive_put(archive, 0, 4); /* version, flags */
    archive_put(archive, entry->deflated ? 8 : 0, 2);
    archive_put(archive, 33u << 16, 4); /* 1980-01-01 */
    archive_put(archive, entry->crc, 4);
    archive_put(archive, entry->stored, 4);
    archive_put(archive, entry->size, 4);
    archive_put(archive, entry->name_size, 2);
    archive_put(archive, 0, 2); /* extra fields */
}

static inline void archive_put_bytes(struct archive *archive, const void *bytes, size_t size) {
    if (size) memcpy(archive->bytes + archive->size, bytes, size);
    archive->size += size;
}

/* `name_size` 0: the name ends with its zero. False: there is no room. */
static inline bool archive_add_named(struct archive *archive, const char *name, size_t name_size, const void *bytes,
                                     size_t size, bool deflated) {
    if (archive->count == ARCHIVE_ENTRIES || size + 2048 > sizeof archive->bytes - archive->size) return false;
    struct archive_entry *entry = &archive->entries[archive->count++];
    *entry = (struct archive_entry){.name = name,
                                    .name_size = name_size ? name_size : strlen(name),
                                    .local = archive->size,
                                    .size = size,
                                    .stored = size,
                                    .crc = (uint32_t)crc32(0, bytes, (uInt)size),
                                    .deflated = deflated};
    archive_put(archive, 0x04034b50, 4);
    archive_describe(archive, entry);
    archive_put_bytes(archive, name, entry->name_size);
    entry->data = archive->size;
    if (!deflated) {
        archive_put_bytes(archive, bytes, size);
        return true;
    }
    z_stream stream = {.next_in = (uint8_t *)(uintptr_t)bytes, .avail_in = (uInt)size};
    if (deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) return false;
    stream.next_out = archive->bytes + archive->size;
    stream.avail_out = (uInt)(sizeof archive->bytes - archive->size);
    const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    entry->stored = stream.total_out;
    archive->size += entry->stored;
    archive_set(archive, entry->local + 18, entry->stored, 4);
    deflateEnd(&stream);
    return done;
}

static inline bool archive_add(struct archive *archive, const char *name, const void *bytes, size_t size,
                               bool deflated) {
    return archive_add_named(archive, name, 0, bytes, size, deflated);
}

static inline void archive_finish(struct archive *archive) {
    archive->directory = archive->size;
    for (int i = 0; i < archive->count; i++) {
        struct archive_entry *entry = &archive->entries[i];
        entry->central = archive->size;
        archive_put(archive, 0x02014b50, 4);
        archive_put(archive, 0, 2); /* made by */
        archive_describe(archive, entry);
        archive_put(archive, 0, 8); /* comment, disk, attributes */
        archive_put(archive, 0, 2);
        archive_put(archive, entry->local, 4);
        archive_put_bytes(archive, entry->name, entry->name_size);
    }
    archive->end = archive->size;
    archive_put(archive, 0x06054b50, 4);
    archive_put(archive, 0, 4);
    archive_put(archive, (uint64_t)archive->count, 2);
    archive_put(archive, (uint64_t)archive->count, 2);
    archive_put(archive, archive->end - archive->directory, 4);
    archive_put(archive, archive->directory, 4);
    archive_put(archive, 0, 2);
}

#endif
