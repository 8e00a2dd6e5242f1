#include "simba/version.h"

#include "base/file.h"
#include "base/json.h"
#include "commit.h"

#include <stdlib.h>

const char *simba_version(void) {
    return SIMBA_VERSION;
}

const char *simba_commit(void) {
    return SIMBA_COMMIT[0] ? SIMBA_COMMIT : NULL;
}

void simba_free(void *memory) {
    free(memory);
}

bool simba_write_file(const char *path, const void *bytes, size_t size, struct simba_error *error) {
    struct sb_writer writer = {0};
    const bool done = sb_writer_open(&writer, path, error) && sb_writer_write(&writer, bytes, size, error) &&
                      sb_writer_commit(&writer, error);
    if (!done) sb_writer_discard(&writer);
    return done;
}

const char *simba_nearest_word(const char *word, const char *const *known) {
    return sb_nearest_word(word, known);
}
