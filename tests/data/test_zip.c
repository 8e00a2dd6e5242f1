#include "temporary.h"

#include "archive.h"

#include "io/zip.h"

static const char first_bytes[] = "the bytes of the first entry";
static uint8_t second_bytes[3000]; /* zeros, deflated */

static void make_archive(struct archive *archive) {
    archive->size = 0;
    archive->count = 0;
    assert_true(archive_add(archive, "a/first", first_bytes, sizeof first_bytes, false));
    assert_true(archive_add(archive, "a/second", second_bytes, sizeof second_bytes, true));
    archive_finish(archive);
}

/* In memory of its exact size, so that a sanitizer sees a byte too far. Opens it and reads every entry. */
static bool open_and_read(const uint8_t *bytes, size_t size, struct simba_error *error) {
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    struct sb_zip zip;
    bool fine = sb_zip_open(&zip, "evil.zip", exact, size, error);
    for (int64_t i = 0; fine && i < zip.count; i++) {
        uint8_t *owned;
        const uint8_t *read = sb_zip_read(&zip, &zip.entries[i], &owned, error);
        fine = read;
        volatile uint8_t all = 0;
        for (uint64_t at = 0; fine && at < zip.entries[i].size; at++) all = all ^ read[at];
        free(owned);
    }
    sb_zip_finish(&zip);
    free(exact);
    return fine;
}

static void expect_broken(const struct archive *archive, size_t size, const char *what, const char *part) {
    struct simba_error error = {0};
    if (open_and_read(archive->bytes, size, &error)) fail_msg("%s was accepted", what);
    if (!strstr(error.message, part) || strncmp(error.message, "evil.zip: ", 10) != 0)
        fail_msg("%s: expected \"%s\", found \"%s\"", what, part, error.message);
    if (error.code != SIMBA_ERROR_FORMAT && error.code != SIMBA_ERROR_UNSUPPORTED)
        fail_msg("%s: code %d", what, (int)error.code);
}

static void reads_both_kinds(void **state) {
    (void)state;
    static struct archive archive;
    struct simba_error error = {0};
    struct sb_zip zip;
    uint8_t *owned;
    make_archive(&archive);
    assert_true(sb_is_zip(archive.bytes, archive.size));
    if (!sb_zip_open(&zip, "good.zip", archive.bytes, archive.size, &error)) fail_msg("%s", error.message);
    assert_int_equal(zip.count, 2);
    const struct sb_zip_entry *entry = sb_zip_find(&zip, "a/first");
    assert_true(entry && entry->size == sizeof first_bytes && !entry->deflated);
    const uint8_t *bytes = sb_zip_read(&zip, entry, &owned, &error);
    assert_true(bytes == archive.bytes + archive.entries[0].data && !owned);
    assert_memory_equal(bytes, first_bytes, sizeof first_bytes);
    entry = sb_zip_find(&zip, "a/second");
    assert_true(entry && entry->size == sizeof second_bytes && entry->stored_size < 100 && entry->deflated);
    bytes = sb_zip_read(&zip, entry, &owned, &error);
    assert_true(bytes && bytes == owned);
    assert_memory_equal(bytes, second_bytes, sizeof second_bytes);
    free(owned);
    assert_null(sb_zip_find(&zip, "a/third"));
    assert_null(sb_zip_find(&zip, "a"));
    sb_zip_finish(&zip);
}

