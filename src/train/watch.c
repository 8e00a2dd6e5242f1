#include "train/watch.h"

#include "base/file.h"
#include "io/picture.h"
#include "train/task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVERY = 10, MOST_SAMPLES = 36 };

static double wall_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

bool sb_watch_begin(struct sb_watch *watch, const char *output, int64_t first_step, struct simba_error *error) {
    *watch = (struct sb_watch){.output = output, .last_step = first_step - EVERY};
    watch->events = sb_event_file_create(output, wall_clock(), first_step, error);
    return watch->events;
}

void sb_watch_finish(struct sb_watch *watch) {
    sb_event_file_destroy(watch->events);
    watch->events = NULL;
}

void sb_watch_step(struct sb_watch *watch, const struct simba_progress *progress) {
    const int64_t step = progress->step;
    if (step - watch->last_step < EVERY) return;
    watch->last_step = step;
    const double now = wall_clock();
    sb_event_file_add(watch->events, now, step, "step/loss", progress->loss);
    sb_event_file_add(watch->events, now, step, "step/learning_rate", progress->learning_rate);
    sb_event_file_add(watch->events, now, step, "step/gradient_norm", progress->gradient_norm);
    if (progress->loss_scale <= 0) return;
    sb_event_file_add(watch->events, now, step, "step/loss_scale", progress->loss_scale);
    sb_event_file_add(watch->events, now, step, "step/skipped_steps", (double)progress->skipped_steps);
}

/* The columns of results.csv that are drawn, by their place in a row. */
enum {
    COLUMN_EPOCH,
    COLUMN_STEP,
    COLUMN_RATE,
    COLUMN_LOSS,
    COLUMN_EVALUATION,
    COLUMN_FIGURE,
    COLUMN_AVERAGE = COLUMN_FIGURE + 5, /* behind speed, waiting and seconds; the average's loss */
    COLUMN_AVERAGE_FIGURE,
    COLUMNS = COLUMN_AVERAGE_FIGURE + 2
};

static bool is_figure(int column) {
    return (column >= COLUMN_FIGURE && column < COLUMN_FIGURE + 2) || column >= COLUMN_AVERAGE_FIGURE;
}

static bool draw_results(const char *path, const struct sb_task_type *type, const char *results, const char *title,
                         struct simba_error *error) {
    uint8_t *text;
    size_t size;
    if (!sb_read_file(results, 0, &text, &size, error)) return false;
    int rows = 0;
    for (size_t i = 0; i < size; i++) rows += text[i] == '\n';
    double *values = sb_allocate((size_t)rows * COLUMNS, sizeof *values, error);
    if (!values) {
        free(text);
        return false;
    }
    int count = 0;
    bool averaged = false; /* any row */
    char *line = strchr((char *)text, '\n');
    for (; line && line[1] && count < rows; line = strchr(line + 1, '\n')) {
        char *at = line + 1;
        for (int c = 0; c < COLUMNS; c++) {
            /* strtod would look for a number that is missing at the end of a row in the next one. */
            char *after = at;
            const double value = *at == '\n' ? 0 : strtod(at, &after);
            values[c * rows + count] = after == at ? NAN : is_figure(c) && type->shares ? 100 * value : value;
            if (c == COLUMN_AVERAGE && after != at) averaged = true;
            at = after;
            if (*at == ',') at++;
        }
        count++;
    }
    free(text);
    const double *epochs = values + COLUMN_EPOCH * rows;
    const struct sb_curve losses[] = {{"training", epochs, values + COLUMN_LOSS * rows, count},
                                      {"evaluation", epochs, values + COLUMN_EVALUATION * rows, count},
                                      {"evaluation, EMA", epochs, values + COLUMN_AVERAGE * rows, count}};
    char names[2][32];
    for (int i = 0; i < 2; i++) snprintf(names[i], sizeof names[i], "%s, EMA", type->figures[i]);
    const struct sb_curve figures[] = {{type->figures[0], epochs, values + COLUMN_FIGURE * rows, count},
                                       {type->figures[1], epochs, values + (COLUMN_FIGURE + 1) * rows, count},
                                       {names[0], epochs, values + COLUMN_AVERAGE_FIGURE * rows, count},
                                       {names[1], epochs, values + (COLUMN_AVERAGE_FIGURE + 1) * rows, count}};
    const struct sb_curve rates[] = {{"learning rate", epochs, values + COLUMN_RATE * rows, count}};
    const struct sb_panel panels[] = {{"loss", "epoch", losses, averaged ? 3 : 2},
                                      {type->figures_title, "epoch", figures, averaged ? 4 : 2},
                                      {"learning rate", "epoch", rates, 1}};
    const bool fine = sb_draw_curves(path, title, panels, 3, error);
    free(values);
    return fine;
}

