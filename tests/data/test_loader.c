#include "temporary.h"

#include "data/loader.h"
#include "data/sampler.h"

#include <malloc.h>
#include <stdatomic.h>

enum { SIDE = 6 };

/* Images whose pixels tell their number; reading may take its time or fail. */
struct numbers {
    struct sb_dataset base;
    int64_t broken, broken_step; /* this image; or all multiples */
    unsigned delay;              /* microseconds, of every third image */
    _Atomic int reads;
};

static void fill_number(int64_t index, uint8_t pixels[SIDE * SIDE]) {
    for (int i = 0; i < SIDE * SIDE; i++) pixels[i] = (uint8_t)(index * 7 + i);
}

static bool open_number(const struct sb_dataset *base, struct sb_sample *sample, struct sb_scratch *scratch,
                        struct simba_error *error) {
    struct numbers *numbers = (struct numbers *)(uintptr_t)base;
    const long long index = sample->index;
    (void)scratch;
    numbers->reads++;
    if (numbers->delay && index % 3 == 0) usleep(numbers->delay);
    if (numbers->broken_step ? index % numbers->broken_step == 0 : index == numbers->broken)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "image-%lld.png: this PNG image is damaged.", index);
    sample->label = (int32_t)index;
    sample->width = sample->height = SIDE;
    return true;
}

static bool decode_number(const struct sb_dataset *base, const struct sb_sample *sample, struct sb_region region,
                          int target_width, int target_height, struct sb_scratch *scratch, struct sb_image *image,
                          struct sb_region *inside, struct simba_error *error) {
    (void)base, (void)target_width, (void)target_height;
    if (!sb_buffer_reserve(&scratch->image, SIDE * SIDE, error)) return false;
    fill_number(sample->index, scratch->image.bytes);
    *image = (struct sb_image){scratch->image.bytes, SIDE, SIDE, 1};
    *inside = region;
    return true;
}

static struct numbers make_numbers(int64_t count) {
    return (struct numbers){
        .base = {.count = count, .classes = 1, .channels = 1, .open = open_number, .decode = decode_number},
        .broken = -1};
}

static const struct sb_pipeline plain = {.evaluation = {.height = SIDE, .width = SIDE}};
static const struct sb_pipeline augmenting = {
    .evaluation = {.height = SIDE, .width = SIDE}, .augment = true, .padding = 1, .flip = 0.5};
/* Every random choice that there is. */
static const struct sb_pipeline everything = {.evaluation = {.height = SIDE + 1, .width = SIDE - 1},
                                              .augment = true,
                                              .crop = SB_CROP_RANDOM_RESIZED,
                                              .scale = {0.3, 1},
                                              .ratio = {0.5, 2},
                                              .filter = SB_CROP_RANDOM,
                                              .flip = 0.5,
                                              .randaugment = {.operations = 3, .magnitude = 6, .deviation = 2}};

static struct sb_loader *create(const struct sb_loader_parameters *parameters) {
    struct simba_error error = {0};
    struct sb_loader *loader = sb_loader_create(parameters, &error);
    if (!loader) fail_msg("%s", error.message);
    return loader;
}

