/* Is a device right? Golden cases: numbers of the published code in double precision, in files whose names tell the
 * kind of case. Comparison: one graph on two devices, node by node. */
#ifndef SB_PARITY_PARITY_H
#define SB_PARITY_PARITY_H

#include "backend/backend.h"
#include "model/model.h"
#include "simba/parity.h"

/* Where results go. `function` may be NULL; `summary` must have been zeroed before the first case. */
struct sb_parity_report {
    void (*function)(void *user, const struct simba_parity_result *result);
    void *user;
    struct simba_parity_summary *summary;
};

/* Runs one golden case on the device. False only when the case could not be run (unknown kind, unreadable file, no
 * device memory); tensors over their tolerance are counted in the summary. */
bool sb_parity_golden(struct sb_device *device, const char *path, struct sb_parity_report *report,
                      struct simba_error *error);

#endif
