#include "base/json.h"

#include "base/file.h"
#include "base/memory.h"

#include <cJSON.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Integers of a JSON document are doubles: beyond this they are no longer exact. */
#define LARGEST_EXACT 9007199254740992.0

struct sb_json_document {
    cJSON *root;
    char *name;
};

static bool is_plain_key(const char *key) {
    if (!*key) return false;
    for (; *key; key++)
        if (!isalnum((unsigned char)*key) && *key != '_' && *key != '-') return false;
    return true;
}

/* A path that does not fit is cut; it serves messages only. */
static struct sb_json child_of(struct sb_json parent, const cJSON *value, const char *name, int index) {
    struct sb_json child = {.value = value, .file = parent.file};
    size_t length = strlen(parent.path);
    memcpy(child.path, parent.path, length + 1);
    char *end = child.path + length;
    size_t room = sizeof child.path - length;
    if (!name)
        snprintf(end, room, "[%d]", index);
    else if (is_plain_key(name))
        snprintf(end, room, ".%s", name);
    else
        snprintf(end, room, "[\"%s\"]", name);
    return child;
}

bool sb_json_fail(struct simba_error *error, struct sb_json json, const char *format, ...) {
    char text[sizeof((struct simba_error *)0)->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: %s: %s", json.file, json.path, text);
}

static int compare_keys(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool reject_duplicate_keys(struct sb_json json, struct simba_error *error) {
    int count = 0;
    for (const cJSON *child = json.value->child; child; child = child->next) count++;
    if (cJSON_IsObject(json.value) && count > 1) {
        const char **keys = sb_allocate((size_t)count, sizeof *keys, error);
        if (!keys) return false;
        int at = 0;
        for (const cJSON *child = json.value->child; child; child = child->next) keys[at++] = child->string;
        qsort(keys, (size_t)count, sizeof *keys, compare_keys);
        for (int i = 1; i < count; i++) {
            if (strcmp(keys[i - 1], keys[i]) != 0) continue;
            sb_json_fail(error, json, "the key \"%s\" is there twice; remove one of the two.", keys[i]);
            free(keys);
            return false;
        }
        free(keys);
    }
    int index = 0;
    for (const cJSON *child = json.value->child; child; child = child->next, index++) {
        if (!child->child) continue;
        if (!reject_duplicate_keys(child_of(json, child, child->string, index), error)) return false;
    }
    return true;
}

static bool fail_syntax(struct simba_error *error, const char *name, const char *text, size_t size, const char *place,
                        const char *problem) {
    size_t line = 1, column = 1, at = 0;
    size_t stop = place ? (size_t)(place - text) : 0;
    if (stop > size) stop = size;
    for (; at < stop; at++) {
        if (text[at] == '\n')
            line++, column = 1;
        else if (((unsigned char)text[at] & 0xC0) != 0x80)
            column++; /* UTF-8 continuation bytes take no column */
    }
    char found[48];
    if (at >= size)
        snprintf(found, sizeof found, "the end of the text");
    else if (isprint((unsigned char)text[at])) {
        int length = 0;
        while (length < 20 && at + (size_t)length < size && isprint((unsigned char)text[at + (size_t)length])) length++;
        snprintf(found, sizeof found, "\"%.*s\"", length, text + at);
    } else
        snprintf(found, sizeof found, "the byte 0x%02X", (unsigned)(unsigned char)text[at]);
    return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: line %zu, column %zu: %s at %s.", name, line, column, problem,
                   found);
}

/* Where a key is expected and something else stands, cJSON reports the byte behind it. */
static const char *correct_place(const char *text, size_t size, const char *place) {
    if (place < text + 2 || place > text + size || *place == '\\') return place;
    const char *wrong = place - 1, *before = wrong - 1;
    while (before > text && isspace((unsigned char)*before)) before--;
    bool expects_key = *before == '{' || *before == ',';
    /* A single digit there may also be an array's number that is fine. */
    bool is_wrong = *wrong != '"' && !isspace((unsigned char)*wrong) && !isdigit((unsigned char)*wrong);
    return expects_key && is_wrong ? wrong : place;
}

/* The one value of a text with nothing but white space around it. */
static cJSON *parse(const char *name, const char *text, size_t size, struct simba_error *error) {
    const char *end = memchr(text, 0, size); /* which cJSON would take for white space */
    if (end) {
        fail_syntax(error, name, text, size, end, "this is not valid JSON");
        return NULL;
    }
    /* With the zero behind the text, an error at the very end is told from one at the last byte. */
    cJSON *root = cJSON_ParseWithLengthOpts(text, size + 1, &end, false);
    if (!root) {
        fail_syntax(error, name, text, size, correct_place(text, size, end), "this is not valid JSON");
        return NULL;
    }
    while (end < text + size && (*end == ' ' || *end == '\t' || *end == '\n' || *end == '\r')) end++;
    if (end < text + size) {
        fail_syntax(error, name, text, size, end, "expected the end of the text after the JSON value, found more");
        cJSON_Delete(root);
        return NULL;
    }
    struct sb_json json = {.value = root, .file = name, .path = "$"};
    if (!reject_duplicate_keys(json, error)) {
        cJSON_Delete(root);
        return NULL;
    }
    return root;
}

struct sb_json_document *sb_json_read_bytes(const char *name, const char *text, size_t size,
                                            struct simba_error *error) {
    struct sb_json_document *document = sb_allocate(1, sizeof *document, error);
    if (!document) return NULL;
    document->name = strdup(name);
    if (!document->name) sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the name of %s.", name);
    if (!document->name || !(document->root = parse(document->name, text, size, error))) {
        sb_json_destroy(document);
        return NULL;
    }
    return document;
}

struct sb_json_document *sb_json_read_file(const char *file, struct simba_error *error) {
    uint8_t *bytes;
    size_t size;
    if (!sb_read_file(file, (size_t)64 << 20, &bytes, &size, error)) return NULL;
    struct sb_json_document *document = sb_json_read_bytes(file, (const char *)bytes, size, error);
    free(bytes);
    return document;
}

struct sb_json_document *sb_json_read_text(const char *name, const char *text, struct simba_error *error) {
    return sb_json_read_bytes(name, text, strlen(text), error);
}

void sb_json_destroy(struct sb_json_document *document) {
    if (!document) return;
    cJSON_Delete(document->root);
    free(document->name);
    free(document);
}

struct sb_json sb_json_root(const struct sb_json_document *document) {
    return (struct sb_json){.value = document->root, .file = document->name, .path = "$"};
}

static bool fail_assignment(struct simba_error *error, const char *assignment) {
    return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                   "\"%s\" sets nothing: expected a dotted path, an equals sign and a value, like train.epochs=3.",
                   assignment);
}

