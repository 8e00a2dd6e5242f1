#include "api/api.h"

#include "base/json.h"

struct sb_json_document *api_read_configuration(const char *path, const char *const *overrides, int override_count,
                                                struct simba_error *error) {
    struct sb_json_document *document = sb_json_read_file(path, error);
    for (int i = 0; document && i < override_count; i++)
        if (!sb_json_set(document, overrides[i], error)) {
            sb_json_destroy(document);
            document = NULL;
        }
    return document;
}

bool api_model_of(const struct sb_json_document *document, struct sb_model_config *config, struct simba_error *error) {
    const struct sb_json root = sb_json_root(document);
    struct sb_json model;
    if (!sb_json_member(root, "model", &model, error)) return false;
    if (model.value) return sb_model_config_read(model, config, error);
    return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: expected an object \"model\" that describes the architecture.",
                   root.file);
}

bool api_read_model(const char *path, const char *const *overrides, int override_count, struct sb_model_config *config,
                    struct simba_error *error) {
    struct sb_json_document *document = api_read_configuration(path, overrides, override_count, error);
    const bool fine = document && api_model_of(document, config, error);
    sb_json_destroy(document);
    return fine;
}
