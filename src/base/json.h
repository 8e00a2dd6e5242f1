/* Reading JSON with the path in every error: "config.json: $.train.epochs: expected an integer of at least 1, found
 * \"ten\"". Unknown keys are errors that name the nearest known key. A thin layer over cJSON. */
#ifndef SB_BASE_JSON_H
#define SB_BASE_JSON_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct cJSON;

/* One value and where it stands. Cheap to copy; points into the document. */
struct sb_json {
    const struct cJSON *value; /* NULL: absent */
    const char *file;          /* for messages */
    char path[160];            /* "$.model.dims[2]" */
};

/* Parses a file or a text. On a syntax error the message has line and column; a key that is there twice is an error.
 * The document is destroyed with
 * sb_json_destroy; every sb_json from it dies with it. */
struct sb_json_document;
struct sb_json_document *sb_json_read_file(const char *file, struct simba_error *error);
struct sb_json_document *sb_json_read_text(const char *name, const char *text, struct simba_error *error);
/* `size` bytes with a zero behind them. */
struct sb_json_document *sb_json_read_bytes(const char *name, const char *text, size_t size, struct simba_error *error);
void sb_json_destroy(struct sb_json_document *document);
struct sb_json sb_json_root(const struct sb_json_document *document);

/* Sets the value at a dotted path ("train.epochs=3"), creating objects on the way; the right side is parsed as JSON
 * and taken as a string if it is not JSON. For --set. */
bool sb_json_set(struct sb_json_document *document, const char *assignment, struct simba_error *error);

/* The whole document as text; the caller frees it. */
char *sb_json_print(const struct sb_json_document *document, struct simba_error *error);

/* Member by name; .value NULL when absent. Fails only when the parent is no object. */
bool sb_json_member(struct sb_json parent, const char *name, struct sb_json *member, struct simba_error *error);
struct sb_json sb_json_element(struct sb_json array, int index);
int sb_json_count(struct sb_json array);
bool sb_json_is_null(struct sb_json json);
bool sb_json_is_string(struct sb_json json);
bool sb_json_is_array(struct sb_json json);
bool sb_json_is_object(struct sb_json json);

/* Walks the members of an object in the file's order: start with a zeroed *member; false at the end. Not for arrays. */
bool sb_json_next(struct sb_json object, struct sb_json *member);
/* The key of a member; NULL for the root and for elements. */
const char *sb_json_name(struct sb_json member);

/* Fails with "FILE: PATH: " and the text; for the checks that these readers do not know. */
bool sb_json_fail(struct simba_error *error, struct sb_json json, const char *format, ...) SB_PRINTF(3, 4);

/* Every key of `object` must be in `known` (NULL-terminated), else an error with the nearest known key. */
bool sb_json_only(struct sb_json object, const char *const *known, struct simba_error *error);

/* Typed readers: an absent member leaves *out as it was; a wrong type or a value out of range is an error. With `name`
 * NULL they read the value itself (an element of an array). Without a bound: INT64_MIN, INT64_MAX, -INFINITY, INFINITY.
 */
bool sb_json_int(struct sb_json object, const char *name, int64_t minimum, int64_t maximum, int64_t *out,
                 struct simba_error *error);
bool sb_json_double(struct sb_json object, const char *name, double minimum, double maximum, double *out,
                    struct simba_error *error);
bool sb_json_bool(struct sb_json object, const char *name, bool *out, struct simba_error *error);
/* Points into the document. */
bool sb_json_string(struct sb_json object, const char *name, const char **out, struct simba_error *error);
/* Index of the string in `choices` (NULL-terminated); the error lists the choices and the nearest. */
bool sb_json_choice(struct sb_json object, const char *name, const char *const *choices, int *out,
                    struct simba_error *error);

/* The word of `known` nearest to `word` by edit distance, or NULL when none is near. Also used by the command line. */
const char *sb_nearest_word(const char *word, const char *const *known);

#endif