static struct sb_batch next(struct sb_loader *loader) {
    struct simba_error error = {0};
    struct sb_batch batch;
    if (!sb_loader_next(loader, &batch, &error)) fail_msg("%s", error.message);
    return batch;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_batch(const struct sb_batch *batch, int images, size_t image_bytes) {
    uint64_t hash = mix(0xcbf29ce484222325u, batch->pixels, (size_t)images * image_bytes);
    return mix(mix(hash, batch->labels, (size_t)images * sizeof *batch->labels), &batch->count, sizeof batch->count);
}

static void same_whatever_the_threads(void **state) {
    (void)state;
    struct numbers numbers = make_numbers(53);
    numbers.delay = 100;
    struct sb_loader_parameters parameters = {
        .dataset = &numbers.base, .pipeline = &everything, .batch = 10, .shuffle = true, .seed = 11, .epochs = 3};
    uint64_t want[18];
    for (int threads = 1; threads <= 9; threads += threads < 3 ? 1 : 3)
        for (int depth = 2; depth <= 6; depth += 2) {
            parameters.threads = threads;
            parameters.depth = depth;
            struct sb_loader *loader = create(&parameters);
            assert_int_equal(sb_loader_batches(loader), 6);
            for (int i = 0; i < 18; i++) {
                struct sb_batch batch = next(loader);
                assert_true(batch.epoch == i / 6 && batch.index == i % 6);
                assert_int_equal(batch.count, i % 6 == 5 ? 3 : 10);
                uint64_t hash = hash_batch(&batch, 10, (SIDE + 1) * (SIDE - 1));
                if (threads == 1 && depth == 2) want[i] = hash;
                assert_true(hash == want[i]);
            }
            for (int i = 0; i < 3; i++) assert_int_equal(next(loader).count, 0);
            sb_loader_destroy(loader);
        }
    for (int i = 0; i < 18; i++)
        for (int j = 0; j < i; j++) assert_true(want[i] != want[j]);
}

/* Which images, and the random numbers of each, by the index of its stream. */
static void check_content(int repeats) {
    struct numbers numbers = make_numbers(23);
    struct sb_pipeline padded = augmenting;
    padded.reflect = true;
    struct sb_loader_parameters parameters = {
        .dataset = &numbers.base, .pipeline = &padded, .batch = 4, .shuffle = true, .drop_last = true, .seed = 5};
    parameters.repeats = repeats;
    struct sb_loader *loader = create(&parameters);
    assert_int_equal(sb_loader_batches(loader), 5);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        int64_t order[23], images[23];
        const struct sb_repeats copies = {.count = 23, .repeats = repeats, .ranks = 1, .batch = 4};
        if (repeats > 1)
            sb_repeated_order(&copies, 5, epoch, images, order);
        else
            sb_epoch_order(5, epoch, true, 23, order);
        for (int i = 0; i < 5; i++) {
            struct sb_batch batch = next(loader);
            for (int j = 0; j < 4; j++) {
                const int64_t draw = order[i * 4 + j], image = draw / repeats;
                uint8_t source[SIDE * SIDE], pixels[SIDE * SIDE];
                const struct sb_image whole = {source, SIDE, SIDE, 1};
                struct sb_image result = {pixels, SIDE, SIDE, 1};
                struct sb_random random =
                    sb_random_start(5, SB_STREAM_AUGMENTATION, (uint64_t)(epoch * 23 * repeats + draw));
                fill_number(image, source);
                sb_random_padded_crop(&whole, 1, true, &random, pixels);
                if (sb_random_uniform(&random) < 0.5f) sb_image_flip(&result);
                assert_int_equal(batch.labels[j], image);
                assert_memory_equal(batch.pixels + j * SIDE * SIDE, pixels, sizeof pixels);
            }
        }
    }
    sb_loader_destroy(loader);
}

/* The list that DeiT's RASampler makes, literally: each image of the shuffled order so many times, every ranks-th of it
 * to a rank, cut after the images of an epoch. Then batches of each rank in turn. */
static void repeats_as_published(void **state) {
    (void)state;
    static const struct sb_repeats cases[] = {
        {600, 3, 1, 8}, {600, 3, 4, 8}, {256, 3, 2, 16}, {255, 2, 1, 10}, {1000, 5, 3, 7}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const struct sb_repeats *repeats = &cases[c];
        const int64_t n = repeats->count, copies = repeats->repeats, ranks = repeats->ranks, batch = repeats->batch;
        const int64_t selected = (n >= 256 ? n / 256 * 256 : n) / ranks, steps = selected / batch;
        assert_int_equal(sb_repeated_batches(repeats), steps * ranks);
        int64_t *shuffled = calloc((size_t)n, sizeof *shuffled), *images = calloc((size_t)n, sizeof *images);
        int64_t *order = calloc((size_t)n, sizeof *order), *list = calloc((size_t)(n * copies), sizeof *list);
        int *seen = calloc((size_t)(n * copies), sizeof *seen);
        assert_true(shuffled && images && order && list && seen);
        sb_epoch_order(7, 2, true, n, shuffled);
        for (int64_t i = 0; i < n * copies; i++) list[i] = shuffled[i / copies];
        sb_repeated_order(repeats, 7, 2, images, order);
        int64_t different = 0, next = 0;
        for (int64_t step = 0; step < steps; step++)
            for (int64_t rank = 0; rank < ranks; rank++)
                for (int64_t i = 0; i < batch; i++) {
                    const int64_t draw = order[next++];
                    assert_int_equal(draw / copies, list[rank + ranks * (step * batch + i)]);
                    assert_int_equal(seen[draw]++, 0); /* no copy twice */
                    different += draw % copies == 0;
                }
        /* All copies of an image but for the last one's are there. */
        assert_int_equal(different, (steps * batch * ranks + copies - 1) / copies);
        free(shuffled);
        free(images);
        free(order);
        free(list);
        free(seen);
    }
}

