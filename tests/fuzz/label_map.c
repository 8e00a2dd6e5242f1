/* Label maps, and the targets that are made of them: probabilities, whatever the scores. */
#include "torch.h"

#include "data/token_target.h"

#include <math.h>
#include <stdlib.h>

enum { CLASSES = 16, SIDE = 3, PLACES = SIDE * SIDE };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct sb_buffer memory, work; /* as a loader's thread uses them again */
    const char *path = fuzz_torch_file(bytes, size);
    if (!path) return 0;
    struct simba_error error = {0};
    struct sb_label_map map;
    if (!sb_label_map_read(path, CLASSES, &memory, &map, &error)) {
        fuzz_refused(&error, path);
        return 0;
    }
    const struct sb_view view = {.crop = {0.2, 0.1, 0.5, 0.9},
                                 .flipped = map.width % 2,
                                 .affine = {{{0.9, 0.1, -0.3, 0, 1.1, 0.2}}},
                                 .affine_count = 1};
    for (int as_published = 0; as_published < 2; as_published++) {
        const struct sb_token_targets how = {
            .classes = CLASSES, .height = SIDE, .width = SIDE, .smoothing = 0.1, .as_published = as_published};
        float class_target[CLASSES], targets[PLACES * CLASSES];
        fuzz_expect(sb_token_targets_make(&how, &map, &view, true, class_target, targets, &work, &error),
                    "targets of a map");
        for (int place = 0; place < PLACES; place++) {
            double sum = 0;
            for (int k = 0; k < CLASSES; k++) sum += (double)targets[place * CLASSES + k];
            fuzz_expect(fabs(sum - (1 + how.smoothing / CLASSES)) < 1e-4, "probabilities, smoothed as published");
        }
    }
    return 0;
}
