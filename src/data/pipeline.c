#include "data/pipeline.h"

#include "data/random_resized_crop.h"

#include <string.h>

/* The coordinate that `at` mirrors to, or -1 where the padding is zero. */
static int mirrored(int at, int size, bool reflect) {
    if (at >= 0 && at < size) return at;
    if (!reflect) return -1;
    if (size == 1) return 0;
    const int period = 2 * (size - 1);
    at %= period;
    if (at < 0) at += period;
    return at < size ? at : period - at;
}

void sb_random_padded_crop(const struct sb_image *image, int padding, bool reflect, struct sb_random *random,
                           uint8_t *pixels) {
    const int top = (int)sb_random_below(random, 2 * (uint32_t)padding + 1) - padding;
    const int left = (int)sb_random_below(random, 2 * (uint32_t)padding + 1) - padding;
    const size_t channels = (size_t)image->channels, row_bytes = (size_t)image->width * channels;
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = pixels + row_bytes * (size_t)y;
        const int from_y = mirrored(top + y, image->height, reflect);
        if (from_y < 0) {
            memset(row, 0, row_bytes);
            continue;
        }
        const uint8_t *from = image->pixels + row_bytes * (size_t)from_y;
        for (int x = 0; x < image->width; x++) {
            const int from_x = mirrored(left + x, image->width, reflect);
            if (from_x < 0)
                memset(row + (size_t)x * channels, 0, channels);
            else
                memcpy(row + (size_t)x * channels, from + (size_t)from_x * channels, channels);
        }
    }
}

