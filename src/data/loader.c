#include "data/loader.h"

#include "base/clock.h"
#include "data/sampler.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Images that a thread takes at once: enough that the lock does not matter, few enough that the threads end a batch
 * together. */
enum { DEFAULT_THREADS = 2, LARGEST_THREADS = 64, DEFAULT_DEPTH = 4, TAKEN_AT_ONCE = 8 };

/* A batch in the making. Sequence number s lies in slot s % depth. */
struct slot {
    uint8_t *pixels;
    int32_t *labels;
    float *class_targets, *token_targets; /* or NULL */
    int64_t *draws;                       /* number in the data set x repeats + which of its draws */
    int64_t epoch, index;
    int count;
    int left; /* images that are not ready yet */
    bool failed;
    struct simba_error error; /* of its first image that failed, in the order of the batch */
    int failed_image;
};

struct worker {
    struct sb_loader *loader;
    pthread_t thread;
    struct sb_scratch scratch;
    struct sb_buffer map;
};

/* An image that cannot be read. */
struct broken {
    int64_t image;
    char message[512];
};

struct sb_loader {
    struct sb_loader_parameters parameters;
    struct sb_pipeline pipeline;
    struct sb_token_targets targets;
    char *target_directory;
    size_t image_bytes; /* in a batch */
    int64_t batches;    /* per epoch */
    struct sb_repeats repeats;

    pthread_mutex_t mutex; /* guards everything below */
    pthread_cond_t room;   /* a slot was given back, or stop */
    pthread_cond_t ready;  /* a batch is ready */
    bool stop;
    struct slot *slots;
    int64_t *order;    /* of the epoch that is being handed out */
    int64_t *shuffled; /* for making it with repeated augmentation; or NULL */
    int64_t consumed;  /* sequence number of the next batch for the consumer; the one before is in its hands */
    int64_t started;   /* batches that have a slot */
    int taken;         /* images taken of the last started batch */
    int64_t next_epoch, next_index; /* of the next batch to start */
    bool ended;                     /* no batch is left to start */
    struct worker *workers;
    int running;
    double waited;
    struct broken *broken; /* distinct ones, as they were met */
    int broken_count, broken_reported;
};

static void make_order(struct sb_loader *loader) {
    const struct sb_loader_parameters *parameters = &loader->parameters;
    if (loader->shuffled)
        sb_repeated_order(&loader->repeats, parameters->seed, loader->next_epoch, loader->shuffled, loader->order);
    else
        sb_epoch_order(parameters->seed, loader->next_epoch, parameters->shuffle, parameters->dataset->count,
                       loader->order);
}

/* Gives the next batch its slot. The lock is held. */
static void start_batch(struct sb_loader *loader) {
    const struct sb_loader_parameters *parameters = &loader->parameters;
    struct slot *slot = &loader->slots[loader->started % parameters->depth];
    int64_t first = loader->next_index * parameters->batch, count = parameters->dataset->count;
    slot->epoch = loader->next_epoch;
    slot->index = loader->next_index;
    slot->count = (int)(count - first < parameters->batch ? count - first : parameters->batch);
    slot->left = slot->count;
    slot->failed = false;
    memcpy(slot->draws, loader->order + first, (size_t)slot->count * sizeof *slot->draws);
    size_t missing = (size_t)(parameters->batch - slot->count);
    memset(slot->pixels + loader->image_bytes * (size_t)slot->count, 0, loader->image_bytes * missing);
    memset(slot->labels + slot->count, 0, missing * sizeof *slot->labels);
    loader->started++;
    loader->taken = 0;
    if (++loader->next_index < loader->batches) return;
    loader->next_index = 0;
    loader->next_epoch++;
    loader->ended = parameters->epochs > 0 && loader->next_epoch >= parameters->epochs;
    if (!loader->ended && (parameters->shuffle || loader->shuffled)) make_order(loader);
}

/* Waits for images to work on; false: stop. The lock is held. */
static bool take(struct sb_loader *loader, struct slot **slot, int *first, int *count) {
    for (;;) {
        if (loader->stop) return false;
        if (loader->started > 0) {
            *slot = &loader->slots[(loader->started - 1) % loader->parameters.depth];
            if (loader->taken < (*slot)->count) break;
        }
        /* The batch before `consumed` is still read by the consumer. */
        int64_t held = loader->consumed > 0 ? loader->consumed - 1 : 0;
        if (!loader->ended && loader->started - held < loader->parameters.depth)
            start_batch(loader);
        else
            pthread_cond_wait(&loader->room, &loader->mutex);
    }
    int rest = (*slot)->count - loader->taken;
    *first = loader->taken;
    *count = rest < TAKEN_AT_ONCE ? rest : TAKEN_AT_ONCE;
    loader->taken += *count;
    return true;
}

