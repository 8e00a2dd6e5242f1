#include "io/zip.h"

#include <stdlib.h>
#include <string.h>

/* Fields of 32 bits hold less than this, which says that the value is in ZIP64's records. */
#define SEE_ZIP64 0xffffffffu

enum { LOCAL_SIZE = 30, ALIGNMENT = 64, VERSION_ZIP64 = 45, MOST_ENTRIES = 0xfffe, EXTRA_ZIP64 = 1 };

bool sb_zip_begin(struct sb_zip_writer *writer, const char *path, struct simba_error *error) {
    *writer = (struct sb_zip_writer){.largest = SEE_ZIP64 - 1};
    return sb_writer_open(&writer->file, path, error);
}

static bool write_bytes(struct sb_zip_writer *writer, const void *bytes, size_t size, struct simba_error *error) {
    writer->at += size;
    return sb_writer_write(&writer->file, bytes, size, error);
}

static bool no_memory(const struct sb_zip_writer *writer, struct simba_error *error) {
    return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory to write %s.", writer->file.path);
}

struct entry {
    const char *name;
    uint64_t size, begin;
    uint32_t crc;
    bool large, far; /* its size and its place need ZIP64 */
};

/* What the header before an entry and its line in the directory have in common. */
static void put_header(struct sb_bytes *to, const struct entry *entry, size_t extra) {
    sb_put_little(to, entry->large || entry->far ? VERSION_ZIP64 : 0, 2);
    sb_put_little(to, 0x0800, 2); /* names are UTF-8 */
    sb_put_little(to, 0, 2);      /* stored */
    sb_put_little(to, 0, 2);      /* time */
    sb_put_little(to, 33, 2);     /* date: 1980-01-01 */
    sb_put_little(to, entry->crc, 4);
    sb_put_little(to, entry->large ? SEE_ZIP64 : entry->size, 4);
    sb_put_little(to, entry->large ? SEE_ZIP64 : entry->size, 4);
    sb_put_little(to, strlen(entry->name), 2);
    sb_put_little(to, extra, 2);
}

static void put_sizes64(struct sb_bytes *to, const struct entry *entry, bool place) {
    const bool far = place && entry->far;
    if (!entry->large && !far) return;
    sb_put_little(to, EXTRA_ZIP64, 2);
    sb_put_little(to, (entry->large ? 16 : 0) + (far ? 8 : 0), 2);
    if (entry->large) sb_put_little(to, entry->size, 8);
    if (entry->large) sb_put_little(to, entry->size, 8);
    if (far) sb_put_little(to, entry->begin, 8);
}

static void put_central(struct sb_bytes *to, const struct entry *entry) {
    const size_t values = (entry->large ? 16 : 0) + (entry->far ? 8 : 0);
    sb_put_text(to, "PK\1\2");
    sb_put_little(to, 0, 2); /* made by */
    put_header(to, entry, values ? 4 + values : 0);
    sb_put_little(to, 0, 2); /* comment */
    sb_put_little(to, 0, 2); /* disk */
    sb_put_little(to, 0, 6); /* attributes */
    sb_put_little(to, entry->far ? SEE_ZIP64 : entry->begin, 4);
    sb_put_text(to, entry->name);
    put_sizes64(to, entry, true);
}

/* The gap before the bytes is an extra field of "FB", as torch fills it. */
static void put_local(struct sb_bytes *to, const struct entry *entry) {
    const size_t values = entry->large ? 20 : 0;
    const size_t after = (size_t)(entry->begin + LOCAL_SIZE + strlen(entry->name) + values + 4) % ALIGNMENT;
    const size_t padding = after ? ALIGNMENT - after : 0;
    sb_put_text(to, "PK\3\4");
    put_header(to, entry, values + 4 + padding);
    sb_put_text(to, entry->name);
    put_sizes64(to, entry, false);
    sb_put_text(to, "FB");
    sb_put_little(to, padding, 2);
    for (size_t i = 0; i < padding; i++) sb_put_text(to, "Z");
}

bool sb_zip_add(struct sb_zip_writer *writer, const char *name, const void *bytes, size_t size,
                struct simba_error *error) {
    const struct entry entry = {.name = name,
                                .size = size,
                                .begin = writer->at,
                                .crc = sb_zip_crc(bytes, size),
                                .large = size > writer->largest,
                                .far = writer->at > writer->largest};
    struct sb_bytes local = {0};
    put_local(&local, &entry);
    put_central(&writer->directory, &entry);
    writer->count++;
    const bool fine = local.failed || writer->directory.failed ? no_memory(writer, error)
                                                               : write_bytes(writer, local.bytes, local.size, error) &&
                                                                     write_bytes(writer, bytes, size, error);
    free(local.bytes);
    return fine;
}

bool sb_zip_commit(struct sb_zip_writer *writer, struct simba_error *error) {
    struct sb_bytes *end = &writer->directory;
    const uint64_t first = writer->at, size = end->size, count = writer->count, largest = writer->largest;
    const bool many = count > MOST_ENTRIES || count > largest, large = size > largest, far = first > largest;
    if (many || large || far) {
        sb_put_text(end, "PK\6\6");
        sb_put_little(end, 44, 8); /* bytes of this record from here on */
        sb_put_little(end, VERSION_ZIP64, 2);
        sb_put_little(end, VERSION_ZIP64, 2);
        sb_put_little(end, 0, 8); /* disks */
        sb_put_little(end, count, 8);
        sb_put_little(end, count, 8);
        sb_put_little(end, size, 8);
        sb_put_little(end, first, 8);
        sb_put_text(end, "PK\6\7");
        sb_put_little(end, 0, 4);
        sb_put_little(end, first + size, 8); /* where that record lies */
        sb_put_little(end, 1, 4);
    }
    sb_put_text(end, "PK\5\6");
    sb_put_little(end, 0, 4);
    sb_put_little(end, many ? SEE_ZIP64 : count, 2);
    sb_put_little(end, many ? SEE_ZIP64 : count, 2);
    sb_put_little(end, large ? SEE_ZIP64 : size, 4);
    sb_put_little(end, far ? SEE_ZIP64 : first, 4);
    sb_put_little(end, 0, 2);
    const bool fine = end->failed ? no_memory(writer, error) : write_bytes(writer, end->bytes, end->size, error);
    free(end->bytes);
    *end = (struct sb_bytes){0};
    if (fine) return sb_writer_commit(&writer->file, error);
    sb_writer_discard(&writer->file);
    return false;
}

void sb_zip_discard(struct sb_zip_writer *writer) {
    free(writer->directory.bytes);
    writer->directory = (struct sb_bytes){0};
    sb_writer_discard(&writer->file);
}
