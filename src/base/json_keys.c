#include "base/json_keys.h"

#include <cjson/cJSON.h>
#include <string.h>

static bool read_pair(struct sb_json object, const struct sb_json_key *key, double pair[2], struct simba_error *error) {
    struct sb_json array;
    if (!sb_json_member(object, key->name, &array, error)) return false;
    if (!array.value) return true;
    const bool two = sb_json_is_array(array) && sb_json_count(array) == 2;
    for (int i = 0; two && i < 2; i++)
        if (!sb_json_double(sb_json_element(array, i), NULL, key->minimum, key->maximum, &pair[i], error)) return false;
    return (two && pair[0] <= pair[1]) || sb_json_fail(error, array, "expected two numbers, the smaller one first.");
}

static bool read_text(struct sb_json object, const struct sb_json_key *key, char *text, struct simba_error *error) {
    const char *value = NULL;
    if (!sb_json_string(object, key->name, &value, error)) return false;
    if (!value) return true;
    if ((double)strlen(value) >= key->maximum)
        return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: %s.%s: the text is longer than %d characters.", object.file,
                       object.path, key->name, (int)key->maximum - 1);
    strcpy(text, value);
    return true;
}

bool sb_json_read_key(struct sb_json object, const struct sb_json_key *key, void *target, struct simba_error *error) {
    void *value = (char *)target + key->offset;
    int choice;
    switch (key->type) {
    case SB_JSON_INTEGER:
        return sb_json_int(object, key->name, (int64_t)key->minimum, (int64_t)key->maximum, value, error);
    case SB_JSON_REAL:
        return sb_json_double(object, key->name, key->minimum, key->maximum, value, error);
    case SB_JSON_PAIR:
        return read_pair(object, key, value, error);
    case SB_JSON_SWITCH:
        return sb_json_bool(object, key->name, value, error);
    case SB_JSON_CHOICE:
        /* Where an enumeration lies, an int may not be written. */
        memcpy(&choice, value, sizeof choice);
        if (!sb_json_choice(object, key->name, key->choices, &choice, error)) return false;
        memcpy(value, &choice, sizeof choice);
        return true;
    case SB_JSON_TEXT:
        return read_text(object, key, value, error);
    case SB_JSON_OTHER:
        break;
    }
    return true;
}

bool sb_json_write_key(struct cJSON *object, const struct sb_json_key *key, const void *source) {
    const void *value = (const char *)source + key->offset;
    int choice;
    cJSON *pair;
    switch (key->type) {
    case SB_JSON_INTEGER:
        return cJSON_AddNumberToObject(object, key->name, (double)*(const int64_t *)value);
    case SB_JSON_REAL:
        return cJSON_AddNumberToObject(object, key->name, *(const double *)value);
    case SB_JSON_PAIR:
        pair = cJSON_CreateDoubleArray(value, 2);
        if (pair && cJSON_AddItemToObject(object, key->name, pair)) return true;
        cJSON_Delete(pair);
        return false;
    case SB_JSON_SWITCH:
        return cJSON_AddBoolToObject(object, key->name, *(const bool *)value);
    case SB_JSON_CHOICE:
        memcpy(&choice, value, sizeof choice);
        return cJSON_AddStringToObject(object, key->name, key->choices[choice]);
    case SB_JSON_TEXT:
        return cJSON_AddStringToObject(object, key->name, value);
    case SB_JSON_OTHER:
        break;
    }
    return true;
}