/* Each copy is augmented on its own, and a loader that begins in the middle of an epoch goes on with the same batches.
 */
static void repeats_differ_and_resume(void **state) {
    (void)state;
    enum { IMAGES = 40, BATCH = 5, RANKS = 2, BATCHES = 8, EPOCHS = 2 };
    struct numbers numbers = make_numbers(IMAGES);
    struct sb_loader_parameters parameters = {.dataset = &numbers.base,
                                              .pipeline = &everything,
                                              .batch = BATCH,
                                              .repeats = 3,
                                              .ranks = RANKS,
                                              .seed = 3,
                                              .threads = 3,
                                              .epochs = EPOCHS};
    const size_t bytes = (SIDE + 1) * (SIDE - 1);
    uint64_t hashes[EPOCHS * BATCHES], copies[IMAGES][3];
    struct sb_loader *loader = create(&parameters);
    assert_int_equal(sb_loader_batches(loader), BATCHES);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        int seen[IMAGES] = {0}, different = 0, equal = 0;
        for (int i = 0; i < BATCHES; i++) {
            const struct sb_batch batch = next(loader);
            assert_true(batch.epoch == epoch && batch.index == i && batch.count == BATCH);
            hashes[epoch * BATCHES + i] = hash_batch(&batch, BATCH, bytes);
            for (int k = 0; k < BATCH; k++) {
                const int image = batch.labels[k];
                assert_true(seen[image] < 3);
                copies[image][seen[image]++] = mix(1, batch.pixels + (size_t)k * bytes, bytes);
            }
        }
        for (int image = 0; image < IMAGES; image++) {
            different += seen[image] > 0;
            for (int k = 1; k < seen[image]; k++) equal += copies[image][k] == copies[image][k - 1];
        }
        assert_int_equal(different, 14); /* 40 / 3, and one more for the rest */
        assert_true(equal <= 2);         /* chance alone */
    }
    sb_loader_destroy(loader);
    for (int first = 0; first < EPOCHS * BATCHES; first++) {
        parameters.first_epoch = first / BATCHES;
        parameters.first_batch = first % BATCHES;
        loader = create(&parameters);
        const struct sb_batch batch = next(loader);
        assert_true(hash_batch(&batch, BATCH, bytes) == hashes[first]);
        sb_loader_destroy(loader);
    }
}

static void content_is_the_definition(void **state) {
    (void)state;
    check_content(1);
    check_content(3);
}

static void resumes_anywhere(void **state) {
    (void)state;
    struct numbers numbers = make_numbers(22);
    struct sb_loader_parameters parameters = {.dataset = &numbers.base,
                                              .pipeline = &augmenting,
                                              .batch = 5,
                                              .shuffle = true,
                                              .seed = 3,
                                              .epochs = 3,
                                              .threads = 3};
    uint64_t want[15];
    struct sb_loader *loader = create(&parameters);
    for (int i = 0; i < 15; i++) {
        struct sb_batch batch = next(loader);
        want[i] = hash_batch(&batch, 5, SIDE * SIDE);
    }
    sb_loader_destroy(loader);
    for (int start = 0; start <= 15; start++) {
        /* "Batch 5 of epoch 0" is the first one of epoch 1, as a run counts that was stopped there. */
        for (int spelling = 0; spelling < 2; spelling++) {
            if (spelling == 1 && (start == 0 || start % 5 != 0)) continue;
            parameters.first_epoch = spelling ? start / 5 - 1 : start / 5;
            parameters.first_batch = spelling ? 5 : start % 5;
            loader = create(&parameters);
            for (int i = start; i < 15; i++) {
                struct sb_batch batch = next(loader);
                assert_true(batch.epoch == i / 5 && batch.index == i % 5);
                assert_true(hash_batch(&batch, 5, SIDE * SIDE) == want[i]);
            }
            assert_int_equal(next(loader).count, 0);
            sb_loader_destroy(loader);
        }
    }
}

