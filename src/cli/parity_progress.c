/* How far a comparison is, on standard error: a line that is rewritten on a terminal, else one every ten seconds. */
#include "parity.h"

static struct {
    bool terminal, shown;
    int parts, part;
    double begin, last;
} state;

void parity_progress_begin(int parts) {
    state.terminal = cli_is_terminal(stderr);
    state.parts = parts;
    state.part = -1;
    state.begin = cli_now();
    state.last = state.begin;
}

void parity_progress_next(void) {
    state.part++;
}

void parity_progress(const char *model, double share, const char *what) {
    const double time = cli_now();
    if (time - state.last < (state.terminal ? 0.1 : 10)) return;
    state.last = time;
    const double whole = (state.part + share) / (state.parts > 0 ? state.parts : 1);
    char left[32] = "?";
    if (whole > 0.01) cli_duration(left, (time - state.begin) * (1 - whole) / whole);
    fprintf(stderr, "%s%3.0f %%  %s: %.60s  ETA %s%s", state.terminal ? "\r" : "", 100 * whole, model, what, left,
            state.terminal ? "\033[K" : "\n");
    fflush(stderr);
    state.shown = true;
}

void parity_progress_end(void) {
    if (state.terminal && state.shown) fputs("\r\033[K", stderr);
    state.shown = false;
}
