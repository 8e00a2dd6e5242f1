#include "temporary.h"

#include "base/json.h"

#include <math.h>

static struct sb_json_document *parse(const char *text) {
    struct simba_error error = {0};
    struct sb_json_document *document = sb_json_read_text("c.json", text, &error);
    if (!document) fail_msg("%s", error.message);
    return document;
}

static void broken_text_has_a_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "line 1, column 1"},
        {"{", "line 1"},
        {"{\n  \"a\": 1,\n  \"b\" 2\n}", "line 3, column 7"},
        {"{\n  \"a\": 1,\n}", "line 3, column 1"},
        {"{\"a\": tru}", "line 1, column 7"},
        {"{\"a\": \"open}", "line 1, column 8"},
        {"{\"\xc3\xa4\xc3\xa4\": x}", "line 1, column 8"}, /* two letters of two bytes each */
        {"{} {}", "line 1, column 4: expected the end of the text"},
        {"{}\n\n,", "line 3, column 1"},
        {"[1, 2", "column 6: this is not valid JSON at the end of the text"},
        {"[1, x", "column 5"},
        {"[1,, 2]", "column 4"},
        {"{,}", "column 2"},
        {"{\"a\": 1, b: 2}", "column 10: this is not valid JSON at \"b: 2}\""},
        {"{\"a\": \"a,b\\q\"}", "column 11"},
        {"nan", "line 1, column 1"},
        {"\x7f", "the byte 0x7F"},
        {"{\"a\": 1, \"b\": {\"c\": 1, \"d\": 2, \"c\": 3}}", "$.b: the key \"c\" is there twice"},
        {"[0, {\"a\": 1, \"a\": 1}]", "$[1]: the key \"a\" is there twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct simba_error error = {0};
        assert_null(sb_json_read_text("c.json", cases[i].text, &error));
        if (!strstr(error.message, cases[i].part) || strncmp(error.message, "c.json: ", 8) != 0)
            fail_msg("%s: expected \"%s\", found \"%s\"", cases[i].text, cases[i].part, error.message);
    }
    struct simba_error error = {0};
    assert_null(sb_json_read_bytes("c.json", "{}\0{}", 5, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "line 1, column 3");
    char *deep = malloc(100001);
    memset(deep, '[', 100000);
    deep[100000] = 0;
    assert_null(sb_json_read_text("c.json", deep, &error));
    free(deep);
}

