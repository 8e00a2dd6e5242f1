/* What the files of the public interface share. */
#ifndef SB_API_API_H
#define SB_API_API_H

#include "backend/backend.h"
#include "model/model.h"
#include "simba/simba.h"

struct simba_device {
    struct sb_device *device;
    struct simba_device_info info;
};

/* A configuration file with "a.b=c" changes applied; sb_json_destroy it. */
struct sb_json_document;
struct sb_json_document *api_read_configuration(const char *path, const char *const *overrides, int override_count,
                                                struct simba_error *error);
/* The architecture alone: the "model" object of a configuration file; its other parts are not looked at. */
bool api_model_of(const struct sb_json_document *document, struct sb_model_config *config, struct simba_error *error);
bool api_read_model(const char *path, const char *const *overrides, int override_count, struct sb_model_config *config,
                    struct simba_error *error);
/* Fails when the model is not for `series`, or (not) for images. `path`: of its file, or NULL. */
bool api_is_for(const struct sb_model_config *config, const char *path, bool series, struct simba_error *error);

#endif