/* One number changed in a good archive. */
static void damaged_fields(void **state) {
    (void)state;
    static struct archive archive;
    enum place { LOCAL, CENTRAL, SECOND_LOCAL, SECOND_CENTRAL, END };
    static const struct {
        const char *what;
        enum place place;
        size_t offset;
        uint64_t value;
        int bytes;
        const char *part;
    } cases[] = {
        {"no directory", END, 0, 0, 4, "its directory is missing"},
        {"a comment that is longer than the file", END, 20, 7, 2, "its directory is missing"},
        {"a directory beyond the end", END, 16, 1 << 20, 4, "its directory reaches beyond its end"},
        {"a directory that is too long", END, 12, 1 << 20, 4, "its directory reaches beyond its end"},
        {"more entries than bytes", END, 10, 0xfffe, 2, "its directory reaches beyond its end"},
        {"an entry too many", END, 10, 3, 2, "its directory"},
        {"a directory that begins elsewhere", END, 16, 3, 4, "its directory is cut short"},
        {"another signature in the directory", CENTRAL, 0, 0x02014b51, 4, "its directory is cut short"},
        {"a name beyond the directory", CENTRAL, 28, 0xffff, 2, "its directory is cut short"},
        {"an extra field beyond the directory", CENTRAL, 30, 0xffff, 2, "its directory is cut short"},
        {"a comment beyond the directory", CENTRAL, 32, 0xffff, 2, "its directory is cut short"},
        {"an encrypted entry", CENTRAL, 8, 1, 2, "encrypted or packed in a way that is not supported"},
        {"bzip2", CENTRAL, 10, 12, 2, "encrypted or packed in a way that is not supported"},
        {"two sizes of a stored entry", CENTRAL, 24, 5, 4, "an entry has an impossible size"},
        {"deflated to less than deflate can", SECOND_CENTRAL, 24, 1 << 30, 4, "an entry has an impossible size"},
        {"more than the archive holds", SECOND_CENTRAL, 20, 1 << 20, 4, "an entry reaches beyond its end"},
        {"more than lies before the directory", SECOND_CENTRAL, 20, 100, 4, "an entry reaches beyond its end"},
        {"an entry behind the directory", SECOND_CENTRAL, 42, 1 << 20, 4, "an entry reaches beyond its end"},
        {"an entry within another one", SECOND_CENTRAL, 42, 10, 4, "two entries overlap"},
        {"two entries at one place", SECOND_CENTRAL, 42, 0, 4, "two entries overlap"},
        {"no entry where one should be", SECOND_LOCAL, 0, 0x04034b51, 4, "an entry is not where the directory says"},
        {"a local name beyond the end", SECOND_LOCAL, 26, 0xffff, 2, "an entry reaches beyond its end"},
        {"a local extra field beyond the end", SECOND_LOCAL, 28, 0xffff, 2, "an entry reaches beyond its end"},
        {"a local name into the next entry", LOCAL, 26, 8, 2, "an entry reaches beyond its end"},
        {"a local extra field into the next entry", LOCAL, 28, 1, 2, "an entry reaches beyond its end"},
        {"a local extra field into the directory", SECOND_LOCAL, 28, 1, 2, "an entry reaches beyond its end"},
        {"another checksum", CENTRAL, 16, 7, 4, "\"a/first\" in this zip archive does not match its checksum"},
        {"another checksum of a deflated entry", SECOND_CENTRAL, 16, 7, 4, "does not match its checksum"},
        {"more bytes than were deflated", SECOND_CENTRAL, 24, 3001, 4, "an entry cannot be unpacked"},
        {"fewer bytes than were deflated", SECOND_CENTRAL, 24, 2999, 4, "an entry cannot be unpacked"},
        {"a cut deflated entry", SECOND_CENTRAL, 20, 9, 4, "an entry cannot be unpacked"},
        {"a stored entry read as deflated", CENTRAL, 10, 8, 2, "an entry cannot be unpacked"},
        {"a name with a zero byte", CENTRAL, 46 + 3, 0, 1, "a zero byte in an entry's name"},
        {"ZIP64 sizes that are not there", CENTRAL, 20, 0xffffffffffffffff, 8, "an entry reaches beyond its end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_archive(&archive);
        const size_t places[] = {archive.entries[0].local, archive.entries[0].central, archive.entries[1].local,
                                 archive.entries[1].central, archive.end};
        archive_set(&archive, places[cases[i].place] + cases[i].offset, cases[i].value, cases[i].bytes);
        expect_broken(&archive, archive.size, cases[i].what, cases[i].part);
    }
}

static void the_same_name_twice(void **state) {
    (void)state;
    static struct archive archive;
    assert_true(archive_add(&archive, "a/first", "1", 1, false));
    assert_true(archive_add(&archive, "a/second", "2", 1, false));
    assert_true(archive_add(&archive, "a/first", "3", 1, false));
    archive_finish(&archive);
    expect_broken(&archive, archive.size, "two names", "two entries of the name \"a/first\"");
}

/* Paths lead nowhere: entries are found by their names alone, and nothing is ever written. */
static void paths_are_names(void **state) {
    (void)state;
    static struct archive archive;
    static const char *const names[] = {"../../evil", "/etc/evil", "a\\..\\evil", ""};
    struct simba_error error = {0};
    struct sb_zip zip;
    for (int i = 0; i < 4; i++) assert_true(archive_add(&archive, names[i], names[i], strlen(names[i]), false));
    archive_finish(&archive);
    if (!sb_zip_open(&zip, "paths.zip", archive.bytes, archive.size, &error)) fail_msg("%s", error.message);
    for (int i = 0; i < 4; i++) {
        uint8_t *owned;
        const struct sb_zip_entry *entry = sb_zip_find(&zip, names[i]);
        assert_true(entry && entry->size == strlen(names[i]));
        assert_non_null(sb_zip_read(&zip, entry, &owned, &error));
    }
    assert_null(sb_zip_find(&zip, "evil"));
    sb_zip_finish(&zip);
}

/* An archive of one entry whose sizes and place, and whose directory's, are in ZIP64's records. `extra_size` is what
 * the extra field says of itself; `length` and `directory` 0: the true ones. */
static void put_zip64(struct archive *archive, uint64_t stored, uint64_t size, uint64_t header, int extra_size,
                      uint64_t count, uint64_t length, uint64_t directory) {
    archive->size = 0;
    archive->count = 0;
    assert_true(archive_add(archive, "a/first", first_bytes, sizeof first_bytes, false));
    archive_finish(archive);
    const struct archive_entry *entry = &archive->entries[0];
    archive->size = archive->end;
    archive_set(archive, entry->central + 20, 0xffffffffffffffff, 8);
    archive_set(archive, entry->central + 42, 0xffffffff, 4);
    archive_set(archive, entry->central + 30, 4 + 24, 2);
    archive_put(archive, 1, 2);
    archive_put(archive, (uint64_t)extra_size, 2);
    archive_put(archive, size, 8);
    archive_put(archive, stored, 8);
    archive_put(archive, header, 8);
    const size_t end64 = archive->size;
    if (!length) length = end64 - archive->directory;
    archive_put(archive, 0x06064b50, 4);
    archive_put(archive, 44, 8);
    archive_put(archive, 0, 4);
    archive_put(archive, 0, 8);
    archive_put(archive, count, 8);
    archive_put(archive, count, 8);
    archive_put(archive, length, 8);
    archive_put(archive, directory ? directory : archive->directory, 8);
    archive_put(archive, 0x07064b50, 4); /* the locator */
    archive_put(archive, 0, 4);
    archive_put(archive, end64, 8);
    archive_put(archive, 1, 4);
    archive->end = archive->size;
    archive_put(archive, 0x06054b50, 4);
    archive_put(archive, 0, 4);
    archive_put(archive, 0xffffffff, 4);
    archive_put(archive, 0xffffffffffffffff, 8);
    archive_put(archive, 0, 2);
}

static void zip64(void **state) {
    (void)state;
    static struct archive archive;
    struct simba_error error = {0};
    const uint64_t huge = (uint64_t)1 << 63, size = sizeof first_bytes;
    put_zip64(&archive, size, size, 0, 24, 1, 0, 0);
    if (!open_and_read(archive.bytes, archive.size, &error)) fail_msg("%s", error.message);

    put_zip64(&archive, size, size, 0, 16, 1, 0, 0);
    expect_broken(&archive, archive.size, "a value too few", "a bad extra field");
    put_zip64(&archive, size, size, 0, 25, 1, 0, 0);
    expect_broken(&archive, archive.size, "an extra field beyond its end", "a bad extra field");
    put_zip64(&archive, huge, huge, 0, 24, 1, 0, 0);
    expect_broken(&archive, archive.size, "half of all bytes", "an entry reaches beyond its end");
    put_zip64(&archive, UINT64_MAX, UINT64_MAX, 0, 24, 1, 0, 0);
    expect_broken(&archive, archive.size, "a size that overflows", "an entry reaches beyond its end");
    put_zip64(&archive, size, size, UINT64_MAX - 10, 24, 1, 0, 0);
    expect_broken(&archive, archive.size, "a place that overflows", "an entry reaches beyond its end");
    put_zip64(&archive, size, size, 0, 24, UINT64_MAX, 0, 0);
    expect_broken(&archive, archive.size, "a count that overflows", "its directory reaches beyond its end");
    put_zip64(&archive, size, size, 0, 24, 1, UINT64_MAX, 0);
    expect_broken(&archive, archive.size, "a length that overflows", "its directory reaches beyond its end");
    put_zip64(&archive, size, size, 0, 24, 1, 0, UINT64_MAX - 5);
    expect_broken(&archive, archive.size, "a directory that overflows", "its directory reaches beyond its end");
    for (int i = 0; i < 2; i++) { /* a locator that leads astray */
        put_zip64(&archive, size, size, 0, 24, 1, 0, 0);
        archive_set(&archive, archive.end - 12, i ? UINT64_MAX : archive.size - 20, 8);
        expect_broken(&archive, archive.size, "a locator", "its ZIP64 end is not where it should be");
    }
}

/* What is written can be read, wherever ZIP64 begins, and has ZIP64's records only where it must. */
static void writes_zip64(void **state) {
    (void)state;
    static const uint64_t limits[] = {0, 4, 100, 300, 3000, 0};
    static const char *const names[] = {"a/empty", "a/short", "a/long", "a/last"};
    static const size_t sizes[] = {0, 5, 3000, 1};
    static uint8_t content[3000];
    struct simba_error error = {0};
    for (size_t i = 0; i < sizeof content; i++) content[i] = (uint8_t)(i * i);
    for (int limit = 0; limit < 6; limit++) {
        struct sb_zip_writer writer;
        const bool plain = limit == 5;
        assert_true(sb_zip_begin(&writer, temporary("written.zip"), &error));
        if (!plain) writer.largest = limits[limit];
        for (int i = 0; i < 4; i++) assert_true(sb_zip_add(&writer, names[i], content, sizes[i], &error));
        if (!sb_zip_commit(&writer, &error)) fail_msg("%s", error.message);
        uint8_t *bytes;
        size_t size;
        assert_true(sb_read_file(temporary("written.zip"), 0, &bytes, &size, &error));
        assert_true((memcmp(bytes + size - 42, "PK\6\7", 4) == 0) == !plain);
        struct sb_zip zip;
        if (!sb_zip_open(&zip, "written.zip", bytes, size, &error)) fail_msg("%s", error.message);
        assert_int_equal(zip.count, 4);
        for (int i = 0; i < 4; i++) {
            uint8_t *owned;
            const struct sb_zip_entry *entry = sb_zip_find(&zip, names[i]);
            assert_true(entry && entry->size == sizes[i] && !entry->deflated);
            const uint8_t *read = sb_zip_read(&zip, entry, &owned, &error);
            if (!read) fail_msg("%s", error.message);
            assert_int_equal((read - bytes) % 64, 0);
            assert_memory_equal(read, content, sizes[i]);
            /* The sizes of 32 bits say where to look. */
            const bool large = !plain && sizes[i] > limits[limit];
            assert_true((memcmp(bytes + entry->header + 18, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) == 0) == large);
        }
        sb_zip_finish(&zip);
        free(bytes);
    }
    struct sb_zip_writer writer;
    assert_true(sb_zip_begin(&writer, temporary("given-up.zip"), &error));
    assert_true(sb_zip_add(&writer, "a/short", content, 5, &error));
    sb_zip_discard(&writer);
    assert_int_not_equal(access(temporary("given-up.zip"), F_OK), 0);
}

/* More entries than 16 bits count. */
static void writes_many(void **state) {
    (void)state;
    enum { MANY = 70000 };
    struct simba_error error = {0};
    struct sb_zip_writer writer;
    struct sb_zip zip;
    uint8_t *bytes, *owned;
    size_t size;
    char name[32];
    assert_true(sb_zip_begin(&writer, temporary("many.zip"), &error));
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "a/%d", i);
        assert_true(sb_zip_add(&writer, name, name, 3, &error));
    }
    if (!sb_zip_commit(&writer, &error)) fail_msg("%s", error.message);
    assert_true(sb_read_file(temporary("many.zip"), 0, &bytes, &size, &error));
    if (!sb_zip_open(&zip, "many.zip", bytes, size, &error)) fail_msg("%s", error.message);
    assert_int_equal(zip.count, MANY);
    const struct sb_zip_entry *entry = sb_zip_find(&zip, "a/69999");
    assert_non_null(entry);
    assert_memory_equal(sb_zip_read(&zip, entry, &owned, &error), "a/6", 3);
    sb_zip_finish(&zip);
    free(bytes);
}

/* Every prefix, and every bit of the bytes: an archive or an error, never a fault. */
static void damaged_anywhere(void **state) {
    (void)state;
    static struct archive archive;
    struct simba_error error = {0};
    make_archive(&archive);
    for (size_t size = 0; size < archive.size; size++) expect_broken(&archive, size, "a prefix", "this zip archive");
    for (size_t at = 0; at < archive.size * 8; at++) {
        archive.bytes[at / 8] ^= (uint8_t)(1 << at % 8);
        if (!open_and_read(archive.bytes, archive.size, &error)) assert_non_null(strstr(error.message, "evil.zip: "));
        archive.bytes[at / 8] ^= (uint8_t)(1 << at % 8);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_kinds), cmocka_unit_test(damaged_fields), cmocka_unit_test(the_same_name_twice),
        cmocka_unit_test(paths_are_names),  cmocka_unit_test(zip64),          cmocka_unit_test(damaged_anywhere),
        cmocka_unit_test(writes_zip64),     cmocka_unit_test(writes_many),
    };
    return cmocka_run_group_tests_name("data zip", tests, make_temporary, remove_temporary);
}
