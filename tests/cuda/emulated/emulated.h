/* What keeps the emulation honest. Memory of the device can be touched only between emulated_enter and emulated_leave:
 * by kernels, copies and the libraries' calls, not by the module's own code, which on a card could not either. */
#ifndef TESTS_CUDA_EMULATED_H
#define TESTS_CUDA_EMULATED_H

#ifdef __cplusplus
extern "C" {
#endif

void emulated_enter(void);
void emulated_leave(void);
/* Ends the process with a message unless the address is NULL or in memory of the device. */
void emulated_check(const void *address, const char *who);

/* An allocation that nobody shall touch any more. */
void emulated_close(const void *address);

#ifdef __cplusplus
}
#endif

#endif
