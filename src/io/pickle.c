#include "io/pickle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Opcodes by their letters, as Lib/pickletools.py of Python describes them. */
enum opcode {
    MARK = '(',
    STOP = '.',
    POP = '0',
    POP_MARK = '1',
    DUP = '2',
    FLOAT = 'F',
    INT = 'I',
    BININT = 'J',
    BININT1 = 'K',
    LONG = 'L',
    BININT2 = 'M',
    NONE = 'N',
    PERSID = 'P',
    BINPERSID = 'Q',
    REDUCE = 'R',
    STRING = 'S',
    BINSTRING = 'T',
    SHORT_BINSTRING = 'U',
    UNICODE = 'V',
    BINUNICODE = 'X',
    APPEND = 'a',
    BUILD = 'b',
    GLOBAL = 'c',
    DICT = 'd',
    EMPTY_DICT = '}',
    APPENDS = 'e',
    GET = 'g',
    BINGET = 'h',
    LONG_BINGET = 'j',
    LIST = 'l',
    EMPTY_LIST = ']',
    PUT = 'p',
    BINPUT = 'q',
    LONG_BINPUT = 'r',
    SETITEM = 's',
    TUPLE = 't',
    EMPTY_TUPLE = ')',
    SETITEMS = 'u',
    BINFLOAT = 'G',
    PROTO = 0x80,
    NEWOBJ = 0x81,
    TUPLE1 = 0x85,
    TUPLE2 = 0x86,
    TUPLE3 = 0x87,
    NEWTRUE = 0x88,
    NEWFALSE = 0x89,
    LONG1 = 0x8a,
    LONG4 = 0x8b,
    BINBYTES = 'B',
    SHORT_BINBYTES = 'C',
    SHORT_BINUNICODE = 0x8c,
    BINUNICODE8 = 0x8d,
    BINBYTES8 = 0x8e,
    EMPTY_SET = 0x8f,
    ADDITEMS = 0x90,
    FROZENSET = 0x91,
    NEWOBJ_EX = 0x92,
    STACK_GLOBAL = 0x93,
    MEMOIZE = 0x94,
    FRAME = 0x95,
    BYTEARRAY8 = 0x96
};

/* Of a global. It is composed of texts that may be used again and again: without a bound a small pickle could ask for
 * any amount of memory. */
enum { LONGEST_NAME = 256 };

struct machine {
    const char *name;
    const uint8_t *bytes;
    size_t size, at;
    struct sb_pool *pool;
    struct simba_error *error;

    const struct sb_pickle **stack; /* NULL: a mark */
    size_t depth, stack_capacity;
    const struct sb_pickle **memo;
    size_t memo_count, memo_capacity;
    size_t operations;
};

static bool damaged(struct machine *machine, const char *what) {
    return sb_fail(machine->error, SIMBA_ERROR_FORMAT, "%s: the pickle is damaged at byte %zu: %s.", machine->name,
                   machine->at, what);
}

static bool no_memory(struct machine *machine) {
    return sb_fail(machine->error, SIMBA_ERROR_MEMORY, "%s: the host has no memory to read the pickle.", machine->name);
}

/* `count` more bytes; NULL: there are fewer. */
static const uint8_t *take(struct machine *machine, uint64_t count) {
    if (count > machine->size - machine->at) {
        damaged(machine, "it ends early");
        return NULL;
    }
    const uint8_t *bytes = machine->bytes + machine->at;
    machine->at += (size_t)count;
    return bytes;
}

static bool take_number(struct machine *machine, int bytes, uint64_t *value) {
    const uint8_t *from = take(machine, (uint64_t)bytes);
    *value = 0;
    for (int i = 0; from && i < bytes; i++) *value |= (uint64_t)from[i] << 8 * i;
    return from;
}

/* A line of text without its end. */
static const char *take_line(struct machine *machine, size_t *length) {
    const uint8_t *from = machine->bytes + machine->at;
    const uint8_t *end = memchr(from, '\n', machine->size - machine->at);
    if (!end) {
        damaged(machine, "a line does not end");
        return NULL;
    }
    *length = (size_t)(end - from);
    machine->at += *length + 1;
    return (const char *)from;
}

