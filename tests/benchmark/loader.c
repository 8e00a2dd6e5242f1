/* Images per second of the loader: decoding, random resized crop to 224 x 224, flip and RandAugment, as the published
 * recipe has them. Usage: loader IMAGE-FOLDER [THREADS [EPOCHS]]. Prints one line of JSON; peak memory is given after
 * the first epoch and at the end, and microseconds per image of reading files and of decoding the crops alone. */
#include "data/loader.h"
#include "data/random_resized_crop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Of this program alone: what getrusage tells begins with the peak of the process that started it. */
static long peak_kilobytes(void) {
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long peak = 0;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0) peak = strtol(line + 6, NULL, 10);
    if (file) fclose(file);
    return peak;
}

/* What an image costs before its first pixel is touched: seconds of reading the file, and of the decoder. */
static bool time_decoding(const struct sb_dataset *dataset, const struct sb_pipeline *pipeline, double *reading,
                          double *decoding, struct simba_error *error) {
    struct sb_scratch scratch = {0};
    bool fine = true;
    *reading = *decoding = 0;
    for (int64_t i = 0; fine && i < dataset->count; i++) {
        struct sb_random random = sb_random_start(1, SB_STREAM_AUGMENTATION, (uint64_t)i);
        struct sb_sample sample = {.index = i};
        struct sb_image image;
        struct sb_region inside;
        const double begin = seconds(CLOCK_THREAD_CPUTIME_ID);
        fine = dataset->open(dataset, &sample, &scratch, error);
        const double opened = seconds(CLOCK_THREAD_CPUTIME_ID);
        if (!fine) break;
        const struct sb_region region =
            sb_random_resized_crop(&random, sample.width, sample.height, pipeline->scale, pipeline->ratio);
        fine = dataset->decode(dataset, &sample, region, pipeline->evaluation.width, pipeline->evaluation.height,
                               &scratch, &image, &inside, error);
        *reading += opened - begin;
        *decoding += seconds(CLOCK_THREAD_CPUTIME_ID) - opened;
    }
    sb_scratch_finish(&scratch);
    return fine;
}

int main(int count, char **words) {
    struct simba_error error;
    if (count < 2) return 2;
    const int threads = count > 2 ? atoi(words[2]) : 1, epochs = count > 3 ? atoi(words[3]) : 5;
    struct sb_dataset *dataset =
        sb_dataset_open(&(struct sb_dataset_parameters){.path = words[1], .channels = 3}, &error);
    struct sb_pipeline pipeline = {.evaluation = {.height = 224, .width = 224},
                                   .augment = true,
                                   .crop = SB_CROP_RANDOM_RESIZED,
                                   .scale = {0.08, 1},
                                   .ratio = {3.0 / 4, 4.0 / 3},
                                   .filter = SB_CROP_BICUBIC,
                                   .flip = 0.5,
                                   .randaugment = {.fill = {124, 116, 104}}};
    const struct sb_loader_parameters parameters = {.dataset = dataset,
                                                    .pipeline = &pipeline,
                                                    .batch = 20,
                                                    .shuffle = true,
                                                    .threads = threads,
                                                    .epochs = epochs + 1};
    struct sb_loader *loader = NULL;
    if (dataset && sb_randaugment_parse("rand-m9-mstd0.5-inc1", "here", &pipeline.randaugment, &error))
        loader = sb_loader_create(&parameters, &error);
    if (!loader) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    double begin = 0, processor = 0;
    long images = 0, first_peak = 0;
    struct sb_batch batch;
    while (sb_loader_next(loader, &batch, &error) && batch.count) {
        if (batch.epoch == 1 && !first_peak) { /* the first epoch warms caches and buffers up */
            first_peak = peak_kilobytes();
            begin = seconds(CLOCK_MONOTONIC);
            processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
        }
        if (batch.epoch >= 1) images += batch.count;
    }
    const double wall = seconds(CLOCK_MONOTONIC) - begin, used = seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
    const long peak = peak_kilobytes();
    double reading, decoding;
    if (!time_decoding(dataset, &pipeline, &reading, &decoding, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const double per_image = 1e6 / (double)dataset->count;
    printf("{\"threads\": %d, \"images\": %ld, \"images_per_s\": %.2f, \"images_per_core_s\": %.2f, "
           "\"reading_us\": %.1f, \"decoding_us\": %.1f, \"peak_kb_first_epoch\": %ld, \"peak_kb\": %ld}\n",
           threads, images, (double)images / wall, (double)images / used, reading * per_image, decoding * per_image,
           first_peak, peak);
    sb_loader_destroy(loader);
    sb_dataset_destroy(dataset);
    return 0;
}
