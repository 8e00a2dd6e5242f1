#include "temporary.h"

#include "io/safetensors.h"

#include <math.h>

/* A file of a header text and as many zero bytes as data; the length field may lie. */
static void put_safetensors(const char *path, const char *header, uint64_t length, size_t data) {
    size_t text = strlen(header), size = 8 + text + data;
    uint8_t *bytes = calloc(size, 1);
    assert_non_null(bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, text);
    put_file(path, bytes, size);
    free(bytes);
}

static void expect_broken(const char *path, const char *what, const char *part) {
    struct simba_error error = {0};
    struct sb_safetensors *file = sb_safetensors_open(path, &error);
    if (file) fail_msg("%s was accepted", what);
    if (!strstr(error.message, part) || !strstr(error.message, path))
        fail_msg("%s: expected \"%s\", found \"%s\"", what, part, error.message);
    if (error.code != SIMBA_ERROR_FORMAT) fail_msg("%s: code %d", what, (int)error.code);
}

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"

static void malformed_headers(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *part;
    } cases[] = {
        {"", 0, "not a safetensors file"},
        {"[]", 0, "does not begin with \"{\""},
        {" {}", 0, "does not begin with \"{\""},
        {"{", 0, "line 1, column 2"},
        {"{} x", 0, "expected the end"},
        {"{" A "," A "}", 8, "\"a\" is there twice"},
        {"{\"a\":3}", 0, "$.a: expected an object that describes a tensor"},
        {"{\"a\":{}}", 0, "$.a: \"dtype\" is missing"},
        {"{\"a\":{\"dtype\":\"F32\"}}", 0, "$.a: \"shape\" is missing"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, "$.a: \"data_offsets\" is missing"},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "Did you mean \"F32\"?"},
        {"{\"a\":{\"dtype\":7,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "$.a.dtype: expected one of"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"more\":1}}", 4, "$.a.more: unknown key"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", 8, "$.a.shape: expected an array"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":{},\"data_offsets\":[0,4]}}", 4, "$.a.shape: expected an array"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "at most 8 sizes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "$.a.shape[0]: expected an integer"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,6]}}", 6, "$.a.shape[0]: expected an integer"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}}", 8, "found \"2\""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1e999],\"data_offsets\":[0,8]}}", 8,
         "$.a.shape[0]: expected an integer"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4000000000,4000000000],\"data_offsets\":[0,8]}}", 8, "more elements"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4000000000,4000000000,4000000000],\"data_offsets\":[0,8]}}", 8,
         "more elements"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":8}}", 8, "two byte offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]}}", 8, "two byte offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8, "two byte offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8, "$.a.data_offsets[0]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,null]}}", 8, "found null"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "ends before it begins"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "its shape needs 8 bytes of F32"},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "its shape needs 4 bytes of F16"},
        {"{" A "}", 7, "ends at byte 8 of the data, the file holds 7; it was cut short"},
        {"{" A "}", 0, "it was cut short"},
        {"{" A "}", 9, "1 bytes follow behind the last tensor"},
        {"{}", 5, "5 bytes follow"},
        {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 8, "without overlapping"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "without overlapping"},
        {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[9,10]}}", 10, "without holes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "without holes"},
        {"{\"__metadata__\":3," A "}", 8, "$.__metadata__: expected an object of strings"},
        {"{\"__metadata__\":{\"epochs\":3}," A "}", 8, "$.__metadata__.epochs: expected a string, found 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_safetensors(temporary("broken"), cases[i].header, strlen(cases[i].header), cases[i].data);
        expect_broken(temporary("broken"), cases[i].header, cases[i].part);
    }
}