static void evaluation_is_in_order(void **state) {
    (void)state;
    struct numbers numbers = make_numbers(7);
    struct sb_loader_parameters parameters = {.dataset = &numbers.base, .pipeline = &plain, .batch = 3};
    struct sb_loader *loader = create(&parameters);
    for (int i = 0; i < 9; i++) {
        struct sb_batch batch = next(loader);
        assert_int_equal(batch.count, i % 3 == 2 ? 1 : 3);
        for (int j = 0; j < 3; j++) {
            int image = i % 3 * 3 + j;
            uint8_t want[SIDE * SIDE] = {0};
            if (j < batch.count) fill_number(image, want);
            assert_int_equal(batch.labels[j], j < batch.count ? image : 0);
            assert_memory_equal(batch.pixels + j * SIDE * SIDE, want, sizeof want);
        }
    }
    sb_loader_destroy(loader);
}

static void count_message(void *user, enum simba_log_level level, const char *message) {
    assert_int_equal(level, SIMBA_LOG_WARNING);
    assert_non_null(strstr(message, "damaged"));
    ++*(int *)user;
}

/* Broken ones are replaced by the next, whatever the threads; each is told once. */
static void broken_images_are_borne(void **state) {
    (void)state;
    uint64_t want[10];
    for (int threads = 1; threads <= 4; threads++) {
        struct numbers numbers = make_numbers(20);
        numbers.broken_step = 6;
        int messages = 0;
        struct sb_loader_parameters parameters = {.dataset = &numbers.base,
                                                  .pipeline = &augmenting,
                                                  .batch = 4,
                                                  .shuffle = true,
                                                  .threads = threads,
                                                  .broken_images = 4,
                                                  .log = {count_message, &messages, SIMBA_LOG_WARNING}};
        struct sb_loader *loader = create(&parameters);
        for (int i = 0; i < 10; i++) {
            struct sb_batch batch = next(loader);
            uint64_t hash = hash_batch(&batch, 4, SIDE * SIDE);
            if (threads == 1) want[i] = hash;
            assert_true(hash == want[i]);
            for (int j = 0; j < 4; j++) assert_true(batch.labels[j] % 6 != 0);
        }
        assert_int_equal(messages, 4);
        assert_int_equal(sb_loader_broken(loader), 4);
        sb_loader_destroy(loader);

        parameters.shuffle = false;
        parameters.mark_broken = true;
        parameters.pipeline = &plain;
        loader = create(&parameters);
        for (int i = 0; i < 5; i++) {
            struct sb_batch batch = next(loader);
            for (int j = 0; j < 4; j++) assert_int_equal(batch.labels[j], (4 * i + j) % 6 ? 4 * i + j : -1);
        }
        sb_loader_destroy(loader);

        parameters.broken_images = 3;
        loader = create(&parameters);
        struct simba_error error = {0};
        struct sb_batch batch;
        while (sb_loader_next(loader, &batch, &error)) {
        }
        check_error(&error, SIMBA_ERROR_FORMAT,
                    "than $.data.broken_images allows (3). Repair or remove them, or allow more. The last one: image-");
        sb_loader_destroy(loader);
    }
}

/* It must end, not look for a good one for ever. */
static void nothing_can_be_read(void **state) {
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        struct numbers numbers = make_numbers(5);
        numbers.broken_step = 1;
        struct sb_loader_parameters parameters = {
            .dataset = &numbers.base, .pipeline = &plain, .batch = 5, .threads = threads, .broken_images = 10};
        struct sb_loader *loader = create(&parameters);
        struct simba_error error = {0};
        struct sb_batch batch;
        assert_false(sb_loader_next(loader, &batch, &error));
        check_error(&error, SIMBA_ERROR_FORMAT, "Not one of the 5 images of the data set can be read. The last one: ");
        sb_loader_destroy(loader);
    }
}

