/* Which library this is. */
#ifndef SIMBA_VERSION_H
#define SIMBA_VERSION_H

#include "simba/status.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0", of the library that runs (a program may have been compiled against the headers of another). Any thread. */
SIMBA_API const char *simba_version(void);

/* The git commit that the library was built from, with "-dirty" behind it when files had changed since; NULL when it
 * was not built from a checkout. Any thread. */
SIMBA_API const char *simba_commit(void);

/* Releases what a function of the library says the caller frees. NULL is fine. */
SIMBA_API void simba_free(void *memory);

/* Writes a whole file, so that neither a crash nor a full disk leaves half of it: beside `path`, then renamed. */
SIMBA_API bool simba_write_file(const char *path, const void *bytes, size_t size, struct simba_error *error);

/* The word of `known` (NULL-terminated) that `word` was probably meant to be, or NULL when none is near. For command
 * lines and editors of configurations. */
SIMBA_API const char *simba_nearest_word(const char *word, const char *const *known);

#ifdef __cplusplus
}
#endif
#endif
