/* results.csv: one row per epoch, no row twice, whatever was interrupted. */
#ifndef SB_TRAIN_RESULTS_H
#define SB_TRAIN_RESULTS_H

#include "base/status.h"

#include <stdint.h>

struct sb_result {
    int64_t epoch, step; /* the epoch from 0 (from 1 in the file), and the finished steps at its end */
    double learning_rate, loss;
    bool evaluated;
    double evaluation_loss, figures[2]; /* empty fields when not evaluated */
    bool averaged;                      /* the moving average of the weights was evaluated, too */
    double ema_loss, ema_figures[2];
    double samples_per_second, waited_share, seconds;
    double loss_scale; /* fp16: of the last step; 0: none, empty fields */
    int64_t skipped_steps;
};

/* Writes the file anew with its header and those of its rows (if it exists) that belong to the first `epochs` epochs:
 * the rows behind the checkpoint from which a run goes on will be written again. */
struct sb_task_type;
bool sb_results_begin(const char *path, const struct sb_task_type *type, int64_t epochs, struct simba_error *error);
bool sb_results_append(const char *path, const struct sb_result *result, struct simba_error *error);

#endif
