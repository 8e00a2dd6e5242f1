#include "base/status.h"

#include <stdio.h>
#include <string.h>

bool sb_fail(struct simba_error *error, enum simba_code code, const char *format, ...) {
    if (!error) return false;
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}

bool sb_fail_within(struct simba_error *error, const char *format, ...) {
    if (!error) return false;
    char text[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text) return false;
    /* The end of the older message is what gives way when both do not fit. */
    snprintf(text + length, sizeof text - (size_t)length, "%s", error->message);
    memcpy(error->message, text, sizeof text);
    return false;
}

void sb_log(const struct simba_log *log, enum simba_log_level level, const char *format, ...) {
    if (!log || !log->function || level < log->level) return;
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log->function(log->user, level, text);
}
