/* What the files that measure rows share. */
#ifndef SB_BENCH_MEASURE_H
#define SB_BENCH_MEASURE_H

#include "bench/bench.h"

#include "base/json.h"

/* One call of sb_bench_run. */
struct sb_bench_session {
    struct sb_device *device, *reference; /* the reference is opened when first needed */
    enum sb_precision precision;
    double seconds, reference_seconds;
    bool wants_ceilings, ceilings_known;
    struct sb_ceiling ceilings[SB_CEILING_COUNT];
};
bool sb_bench_open_reference(struct sb_bench_session *session, struct simba_error *error);
/* Once in a session, and only where they are wanted. */
bool sb_bench_measure_ceilings(struct sb_bench_session *session, struct simba_error *error);

/* A row with room for what is written into it. */
struct sb_bench_draft {
    struct simba_bench_row row;
    char variant[1024], shape[256], dtype[64], caches[96], unsupported[1024], note[512];
};
/* Zeroed, with the entry's kind and name, the shape, and NAN for what is not known. */
void sb_bench_draft_init(struct sb_bench_draft *draft, const struct sb_bench_session *session,
                         const struct simba_bench_entry *entry, const struct sb_bench_shape *shape, bool rounds);
/* Sentences of the note are separated by semicolons. */
void sb_bench_draft_note(struct sb_bench_draft *draft, const char *format, ...) SB_PRINTF(2, 3);
/* The row says why it was not timed. */
void sb_bench_draft_unsupported(struct sb_bench_draft *draft, const char *format, ...) SB_PRINTF(2, 3);
/* Makes an error of what belongs to this row alone its reason; false for one that ends it all. */
bool sb_bench_draft_failed(struct sb_bench_draft *draft, const struct simba_error *error);
/* FLOPs of the timed nodes that ran on matrix units, by the account of their dispatches, which programs made with
 * `profile` have: 16-bit factors alone do not bring a product there. NULL: all nodes but those of SB_PHASE_PREPARE. */
bool sb_bench_matrix_flops(struct sb_program *program, const bool *timed, double *flops, struct simba_error *error);
/* Share of the binding ceiling, from what is in the row and how many of its FLOPs ran on matrix units. */
void sb_bench_draft_share(struct sb_bench_draft *draft, const struct sb_bench_session *session, double matrix_flops);

/* Verifies, then times. False when the device fails. */
bool sb_bench_measure_kernel(struct sb_bench_session *session, const struct sb_bench_kernel *kernel,
                             const struct sb_bench_shape *shape, struct sb_bench_draft *draft,
                             struct simba_error *error);
bool sb_bench_measure_ceiling(struct sb_bench_session *session, enum sb_ceiling_kind kind, struct sb_bench_draft *draft,
                              struct simba_error *error);

/* ---- catalogue.c */

extern const struct simba_bench_entry sb_bench_ceilings[SB_CEILING_COUNT];

/* ---- models.c */

/* A model of the catalogue or of a configuration file, in one of the two modes. */
struct sb_bench_model {
    struct simba_bench_entry entry;
    const char *configuration; /* a path, or the text of a configuration ("{...") */
    bool training;
};
extern const struct sb_bench_model sb_bench_models[]; /* entry.name NULL at the end */
/* Whether a row's name is that of a mode of the file's model; the file is not read. */
bool sb_bench_model_is_of_file(const char *name, const char *path);
/* Both modes of a file's model, in the pool. */
bool sb_bench_model_of_file(const char *path, struct sb_pool *pool, struct sb_bench_model models[2],
                            struct simba_error *error);
bool sb_bench_measure_model(struct sb_bench_session *session, const struct sb_bench_model *model,
                            const struct sb_bench_shape *shape, struct sb_bench_draft *draft,
                            struct simba_error *error);

#endif
