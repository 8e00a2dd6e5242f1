/* Pickles: of whatever is read every value can be looked at. */
#include "fuzz.h"

#include "io/pickle.h"

/* Values may lead back to themselves: `left` bounds how many are looked at. */
static void look(const struct sb_pickle *value, int depth, int *left) {
    if (depth > 40 || --*left < 0) return;
    fuzz_expect(value->kind <= SB_PICKLE_OPAQUE, "a kind of value");
    if (value->kind == SB_PICKLE_TEXT || value->kind == SB_PICKLE_GLOBAL)
        fuzz_expect(value->text && value->text[value->size] == '\0', "text ends with a zero");
    if (value->kind == SB_PICKLE_DICT) {
        fuzz_expect(value->count % 2 == 0, "each key has a value");
        sb_pickle_member(value, "key");
    }
    if (value->kind == SB_PICKLE_CALL) fuzz_expect(value->count == 2, "a call has its callable and its arguments");
    if (value->kind == SB_PICKLE_PERSISTENT) fuzz_expect(value->count == 1, "one identity");
    for (int64_t i = 0; i < value->count; i++) {
        fuzz_expect(value->items[i], "an item is a value");
        look(value->items[i], depth + 1, left);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct simba_error error = {0};
    struct sb_pool pool = {0};
    size_t used = 0;
    const struct sb_pickle *value = sb_pickle_read("fuzz.pkl", bytes, size, &used, &pool, &error);
    int left = 10000;
    fuzz_expect(used <= size, "no byte behind the end is used");
    if (value)
        look(value, 0, &left);
    else
        fuzz_refused(&error, "fuzz.pkl");
    sb_pool_finish(&pool);
    return 0;
}