static bool grow(const struct sb_pickle ***list, size_t *capacity, size_t wanted) {
    if (wanted <= *capacity) return true;
    size_t larger = *capacity ? *capacity * 2 : 64;
    if (larger < wanted) larger = wanted;
    const struct sb_pickle **moved = realloc(*list, larger * sizeof *moved);
    if (!moved) return false;
    memset(moved + *capacity, 0, (larger - *capacity) * sizeof *moved);
    *list = moved;
    *capacity = larger;
    return true;
}

static bool push(struct machine *machine, const struct sb_pickle *value) {
    if (!grow(&machine->stack, &machine->stack_capacity, machine->depth + 1)) return no_memory(machine);
    machine->stack[machine->depth++] = value;
    return true;
}

static struct sb_pickle *make(struct machine *machine, enum sb_pickle_kind kind) {
    struct sb_pickle *value = sb_pool_allocate(machine->pool, sizeof *value, machine->error);
    if (value) value->kind = kind;
    return value;
}

static bool push_new(struct machine *machine, enum sb_pickle_kind kind, int64_t integer) {
    struct sb_pickle *value = make(machine, kind);
    if (value) value->integer = integer;
    return value && push(machine, value);
}

static bool push_text(struct machine *machine, enum sb_pickle_kind kind, const char *text, size_t size) {
    struct sb_pickle *value = make(machine, kind);
    char *copy = value ? sb_pool_allocate(machine->pool, size + 1, machine->error) : NULL;
    if (!copy) return false;
    memcpy(copy, text, size);
    value->text = copy;
    value->size = size;
    return push(machine, value);
}

static bool push_sized_text(struct machine *machine, int length_bytes) {
    uint64_t length;
    if (!take_number(machine, length_bytes, &length)) return false;
    const uint8_t *text = take(machine, length);
    return text && push_text(machine, SB_PICKLE_TEXT, (const char *)text, (size_t)length);
}

static bool push_long(struct machine *machine, int length_bytes) {
    uint64_t length, bits = 0;
    if (!take_number(machine, length_bytes, &length)) return false;
    const uint8_t *bytes = take(machine, length);
    if (!bytes) return false;
    if (length > 8) return push_new(machine, SB_PICKLE_OPAQUE, 0);
    if (length && bytes[length - 1] & 0x80) bits = ~(uint64_t)0;
    for (uint64_t i = 0; i < length; i++) bits = (bits & ~((uint64_t)0xff << 8 * i)) | (uint64_t)bytes[i] << 8 * i;
    return push_new(machine, SB_PICKLE_INTEGER, (int64_t)bits);
}

/* The last value, which must not be a mark. */
static const struct sb_pickle *pop(struct machine *machine) {
    if (machine->depth > 0 && machine->stack[machine->depth - 1]) return machine->stack[--machine->depth];
    damaged(machine, "a value is missing");
    return NULL;
}

/* The values behind the last mark, which is dropped with them; *count of them, valid until the next push. */
static const struct sb_pickle **pop_mark(struct machine *machine, size_t *count) {
    size_t first = machine->depth;
    while (first > 0 && machine->stack[first - 1]) first--;
    if (first == 0) {
        damaged(machine, "a mark is missing");
        return NULL;
    }
    *count = machine->depth - first;
    machine->depth = first - 1;
    return machine->stack + first;
}

/* Items are pool memory that doubles: what a list leaves behind while growing is at most its size. */
static bool add_items(struct machine *machine, const struct sb_pickle *to, const struct sb_pickle *const *items,
                      size_t count) {
    struct sb_pickle *list = (struct sb_pickle *)(uintptr_t)to; /* all values come from the pool */
    if (list->count + (int64_t)count > list->capacity) {
        int64_t capacity = list->capacity ? 2 * list->capacity : 4;
        if (capacity < list->count + (int64_t)count) capacity = list->count + (int64_t)count;
        const struct sb_pickle **larger =
            sb_pool_allocate(machine->pool, (size_t)capacity * sizeof *larger, machine->error);
        if (!larger) return false;
        if (list->count) memcpy(larger, list->items, (size_t)list->count * sizeof *larger);
        list->items = larger;
        list->capacity = capacity;
    }
    if (count) memcpy(list->items + list->count, items, count * sizeof *items);
    list->count += (int64_t)count;
    return true;
}