/* The next part of a dotted path ("dims[2]" gives "dims", then index 2) is put into `key` or `*index` (else -1). */
static bool next_part(const char **at, const char *end, char key[static 128], int *index) {
    *index = -1;
    if (**at == '[') {
        char *behind;
        long value = strtol(*at + 1, &behind, 10);
        if (behind == *at + 1 || *behind != ']' || value < 0 || value > 1 << 20) return false;
        *index = (int)value;
        *at = behind + 1;
    } else {
        size_t length = strcspn(*at, ".[=");
        if (length == 0 || length >= 128) return false;
        memcpy(key, *at, length);
        key[length] = 0;
        *at += length;
    }
    if (*at < end && **at == '.') {
        ++*at;
        return *at < end && **at != '.' && **at != '[';
    }
    return *at == end || **at == '[';
}

static cJSON *make_value(const char *text) {
    cJSON *value = NULL;
    if (*text) value = parse("", text, strlen(text), NULL);
    return value ? value : cJSON_CreateString(text);
}

bool sb_json_set(struct sb_json_document *document, const char *assignment, struct simba_error *error) {
    const char *equals = strchr(assignment, '=');
    const char *at = assignment;
    if (!equals) return fail_assignment(error, assignment);
    if (strncmp(at, "$.", 2) == 0) at += 2;
    if (at == equals) return fail_assignment(error, assignment);
    struct sb_json parent = sb_json_root(document);
    cJSON *object = document->root;
    for (;;) {
        char key[128];
        int index;
        if (!next_part(&at, equals, key, &index)) return fail_assignment(error, assignment);
        bool last = at == equals;
        cJSON *value = last ? make_value(equals + 1) : NULL;
        if (last && !value) return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for %s.", assignment);
        cJSON *child;
        if (index >= 0) {
            child = cJSON_IsArray(object) ? cJSON_GetArrayItem(object, index) : NULL;
            if (!child) {
                cJSON_Delete(value);
                return sb_json_fail(error, parent, "cannot set element %d in \"%s\": there is none.", index,
                                    assignment);
            }
            if (last) cJSON_ReplaceItemInArray(object, index, value);
        } else {
            if (!cJSON_IsObject(object)) {
                cJSON_Delete(value);
                return sb_json_fail(error, parent, "cannot set \"%s\" in \"%s\": this is not an object.", key,
                                    assignment);
            }
            child = cJSON_GetObjectItemCaseSensitive(object, key);
            if (last && child)
                cJSON_ReplaceItemInObjectCaseSensitive(object, key, value);
            else if (last)
                cJSON_AddItemToObject(object, key, value);
            else if (!child)
                child = cJSON_AddObjectToObject(object, key);
        }
        if (last) return true;
        if (!child) return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for %s.", assignment);
        parent = child_of(parent, child, index < 0 ? key : NULL, index);
        object = child;
    }
}