/* Takes note of a broken image; false, with *error: that is one too many. */
static bool bear_with(struct sb_loader *loader, int64_t image, struct simba_error *error) {
    const int limit = loader->parameters.broken_images;
    bool fine = true;
    pthread_mutex_lock(&loader->mutex);
    int known = 0;
    while (known < loader->broken_count && loader->broken[known].image != image) known++;
    if (known == loader->broken_count) {
        if (known == limit) {
            fine = false;
            sb_fail_within(error,
                           "More images cannot be read than $.data.broken_images allows (%d). Repair or remove them, "
                           "or allow more. The last one: ",
                           limit);
        } else {
            struct broken *broken = &loader->broken[loader->broken_count++];
            broken->image = image;
            snprintf(broken->message, sizeof broken->message, "%.500s", error->message);
        }
    }
    pthread_mutex_unlock(&loader->mutex);
    return fine;
}

/* The targets of an image out of its label map. */
static bool make_targets(struct worker *worker, const struct slot *slot, int at, const struct sb_sample *sample,
                         const struct sb_view *view, struct simba_error *error) {
    const struct sb_loader *loader = worker->loader;
    const struct sb_token_targets *targets = &loader->targets;
    const struct sb_dataset *dataset = loader->parameters.dataset;
    const size_t classes = (size_t)targets->classes, tokens = (size_t)(targets->height * targets->width);
    char key[2048], path[4096];
    dataset->key(dataset, sample->index, key, sizeof key);
    const int length = snprintf(path, sizeof path, "%s/%s.pt", targets->directory, key);
    struct sb_label_map map;
    if (length < 0 || (size_t)length >= sizeof path)
        return sb_fail(error, SIMBA_ERROR_FILE, "The path of the label map of %s is too long.", sample->name);
    return sb_label_map_read(path, targets->classes, &worker->map, &map, error) &&
           sb_token_targets_make(targets, &map, view, loader->pipeline.crop_last,
                                 slot->class_targets + classes * (size_t)at,
                                 slot->token_targets + classes * tokens * (size_t)at, &worker->scratch.work, error);
}

static bool make_image(struct worker *worker, const struct slot *slot, int at, struct simba_error *error) {
    struct sb_loader *loader = worker->loader;
    const struct sb_loader_parameters *parameters = &loader->parameters;
    const struct sb_dataset *dataset = parameters->dataset;
    uint8_t *pixels = slot->pixels + loader->image_bytes * (size_t)at;
    const uint64_t draws = (uint64_t)dataset->count * (uint64_t)loader->repeats.repeats;
    const uint64_t draw = (uint64_t)slot->epoch * draws + (uint64_t)slot->draws[at];
    const struct sb_random random = sb_random_start(parameters->seed, SB_STREAM_AUGMENTATION, draw);
    int64_t image = slot->draws[at] / loader->repeats.repeats;
    for (int64_t tried = 0; tried < dataset->count; tried++, image = (image + 1) % dataset->count) {
        struct sb_sample sample;
        struct sb_view view;
        if (sb_pipeline_apply(&loader->pipeline, dataset, image, random, &worker->scratch, pixels, &sample, &view,
                              error) &&
            (!parameters->token_targets || make_targets(worker, slot, at, &sample, &view, error))) {
            slot->labels[at] = sample.label;
            return true;
        }
        /* Not the image's fault, or one too many. */
        if ((error->code != SIMBA_ERROR_FORMAT && error->code != SIMBA_ERROR_FILE &&
             error->code != SIMBA_ERROR_UNSUPPORTED) ||
            !bear_with(loader, image, error))
            return false;
        if (parameters->mark_broken) {
            slot->labels[at] = -1;
            memset(pixels, 0, loader->image_bytes);
            return true;
        }
    }
    /* A small set, all within the number that is borne. */
    return sb_fail_within(
        error, "Not one of the %lld images of the data set can be read. The last one: ", (long long)dataset->count);
}