static void malformed_containers(void **state) {
    (void)state;
    struct simba_error error = {0};
    const char *path = temporary("broken");
    for (size_t size = 0; size < 8; size++) {
        put_file(path, "\2\0\0\0\0\0\0", size);
        expect_broken(path, "a file without a length", "not a safetensors file: it has");
    }
    put_safetensors(path, "{}", UINT64_MAX, 0);
    expect_broken(path, "a negative length", "at most 100000000");
    put_safetensors(path, "{}", 100000001, 0);
    expect_broken(path, "a length over the limit", "at most 100000000");
    put_safetensors(path, "{}", 100000000, 0);
    expect_broken(path, "a length over the file's", "does not fit into the file of 10 bytes");
    put_safetensors(path, "{}", 3, 0);
    expect_broken(path, "a length one over the file's", "does not fit");
    put_safetensors(path, "{}", 0, 0);
    expect_broken(path, "no header", "does not begin with");
    put_safetensors(path, "{\"a\xff\":{}}", 9, 0);
    assert_null(sb_safetensors_open(path, &error));
    assert_null(sb_safetensors_open(temporary("absent"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    assert_null(sb_safetensors_open(temporary_directory, &error));
    check_error(&error, SIMBA_ERROR_FILE, "Is a directory");
    assert_null(sb_safetensors_open(temporary_directory, NULL));
}

/* Every prefix of a good file, and every single byte of its header changed: an error or a file, never a fault. */
static void damaged_anywhere(void **state) {
    (void)state;
    struct simba_error error = {0};
    static const char header[] =
        "{\"__metadata__\":{\"k\":\"v\"}," A ",\"b\":{\"dtype\":\"I64\",\"shape\":[1,0,3],"
        "\"data_offsets\":[8,8]},\"c\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]}}";
    size_t size = 8 + strlen(header) + 11;
    put_safetensors(temporary("good"), header, strlen(header), 11);
    struct sb_safetensors *file = sb_safetensors_open(temporary("good"), &error);
    if (!file) fail_msg("%s", error.message);
    assert_int_equal(file->count, 3);
    sb_safetensors_close(file);
    uint8_t *bytes;
    size_t got;
    assert_true(sb_read_file(temporary("good"), 0, &bytes, &got, &error));
    assert_int_equal(got, size);
    for (size_t length = 0; length < size; length++) {
        put_file(temporary("cut"), bytes, length);
        if (sb_safetensors_open(temporary("cut"), &error)) fail_msg("a prefix of %zu bytes was accepted", length);
        assert_true(strlen(error.message) > 20);
    }
    for (size_t at = 0; at < size - 11; at++) {
        static const uint8_t others[] = {0, '0', '9', '"', '}', ']', ',', 0x80, 0xff};
        uint8_t kept = bytes[at];
        for (size_t i = 0; i < sizeof others; i++) {
            bytes[at] = others[i];
            put_file(temporary("changed"), bytes, size);
            file = sb_safetensors_open(temporary("changed"), &error);
            for (int t = 0; file && t < file->count; t++) {
                uint8_t data[64];
                assert_true(file->tensors[t].bytes <= sizeof data);
                assert_true(sb_safetensors_read(file, &file->tensors[t], data, &error));
            }
            sb_safetensors_close(file);
        }
        bytes[at] = kept;
    }
    free(bytes);
}

static void all_types_become_floats(void **state) {
    (void)state;
    struct simba_error error = {0};
    static const double f64[] = {1.5, -1e300, 0.1};
    static const float f32[] = {1.5f, -3.25f, 0.1f};
    static const uint16_t f16[] = {0x3C00, 0xC500, 0x0001, 0x83FF, 0x7C00, 0x7BFF};
    static const uint16_t bf16[] = {0x3F80, 0xC0A0, 0x0001};
    static const int64_t i64[] = {-5, (int64_t)1 << 40};
    static const int32_t i32[] = {-7, 1000000};
    static const uint8_t u8[] = {0, 255};
    const struct sb_safetensors_entry entries[] = {
        {"f64", SB_STORED_F64, 1, (int64_t[]){3}, f64},      {"f32", SB_STORED_F32, 2, (int64_t[]){3, 1}, f32},
        {"f16", SB_STORED_F16, 1, (int64_t[]){6}, f16},      {"bf16", SB_STORED_BF16, 1, (int64_t[]){3}, bf16},
        {"i64", SB_STORED_I64, 1, (int64_t[]){2}, i64},      {"i32", SB_STORED_I32, 1, (int64_t[]){2}, i32},
        {"u8", SB_STORED_U8, 1, (int64_t[]){2}, u8},         {"one", SB_STORED_F32, 0, NULL, f32},
        {"none", SB_STORED_F32, 2, (int64_t[]){0, 4}, NULL}, {"sch\"l\\ü\n", SB_STORED_U8, 1, (int64_t[]){1}, u8},
    };
    const struct sb_safetensors_note notes[] = {{"config", "{\"a\": [1, 2]}\n"}, {"empty", ""}};
    int count = sizeof entries / sizeof *entries;
    const char *path = temporary("types");
    if (!sb_safetensors_write(path, entries, count, notes, 2, &error)) fail_msg("%s", error.message);
    struct sb_safetensors *file = sb_safetensors_open(path, &error);
    if (!file) fail_msg("%s", error.message);
    assert_int_equal(file->count, count);
    assert_string_equal(sb_safetensors_note(file, "config"), "{\"a\": [1, 2]}\n");
    assert_string_equal(sb_safetensors_note(file, "empty"), "");
    assert_null(sb_safetensors_note(file, "absent"));
    assert_null(sb_safetensors_find(file, "absent"));
    assert_int_equal(file->tensors[0].offset % 8, 0);
    for (int i = 0; i < count; i++) {
        const struct sb_safetensor *tensor = sb_safetensors_find(file, entries[i].name);
        assert_non_null(tensor);
        assert_string_equal(tensor->name, entries[i].name);
        assert_int_equal(tensor->type, entries[i].type);
        assert_int_equal(tensor->rank, entries[i].rank);
        for (int axis = 0; axis < tensor->rank; axis++) assert_int_equal(tensor->shape[axis], entries[i].shape[axis]);
        uint8_t bytes[64];
        assert_true(sb_safetensors_read(file, tensor, bytes, &error));
        if (tensor->bytes > 0) assert_memory_equal(bytes, entries[i].bytes, (size_t)tensor->bytes);
    }
    float got[8];
    static const float half[] = {1.0f, -5.0f, 0x1p-24f, -0x1.ff8p-15f, INFINITY, 65504.0f};
    assert_true(sb_safetensors_read_floats(file, sb_safetensors_find(file, "f64"), got, &error));
    assert_true(got[0] == 1.5f && got[1] == -INFINITY && got[2] == 0.1f);
    assert_true(sb_safetensors_read_floats(file, sb_safetensors_find(file, "f16"), got, &error));
    for (int i = 0; i < 6; i++) assert_true(got[i] == half[i]);
    assert_true(sb_safetensors_read_floats(file, sb_safetensors_find(file, "bf16"), got, &error));
    assert_true(got[0] == 1.0f && got[1] == -5.0f && got[2] == 0x1p-133f);
    assert_true(sb_safetensors_read_floats(file, sb_safetensors_find(file, "i64"), got, &error));
    assert_true(got[0] == -5.0f && got[1] == 0x1p40f);
    assert_true(sb_safetensors_read_floats(file, sb_safetensors_find(file, "i32"), got, &error));
    assert_true(got[0] == -7.0f && got[1] == 1e6f);
    assert_true(sb_safetensors_read_floats(file, sb_safetensors_find(file, "u8"), got, &error));
    assert_true(got[0] == 0.0f && got[1] == 255.0f);
    assert_true(sb_safetensors_read_floats(file, sb_safetensors_find(file, "one"), got, &error));
    assert_true(got[0] == 1.5f);
    sb_safetensors_close(file);
    sb_safetensors_close(NULL);
}

/* Converted in several pieces. */
static void large_conversion(void **state) {
    (void)state;
    struct simba_error error = {0};
    enum { COUNT = 100003 };
    int32_t *numbers = malloc(COUNT * sizeof *numbers);
    float *got = malloc(COUNT * sizeof *got);
    for (int i = 0; i < COUNT; i++) numbers[i] = i * 3 - 1000;
    const struct sb_safetensors_entry entry = {"x", SB_STORED_I32, 1, (int64_t[]){COUNT}, numbers};
    assert_true(sb_safetensors_write(temporary("large"), &entry, 1, NULL, 0, &error));
    struct sb_safetensors *file = sb_safetensors_open(temporary("large"), &error);
    assert_non_null(file);
    assert_true(sb_safetensors_read_floats(file, file->tensors, got, &error));
    for (int i = 0; i < COUNT; i++) assert_true(got[i] == (float)numbers[i]);
    /* The file loses its end while it is open. */
    assert_int_equal(truncate(temporary("large"), 1000), 0);
    assert_false(sb_safetensors_read_floats(file, file->tensors, got, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "while it is being read");
    sb_safetensors_close(file);
    free(numbers);
    free(got);
}

static void writer_keeps_its_promises(void **state) {
    (void)state;
    struct simba_error error = {0};
    const char *path = temporary("checkpoint");
    float numbers[4] = {1, 2, 3, 4};
    const struct sb_safetensors_entry entries[] = {{"a", SB_STORED_F32, 1, (int64_t[]){3}, numbers},
                                                   {"b", SB_STORED_F32, 1, (int64_t[]){1}, numbers + 3}};
    struct sb_safetensors_writer writer;
    assert_true(sb_safetensors_begin(&writer, path, entries, 2, NULL, 0, &error));
    assert_true(sb_safetensors_append(&writer, numbers, 7, &error)); /* pieces need not end with a tensor */
    assert_true(sb_safetensors_append(&writer, (uint8_t *)numbers + 7, 9, &error));
    assert_true(sb_safetensors_commit(&writer, &error));
    numbers[0] = 9;

    assert_true(sb_safetensors_begin(&writer, path, entries, 2, NULL, 0, &error));
    assert_true(sb_safetensors_append(&writer, numbers, 12, &error));
    assert_false(sb_safetensors_commit(&writer, &error));
    check_error(&error, SIMBA_ERROR_INTERNAL, "4 declared bytes were not written");
    assert_true(sb_safetensors_begin(&writer, path, entries, 1, NULL, 0, &error));
    assert_false(sb_safetensors_append(&writer, numbers, 16, &error));
    sb_safetensors_discard(&writer);

    struct sb_safetensors *file = sb_safetensors_open(path, &error);
    assert_non_null(file);
    float got[3];
    assert_true(sb_safetensors_read_floats(file, sb_safetensors_find(file, "a"), got, &error));
    assert_true(got[0] == 1.0f && got[2] == 3.0f);
    sb_safetensors_close(file);

    assert_false(sb_safetensors_write(temporary("absent/x"), entries, 2, NULL, 0, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    const struct sb_safetensors_entry huge = {"h", SB_STORED_F32, 2, (int64_t[]){INT64_MAX, 2}, NULL};
    assert_false(sb_safetensors_begin(&writer, path, &huge, 1, NULL, 0, &error));
    check_error(&error, SIMBA_ERROR_INTERNAL, "no file can hold");
    if (access("/dev/full", W_OK) != 0) return;
    assert_false(sb_safetensors_write("/dev/full", entries, 2, NULL, 0, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No space left");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_headers), cmocka_unit_test(malformed_containers),
        cmocka_unit_test(damaged_anywhere),  cmocka_unit_test(all_types_become_floats),
        cmocka_unit_test(large_conversion),  cmocka_unit_test(writer_keeps_its_promises),
    };
    return cmocka_run_group_tests_name("data safetensors", tests, make_temporary, remove_temporary);
}