static bool push_items(struct machine *machine, enum sb_pickle_kind kind, const struct sb_pickle *const *items,
                       size_t count) {
    struct sb_pickle *value = make(machine, kind);
    return value && add_items(machine, value, items, count) && push(machine, value);
}

static bool push_marked(struct machine *machine, enum sb_pickle_kind kind) {
    size_t count;
    const struct sb_pickle **items = pop_mark(machine, &count);
    if (!items) return false;
    if (kind == SB_PICKLE_DICT && count % 2) return damaged(machine, "a key without a value");
    return push_items(machine, kind, items, count);
}

static bool push_last(struct machine *machine, size_t count) {
    const struct sb_pickle *items[3];
    for (size_t i = count; i-- > 0;)
        if (!(items[i] = pop(machine))) return false;
    return push_items(machine, SB_PICKLE_TUPLE, items, count);
}

/* Puts items into the value below them; whatever is neither list nor dictionary (an object that was to be called for)
 * does not keep them. */
static bool fill(struct machine *machine, const struct sb_pickle *const *items, size_t count, bool pairs) {
    const struct sb_pickle *to = machine->depth > 0 ? machine->stack[machine->depth - 1] : NULL;
    if (!to || (pairs && count % 2)) return damaged(machine, "there is nothing to add to");
    if (to->kind == (pairs ? SB_PICKLE_DICT : SB_PICKLE_LIST)) return add_items(machine, to, items, count);
    return true;
}

static bool fill_marked(struct machine *machine, bool pairs) {
    size_t count;
    const struct sb_pickle **items = pop_mark(machine, &count);
    return items && fill(machine, items, count, pairs);
}

static bool call(struct machine *machine, const struct sb_pickle *callable, const struct sb_pickle *arguments) {
    static const char ordered[] = "collections OrderedDict";
    if (callable->kind == SB_PICKLE_GLOBAL && callable->size == sizeof ordered - 1 &&
        strcmp(callable->text, ordered) == 0)
        return push_new(machine, SB_PICKLE_DICT, 0);
    const struct sb_pickle *const items[2] = {callable, arguments};
    return push_items(machine, SB_PICKLE_CALL, items, 2);
}

static bool reduce(struct machine *machine) {
    const struct sb_pickle *arguments = pop(machine), *callable = arguments ? pop(machine) : NULL;
    return callable && call(machine, callable, arguments);
}

static bool push_named(struct machine *machine, const char *module, size_t module_length, const char *name,
                       size_t name_length) {
    char text[2 * LONGEST_NAME + 2];
    if (module_length > LONGEST_NAME || name_length > LONGEST_NAME) return damaged(machine, "a name that is too long");
    const int length = snprintf(text, sizeof text, "%.*s %.*s", (int)module_length, module, (int)name_length, name);
    return push_text(machine, SB_PICKLE_GLOBAL, text, (size_t)length);
}

static bool push_global(struct machine *machine) {
    size_t module_length, name_length;
    const char *module = take_line(machine, &module_length);
    const char *name = module ? take_line(machine, &name_length) : NULL;
    return name && push_named(machine, module, module_length, name, name_length);
}

static bool push_stack_global(struct machine *machine) {
    const struct sb_pickle *name = pop(machine), *module = name ? pop(machine) : NULL;
    if (!module) return false;
    if (name->kind != SB_PICKLE_TEXT || module->kind != SB_PICKLE_TEXT) return damaged(machine, "a name is no text");
    return push_named(machine, module->text, module->size, name->text, name->size);
}

/* Numbers of the memo count up from 0 or 1, so one beyond the operations so far is wrong, and would cost memory. */
static bool remember(struct machine *machine, uint64_t place) {
    if (machine->depth == 0 || !machine->stack[machine->depth - 1]) return damaged(machine, "nothing to remember");
    if (place > machine->operations) return damaged(machine, "a memo number that is too large");
    if (!grow(&machine->memo, &machine->memo_capacity, (size_t)place + 1)) return no_memory(machine);
    if (place >= machine->memo_count) machine->memo_count = (size_t)place + 1;
    machine->memo[place] = machine->stack[machine->depth - 1];
    return true;
}