static void *work(void *argument) {
    struct worker *worker = argument;
    struct sb_loader *loader = worker->loader;
    struct slot *slot;
    int first, count;
    pthread_mutex_lock(&loader->mutex);
    while (take(loader, &slot, &first, &count)) {
        pthread_mutex_unlock(&loader->mutex);
        struct simba_error error = {0};
        int done = 0;
        while (done < count && make_image(worker, slot, first + done, &error)) done++;
        pthread_mutex_lock(&loader->mutex);
        /* Whichever thread fails first, the report is about the batch's first broken image. */
        if (done < count && (!slot->failed || first + done < slot->failed_image)) {
            slot->failed = true;
            slot->failed_image = first + done;
            slot->error = error;
        }
        slot->left -= count;
        if (slot->left == 0) pthread_cond_signal(&loader->ready);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

static bool allocate(struct sb_loader *loader, struct simba_error *error) {
    const struct sb_loader_parameters *parameters = &loader->parameters;
    size_t batch = (size_t)parameters->batch;
    loader->slots = sb_allocate((size_t)parameters->depth, sizeof *loader->slots, error);
    loader->workers = sb_allocate((size_t)parameters->threads, sizeof *loader->workers, error);
    loader->order = sb_allocate((size_t)parameters->dataset->count, sizeof *loader->order, error);
    if (!loader->slots || !loader->workers || !loader->order) return false;
    if (loader->repeats.repeats > 1) {
        loader->shuffled = sb_allocate((size_t)parameters->dataset->count, sizeof *loader->shuffled, error);
        if (!loader->shuffled) return false;
    }
    for (int i = 0; i < parameters->depth; i++) {
        struct slot *slot = &loader->slots[i];
        slot->pixels = sb_allocate(batch, loader->image_bytes, error);
        slot->labels = sb_allocate(batch, sizeof *slot->labels, error);
        slot->draws = sb_allocate(batch, sizeof *slot->draws, error);
        if (!slot->pixels || !slot->labels || !slot->draws) return false;
        if (!parameters->token_targets) continue;
        const size_t classes = (size_t)loader->targets.classes;
        const size_t tokens = (size_t)loader->targets.height * (size_t)loader->targets.width;
        slot->class_targets = sb_allocate(batch * classes, sizeof(float), error);
        slot->token_targets = sb_allocate(batch * classes, tokens * sizeof(float), error);
        if (!slot->class_targets || !slot->token_targets) return false;
    }
    for (int i = 0; i < parameters->threads; i++) loader->workers[i].loader = loader;
    loader->broken = sb_allocate((size_t)parameters->broken_images + 1, sizeof *loader->broken, error);
    return loader->broken;
}

static bool start_threads(struct sb_loader *loader, struct simba_error *error) {
    /* Signals are the caller's business: none may be delivered to one of these threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = 0;
    while (loader->running < loader->parameters.threads && number == 0) {
        struct worker *worker = &loader->workers[loader->running];
        number = pthread_create(&worker->thread, NULL, work, worker);
        if (number == 0) loader->running++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0)
        return sb_fail(error, SIMBA_ERROR_MEMORY, "A loader thread cannot be started: %s. Use fewer loader threads.",
                       strerror(number));
    return true;
}

struct sb_loader *sb_loader_create(const struct sb_loader_parameters *parameters, struct simba_error *error) {
    const struct sb_dataset *dataset = parameters->dataset;
    struct sb_loader *loader = sb_allocate(1, sizeof *loader, error);
    if (!loader) return NULL;
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->room, NULL);
    pthread_cond_init(&loader->ready, NULL);
    loader->parameters = *parameters;
    struct sb_loader_parameters *own = &loader->parameters;
    loader->pipeline = *own->pipeline;
    own->pipeline = &loader->pipeline;
    if (own->token_targets) {
        loader->targets = *own->token_targets;
        own->token_targets = &loader->targets;
        loader->targets.directory = loader->target_directory = strdup(loader->targets.directory);
    }
    const struct sb_evaluation_transform *size = &loader->pipeline.evaluation;
    if (own->threads <= 0) own->threads = DEFAULT_THREADS;
    if (own->threads > LARGEST_THREADS) own->threads = LARGEST_THREADS;
    if (own->depth <= 0) own->depth = DEFAULT_DEPTH;
    if (own->depth < 2) own->depth = 2;
    loader->image_bytes = (size_t)size->height * (size_t)size->width * (size_t)dataset->channels;
    loader->repeats = (struct sb_repeats){.count = dataset->count,
                                          .repeats = own->repeats > 1 ? own->repeats : 1,
                                          .ranks = own->ranks > 1 ? own->ranks : 1,
                                          .batch = own->batch};
    if (own->batch > 0)
        loader->batches = own->repeats > 1 ? sb_repeated_batches(&loader->repeats)
                                           : sb_epoch_batches(dataset->count, own->batch, own->drop_last);
    loader->next_epoch = own->first_epoch;
    loader->next_index = own->first_batch;
    if (loader->batches > 0 && loader->next_index >= loader->batches) {
        loader->next_epoch += loader->next_index / loader->batches;
        loader->next_index %= loader->batches;
    }
    loader->ended = own->epochs > 0 && loader->next_epoch >= own->epochs;

    bool done = true;
    if (own->token_targets && !loader->target_directory)
        done = sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the loader.");
    else if (loader->batches == 0)
        done = sb_fail(error, SIMBA_ERROR_CONFIG,
                       "A batch of %d images cannot be made from a data set of %lld. Choose a smaller batch.",
                       own->batch, (long long)dataset->count);
    done = done && allocate(loader, error);
    if (done) make_order(loader);
    if (done && start_threads(loader, error)) return loader;
    sb_loader_destroy(loader);
    return NULL;
}

void sb_loader_destroy(struct sb_loader *loader) {
    if (!loader) return;
    pthread_mutex_lock(&loader->mutex);
    loader->stop = true;
    pthread_cond_broadcast(&loader->room);
    pthread_mutex_unlock(&loader->mutex);
    for (int i = 0; i < loader->running; i++) pthread_join(loader->workers[i].thread, NULL);
    for (int i = 0; loader->slots && i < loader->parameters.depth; i++) {
        free(loader->slots[i].pixels);
        free(loader->slots[i].labels);
        free(loader->slots[i].draws);
        free(loader->slots[i].class_targets);
        free(loader->slots[i].token_targets);
    }
    for (int i = 0; loader->workers && i < loader->parameters.threads; i++) {
        sb_scratch_finish(&loader->workers[i].scratch);
        free(loader->workers[i].map.bytes);
    }
    free(loader->target_directory);
    free(loader->broken);
    free(loader->slots);
    free(loader->workers);
    free(loader->order);
    free(loader->shuffled);
    pthread_cond_destroy(&loader->ready);
    pthread_cond_destroy(&loader->room);
    pthread_mutex_destroy(&loader->mutex);
    free(loader);
}

int64_t sb_loader_batches(const struct sb_loader *loader) {
    return loader->batches;
}
double sb_loader_waited(const struct sb_loader *loader) {
    return loader->waited;
}

int sb_loader_broken(struct sb_loader *loader) {
    pthread_mutex_lock(&loader->mutex);
    const int count = loader->broken_count;
    pthread_mutex_unlock(&loader->mutex);
    return count;
}

/* From the consumer's thread, as the log's owner expects. The lock is held. */
static void report_broken(struct sb_loader *loader) {
    const struct sb_loader_parameters *parameters = &loader->parameters;
    while (loader->broken_reported < loader->broken_count) {
        const char *message = loader->broken[loader->broken_reported++].message;
        sb_log(&parameters->log, SIMBA_LOG_WARNING, "%s %s (%d of at most %d)", message,
               parameters->mark_broken ? "It is left out." : "Another image takes its place.", loader->broken_reported,
               parameters->broken_images);
    }
}

bool sb_loader_next(struct sb_loader *loader, struct sb_batch *batch, struct simba_error *error) {
    bool done = true;
    pthread_mutex_lock(&loader->mutex);
    struct slot *slot = &loader->slots[loader->consumed % loader->parameters.depth];
    bool waits = false;
    double since = 0.0;
    while (!(loader->ended && loader->consumed >= loader->started) &&
           !(loader->consumed < loader->started && slot->left == 0)) {
        if (!waits) since = sb_now();
        waits = true;
        pthread_cond_wait(&loader->ready, &loader->mutex);
    }
    if (waits) loader->waited += sb_now() - since;
    report_broken(loader);
    if (loader->consumed >= loader->started)
        *batch = (struct sb_batch){0};
    else if (slot->failed) {
        if (error) *error = slot->error;
        done = false;
    } else {
        *batch = (struct sb_batch){.pixels = slot->pixels,
                                   .labels = slot->labels,
                                   .class_targets = slot->class_targets,
                                   .token_targets = slot->token_targets,
                                   .count = slot->count,
                                   .epoch = slot->epoch,
                                   .index = slot->index};
        loader->consumed++;
        pthread_cond_broadcast(&loader->room);
    }
    pthread_mutex_unlock(&loader->mutex);
    return done;
}