void sb_colour_jitter(struct sb_image *image, double strength, struct sb_random *random) {
    if (strength <= 0) return;
    int order[3] = {0, 1, 2};
    for (int i = 2; i > 0; i--) {
        const int other = (int)sb_random_below(random, (uint32_t)i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    const double low = strength < 1 ? 1 - strength : 0, high = 1 + strength;
    for (int i = 0; i < 3; i++) {
        const float factor = (float)(low + (high - low) * (double)sb_random_uniform(random));
        if (order[i] == 0) sb_image_brightness(image, factor);
        if (order[i] == 1) sb_image_contrast(image, factor);
        if (order[i] == 2) sb_image_colour(image, factor);
    }
}

static enum sb_filter draw_filter(const struct sb_pipeline *pipeline, struct sb_random *random) {
    switch (pipeline->filter) {
    case SB_CROP_BILINEAR:
        return SB_FILTER_BILINEAR;
    case SB_CROP_BICUBIC:
        return SB_FILTER_BICUBIC;
    case SB_CROP_RANDOM:
        break;
    }
    return sb_random_below(random, 2) ? SB_FILTER_BICUBIC : SB_FILTER_BILINEAR;
}

static bool randaugment(const struct sb_pipeline *pipeline, struct sb_random *random, struct sb_image *image,
                        struct sb_scratch *scratch, struct sb_view *view, struct simba_error *error) {
    const enum sb_filter filter = pipeline->filter == SB_CROP_BICUBIC ? SB_FILTER_BICUBIC : SB_FILTER_BILINEAR;
    return sb_randaugment(&pipeline->randaugment, random, pipeline->filter == SB_CROP_RANDOM ? NULL : &filter, image,
                          &scratch->work, view->affine, &view->affine_count, error);
}

static struct sb_region share(struct sb_region region, int width, int height) {
    return (struct sb_region){region.left / width, region.top / height, region.width / width, region.height / height};
}

/* RANDOM_RESIZED: `image` holds at least the region. */
static bool crop_and_scale(const struct sb_pipeline *pipeline, const struct sb_image *image, struct sb_region region,
                           struct sb_random *random, uint8_t *pixels, struct sb_scratch *scratch,
                           struct simba_error *error) {
    const int width = pipeline->evaluation.width, height = pipeline->evaluation.height;
    const struct sb_resampling resampling = {
        .region = region, .filter = draw_filter(pipeline, random), .width = width, .height = height};
    return sb_resample(image, &resampling, pixels, width, height, &scratch->work, error);
}

/* Decodes the whole image; where it lies in the data set's own memory, into a copy that may be changed. */
static bool decode_whole(const struct sb_dataset *dataset, struct sb_sample *sample, bool writable,
                         struct sb_scratch *scratch, struct sb_image *image, struct simba_error *error) {
    const struct sb_region whole = {0, 0, sample->width, sample->height};
    struct sb_region inside;
    if (!dataset->decode(dataset, sample, whole, 0, 0, scratch, image, &inside, error)) return false;
    if (!writable || image->pixels == scratch->image.bytes) return true;
    const size_t size = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    if (!sb_buffer_reserve(&scratch->image, size, error)) return false;
    memcpy(scratch->image.bytes, image->pixels, size);
    image->pixels = scratch->image.bytes;
    return true;
}

static bool crop_first(const struct sb_pipeline *pipeline, const struct sb_dataset *dataset, struct sb_random *random,
                       struct sb_scratch *scratch, uint8_t *pixels, struct sb_sample *sample, struct sb_view *view,
                       struct simba_error *error) {
    const int width = pipeline->evaluation.width, height = pipeline->evaluation.height;
    struct sb_image image;
    if (pipeline->crop == SB_CROP_RANDOM_RESIZED) {
        struct sb_region inside,
            region = sb_random_resized_crop(random, sample->width, sample->height, pipeline->scale, pipeline->ratio);
        view->crop = share(region, sample->width, sample->height);
        if (!dataset->decode(dataset, sample, region, width, height, scratch, &image, &inside, error) ||
            !crop_and_scale(pipeline, &image, inside, random, pixels, scratch, error))
            return false;
    } else {
        uint8_t *whole = pixels;
        if (pipeline->padding > 0) {
            if (!sb_buffer_reserve(&scratch->canvas, (size_t)width * (size_t)height * (size_t)dataset->channels, error))
                return false;
            whole = scratch->canvas.bytes;
        }
        if (!decode_whole(dataset, sample, false, scratch, &image, error) ||
            !sb_transform_for_evaluation(&pipeline->evaluation, &image, whole, &scratch->work, error))
            return false;
        const struct sb_image canvas = {whole, width, height, dataset->channels};
        if (pipeline->padding > 0) sb_random_padded_crop(&canvas, pipeline->padding, pipeline->reflect, random, pixels);
    }
    struct sb_image result = {pixels, width, height, dataset->channels};
    view->flipped = (double)sb_random_uniform(random) < pipeline->flip;
    if (view->flipped) sb_image_flip(&result);
    if (!randaugment(pipeline, random, &result, scratch, view, error)) return false;
    sb_colour_jitter(&result, pipeline->colour_jitter, random);
    return true;
}

static bool crop_last(const struct sb_pipeline *pipeline, const struct sb_dataset *dataset, struct sb_random *random,
                      struct sb_scratch *scratch, uint8_t *pixels, struct sb_sample *sample, struct sb_view *view,
                      struct simba_error *error) {
    struct sb_image image;
    if (!decode_whole(dataset, sample, true, scratch, &image, error)) return false;
    view->flipped = (double)sb_random_uniform(random) < pipeline->flip;
    if (view->flipped) sb_image_flip(&image);
    if (!randaugment(pipeline, random, &image, scratch, view, error)) return false;
    sb_colour_jitter(&image, pipeline->colour_jitter, random);
    const struct sb_region region =
        sb_random_resized_crop(random, image.width, image.height, pipeline->scale, pipeline->ratio);
    view->crop = share(region, image.width, image.height);
    return crop_and_scale(pipeline, &image, region, random, pixels, scratch, error);
}

bool sb_pipeline_apply(const struct sb_pipeline *pipeline, const struct sb_dataset *dataset, int64_t index,
                       struct sb_random random, struct sb_scratch *scratch, uint8_t *pixels, struct sb_sample *sample,
                       struct sb_view *view, struct simba_error *error) {
    struct sb_view own;
    if (!view) view = &own;
    view->flipped = false;
    view->affine_count = 0;
    view->crop = (struct sb_region){0, 0, 1, 1};
    *sample = (struct sb_sample){.index = index};
    if (!dataset->open(dataset, sample, scratch, error)) return false;
    if (!pipeline->augment) {
        struct sb_image image;
        return decode_whole(dataset, sample, false, scratch, &image, error) &&
               sb_transform_for_evaluation(&pipeline->evaluation, &image, pixels, &scratch->work, error);
    }
    return (pipeline->crop_last ? crop_last : crop_first)(pipeline, dataset, &random, scratch, pixels, sample, view,
                                                          error);
}
