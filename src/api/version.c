#include "simba/version.h"

#include <stdlib.h>

const char *simba_version(void) {
    return SIMBA_VERSION;
}

void simba_free(void *memory) {
    free(memory);
}
