#include "temporary.h"

#include "archive.h"

#include "io/torch_file.h"

/* Pickles of protocol 2 as torch.save writes them, with numbers as lines of text. */
#define BYTES(text) text, sizeof text - 1
#define STORAGE(type, key) "((X\7\0\0\0storagectorch\n" type "\nX\1\0\0\0" key "X\3\0\0\0cpuI16\ntQ"
#define REBUILT \
    "t\x89"     \
    "ccollections\nOrderedDict\n)RtR"
#define TENSOR(type, key, offset, shape, strides) \
    "ctorch._utils\n_rebuild_tensor_v2\n" STORAGE(type, key) "I" offset "\n(" shape "t(" strides REBUILT
#define NUMBERS TENSOR("FloatStorage", "0", "0", "I4\nI4\n", "I4\nI1\n")
#define WITH_NUMBERS(more) "\x80\2}(X\1\0\0\0w" NUMBERS more "u."

static const float numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* An archive with a pickle and the storage "0" of 16 floats. */
static void put_object(const char *path, const void *pickle, size_t size) {
    static struct archive archive;
    archive.size = 0;
    archive.count = 0;
    assert_true(archive_add(&archive, "archive/data.pkl", pickle, size, false));
    assert_true(archive_add(&archive, "archive/data/0", numbers, sizeof numbers, false));
    archive_finish(&archive);
    put_file(path, archive.bytes, archive.size);
}

static void expect_refused(const char *path, const char *what, enum simba_code code, const char *part) {
    struct simba_error error = {0};
    struct sb_torch_file file;
    if (sb_torch_file_open(&file, path, &error)) fail_msg("%s was accepted", what);
    sb_torch_file_finish(&file);
    if (!strstr(error.message, part) || strncmp(error.message, path, strlen(path)) != 0)
        fail_msg("%s: expected \"%s\", found \"%s\"", what, part, error.message);
    if (error.code != code) fail_msg("%s: code %d", what, (int)error.code);
}

static void reads_tensors(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_torch_file file;
    const char *path = temporary("good.pth");
    put_object(path,
               BYTES("\x80\2}(X\1\0\0\0w" TENSOR("FloatStorage", "0", "1", "I2\nI3\n", "I1\nI5\n") "X\1\0\0\0e" TENSOR(
                   "FloatStorage", "0", "0", "I0\nI1099511627776\nI1099511627776\n", "I1\nI1\nI1\n") "u."));
    if (!sb_torch_file_open(&file, path, &error)) fail_msg("%s", error.message);
    assert_int_equal(file.count, 2);
    static const float expected[] = {1, 6, 11, 2, 7, 12};
    float read[6];
    sb_torch_file_read(&file.tensors[0], read);
    assert_memory_equal(read, expected, sizeof expected);
    assert_true(file.tensors[1].elements == 0 && file.tensors[1].rank == 3);
    sb_torch_file_read(&file.tensors[1], read); /* nothing, however long its other axes */
    sb_torch_file_finish(&file);
}