static bool recall(struct machine *machine, uint64_t place) {
    if (place >= machine->memo_count || !machine->memo[place]) return damaged(machine, "an unknown memo number");
    return push(machine, machine->memo[place]);
}

/* A decimal number on a line of its own: protocol 0. */
static bool take_decimal(struct machine *machine, char text[64]) {
    size_t length;
    const char *line = take_line(machine, &length);
    if (!line) return false;
    if (length > 63) length = 63;
    memcpy(text, line, length);
    text[length] = '\0';
    return true;
}

static bool push_persistent(struct machine *machine) {
    const struct sb_pickle *identity = pop(machine);
    return identity && push_items(machine, SB_PICKLE_PERSISTENT, &identity, 1);
}

static bool push_real(struct machine *machine) {
    const uint8_t *from = take(machine, 8);
    if (!from) return false;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) bits = bits << 8 | from[i];
    struct sb_pickle *value = make(machine, SB_PICKLE_REAL);
    if (!value) return false;
    memcpy(&value->real, &bits, sizeof bits);
    return push(machine, value);
}

/* INT and LONG of protocol 0, which ends the latter with an L. */
static bool push_decimal(struct machine *machine) {
    char text[64], *end;
    if (!take_decimal(machine, text)) return false;
    if (strcmp(text, "00") == 0 || strcmp(text, "01") == 0) return push_new(machine, SB_PICKLE_BOOL, text[1] == '1');
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno == ERANGE) return push_new(machine, SB_PICKLE_OPAQUE, 0);
    if (end == text || (*end && strcmp(end, "L") != 0)) return damaged(machine, "a number that is none");
    return push_new(machine, SB_PICKLE_INTEGER, value);
}

/* Protocol 0's forms. */
static bool step_text(struct machine *machine, int opcode) {
    char text[64];
    size_t length;
    const char *line;
    switch (opcode) {
    case INT:
    case LONG:
        return push_decimal(machine);
    case FLOAT: {
        struct sb_pickle *value = take_decimal(machine, text) ? make(machine, SB_PICKLE_REAL) : NULL;
        char *end = text;
        if (value) value->real = strtod(text, &end);
        if (value && (end == text || *end)) return damaged(machine, "a number that is none");
        return value && push(machine, value);
    }
    case PUT:
        return take_decimal(machine, text) && remember(machine, strtoull(text, NULL, 10));
    case GET:
        return take_decimal(machine, text) && recall(machine, strtoull(text, NULL, 10));
    case STRING:
        line = take_line(machine, &length);
        if (line && length >= 2 && (line[0] == '\'' || line[0] == '"')) line++, length -= 2;
        return line && push_text(machine, SB_PICKLE_TEXT, line, length);
    case UNICODE:
        line = take_line(machine, &length);
        return line && push_text(machine, SB_PICKLE_TEXT, line, length);
    case PERSID:
        line = take_line(machine, &length);
        return line && push_text(machine, SB_PICKLE_TEXT, line, length) && push_persistent(machine);
    default:
        return damaged(machine, "an unknown operation");
    }
}

