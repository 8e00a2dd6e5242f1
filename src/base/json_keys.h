/* Keys of an object in a table: name, type, limits, and where the value lies in a struct. Reading and writing go by it.
 */
#ifndef SB_BASE_JSON_KEYS_H
#define SB_BASE_JSON_KEYS_H

#include "base/json.h"

enum sb_json_type {
    SB_JSON_INTEGER, /* int64_t */
    SB_JSON_REAL,    /* double */
    SB_JSON_PAIR,    /* double[2], the second not below the first */
    SB_JSON_SWITCH,  /* bool */
    SB_JSON_CHOICE,  /* int, or an enumeration: the place in `choices` */
    SB_JSON_TEXT,    /* char[maximum], with a zero behind it */
    SB_JSON_OTHER    /* not read or written here */
};

struct sb_json_key {
    const char *name;
    enum sb_json_type type;
    size_t offset;           /* in the struct */
    double minimum, maximum; /* of numbers; of texts the maximum, in bytes with the zero */
    const char *const *choices;
};

/* Into the struct at `target`; an absent key leaves it as it was. */
bool sb_json_read_key(struct sb_json object, const struct sb_json_key *key, void *target, struct simba_error *error);
/* Adds the value to `object`, a cJSON object; false: out of memory. */
bool sb_json_write_key(struct cJSON *object, const struct sb_json_key *key, const void *source);

#endif
