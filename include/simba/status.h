/* How every fallible function of the library reports what went wrong: as a value, never by printing or exiting. */
#ifndef SIMBA_STATUS_H
#define SIMBA_STATUS_H

#include <stdbool.h>

#if defined(_WIN32)
#define SIMBA_API __declspec(dllexport)
#else
#define SIMBA_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum simba_code {
    SIMBA_OK = 0,
    SIMBA_ERROR_ARGUMENT,    /* a call or a command line that makes no sense */
    SIMBA_ERROR_FILE,        /* missing, unreadable, unwritable, disk full */
    SIMBA_ERROR_FORMAT,      /* a file whose content is not what it claims to be */
    SIMBA_ERROR_CONFIG,      /* a configuration value: unknown key, wrong type, impossible value */
    SIMBA_ERROR_MEMORY,      /* host or device memory does not suffice */
    SIMBA_ERROR_DEVICE,      /* no device, device lost, driver too old */
    SIMBA_ERROR_NUMERIC,     /* a loss or a result that is not finite, a parity check over its tolerance */
    SIMBA_ERROR_INTERRUPTED, /* stopped on the caller's request */
    SIMBA_ERROR_UNSUPPORTED, /* understood, and not available in this build or on this device */
    SIMBA_ERROR_INTERNAL,    /* a defect of the library */
};

/* Filled by a function that fails; untouched by one that succeeds. `message` is one or more complete sentences for a
 * person: the file and place, what was expected, what was found, what to do. Owned by the caller; no cleanup. */
struct simba_error {
    enum simba_code code;
    char message[2048];
};

enum simba_log_level { SIMBA_LOG_DEBUG, SIMBA_LOG_INFO, SIMBA_LOG_WARNING };

/* Receives what the library has to say while it works. May be called from any thread of the library, one call at a
 * time per object that holds it. `function` NULL: silence. */
struct simba_log {
    void (*function)(void *user, enum simba_log_level level, const char *message);
    void *user;
    enum simba_log_level level; /* the lowest level passed on */
};

#ifdef __cplusplus
}
#endif
#endif
