/* Python's pickle, read as data. Nothing is ever called: what a pickle wants to be called stays a value that names it,
 * and whoever walks the values decides which names mean something. */
#ifndef SB_IO_PICKLE_H
#define SB_IO_PICKLE_H

#include "base/memory.h"

#include <stdbool.h>

enum sb_pickle_kind {
    SB_PICKLE_NONE,
    SB_PICKLE_BOOL,
    SB_PICKLE_INTEGER,
    SB_PICKLE_REAL,
    SB_PICKLE_TEXT,       /* text or bytes */
    SB_PICKLE_TUPLE,      /* or a frozen set */
    SB_PICKLE_LIST,       /* or a set */
    SB_PICKLE_DICT,       /* items: key, value, key, value, ...; also a collections.OrderedDict */
    SB_PICKLE_GLOBAL,     /* text: "module name" */
    SB_PICKLE_CALL,       /* items: what was to be called, its arguments as a tuple */
    SB_PICKLE_PERSISTENT, /* items: the identity of something outside */
    SB_PICKLE_OPAQUE      /* an integer of more than 64 bits */
};

struct sb_pickle {
    enum sb_pickle_kind kind;
    int64_t integer; /* INTEGER, BOOL */
    double real;
    const char *text; /* `size` bytes and a zero */
    size_t size;
    const struct sb_pickle **items; /* may lead back to itself: whoever follows them counts the depth */
    int64_t count, capacity;
};

/* Reads one pickle (protocols 0 to 5, as far as data needs them) from the beginning of the bytes. Its values live as
 * long as the pool. *used: how many bytes it has. NULL with *error set, beginning with `name`, when it is damaged. Time
 * and memory are in proportion to its size. */
const struct sb_pickle *sb_pickle_read(const char *name, const uint8_t *bytes, size_t size, size_t *used,
                                       struct sb_pool *pool, struct simba_error *error);

/* For dictionaries: the value of a text key, or NULL. */
const struct sb_pickle *sb_pickle_member(const struct sb_pickle *dict, const char *key);

#endif