char *sb_json_print(const struct sb_json_document *document, struct simba_error *error) {
    char *text = cJSON_Print(document->root);
    if (!text) sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the text of %s.", document->name);
    return text;
}

/* What a value is, in a message's words. */
static const char *describe(const cJSON *value, char text[static 96]) {
    if (cJSON_IsString(value)) {
        bool longer = strlen(value->valuestring) > 60;
        snprintf(text, 96, "\"%.60s%s\"", value->valuestring, longer ? "..." : "");
    } else if (cJSON_IsNumber(value))
        snprintf(text, 96, "%.15g", value->valuedouble);
    else if (cJSON_IsBool(value))
        snprintf(text, 96, "%s", cJSON_IsTrue(value) ? "true" : "false");
    else if (cJSON_IsNull(value))
        snprintf(text, 96, "null");
    else if (cJSON_IsArray(value))
        snprintf(text, 96, "an array");
    else
        snprintf(text, 96, "an object");
    return text;
}

static bool fail_expected(struct simba_error *error, struct sb_json json, const char *expected) {
    char found[96];
    return sb_json_fail(error, json, "expected %s, found %s.", expected, describe(json.value, found));
}

bool sb_json_member(struct sb_json parent, const char *name, struct sb_json *member, struct simba_error *error) {
    if (!cJSON_IsObject(parent.value)) return fail_expected(error, parent, "an object");
    *member = child_of(parent, cJSON_GetObjectItemCaseSensitive(parent.value, name), name, 0);
    return true;
}

struct sb_json sb_json_element(struct sb_json array, int index) {
    return child_of(array, cJSON_GetArrayItem(array.value, index), NULL, index);
}

int sb_json_count(struct sb_json array) {
    return array.value ? cJSON_GetArraySize(array.value) : 0;
}
bool sb_json_is_null(struct sb_json json) {
    return cJSON_IsNull(json.value);
}

bool sb_json_is_string(struct sb_json json) {
    return cJSON_IsString(json.value);
}
bool sb_json_is_array(struct sb_json json) {
    return cJSON_IsArray(json.value);
}
bool sb_json_is_object(struct sb_json json) {
    return cJSON_IsObject(json.value);
}

bool sb_json_next(struct sb_json object, struct sb_json *member) {
    if (!cJSON_IsObject(object.value)) return false;
    const cJSON *next = member->value ? member->value->next : object.value->child;
    if (!next) return false;
    *member = child_of(object, next, next->string, 0);
    return true;
}

const char *sb_json_name(struct sb_json member) {
    return member.value ? member.value->string : NULL;
}

/* ", "-separated words, cut with "..." where there is no more room. */
static void join_words(char *text, size_t size, const char *const *words) {
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; words[i] && used + 1 < size; i++) {
        int length = snprintf(text + used, size - used, "%s%s", i ? ", " : "", words[i]);
        if (length < 0 || (size_t)length >= size - used) {
            memcpy(text + size - 4, "...", 4);
            return;
        }
        used += (size_t)length;
    }
}

