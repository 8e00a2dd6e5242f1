#include "simba/version.h"

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

const char *simba_nearest_word(const char *word, const char *const *known) {
    return sb_nearest_word(word, known);
}
