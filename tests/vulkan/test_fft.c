/* Fourier transforms: lengths of every kind against a direct sum in double precision, there and back, in chunks, and
 * with a cache on disk that is absent, whole, damaged or of another device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/vulkan/runtime.h"
#include "base/random.h"
#include "check.h"
#include "ops/ops.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

/* Group g at frequency f of channel c of the transform of x [tokens, 4, block], "ortho". */
static void direct(const float *x, int64_t tokens, int64_t block, int64_t f, int64_t g, int64_t c, double *re,
                   double *im) {
    const double turn = 2 * acos(-1.0);
    *re = *im = 0;
    for (int64_t n = 0; n < tokens; n++)
        for (int64_t j = 0; j < 4; j++) {
            const double angle = -turn * ((double)(f * n % tokens) / (double)tokens + (double)(g * j % 4) / 4);
            const double value = x[(n * 4 + j) * block + c];
            *re += value * cos(angle);
            *im += value * sin(angle);
        }
    *re /= sqrt(4.0 * (double)tokens);
    *im /= sqrt(4.0 * (double)tokens);
}

/* Transforms random tokens, compares a few frequencies of every sample, and transforms back. */
static void check_length(struct sb_device *on, int64_t batch, int64_t tokens, int64_t block) {
    struct sb_graph graph;
    struct sb_plan plan;
    struct sb_program *program = NULL;
    sb_graph_init(&graph, false);
    struct sb_tensor *x = sb_input(&graph, "x", SB_FLOAT32, 3, (const int64_t[]){batch, tokens, 4 * block});
    struct sb_tensor *z = sb_op_spectrum(&graph, "spectrum", x, NULL);
    struct sb_tensor *y = sb_op_synthesis(&graph, "synthesis", z, NULL, NULL);
    CHECK(sb_graph_ok(&graph, &error));
    sb_mark_output(z);
    sb_mark_output(y);
    CHECK(sb_plan_memory(&graph, (struct sb_plan_parameters){0}, &plan, &error));
    const struct sb_program_parameters parameters = {.graph = &graph, .plan = &plan, .name = "fft"};
    CHECK(sb_backend_vulkan.program_create(on, &parameters, &program, &error));
    float *values = sb_backend_vulkan.program_host(program, 0, x);
    struct sb_random random = sb_random_start(1, SB_STREAM_TEST, (uint64_t)tokens);
    for (int64_t i = 0; i < sb_elements(x); i++) values[i] = (float)sb_random_normal(&random);
    CHECK(sb_backend_vulkan.program_submit(program, 0, 1u << SB_PHASE_COMPUTE, &error));
    CHECK(sb_backend_vulkan.program_wait(program, 0, &error));
    const float *spectrum = sb_backend_vulkan.program_host(program, 0, z);
    const float *back = sb_backend_vulkan.program_host(program, 0, y);
    for (int64_t b = 0; b < batch; b++)
        for (int k = 0; k < 6; k++) {
            const int64_t f = sb_random_below(&random, (uint32_t)tokens), g = k % 4;
            const int64_t c = sb_random_below(&random, (uint32_t)block);
            double re, im;
            direct(values + b * tokens * 4 * block, tokens, block, f, g, c, &re, &im);
            const float *at = spectrum + ((b * tokens + f) * 4 + g) * 2 * block + c;
            assert_float_equal(at[0], re, 1e-5);
            assert_float_equal(at[block], im, 1e-5);
        }
    for (int64_t i = 0; i < sb_elements(x); i++) assert_float_equal(back[i], values[i], 1e-5);
    sb_backend_vulkan.program_destroy(program);
    sb_graph_finish(&graph);
}

/* Radices, their products, primes of Rader's and Bluestein's algorithms, and the lengths of the published models. */
static void test_lengths(void **state) {
    (void)state;
    const int64_t lengths[] = {1, 2, 7, 11, 12, 49, 74, 97, 196, 784, 3136};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) check_length(device, 2, lengths[i], 5);
}

/* A storage buffer range so small that the batch is cut. */
static void test_chunks(void **state) {
    (void)state;
    VkPhysicalDeviceLimits *limits = &((struct vk_device *)device)->capabilities.properties.limits;
    const uint32_t range = limits->maxStorageBufferRange;
    limits->maxStorageBufferRange = 40 * 49 * 2 * 3 * 8; /* 40 samples of 100, rounded down to 32 */
    check_length(device, 100, 49, 3);
    limits->maxStorageBufferRange = range;
}

/* Changes one byte of every file of the folder, `offset` bytes from its start; how many files there are. */
static int damage(const char *folder, long offset) {
    char path[4096 + 512];
    int count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        fseek(file, offset, SEEK_SET);
        const int byte = fgetc(file);
        fseek(file, offset, SEEK_SET);
        fputc(byte ^ 0x5a, file);
        fclose(file);
        count++;
    }
    closedir(directory);
    return count;
}

static void run_cached(void) {
    struct sb_device *cached = NULL;
    const struct sb_device_parameters parameters = {.log = {print_log, NULL, SIMBA_LOG_WARNING}};
    CHECK(sb_backend_vulkan.open(&parameters, &device->description, &cached, &error));
    check_length(cached, 1, 12, 4);
    check_length(cached, 1, 17, 4); /* with the tables of a prime */
    sb_backend_vulkan.close(cached);
}

static void remove_folder(const char *folder) {
    char path[4096 + 512];
    DIR *directory = opendir(folder);
    for (struct dirent *entry = directory ? readdir(directory) : NULL; entry; entry = readdir(directory)) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.') remove(path);
    }
    if (directory) closedir(directory);
    rmdir(folder);
}

static void test_cache(void **state) {
    (void)state;
    char folder[] = "/tmp/simba-cache-XXXXXX", inner[sizeof folder + 8];
    assert_non_null(mkdtemp(folder));
    snprintf(inner, sizeof inner, "%s/simba", folder);
    const char *before = getenv("XDG_CACHE_HOME");
    char *saved = before ? strdup(before) : NULL;
    setenv("XDG_CACHE_HOME", folder, 1);
    run_cached(); /* absent: written */
    run_cached(); /* whole: read */
    assert_true(damage(inner, 300) >= 2);
    run_cached(); /* damaged content: made anew */
    damage(inner, 12);
    run_cached(); /* another device's: made anew */
    if (saved)
        setenv("XDG_CACHE_HOME", saved, 1);
    else
        unsetenv("XDG_CACHE_HOME");
    free(saved);
    remove_folder(inner);
    rmdir(folder);
}

int main(void) {
    struct sb_device_parameters parameters = wished_device();
    parameters.no_cache = true;
    device = open_device(&parameters);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths), cmocka_unit_test(test_chunks),
                                       cmocka_unit_test(test_cache)};
    const int failed = cmocka_run_group_tests_name("fft", tests, NULL, NULL);
    return close_device(device) + failed ? 1 : 0;
}
