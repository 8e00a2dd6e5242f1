/* The state dictionaries of S, B and L, both mixers, with and without token labels, are the published ones. */
#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char *data_folder;

/* The next line without its end; false at the end of the file. */
static bool next_line(gzFile file, char *line, int size) {
    if (!gzgets(file, line, size)) return false;
    line[strcspn(line, "\n")] = 0;
    return true;
}

static struct sb_model_config read_config(const char *text) {
    struct simba_error error;
    struct sb_json_document *document = sb_json_read_text("test", text, &error);
    assert_non_null(document);
    struct sb_model_config config;
    bool read = sb_model_config_read(sb_json_root(document), &config, &error);
    if (!read) fail_msg("%s", error.message);
    sb_json_destroy(document);
    return config;
}

static struct sb_model_config config_of(const char *size, const char *mixer, bool token_labels) {
    char text[128];
    snprintf(text, sizeof text, "{\"size\": \"%s\", \"mixer\": \"%s\", \"token_labels\": %s}", size, mixer,
             token_labels ? "true" : "false");
    return read_config(text);
}

/* "patch_embed1.conv.0.weight float32 32 3 7 7" */
static void check_entry(const struct sb_parameter *entry, char *line) {
    char *name = strtok(line, " ");
    assert_string_equal(entry->name, name);
    assert_string_equal(strtok(NULL, " "), "float32");
    int rank = 0;
    for (char *word; (word = strtok(NULL, " ")); rank++) {
        assert_true(rank < entry->rank);
        assert_int_equal(entry->shape[rank], atoll(word));
    }
    assert_int_equal(entry->rank, rank);
}

/* Every entry has a place of its own, the three kinds lie in their ranges, and padding is less than one alignment. */
static void check_places(const struct sb_parameter_list *list) {
    char *used = calloc(list->total_bytes / 256, 1);
    assert_non_null(used);
    for (int i = 0; i < list->count; i++) {
        const struct sb_parameter *entry = &list->entries[i];
        assert_int_equal(entry->offset % 256, 0);
        size_t first = (size_t)entry->offset, end = first + (size_t)entry->elements * 4;
        size_t from = entry->decay ? 0 : entry->trainable ? list->decay_bytes : list->trainable_bytes;
        size_t to = entry->decay ? list->decay_bytes : entry->trainable ? list->trainable_bytes : list->total_bytes;
        assert_true(first >= from && end <= to);
        for (size_t block = first / 256; block < (end + 255) / 256; block++) assert_int_equal(used[block]++, 0);
    }
    for (size_t block = 0; block < list->total_bytes / 256; block++) assert_int_equal(used[block], 1);
    free(used);
}

static void published_dictionaries(void **state) {
    (void)state;
    char path[1024], line[256], size[8], mixer[16];
    snprintf(path, sizeof path, "%s/state_dictionaries.txt.gz", data_folder);
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    int models = 0, next = 0, entries = 0, statistics = 0, expected_entries = 0;
    bool listed = false, more;
    struct sb_parameter_list list = {0};
    struct simba_error error;
    do {
        more = next_line(file, line, sizeof line);
        int token_labels;
        long long parameters;
        if (more && sscanf(line, "model %7s %15s %d %lld %d", size, mixer, &token_labels, &parameters, &entries) != 5) {
            listed = true;
            if (strstr(line, "num_batches_tracked")) { /* no floats: written and skipped by the weights' reader */
                statistics++;
                continue;
            }
            assert_true(next < list.count);
            check_entry(&list.entries[next++], line);
            continue;
        }
        if (listed) { /* the model before this one */
            assert_int_equal(next, list.count);
            assert_int_equal(next + statistics, expected_entries);
        }
        sb_parameter_list_finish(&list);
        if (!more) break;
        struct sb_model_config config = config_of(size, mixer, token_labels);
        assert_true(sb_model_parameters(&config, &list, &error));
        assert_int_equal(list.trainable_elements, parameters);
        /* plus one num_batches_tracked for each of the stem's three batch norms */
        assert_int_equal(list.count + 3, entries);
        check_places(&list);
        next = statistics = 0;
        listed = false;
        expected_entries = entries;
        models++;
    } while (more);
    gzclose(file);
    assert_int_equal(models, 12);
}

/* timm's rule: more than one axis and no name ending in ".bias". */
static void decay_rule(void **state) {
    (void)state;
    struct sb_model_config config = config_of("s", "einfft", true);
    struct sb_parameter_list list;
    struct simba_error error;
    assert_true(sb_model_parameters(&config, &list, &error));
    static const struct {
        const char *name;
        bool trainable, decay;
    } expected[] = {{"block1.0.attn.mamba.A_log", true, true},
                    {"block1.0.attn.mamba.D", true, false},
                    {"block1.0.attn.mamba.conv1d.weight", true, true},
                    {"block1.0.attn.mamba.dt_proj.bias", true, false},
                    {"block1.0.mlp.complex_weight_1", true, true},
                    {"block1.0.mlp.complex_bias_2", true, true},
                    {"norm4.weight", true, false},
                    {"head.bias", true, false},
                    {"patch_embed1.conv.1.running_var", false, false}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct sb_parameter *entry = sb_parameter_find(&list, expected[i].name);
        assert_non_null(entry);
        assert_int_equal(entry->trainable, expected[i].trainable);
        assert_int_equal(entry->decay, expected[i].decay);
    }
    assert_null(sb_parameter_find(&list, "block9.0.norm2.weight"));
    sb_parameter_list_finish(&list);
}

/* Keys within their bounds whose product is beyond any memory, or beyond 64 bits: an error, not a small number. */
static void too_large(void **state) {
    (void)state;
    static const struct {
        const char *keys, *name;
    } cases[] = {{"\"horizon\": 1048576, \"channels\": 1048576, \"mix_channels\": true, \"dim\": 16384, "
                  "\"look_back\": 1048576, \"stride\": 1",
                  "head.weight"},
                 {"\"horizon\": 1048576, \"look_back\": 1048576", "head.weight"},
                 {"\"channels\": 1048576, \"mix_channels\": true, \"look_back\": 1048576, \"patch\": 1048576",
                  "patch_embed.weight"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct sb_parameter_list list;
        struct simba_error error;
        snprintf(text, sizeof text, "{\"architecture\": \"series\", %s}", cases[i].keys);
        struct sb_model_config config = read_config(text);
        if (sb_model_parameters(&config, &list, &error)) fail_msg("case %zu was accepted", i);
        assert_int_equal(error.code, SIMBA_ERROR_UNSUPPORTED);
        assert_non_null(strstr(error.message, cases[i].name));
        assert_int_equal(list.count, 0);
    }
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    data_folder = arguments[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(published_dictionaries), cmocka_unit_test(decay_rule),
                                       cmocka_unit_test(too_large)};
    return cmocka_run_group_tests_name("model parameters", tests, NULL, NULL);
}
