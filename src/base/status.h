/* Inside the library: filling a simba_error, and logging through the caller's callback. */
#ifndef SB_BASE_STATUS_H
#define SB_BASE_STATUS_H

#include "simba/status.h"

#include <stdarg.h>

#if defined(__GNUC__)
#define SB_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define SB_PRINTF(at, first)
#endif

/* Fills *error (which may be NULL) and returns false, so that `return sb_fail(...)` reads as one step. */
bool sb_fail(struct simba_error *error, enum simba_code code, const char *format, ...) SB_PRINTF(3, 4);

/* Puts a sentence in front of the message that is there, e.g. the file in which the problem was met. Returns false. */
bool sb_fail_within(struct simba_error *error, const char *format, ...) SB_PRINTF(2, 3);

/* Calls log->function when log and the function exist and `level` is at least log->level. */
void sb_log(const struct simba_log *log, enum simba_log_level level, const char *format, ...) SB_PRINTF(3, 4);

#endif
