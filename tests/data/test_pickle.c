#include "temporary.h"

#include "io/pickle.h"

/* In memory of its exact size, so that a sanitizer sees a byte too far. */
static const struct sb_pickle *read_bytes(const void *bytes, size_t size, struct sb_pool *pool,
                                          struct simba_error *error) {
    uint8_t *exact = malloc(size ? size : 1);
    size_t used;
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    const struct sb_pickle *value = sb_pickle_read("evil.pkl", exact, size, &used, pool, error);
    assert_true(used <= size && (!value || used == size));
    free(exact);
    return value;
}

#define BYTES(text) text, sizeof text - 1

static void damaged_pickles(void **state) {
    (void)state;
    static const struct {
        const char *what;
        const char *bytes;
        size_t size;
        const char *part;
    } cases[] = {
        {"nothing", BYTES(""), "byte 0: it ends early"},
        {"no end", BYTES("N"), "byte 1: it ends early"},
        {"an end alone", BYTES("."), "a value is missing"},
        {"a mark as the value", BYTES("(."), "a value is missing"},
        {"an unknown operation", BYTES("\xff."), "an unknown operation"},
        {"a cut protocol", BYTES("\x80"), "it ends early"},
        {"a cut frame", BYTES("\x95\1\0\0\0"), "it ends early"},
        {"a cut number", BYTES("J\1\2\3"), "it ends early"},
        {"a cut real", BYTES("G\1\2\3\4\5\6\7"), "it ends early"},
        {"a cut text", BYTES("X\4\0\0\0abc"), "it ends early"},
        {"a text of 4 GB",
         BYTES("X\xff\xff\xff\xff"
               "abc."),
         "it ends early"},
        {"bytes of a size that overflows",
         BYTES("\x8e\xff\xff\xff\xff\xff\xff\xff\xff"
               "abc."),
         "it ends early"},
        {"a long of 2 GB",
         BYTES("\x8b\xff\xff\xff\x7f"
               "abc."),
         "it ends early"},
        {"a line without an end", BYTES("cos"), "a line does not end"},
        {"a global without a name", BYTES("cos\nsystem"), "a line does not end"},
        {"an integer that is none", BYTES("Iabc\n."), "a number that is none"},
        {"an empty integer", BYTES("I\n."), "a number that is none"},
        {"half an integer", BYTES("I12x\n."), "a number that is none"},
        {"a real that is none", BYTES("Fabc\n."), "a number that is none"},
        {"an unknown memo number", BYTES("h\0."), "an unknown memo number"},
        {"an unknown long memo number", BYTES("j\xff\xff\xff\xff."), "an unknown memo number"},
        {"a memo number below all", BYTES("g-1\n."), "an unknown memo number"},
        {"a memo number between", BYTES("NNNNNq\4h\2."), "an unknown memo number"},
        {"a memo number that is too large", BYTES("Nq\3."), "a memo number that is too large"},
        {"a memo of 4 G entries", BYTES("Nr\xff\xff\xff\xff."), "a memo number that is too large"},
        {"a memo number of 64 bits", BYTES("Np18446744073709551615\n."), "a memo number that is too large"},
        {"nothing to remember", BYTES("q\0."), "nothing to remember"},
        {"a mark to remember", BYTES("(q\0."), "nothing to remember"},
        {"nothing to drop", BYTES("0."), "nothing to drop"},
        {"nothing to double", BYTES("2."), "a value is missing"},
        {"a tuple without a mark", BYTES("Nt."), "a mark is missing"},
        {"a mark that is gone", BYTES("N1."), "a mark is missing"},
        {"a pair of one", BYTES("N\x86."), "a value is missing"},
        {"a pair across a mark", BYTES("N(N\x86."), "a value is missing"},
        {"a key without a value", BYTES("(Nd."), "a key without a value"},
        {"items without a dictionary", BYTES("(NNu."), "there is nothing to add to"},
        {"an odd number of items", BYTES("}(Nu."), "there is nothing to add to"},
        {"an item without a list", BYTES("Na."), "there is nothing to add to"},
        {"a call without arguments", BYTES("cos\nsystem\nR."), "a value is missing"},
        {"names that are no text", BYTES("NN\x93."), "a name is no text"},
        {"no identity", BYTES("Q."), "a value is missing"},
        {"a state without an object", BYTES("b."), "a value is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sb_pool pool = {0};
        struct simba_error error = {0};
        if (read_bytes(cases[i].bytes, cases[i].size, &pool, &error)) fail_msg("%s was accepted", cases[i].what);
        if (!strstr(error.message, cases[i].part) ||
            strncmp(error.message, "evil.pkl: the pickle is damaged at byte ", 40) != 0)
            fail_msg("%s: expected \"%s\", found \"%s\"", cases[i].what, cases[i].part, error.message);
        assert_int_equal(error.code, SIMBA_ERROR_FORMAT);
        sb_pool_finish(&pool);
    }
}

/* What is to be called stays a value with a name, in every form that a call can have. */
static void calls_are_values(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {BYTES("cos\nsystem\n(Vtouch evil\ntR.")},                         /* GLOBAL, REDUCE */
        {BYTES("\x80\4\x8c\2os\x8c\6system\x93\x8c\x0atouch evil\x85R.")}, /* STACK_GLOBAL, REDUCE */
        {BYTES("cos\nsystem\n(Vtouch evil\nt\x81.")},                      /* NEWOBJ */
        {BYTES("cos\nsystem\n(Vtouch evil\nt}\x92.")},                     /* NEWOBJ_EX */
        {BYTES("cos\nsystem\n(Vtouch evil\ntR}Vx\nNsb.")},                 /* and BUILD */
        {BYTES("cos\nsystem\n(Vtouch evil\ntRp0\n0g0\n.")},                /* by way of the memo */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sb_pool pool = {0};
        struct simba_error error = {0};
        const struct sb_pickle *value = read_bytes(cases[i].bytes, cases[i].size, &pool, &error);
        if (!value) fail_msg("%zu: %s", i, error.message);
        assert_int_equal(value->kind, SB_PICKLE_CALL);
        assert_int_equal(value->items[0]->kind, SB_PICKLE_GLOBAL);
        assert_string_equal(value->items[0]->text, "os system");
        assert_int_equal(value->items[1]->kind, SB_PICKLE_TUPLE);
        assert_string_equal(value->items[1]->items[0]->text, "touch evil");
        sb_pool_finish(&pool);
    }
    /* The older forms of a call, which nothing writes, are refused. */
    static const char *const old[] = {"(Vtouch evil\nios\nsystem\n.", "(cos\nsystem\nVtouch evil\no."};
    for (int i = 0; i < 2; i++) {
        struct sb_pool pool = {0};
        struct simba_error error = {0};
        assert_null(read_bytes(old[i], strlen(old[i]), &pool, &error));
        check_error(&error, SIMBA_ERROR_FORMAT, "an unknown operation");
        sb_pool_finish(&pool);
    }
    assert_int_not_equal(access("evil", F_OK), 0);
}