static bool in_output(const struct sb_watch *watch, const char *name, char path[static 4096],
                      struct simba_error *error) {
    const int length = snprintf(path, 4096, "%s/%s", watch->output, name);
    return (length > 0 && length < 4096) ||
           sb_fail(error, SIMBA_ERROR_FILE, "The output directory's name is too long.");
}

/* "epoch/NAME" with up to two parts. */
static void add_epoch(struct sb_watch *watch, double now, int64_t step, const char *name, const char *more,
                      double value) {
    char tag[64];
    snprintf(tag, sizeof tag, "epoch/%s%s", name, more);
    sb_event_file_add(watch->events, now, step, tag, value);
}

bool sb_watch_epoch(struct sb_watch *watch, const struct sb_task_type *type, const char *results,
                    const struct sb_result *result, struct simba_error *error) {
    const double now = wall_clock();
    const int64_t step = result->step;
    add_epoch(watch, now, step, "training_loss", "", result->loss);
    add_epoch(watch, now, step, type->samples, "_per_second", result->samples_per_second);
    add_epoch(watch, now, step, "waited_share", "", result->waited_share);
    if (result->evaluated) {
        add_epoch(watch, now, step, "evaluation_loss", "", result->evaluation_loss);
        for (int i = 0; i < 2; i++) add_epoch(watch, now, step, type->figures[i], "", result->figures[i]);
    }
    if (result->averaged) {
        add_epoch(watch, now, step, "ema_loss", "", result->ema_loss);
        for (int i = 0; i < 2; i++) add_epoch(watch, now, step, "ema_", type->figures[i], result->ema_figures[i]);
    }
    char path[4096];
    return sb_event_file_flush(watch->events, error) && in_output(watch, "results.png", path, error) &&
           draw_results(path, type, results, watch->output, error);
}

/* Only the cells that are not zero: of a thousand classes most are. */
static bool write_counts(const char *path, const uint32_t *counts, int classes, const char *const *names,
                         struct simba_error *error) {
    struct sb_writer writer;
    if (!sb_writer_open(&writer, path, error)) return false;
    static const char header[] = "class,taken_for,images,class_name,taken_for_name\n";
    bool fine = sb_writer_write(&writer, header, sizeof header - 1, error);
    for (int row = 0; row < classes; row++)
        for (int column = 0; fine && column < classes; column++) {
            const uint32_t count = counts[(size_t)row * (size_t)classes + (size_t)column];
            char line[700];
            if (!count) continue;
            /* Names hold no quotes in any known set; one that did would only make its own field odd. */
            const int length = snprintf(line, sizeof line, "%d,%d,%u,\"%.300s\",\"%.300s\"\n", row, column, count,
                                        names[row], names[column]);
            fine = sb_writer_write(&writer, line, (size_t)length, error);
        }
    if (fine) return sb_writer_commit(&writer, error);
    sb_writer_discard(&writer);
    return false;
}

bool sb_watch_confusion(const struct sb_watch *watch, const uint32_t *counts, int classes, const char *const *names,
                        struct simba_error *error) {
    char path[4096];
    return in_output(watch, "confusion_matrix.csv", path, error) && write_counts(path, counts, classes, names, error) &&
           in_output(watch, "confusion_matrix.png", path, error) &&
           sb_draw_confusion(path, counts, classes, names, error);
}

bool sb_watch_samples(const struct sb_watch *watch, const struct sb_batch *batch, int height, int width, int channels,
                      const char *const *names, struct simba_error *error) {
    const char *captions[MOST_SAMPLES];
    const int count = batch->count < MOST_SAMPLES ? batch->count : MOST_SAMPLES;
    for (int i = 0; i < count; i++) captions[i] = names[batch->labels[i]];
    char path[4096];
    return in_output(watch, "samples.png", path, error) &&
           sb_draw_images(path, batch->pixels, count, height, width, channels, captions, error);
}
