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

bool api_read_model(const char *path, const char *const *overrides, int override_count, struct sb_model_config *config,
                    struct simba_error *error) {
    struct sb_json_document *document = api_read_configuration(path, overrides, override_count, error);
    struct sb_json model;
    bool fine = document && sb_json_member(sb_json_root(document), "model", &model, error);
    if (fine && !model.value)
        fine = sb_fail(error, SIMBA_ERROR_CONFIG, "%s: expected an object \"model\" that describes the architecture.",
                       path);
    fine = fine && sb_model_config_read(model, config, error);
    sb_json_destroy(document);
    return fine;
}
