/* Configurations: a JSON text, and behind a zero byte what --set may change, a line each. What is accepted is written
 * and read again to the same. */
#include "fuzz.h"

#include "train/config.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1 << 16 };

static char *rewritten(const char *text) {
    struct simba_error error = {0};
    struct sb_train_config config;
    struct sb_json_document *document = sb_json_read_text("written.json", text, &error);
    fuzz_expect(document, "what is written is JSON");
    const bool fine = sb_train_config_read(sb_json_root(document), &config, &error);
    sb_json_destroy(document);
    fuzz_expect(fine, error.message);
    char *again = sb_train_config_write(&config, &error);
    sb_train_config_finish(&config);
    return again;
}

static void read_configuration(const struct sb_json_document *document) {
    struct simba_error error = {0};
    struct sb_train_config config;
    if (!sb_train_config_read(sb_json_root(document), &config, &error)) {
        fuzz_refused(&error, "fuzz.json");
        return;
    }
    char *text = sb_train_config_write(&config, &error);
    sb_train_config_finish(&config);
    fuzz_expect(text, "a configuration can be written");
    char *again = rewritten(text);
    fuzz_expect(again && strcmp(text, again) == 0, "a configuration that is read again is the same");
    free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size > LONGEST) return 0;
    struct simba_error error = {0};
    char *text = calloc(size + 1, 1), *rest = NULL;
    fuzz_expect(text, "memory for the input");
    if (size) memcpy(text, bytes, size);
    const size_t length = strlen(text);
    struct sb_json_document *document = sb_json_read_bytes("fuzz.json", text, length, &error);
    if (!document) fuzz_refused(&error, "fuzz.json");
    if (document) {
        if (length < size)
            for (char *line = strtok_r(text + length + 1, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (!sb_json_set(document, line, &error)) fuzz_expect(error.message[0], "a sentence");
        read_configuration(document);
        char *printed = sb_json_print(document, &error);
        fuzz_expect(printed, "a document can be printed");
        free(printed);
    }
    sb_json_destroy(document);
    free(text);
    return 0;
}