static void numbers(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum sb_pickle_kind kind;
        int64_t integer;
    } cases[] = {
        {BYTES("I-5\n."), SB_PICKLE_INTEGER, -5},
        {BYTES("L-9223372036854775808L\n."), SB_PICKLE_INTEGER, INT64_MIN},
        {BYTES("L9223372036854775808L\n."), SB_PICKLE_OPAQUE, 0},
        {BYTES("L1000000000000000000000000000000000000000000000000000000000000000000000000L\n."), SB_PICKLE_OPAQUE, 0},
        {BYTES("I01\n."), SB_PICKLE_BOOL, 1},
        {BYTES("J\xff\xff\xff\xff."), SB_PICKLE_INTEGER, -1},
        {BYTES("\x8a\0."), SB_PICKLE_INTEGER, 0},
        {BYTES("\x8a\1\x80."), SB_PICKLE_INTEGER, -128},
        {BYTES("\x8a\2\x80\0."), SB_PICKLE_INTEGER, 128},
        {BYTES("\x8a\x08\0\0\0\0\0\0\0\x80."), SB_PICKLE_INTEGER, INT64_MIN},
        {BYTES("\x8a\x09\0\0\0\0\0\0\0\x80\0."), SB_PICKLE_OPAQUE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sb_pool pool = {0};
        struct simba_error error = {0};
        const struct sb_pickle *value = read_bytes(cases[i].bytes, cases[i].size, &pool, &error);
        if (!value) fail_msg("%zu: %s", i, error.message);
        assert_int_equal(value->kind, cases[i].kind);
        assert_int_equal(value->integer, cases[i].integer);
        sb_pool_finish(&pool);
    }
}

/* A hundred thousand lists in one another: read without recursion. */
static void deep_nesting(void **state) {
    (void)state;
    enum { DEPTH = 100000 };
    struct sb_pool pool = {0};
    struct simba_error error = {0};
    char *bytes = malloc(2 * DEPTH);
    assert_non_null(bytes);
    memset(bytes, ']', DEPTH);
    memset(bytes + DEPTH, 'a', DEPTH - 1);
    bytes[2 * DEPTH - 1] = '.';
    const struct sb_pickle *value = read_bytes(bytes, 2 * DEPTH, &pool, &error);
    if (!value) fail_msg("%s", error.message);
    int depth = 1;
    for (; value->count; value = value->items[0]) depth++;
    assert_int_equal(depth, DEPTH);
    sb_pool_finish(&pool);
    free(bytes);
}

/* Two texts of 64 KB that 10,000 names are composed of would take more than a gigabyte. */
static void names_that_are_too_long(void **state) {
    (void)state;
    enum { TEXT = 1 << 16, NAMES = 10000 };
    struct sb_pool pool = {0};
    struct simba_error error = {0};
    char *bytes = malloc(TEXT + 6 * NAMES + 20), *at = bytes;
    assert_non_null(bytes);
    memcpy(at, "X\0\0\1\0", 5);
    memset(at + 5, 'x', TEXT);
    at += 5 + TEXT;
    memcpy(at, "q\0000", 3);
    at += 3;
    for (int i = 0; i < NAMES; i++, at += 6)
        memcpy(at,
               "h\0h\0\x93"
               "0",
               6);
    memcpy(at, "N.", 2);
    assert_null(read_bytes(bytes, (size_t)(at + 2 - bytes), &pool, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "a name that is too long");
    sb_pool_finish(&pool);
    memset(bytes, 'x', TEXT);
    bytes[0] = 'c';
    bytes[300] = bytes[310] = '\n';
    assert_null(read_bytes(bytes, TEXT, &pool, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "a name that is too long");
    sb_pool_finish(&pool);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_pickles), cmocka_unit_test(calls_are_values),        cmocka_unit_test(numbers),
        cmocka_unit_test(deep_nesting),    cmocka_unit_test(names_that_are_too_long),
    };
    return cmocka_run_group_tests_name("data pickle", tests, make_temporary, remove_temporary);
}