bool sb_json_only(struct sb_json object, const char *const *known, struct simba_error *error) {
    if (!object.value) return true;
    if (!cJSON_IsObject(object.value)) return fail_expected(error, object, "an object");
    struct sb_json member = {0};
    while (sb_json_next(object, &member)) {
        bool found = false;
        for (int i = 0; known[i] && !found; i++) found = strcmp(known[i], sb_json_name(member)) == 0;
        if (found) continue;
        const char *nearest = sb_nearest_word(sb_json_name(member), known);
        char words[1024];
        join_words(words, sizeof words, known);
        if (!nearest) return sb_json_fail(error, member, "unknown key. Known here: %s.", words);
        return sb_json_fail(error, member, "unknown key; did you mean \"%s\"? Known here: %s.", nearest, words);
    }
    return true;
}

/* The value that a typed reader is about; .value NULL when it is absent. */
static bool find(struct sb_json object, const char *name, struct sb_json *value, struct simba_error *error) {
    if (name && object.value) return sb_json_member(object, name, value, error);
    *value = object;
    if (name) value->value = NULL;
    return true;
}

bool sb_json_int(struct sb_json object, const char *name, int64_t minimum, int64_t maximum, int64_t *out,
                 struct simba_error *error) {
    struct sb_json json;
    if (!find(object, name, &json, error)) return false;
    if (!json.value) return true;
    double value = cJSON_IsNumber(json.value) ? json.value->valuedouble : NAN;
    bool whole = fabs(value) <= LARGEST_EXACT && value == floor(value);
    if (whole && (int64_t)value >= minimum && (int64_t)value <= maximum) {
        *out = (int64_t)value;
        return true;
    }
    char expected[128];
    if (minimum == INT64_MIN && maximum == INT64_MAX)
        snprintf(expected, sizeof expected, "an integer");
    else if (maximum == INT64_MAX)
        snprintf(expected, sizeof expected, "an integer of at least %lld", (long long)minimum);
    else if (minimum == INT64_MIN)
        snprintf(expected, sizeof expected, "an integer of at most %lld", (long long)maximum);
    else
        snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)minimum, (long long)maximum);
    return fail_expected(error, json, expected);
}

bool sb_json_double(struct sb_json object, const char *name, double minimum, double maximum, double *out,
                    struct simba_error *error) {
    struct sb_json json;
    if (!find(object, name, &json, error)) return false;
    if (!json.value) return true;
    double value = cJSON_IsNumber(json.value) ? json.value->valuedouble : NAN;
    if (isfinite(value) && value >= minimum && value <= maximum) {
        *out = value;
        return true;
    }
    char expected[128];
    if (isinf(minimum) && isinf(maximum))
        snprintf(expected, sizeof expected, "a finite number");
    else if (isinf(maximum))
        snprintf(expected, sizeof expected, "a number of at least %.15g", minimum);
    else if (isinf(minimum))
        snprintf(expected, sizeof expected, "a number of at most %.15g", maximum);
    else
        snprintf(expected, sizeof expected, "a number from %.15g to %.15g", minimum, maximum);
    return fail_expected(error, json, expected);
}

bool sb_json_bool(struct sb_json object, const char *name, bool *out, struct simba_error *error) {
    struct sb_json json;
    if (!find(object, name, &json, error)) return false;
    if (!json.value) return true;
    if (!cJSON_IsBool(json.value)) return fail_expected(error, json, "true or false");
    *out = cJSON_IsTrue(json.value);
    return true;
}

bool sb_json_string(struct sb_json object, const char *name, const char **out, struct simba_error *error) {
    struct sb_json json;
    if (!find(object, name, &json, error)) return false;
    if (!json.value) return true;
    if (!cJSON_IsString(json.value)) return fail_expected(error, json, "a string");
    *out = json.value->valuestring;
    return true;
}

bool sb_json_choice(struct sb_json object, const char *name, const char *const *choices, int *out,
                    struct simba_error *error) {
    struct sb_json json;
    if (!find(object, name, &json, error)) return false;
    if (!json.value) return true;
    const char *word = cJSON_IsString(json.value) ? json.value->valuestring : NULL;
    for (int i = 0; word && choices[i]; i++) {
        if (strcmp(choices[i], word) != 0) continue;
        *out = i;
        return true;
    }
    char words[512], found[96];
    join_words(words, sizeof words, choices);
    const char *nearest = word ? sb_nearest_word(word, choices) : NULL;
    return sb_json_fail(error, json, "expected one of %s; found %s.%s%s%s", words, describe(json.value, found),
                        nearest ? " Did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}