static void broken_images_are_reported_in_turn(void **state) {
    (void)state;
    for (int threads = 1; threads <= 4; threads++)
        for (int broken = 0; broken < 20; broken += 3) {
            struct numbers numbers = make_numbers(20);
            numbers.broken = broken;
            struct sb_loader_parameters parameters = {
                .dataset = &numbers.base, .pipeline = &plain, .batch = 4, .threads = threads};
            struct sb_loader *loader = create(&parameters);
            for (int i = 0; i < broken / 4; i++) assert_int_equal(next(loader).index, i);
            for (int again = 0; again < 3; again++) {
                struct simba_error error = {0};
                struct sb_batch batch;
                char name[64];
                assert_false(sb_loader_next(loader, &batch, &error));
                snprintf(name, sizeof name, "image-%d.png", broken);
                check_error(&error, SIMBA_ERROR_FORMAT, name);
            }
            assert_false(sb_loader_next(loader, &(struct sb_batch){0}, NULL));
            sb_loader_destroy(loader);
        }
}

static void ends_at_any_moment(void **state) {
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct numbers numbers = make_numbers(100);
        numbers.delay = round % 4 * 300;
        struct sb_loader_parameters parameters = {
            .dataset = &numbers.base, .pipeline = &plain, .batch = 7, .threads = 1 + round % 5, .shuffle = true};
        struct sb_loader *loader = create(&parameters);
        for (int i = 0; i < round % 7; i++) next(loader);
        if (round % 3 == 0) usleep((useconds_t)(round * 20));
        sb_loader_destroy(loader);
    }
    sb_loader_destroy(NULL);
}

static void waits_are_counted(void **state) {
    (void)state;
    struct numbers numbers = make_numbers(12);
    numbers.delay = 20000;
    struct sb_loader_parameters parameters = {
        .dataset = &numbers.base, .pipeline = &plain, .batch = 6, .threads = 1, .epochs = 1};
    struct sb_loader *loader = create(&parameters);
    while (next(loader).count > 0) {
    }
    assert_true(sb_loader_waited(loader) > 0.04);
    sb_loader_destroy(loader);
    /* A consumer that is slower than the loader waits for the first batch at most. */
    numbers.delay = 0;
    parameters.epochs = 0;
    loader = create(&parameters);
    usleep(50000);
    double before = sb_loader_waited(loader);
    for (int i = 0; i < 3; i++) next(loader);
    assert_true(sb_loader_waited(loader) - before < 0.02);
    /* It reads no further ahead than its depth. */
    usleep(20000);
    assert_true(numbers.reads <= 12 + 6 * (3 + 4));
    sb_loader_destroy(loader);
}

static void memory_does_not_grow(void **state) {
    (void)state;
    struct numbers numbers = make_numbers(64);
    struct sb_loader_parameters parameters = {
        /* One thread: another one's buffers appear with its first image, whenever that is. */
        .dataset = &numbers.base,
        .pipeline = &augmenting,
        .batch = 8,
        .shuffle = true,
        .threads = 1};
    struct sb_loader *loader = create(&parameters);
    for (int i = 0; i < 20; i++) next(loader);
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 500; i++) next(loader);
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(after.uordblks, before.uordblks);
    assert_int_equal(after.hblkhd, before.hblkhd);
    sb_loader_destroy(loader);
}

static void impossible_batches(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct numbers numbers = make_numbers(5);
    struct sb_loader_parameters parameters = {
        .dataset = &numbers.base, .pipeline = &plain, .batch = 6, .drop_last = true};
    assert_null(sb_loader_create(&parameters, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "A batch of 6 images cannot be made from a data set of 5");
    parameters.batch = 0;
    assert_null(sb_loader_create(&parameters, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "A batch of 0 images");
    parameters.batch = 6;
    parameters.drop_last = false;
    struct sb_loader *loader = create(&parameters);
    assert_int_equal(next(loader).count, 5);
    sb_loader_destroy(loader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_whatever_the_threads), cmocka_unit_test(content_is_the_definition),
        cmocka_unit_test(resumes_anywhere),          cmocka_unit_test(evaluation_is_in_order),
        cmocka_unit_test(broken_images_are_borne),   cmocka_unit_test(broken_images_are_reported_in_turn),
        cmocka_unit_test(ends_at_any_moment),        cmocka_unit_test(waits_are_counted),
        cmocka_unit_test(memory_does_not_grow),      cmocka_unit_test(impossible_batches),
        cmocka_unit_test(nothing_can_be_read),       cmocka_unit_test(repeats_as_published),
        cmocka_unit_test(repeats_differ_and_resume),
    };
    return cmocka_run_group_tests_name("data loader", tests, NULL, NULL);
}
