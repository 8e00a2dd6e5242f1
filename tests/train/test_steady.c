/* In the steady state the library allocates nothing: the linker hands every call of its malloc, calloc and realloc to
 * the functions below (--wrap). Drivers and libpng are not wrapped. */
#include "public_device.h"
#include "stripes.h"

#include <stdatomic.h>

static atomic_long allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __real_realloc(memory, size);
}

static struct simba_device *device;

static void steady(void **state) {
    (void)state;
    make_stripes();
    char config[1024];
    snprintf(config, sizeof config, "%s", temporary("steady.json"));
    write_configuration(config, "einfft", "\"epochs\": 2, \"batch_size\": 1, \"clip_norm\": 1");
    struct simba_error error;
    /* One loader thread: another one's buffers appear with its first image, whenever that is. */
    const char *const overrides[] = {"data.threads=1"};
    struct simba_trainer *trainer = simba_trainer_create(&(struct simba_trainer_options){.device = device,
                                                                                         .configuration = config,
                                                                                         .overrides = overrides,
                                                                                         .override_count = 1,
                                                                                         .output = temporary("run")},
                                                         &error);
    if (!trainer) fail_msg("%s", error.message);
    long before = 0;
    bool finished;
    /* Steps of the first epoch but the last, at whose end there are evaluation and checkpoints. */
    for (int step = 0; step < TRAINING - 1; step++) {
        if (!simba_trainer_step(trainer, &finished, &error)) fail_msg("%s", error.message);
        if (step == 3) before = atomic_load(&allocations);
    }
    assert_true(before > 0);
    const long after = atomic_load(&allocations);
    simba_trainer_destroy(trainer);
    if (after != before) fail_msg("%ld allocations in %d steps", after - before, TRAINING - 5);
}

int main(void) {
    device = open_public_device(NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(steady)};
    const int failed = cmocka_run_group_tests(tests, make_temporary, remove_temporary);
    return close_public_device(device) + failed ? 1 : 0;
}