static void typed_readers(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_json_document *document =
        parse("{\"train\": {\"epochs\": 10, \"rate\": 1e-3, \"flip\": true, \"name\": \"x\", \"mixer\": \"einfft\", "
              "\"dims\": [16, 32.5, \"a\"], \"none\": null, \"huge\": 1e999, \"big\": 9007199254740993}}");
    struct sb_json root = sb_json_root(document), train;
    assert_true(sb_json_member(root, "train", &train, &error));
    int64_t number = 7;
    double real = 7.0;
    bool flag = false;
    const char *text = "unchanged";
    int choice = -1;
    static const char *const mixers[] = {"mlp", "einfft", NULL};
    assert_true(sb_json_int(train, "epochs", 1, 100, &number, &error));
    assert_int_equal(number, 10);
    assert_true(sb_json_int(train, "absent", 1, 100, &number, &error));
    assert_int_equal(number, 10);
    assert_true(sb_json_double(train, "rate", 0.0, INFINITY, &real, &error));
    assert_true(real == 1e-3);
    assert_true(sb_json_bool(train, "flip", &flag, &error));
    assert_true(flag);
    assert_true(sb_json_string(train, "name", &text, &error));
    assert_string_equal(text, "x");
    assert_true(sb_json_choice(train, "mixer", mixers, &choice, &error));
    assert_int_equal(choice, 1);

    assert_false(sb_json_int(train, "epochs", 11, INT64_MAX, &number, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "c.json: $.train.epochs: expected an integer of at least 11, found 10.");
    assert_false(sb_json_int(train, "name", 1, 5, &number, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "$.train.name: expected an integer from 1 to 5, found \"x\".");
    assert_false(sb_json_int(train, "rate", INT64_MIN, INT64_MAX, &number, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "expected an integer, found 0.001");
    assert_false(sb_json_int(train, "none", INT64_MIN, 5, &number, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "expected an integer of at most 5, found null");
    assert_false(sb_json_double(train, "rate", 0.5, 1.0, &real, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "expected a number from 0.5 to 1, found 0.001");
    assert_false(sb_json_double(train, "huge", -INFINITY, INFINITY, &real, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "expected a finite number");
    assert_false(sb_json_double(train, "dims", 0.0, INFINITY, &real, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "found an array");
    assert_false(sb_json_bool(train, "epochs", &flag, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "expected true or false, found 10");
    assert_false(sb_json_string(train, "flip", &text, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "expected a string, found true");
    assert_false(sb_json_choice(train, "name", mixers, &choice, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "expected one of mlp, einfft; found \"x\".");
    assert_false(sb_json_int(root, "train", 1, 5, &number, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "found an object");

    struct sb_json dims;
    assert_true(sb_json_member(train, "dims", &dims, &error));
    assert_true(sb_json_is_array(dims));
    assert_int_equal(sb_json_count(dims), 3);
    assert_true(sb_json_int(sb_json_element(dims, 0), NULL, 1, 99, &number, &error));
    assert_int_equal(number, 16);
    assert_false(sb_json_int(sb_json_element(dims, 1), NULL, 1, 99, &number, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "$.train.dims[1]: expected an integer from 1 to 99, found 32.5.");
    assert_false(sb_json_int(dims, "x", 1, 99, &number, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "$.train.dims: expected an object, found an array.");

    struct sb_json absent;
    assert_true(sb_json_member(train, "absent", &absent, &error));
    assert_null(absent.value);
    assert_true(sb_json_int(absent, "below", 1, 2, &number, &error));
    assert_int_equal(number, 16);
    sb_json_destroy(document);
}

static void unknown_keys_name_the_nearest(void **state) {
    (void)state;
    struct simba_error error = {0};
    static const char *const known[] = {"epochs", "batch", "learning_rate", NULL};
    struct sb_json_document *document = parse("{\"batch\": 1, \"epohcs\": 3}");
    assert_false(sb_json_only(sb_json_root(document), known, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "$.epohcs: unknown key; did you mean \"epochs\"?");
    sb_json_destroy(document);
    document = parse("{\"zebra\": 1}");
    assert_false(sb_json_only(sb_json_root(document), known, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "$.zebra: unknown key. Known here: epochs, batch, learning_rate.");
    sb_json_destroy(document);
    document = parse("{\"batch\": 1}");
    assert_true(sb_json_only(sb_json_root(document), known, &error));
    sb_json_destroy(document);
}

static void nearest_word(void **state) {
    (void)state;
    static const char *const known[] = {"train", "evaluate", "predict", "drop_path", "classes", NULL};
    assert_string_equal(sb_nearest_word("trian", known), "train");
    assert_string_equal(sb_nearest_word("Predict", known), "predict");
    assert_string_equal(sb_nearest_word("drop", known), "drop_path");
    assert_string_equal(sb_nearest_word("class", known), "classes");
    assert_null(sb_nearest_word("xyz", known));
    assert_null(sb_nearest_word("", known));
    assert_null(sb_nearest_word("x", known));
    char longest[200];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_null(sb_nearest_word(longest, known));
}

static void assignments(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_json_document *document = parse("{\"train\": {\"epochs\": 1}, \"dims\": [1, 2]}");
    static const char *const good[] = {
        "train.epochs=3", "train.rate=1e-3", "$.data.path=a=b", "data.names=[\"x\", \"y\"]",
        "dims[1]=5",      "data.flag=true",  "data.word=3abc",  "data.object.inner={}",
        "data.empty="};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!sb_json_set(document, good[i], &error)) fail_msg("%s", error.message);
    char *text = sb_json_print(document, &error);
    assert_non_null(text);
    struct sb_json_document *again = parse(text);
    free(text);
    struct sb_json data, train, dims;
    assert_true(sb_json_member(sb_json_root(again), "data", &data, &error));
    assert_true(sb_json_member(sb_json_root(again), "train", &train, &error));
    assert_true(sb_json_member(sb_json_root(again), "dims", &dims, &error));
    int64_t number = 0;
    bool flag = false;
    const char *word = NULL;
    assert_true(sb_json_int(train, "epochs", 0, 9, &number, &error));
    assert_int_equal(number, 3);
    assert_true(sb_json_int(sb_json_element(dims, 1), NULL, 0, 9, &number, &error));
    assert_int_equal(number, 5);
    assert_true(sb_json_bool(data, "flag", &flag, &error));
    assert_true(flag);
    assert_true(sb_json_string(data, "path", &word, &error));
    assert_string_equal(word, "a=b");
    assert_true(sb_json_string(data, "word", &word, &error));
    assert_string_equal(word, "3abc");
    assert_true(sb_json_string(data, "empty", &word, &error));
    assert_string_equal(word, "");
    sb_json_destroy(again);

    static const char *const bad[] = {
        "train",     "=3",         "train..epochs=3",     ".a=1",        "a.=1",   "dims[2]=1",
        "dims[x]=1", "dims[-1]=1", "train.epochs.more=1", "dims.more=1", "a.[0]=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (sb_json_set(document, bad[i], &error)) fail_msg("%s was taken", bad[i]);
    sb_json_set(document, "train.epochs.more=1", &error);
    check_error(&error, SIMBA_ERROR_CONFIG, "$.train.epochs: cannot set \"more\"");
    sb_json_destroy(document);
}

static void files(void **state) {
    (void)state;
    struct simba_error error = {0};
    put_text(temporary("good.json"), "\xef\xbb\xbf{\"a\": 1}\n");
    struct sb_json_document *document = sb_json_read_file(temporary("good.json"), &error);
    assert_non_null(document);
    sb_json_destroy(document);
    assert_null(sb_json_read_file(temporary("absent.json"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    sb_json_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_text_has_a_place),
        cmocka_unit_test(typed_readers),
        cmocka_unit_test(unknown_keys_name_the_nearest),
        cmocka_unit_test(nearest_word),
        cmocka_unit_test(assignments),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests_name("base json", tests, make_temporary, remove_temporary);
}