static void impossible_tensors(void **state) {
    (void)state;
    static const struct {
        const char *what;
        const char *bytes;
        size_t size;
        const char *part;
    } cases[] = {
        {"an offset beyond the storage", BYTES(TENSOR("FloatStorage", "0", "13", "I4\n", "I1\n") "."),
         "reaches beyond its storage"},
        {"a shape beyond the storage", BYTES(TENSOR("FloatStorage", "0", "0", "I17\n", "I1\n") "."),
         "reaches beyond its storage"},
        {"a stride beyond the storage", BYTES(TENSOR("FloatStorage", "0", "0", "I4\n", "I6\n") "."),
         "reaches beyond its storage"},
        {"numbers wider than the storage's", BYTES(TENSOR("DoubleStorage", "0", "0", "I9\n", "I1\n") "."),
         "reaches beyond its storage"},
        {"a stride of zero", BYTES(TENSOR("FloatStorage", "0", "0", "I17\n", "I0\n") "."), "larger than its storage"},
        {"a negative offset", BYTES(TENSOR("FloatStorage", "0", "-1", "I4\n", "I1\n") "."), "an impossible shape"},
        {"a negative length", BYTES(TENSOR("FloatStorage", "0", "0", "I-4\n", "I1\n") "."), "an impossible shape"},
        {"two negative lengths", BYTES(TENSOR("FloatStorage", "0", "0", "I-4\nI-4\n", "I4\nI1\n") "."),
         "an impossible shape"},
        {"a negative stride", BYTES(TENSOR("FloatStorage", "0", "4", "I4\n", "I-1\n") "."), "an impossible shape"},
        {"lengths whose product overflows",
         BYTES(TENSOR("FloatStorage", "0", "0", "I4294967296\nI4294967296\nI4294967296\n", "I1\nI1\nI1\n") "."),
         "an impossible shape"},
        {"a place that overflows", BYTES(TENSOR("FloatStorage", "0", "0", "I4\n", "I9223372036854775807\n") "."),
         "an impossible shape"},
        {"places that overflow together",
         BYTES(TENSOR("FloatStorage", "0", "0", "I2\nI2\n", "I9223372036854775807\nI9223372036854775807\n") "."),
         "an impossible shape"},
        {"an offset of 64 bits", BYTES(TENSOR("FloatStorage", "0", "9223372036854775807", "I1\n", "I1\n") "."),
         "reaches beyond its storage"},
        {"a length of more than 64 bits",
         BYTES(TENSOR("FloatStorage", "0", "0", "I99999999999999999999\n", "I1\n") "."), "an impossible shape"},
        {"a length that is text", BYTES(TENSOR("FloatStorage", "0", "0", "V4\n", "I1\n") "."), "an impossible shape"},
        {"fewer strides than lengths", BYTES(TENSOR("FloatStorage", "0", "0", "I4\nI4\n", "I1\n") "."),
         "a tensor without its parts"},
        {"a storage that is not there", BYTES(TENSOR("FloatStorage", "1", "0", "I4\n", "I1\n") "."),
         "a tensor has no storage"},
        {"a storage that climbs out of the archive",
         BYTES("ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\x0e\0\0\0../../data.pkl"
               "X\3\0\0\0cpuI16\ntQI0\n(I4\nt(I1\n" REBUILT "."),
         "a tensor has no storage"},
        {"a storage that is no storage", BYTES("ctorch._utils\n_rebuild_tensor_v2\n(NI0\n(I4\nt(I1\n" REBUILT "."),
         "a tensor without its parts"},
        {"a tensor of nothing", BYTES("ctorch._utils\n_rebuild_tensor_v2\n)R."), "a tensor without its parts"},
        {"arguments that are no tuple", BYTES("ctorch._utils\n_rebuild_tensor_v2\nNR."), "a tensor without its parts"},
        {"an offset that is called for",
         BYTES("ctorch._utils\n_rebuild_tensor_v2\n" STORAGE("FloatStorage", "0") "cos\nsystem\n(Vtouch evil\ntR(I4\nt("
                                                                                  "I1\n" REBUILT "."),
         "a tensor without its parts"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_object(temporary("evil.pth"), cases[i].bytes, cases[i].size);
        expect_refused(temporary("evil.pth"), cases[i].what, SIMBA_ERROR_FORMAT, cases[i].part);
    }
}

/* Beside a tensor: nothing is run, and what is no tensor is said to be left out. */
static void nothing_is_run(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int count;
        const char *ignored;
    } cases[] = {
        {BYTES(WITH_NUMBERS("X\1\0\0\0x"
                            "cos\nsystem\n(Vtouch evil\ntR")),
         1, "x"},
        {BYTES(WITH_NUMBERS("X\1\0\0\0x"
                            "c__builtin__\neval\n(Vopen('evil','w')\ntR")),
         1, "x"},
        {BYTES(WITH_NUMBERS("X\1\0\0\0x"
                            "ctorch._utils\n_rebuild_tensor_v3\n)R")),
         1, "x"},
        {BYTES(WITH_NUMBERS("X\1\0\0\0x"
                            "ctorch._utils\n_rebuild_parameter\n)R")),
         1, "x"},
        {BYTES("cos\nsystem\n(Vtouch evil\ntR."), 0, "an object"},
        /* Types that safetensors does not have here, and one that torch does not have. */
        {BYTES(WITH_NUMBERS("X\1\0\0\0x" TENSOR("ShortStorage", "0", "0", "I4\n", "I1\n"))), 1, "x"},
        {BYTES(WITH_NUMBERS("X\1\0\0\0x" TENSOR("ComplexFloatStorage", "0", "0", "I4\n", "I1\n"))), 1, "x"},
        {BYTES(WITH_NUMBERS("X\1\0\0\0x" TENSOR("system", "0", "0", "I4\n", "I1\n"))), 1, "x"},
        {BYTES(WITH_NUMBERS("X\1\0\0\0x" TENSOR("FloatStorage", "0", "0", "I1\nI1\nI1\nI1\nI1\nI1\nI1\nI1\nI1\n",
                                                "I1\nI1\nI1\nI1\nI1\nI1\nI1\nI1\nI1\n"))),
         1, "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct simba_error error = {0};
        struct sb_torch_file file;
        put_object(temporary("evil.pth"), cases[i].bytes, cases[i].size);
        if (!sb_torch_file_open(&file, temporary("evil.pth"), &error)) fail_msg("%zu: %s", i, error.message);
        assert_int_equal(file.count, cases[i].count);
        assert_string_equal(file.ignored, cases[i].ignored);
        sb_torch_file_finish(&file);
        struct sb_safetensors *dictionary = sb_torch_state_dictionary(temporary("evil.pth"), NULL, NULL, &error);
        assert_true((dictionary != NULL) == (cases[i].count > 0));
        if (!dictionary) check_error(&error, SIMBA_ERROR_FORMAT, "expected a state dictionary, found 0 tensors");
        sb_safetensors_close(dictionary);
    }
    assert_int_not_equal(access("evil", F_OK), 0);
}

/* Values that contain each other: a few hundred bytes must not keep anybody busy. */
static void nested_values(void **state) {
    (void)state;
    char bytes[2000], *at = bytes;
    const char *path = temporary("nested.pth");
    put_object(path, BYTES("]q\0h\0a."));
    expect_refused(path, "a list in itself", SIMBA_ERROR_FORMAT, "its dictionaries are nested too deeply");
    put_object(path, BYTES("}q\0X\1\0\0\0ah\0s."));
    expect_refused(path, "a dictionary in itself", SIMBA_ERROR_FORMAT, "its dictionaries are nested too deeply");

    /* Each of twenty lists has the one before it ten times: 10^20 values. */
    at += sprintf(at, "]");
    for (int i = 0; i < 20; i++) {
        *at++ = 'q', *at++ = (char)i, *at++ = '0', *at++ = ']', *at++ = '(';
        for (int j = 0; j < 10; j++) *at++ = 'h', *at++ = (char)i;
        *at++ = 'e';
    }
    *at++ = '.';
    put_object(path, bytes, (size_t)(at - bytes));
    expect_refused(path, "a tree of lists", SIMBA_ERROR_FORMAT, "its values contain each other too often");

    /* One tensor of 64 bytes, three thousand times: 2 bytes each of which 64 would be made. */
    static char many[8192];
    at = many;
    memcpy(at, BYTES("](" NUMBERS "q\0"));
    at += sizeof "](" NUMBERS "q\0" - 1;
    for (int i = 0; i < 3000; i++) *at++ = 'h', *at++ = 0;
    *at++ = 'e', *at++ = '.';
    put_object(path, many, (size_t)(at - many));
    expect_refused(path, "one tensor again and again", SIMBA_ERROR_FORMAT, "its values contain each other too often");

    /* 40 KB of numbers a hundred times. */
    static struct archive archive;
    static float large[10000];
    at = many;
    memcpy(at, BYTES("](" TENSOR("FloatStorage", "0", "0", "I10000\n", "I1\n") "q\0"));
    at += sizeof "](" TENSOR("FloatStorage", "0", "0", "I10000\n", "I1\n") "q\0" - 1;
    for (int i = 0; i < 100; i++) *at++ = 'h', *at++ = 0;
    *at++ = 'e', *at++ = '.';
    assert_true(archive_add(&archive, "a/data.pkl", many, (size_t)(at - many), false));
    assert_true(archive_add(&archive, "a/data/0", large, sizeof large, false));
    archive_finish(&archive);
    put_file(path, archive.bytes, archive.size);
    expect_refused(path, "the same numbers again and again", SIMBA_ERROR_FORMAT,
                   "its tensors show the same numbers too often");

    char name[600] = "";
    memset(name, 'n', 520);
    at = bytes;
    at += sprintf(at, "}V%s\n", name);
    memcpy(at, BYTES(NUMBERS "s."));
    put_object(path, bytes, (size_t)(at - bytes) + sizeof NUMBERS "s." - 1);
    expect_refused(path, "a long name", SIMBA_ERROR_FORMAT, "a name that is too long");
}

static void archives_that_are_none(void **state) {
    (void)state;
    static struct archive archive;
    static char ballast[40000];
    const char *path = temporary("evil.pth");
    assert_true(archive_add(&archive, "archive/other.pkl", "N.", 2, false));
    assert_true(archive_add(&archive, "data.pkl", "N.", 2, false));
    archive_finish(&archive);
    put_file(path, archive.bytes, archive.size);
    expect_refused(path, "no object", SIMBA_ERROR_FORMAT, "there is no data.pkl in it");

    archive.size = archive.count = 0;
    assert_true(archive_add(&archive, "a/data.pkl", "N.", 2, false));
    assert_true(archive_add(&archive, "b/data.pkl", "N.", 2, false));
    archive_finish(&archive);
    put_file(path, archive.bytes, archive.size);
    expect_refused(path, "two objects", SIMBA_ERROR_FORMAT, "there are two data.pkl in it");

    archive.size = archive.count = 0;
    memset(ballast, 'N', sizeof ballast);
    assert_true(archive_add(&archive, "a/data.pkl", ballast, sizeof ballast, true));
    archive_finish(&archive);
    put_file(path, archive.bytes, archive.size);
    expect_refused(path, "a pickle that unpacks", SIMBA_ERROR_FORMAT, "its data.pkl is far larger than the file");

    archive.size = archive.count = 0;
    assert_true(archive_add(&archive, "a/data.pkl", BYTES(WITH_NUMBERS("")), false));
    assert_true(archive_add(&archive, "a/data/0", numbers, sizeof numbers, false));
    assert_true(archive_add(&archive, "a/byteorder", "big", 3, false));
    archive_finish(&archive);
    put_file(path, archive.bytes, archive.size);
    expect_refused(path, "big-endian numbers", SIMBA_ERROR_UNSUPPORTED, "its numbers are big-endian");

    put_text(path, "PK\3\4 and nothing else");
    expect_refused(path, "a cut archive", SIMBA_ERROR_FORMAT, "damaged or cut short");
    put_text(path, "no archive");
    expect_refused(path, "a text", SIMBA_ERROR_FORMAT, "not a PyTorch file");
    put_text(path, "");
    expect_refused(path, "an empty file", SIMBA_ERROR_FORMAT, "not a PyTorch file");
}

static void names_that_clash(void **state) {
    (void)state;
    struct simba_error error = {0};
    const char *path = temporary("clash.pth");
    put_object(path, BYTES(WITH_NUMBERS("X\1\0\0\0w" NUMBERS)));
    assert_null(sb_torch_state_dictionary(path, NULL, NULL, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "clash.pth: there are two tensors of the name \"w\"");
    put_object(path, BYTES(WITH_NUMBERS("X\x0c\0\0\0__metadata__" NUMBERS)));
    assert_null(sb_torch_state_dictionary(path, NULL, NULL, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "clash.pth: a tensor has the name \"__metadata__\", which is reserved");
    put_object(path, BYTES(WITH_NUMBERS("")));
    assert_null(sb_torch_state_dictionary(path, "ema", NULL, &error));
    check_error(&error, SIMBA_ERROR_FORMAT,
                "clash.pth: expected a state dictionary below \"ema\", found 1 tensors: \"w\"");
}

/* The format of torch before 1.6: the magic number, the version, the system, the object, the keys, the storages. */
#define OLD(system, object, keys) \
    "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3." system object keys
#define LITTLE "\x80\2}X\x0d\0\0\0little_endian\x88s."
#define KEYS     \
    "]X\1\0\0\0" \
    "0a."

static size_t put_old(const char *path, const void *pickles, size_t size, uint64_t count, size_t stored) {
    uint8_t bytes[2048];
    assert_true(size + 8 + sizeof numbers <= sizeof bytes);
    memcpy(bytes, pickles, size);
    memcpy(bytes + size, &count, 8);
    memcpy(bytes + size + 8, numbers, sizeof numbers);
    put_file(path, bytes, size + 8 + stored);
    return size + 8 + stored;
}

static void older_format(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_torch_file file;
    float read[16];
    const char *path = temporary("old.pth");
    const char good[] = OLD(LITTLE, WITH_NUMBERS(""), KEYS);
    const size_t size = put_old(path, good, sizeof good - 1, 16, 64);
    if (!sb_torch_file_open(&file, path, &error)) fail_msg("%s", error.message);
    assert_int_equal(file.count, 1);
    sb_torch_file_read(&file.tensors[0], read);
    assert_memory_equal(read, numbers, sizeof numbers);
    sb_torch_file_finish(&file);
    uint8_t whole[2048];
    FILE *stream = fopen(path, "rb");
    assert_int_equal(fread(whole, 1, sizeof whole, stream), size);
    fclose(stream);
    for (size_t cut = 0; cut < size; cut++) {
        put_file(path, whole, cut);
        expect_refused(path, "a prefix", SIMBA_ERROR_FORMAT, "");
    }

    put_old(path, good, sizeof good - 1, 16, 63);
    expect_refused(path, "a cut storage", SIMBA_ERROR_FORMAT, "a storage is cut short");
    put_old(path, good, sizeof good - 1, UINT64_MAX, 64);
    expect_refused(path, "a size that overflows", SIMBA_ERROR_FORMAT, "a storage is cut short");
    put_old(path, good, sizeof good - 1, (uint64_t)1 << 62, 64);
    expect_refused(path, "a size that overflows to 0 bytes", SIMBA_ERROR_FORMAT, "a storage is cut short");
    put_old(path, good, sizeof good - 1, 15, 64);
    expect_refused(path, "a storage that is too small", SIMBA_ERROR_FORMAT, "reaches beyond its storage");
    put_file(path, good, sizeof good - 1);
    expect_refused(path, "no storage", SIMBA_ERROR_FORMAT, "a storage is missing");
    put_old(path, BYTES(OLD(LITTLE, WITH_NUMBERS(""), "N.")), 16, 64);
    expect_refused(path, "no keys", SIMBA_ERROR_FORMAT, "the list of its storages is missing");
    put_old(path, BYTES(OLD(LITTLE, WITH_NUMBERS(""), "]Na.")), 16, 64);
    expect_refused(path, "a key that is no text", SIMBA_ERROR_FORMAT, "a storage without a name");
    put_old(path, BYTES(OLD(LITTLE, WITH_NUMBERS(""), "].")), 16, 64);
    expect_refused(path, "a key too few", SIMBA_ERROR_FORMAT, "a tensor has no storage");
    put_old(path, BYTES(OLD(LITTLE, WITH_NUMBERS(""), "](V0\nV0\ne.")), 16, 64);
    expect_refused(path, "a key twice", SIMBA_ERROR_FORMAT, "two storages of the same name");
    put_old(path, BYTES(OLD(LITTLE, WITH_NUMBERS(""), "](V0\nV1\ne.")), 16, 64);
    expect_refused(path, "a key that no tensor has", SIMBA_ERROR_FORMAT, "a storage");
    put_old(path, BYTES(OLD("}X\x0d\0\0\0little_endian\x89s.", WITH_NUMBERS(""), KEYS)), 16, 64);
    expect_refused(path, "big-endian numbers", SIMBA_ERROR_UNSUPPORTED, "its numbers are big-endian");
    put_old(path,
            BYTES(OLD(LITTLE,
                      "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                      "0X\3\0\0\0"
                      "cpuI16\n(V1\nI4\nI8\nttQI0\n(I4\nt(I1\n" REBUILT ".",
                      KEYS)),
            16, 64);
    expect_refused(path, "a view of a storage", SIMBA_ERROR_UNSUPPORTED, "as torch before 0.4 wrote it");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tensors), cmocka_unit_test(impossible_tensors),     cmocka_unit_test(nothing_is_run),
        cmocka_unit_test(nested_values), cmocka_unit_test(archives_that_are_none), cmocka_unit_test(names_that_clash),
        cmocka_unit_test(older_format),
    };
    return cmocka_run_group_tests_name("data torch file", tests, make_temporary, remove_temporary);
}
