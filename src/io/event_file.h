/* TensorBoard's event files: scalars over steps. Records are framed as TFRecord does (length, masked CRC-32C of it,
 * data, masked CRC-32C of that); each is a protocol buffer of the kind tensorflow.Event. */
#ifndef SB_IO_EVENT_FILE_H
#define SB_IO_EVENT_FILE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sb_event_file;

/* Makes DIRECTORY/events.out.tfevents.SECONDS.simba (with a number behind it when that exists). `first_step`: what
 * other files of the directory say of this step and later ones no longer holds; TensorBoard drops it. */
struct sb_event_file *sb_event_file_create(const char *directory, double seconds, int64_t first_step,
                                           struct simba_error *error);
/* Buffered until the flush. An error of writing is told by the flush. */
void sb_event_file_add(struct sb_event_file *file, double seconds, int64_t step, const char *tag, double value);
bool sb_event_file_flush(struct sb_event_file *file, struct simba_error *error);
void sb_event_file_destroy(struct sb_event_file *file); /* NULL is fine */

/* CRC-32C (Castagnoli) as TFRecord masks it. */
uint32_t sb_masked_crc(const uint8_t *bytes, size_t size);

#endif
