/* The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): one byte of label (CIFAR-100: a coarse one, then the
 * fine one, which is read), then the red, the green and the blue plane of 32 x 32 bytes. */
#ifndef SB_IO_CIFAR_H
#define SB_IO_CIFAR_H

#include "base/status.h"

#include <stdint.h>

enum { SB_CIFAR_SIDE = 32, SB_CIFAR_CHANNELS = 3 };

struct sb_cifar {
    int64_t count;
    uint8_t *pixels; /* [count, 32, 32, 3] */
    uint8_t *labels; /* [count], below 10 or 100 */
};

/* Puts the images of one more file behind those of *cifar, which is zero at first. When it fails, those before stay. */
bool sb_cifar_read(const char *path, bool hundred, struct sb_cifar *cifar, struct simba_error *error);
void sb_cifar_finish(struct sb_cifar *cifar);

#endif
