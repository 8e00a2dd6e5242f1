#include "io/event_file.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sb_event_file {
    FILE *stream;
    char path[4096];
};

uint32_t sb_masked_crc(const uint8_t *bytes, size_t size) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* A protocol buffer in the making. Messages here are small and of known size. */
struct message {
    uint8_t bytes[512];
    size_t size;
};

enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static void put_bytes(struct message *message, const void *bytes, size_t size) {
    if (size > sizeof message->bytes - message->size) size = sizeof message->bytes - message->size;
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

static void put_varint(struct message *message, uint64_t value) {
    do {
        const uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        put_bytes(message, &byte, 1);
        value >>= 7;
    } while (value);
}

static void put_little(struct message *message, uint64_t bits, int bytes) {
    for (int i = 0; i < bytes; i++) {
        const uint8_t byte = (uint8_t)(bits >> 8 * i);
        put_bytes(message, &byte, 1);
    }
}

static void put_field(struct message *message, int number, enum wire wire) {
    put_varint(message, (uint64_t)number << 3 | (uint64_t)wire);
}

static void put_string(struct message *message, int number, const void *bytes, size_t size) {
    put_field(message, number, BYTES);
    put_varint(message, size);
    put_bytes(message, bytes, size);
}

static void put_double(struct message *message, int number, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_field(message, number, FIXED64);
    put_little(message, bits, 8);
}

/* tensorflow.Event: 1 wall_time, 2 step. */
static struct message begin_event(double seconds, int64_t step) {
    struct message event = {.size = 0};
    put_double(&event, 1, seconds);
    put_field(&event, 2, VARINT);
    put_varint(&event, (uint64_t)step);
    return event;
}

static void write_record(struct sb_event_file *file, const struct message *event) {
    struct message head = {.size = 0}, tail = {.size = 0};
    put_little(&head, event->size, 8);
    put_little(&head, sb_masked_crc(head.bytes, 8), 4);
    put_little(&tail, sb_masked_crc(event->bytes, event->size), 4);
    fwrite(head.bytes, 1, head.size, file->stream);
    fwrite(event->bytes, 1, event->size, file->stream);
    fwrite(tail.bytes, 1, tail.size, file->stream);
}

struct sb_event_file *sb_event_file_create(const char *directory, double seconds, int64_t first_step,
                                           struct simba_error *error) {
    struct sb_event_file *file = sb_allocate(1, sizeof *file, error);
    if (!file) return NULL;
    int descriptor = -1;
    for (int number = 0; descriptor < 0 && number < 1000; number++) {
        char suffix[16] = "";
        if (number) snprintf(suffix, sizeof suffix, ".%d", number);
        const int length =
            snprintf(file->path, sizeof file->path, "%s/events.out.tfevents.%.0f.simba%s", directory, seconds, suffix);
        if (length < 0 || (size_t)length >= sizeof file->path) break;
        descriptor = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST) break;
    }
    file->stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (!file->stream) {
        sb_fail_errno(error, errno, "write", file->path);
        if (descriptor >= 0) close(descriptor);
        free(file);
        return NULL;
    }
    /* 3 file_version; then 7 session_log {1 status: START}. */
    struct message version = begin_event(seconds, 0), start = begin_event(seconds, first_step);
    put_string(&version, 3, "brain.Event:2", 13);
    write_record(file, &version);
    put_string(&start, 7, "\010\001", 2);
    write_record(file, &start);
    return file;
}

void sb_event_file_add(struct sb_event_file *file, double seconds, int64_t step, const char *tag, double value) {
    /* 5 summary {1 value {1 tag, 2 simple_value}} */
    struct message event = begin_event(seconds, step), summary = {.size = 0}, item = {.size = 0};
    const float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    put_string(&item, 1, tag, strnlen(tag, 200));
    put_field(&item, 2, FIXED32);
    put_little(&item, bits, 4);
    put_string(&summary, 1, item.bytes, item.size);
    put_string(&event, 5, summary.bytes, summary.size);
    write_record(file, &event);
}

bool sb_event_file_flush(struct sb_event_file *file, struct simba_error *error) {
    if (fflush(file->stream) == 0 && !ferror(file->stream)) return true;
    return sb_fail_errno(error, errno, "write", file->path);
}

void sb_event_file_destroy(struct sb_event_file *file) {
    if (!file) return;
    fclose(file->stream);
    free(file);
}