static bool step(struct machine *machine, int opcode) {
    uint64_t number;
    const struct sb_pickle *value;
    const struct sb_pickle *pair[2];
    size_t count;
    switch (opcode) {
    case PROTO:
        return take(machine, 1);
    case FRAME:
        return take(machine, 8);
    case MARK:
        return push(machine, NULL);
    case POP:
        if (machine->depth == 0) return damaged(machine, "nothing to drop");
        machine->depth--;
        return true;
    case POP_MARK:
        return pop_mark(machine, &count);
    case DUP:
        value = pop(machine);
        return value && push(machine, value) && push(machine, value);
    case NONE:
        return push_new(machine, SB_PICKLE_NONE, 0);
    case NEWTRUE:
        return push_new(machine, SB_PICKLE_BOOL, 1);
    case NEWFALSE:
        return push_new(machine, SB_PICKLE_BOOL, 0);
    case BININT:
        return take_number(machine, 4, &number) && push_new(machine, SB_PICKLE_INTEGER, (int32_t)(uint32_t)number);
    case BININT1:
        return take_number(machine, 1, &number) && push_new(machine, SB_PICKLE_INTEGER, (int64_t)number);
    case BININT2:
        return take_number(machine, 2, &number) && push_new(machine, SB_PICKLE_INTEGER, (int64_t)number);
    case LONG1:
        return push_long(machine, 1);
    case LONG4:
        return push_long(machine, 4);
    case BINFLOAT:
        return push_real(machine);
    case BINSTRING:
    case BINUNICODE:
    case BINBYTES:
        return push_sized_text(machine, 4);
    case SHORT_BINSTRING:
    case SHORT_BINUNICODE:
    case SHORT_BINBYTES:
        return push_sized_text(machine, 1);
    case BINUNICODE8:
    case BINBYTES8:
    case BYTEARRAY8:
        return push_sized_text(machine, 8);
    case EMPTY_TUPLE:
        return push_new(machine, SB_PICKLE_TUPLE, 0);
    case EMPTY_LIST:
    case EMPTY_SET:
        return push_new(machine, SB_PICKLE_LIST, 0);
    case EMPTY_DICT:
        return push_new(machine, SB_PICKLE_DICT, 0);
    case TUPLE:
    case FROZENSET:
        return push_marked(machine, SB_PICKLE_TUPLE);
    case LIST:
        return push_marked(machine, SB_PICKLE_LIST);
    case DICT:
        return push_marked(machine, SB_PICKLE_DICT);
    case TUPLE1:
    case TUPLE2:
    case TUPLE3:
        return push_last(machine, (size_t)(opcode - TUPLE1 + 1));
    case APPEND:
        value = pop(machine);
        return value && fill(machine, &value, 1, false);
    case APPENDS:
    case ADDITEMS:
        return fill_marked(machine, false);
    case SETITEM:
        pair[1] = pop(machine);
        pair[0] = pair[1] ? pop(machine) : NULL;
        return pair[0] && fill(machine, pair, 2, true);
    case SETITEMS:
        return fill_marked(machine, true);
    case GLOBAL:
        return push_global(machine);
    case STACK_GLOBAL:
        return push_stack_global(machine);
    case REDUCE:
    case NEWOBJ:
        return reduce(machine);
    case NEWOBJ_EX:
        return pop(machine) && reduce(machine);
    case BUILD: /* an object's attributes, which data does not need */
        return pop(machine);
    case BINPERSID:
        return push_persistent(machine);
    case BINPUT:
        return take_number(machine, 1, &number) && remember(machine, number);
    case LONG_BINPUT:
        return take_number(machine, 4, &number) && remember(machine, number);
    case MEMOIZE:
        return remember(machine, machine->memo_count);
    case BINGET:
        return take_number(machine, 1, &number) && recall(machine, number);
    case LONG_BINGET:
        return take_number(machine, 4, &number) && recall(machine, number);
    default:
        return step_text(machine, opcode);
    }
}

const struct sb_pickle *sb_pickle_read(const char *name, const uint8_t *bytes, size_t size, size_t *used,
                                       struct sb_pool *pool, struct simba_error *error) {
    struct machine machine = {.name = name, .bytes = bytes, .size = size, .pool = pool, .error = error};
    const struct sb_pickle *result = NULL;
    for (;;) {
        const uint8_t *opcode = take(&machine, 1);
        if (!opcode) break;
        machine.operations++;
        if (*opcode == STOP) {
            result = pop(&machine);
            break;
        }
        if (!step(&machine, *opcode)) break;
    }
    *used = machine.at;
    free(machine.stack);
    free(machine.memo);
    return result;
}

const struct sb_pickle *sb_pickle_member(const struct sb_pickle *dict, const char *key) {
    if (dict->kind != SB_PICKLE_DICT) return NULL;
    for (int64_t i = 0; i + 1 < dict->count; i += 2) {
        const struct sb_pickle *name = dict->items[i];
        if (name->kind == SB_PICKLE_TEXT && strcmp(name->text, key) == 0) return dict->items[i + 1];
    }
    return NULL;
}
