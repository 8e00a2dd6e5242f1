/* What keeps the emulation honest. Memory of the device can be touched only between emulated_enter and emulated_leave:
 * by kernels, copies and the libraries' calls, not by the module's own code, which on a card could not either. What is
 * copied to the host arrives when it is waited for.
 *
 * What it cannot see: whatever a card does at the same time as the host. Kernels, copies to the device and fills are
 * done when they are called, so memory of the host that is overwritten before its upload, or freed, goes unnoticed;
 * threads of a kernel run one after the other, so a race shows only where the order changes a result. With more than 16
 * MiB of memory of the device, as with whole models, that memory is open to everybody. */
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
