#include "train/results.h"

#include "base/file.h"
#include "train/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool sb_results_begin(const char *path, const struct sb_task_type *type, int64_t epochs, struct simba_error *error) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (access(path, F_OK) == 0 && !sb_read_file(path, 0, &bytes, &size, error)) return false;
    struct sb_writer writer;
    if (!sb_writer_open(&writer, path, error)) {
        free(bytes);
        return false;
    }
    char header[200];
    const int length = snprintf(header, sizeof header,
                                "epoch,step,learning_rate,train_loss,evaluation_loss,%s,%s,%s_per_second,waited_share,"
                                "seconds,ema_loss,ema_%s,ema_%s,loss_scale,skipped_steps\n",
                                type->figures[0], type->figures[1], type->samples, type->figures[0], type->figures[1]);
    bool fine = sb_writer_write(&writer, header, (size_t)length, error);
    /* A last line without its end was cut off by a crash. */
    char *end, *line = (char *)bytes;
    for (; fine && line && (end = strchr(line, '\n')); line = end + 1) {
        char *after;
        const long long epoch = strtoll(line, &after, 10);
        if (after != line && *after == ',' && epoch <= epochs)
            fine = sb_writer_write(&writer, line, (size_t)(end + 1 - line), error);
    }
    free(bytes);
    if (fine) return sb_writer_commit(&writer, error);
    sb_writer_discard(&writer);
    return false;
}

bool sb_results_append(const char *path, const struct sb_result *result, struct simba_error *error) {
    FILE *stream = fopen(path, "a");
    if (!stream) return sb_fail_errno(error, errno, "write", path);
    fprintf(stream, "%lld,%lld,%.9g,%.9g,", (long long)result->epoch + 1, (long long)result->step,
            result->learning_rate, result->loss);
    if (result->evaluated)
        fprintf(stream, "%.9g,%.9g,%.9g,", result->evaluation_loss, result->figures[0], result->figures[1]);
    else
        fputs(",,,", stream);
    fprintf(stream, "%.1f,%.4f,%.3f,", result->samples_per_second, result->waited_share, result->seconds);
    if (result->averaged)
        fprintf(stream, "%.9g,%.9g,%.9g,", result->ema_loss, result->ema_figures[0], result->ema_figures[1]);
    else
        fputs(",,,", stream);
    if (result->loss_scale > 0)
        fprintf(stream, "%.9g,%lld\n", result->loss_scale, (long long)result->skipped_steps);
    else
        fputs(",\n", stream);
    const bool fine = !ferror(stream);
    if (fclose(stream) != 0 || !fine) return sb_fail_errno(error, errno, "write", path);
    return true;
}
