/* Classifies PNG images:  classify MODEL.safetensors IMAGE.png...
 * Build: cc classify.c $(pkg-config --cflags --libs simba) -o classify */
#include <simba/simba.h>
#include <stdio.h>

int main(int count, char **words) {
    struct simba_error error;
    struct simba_device *device = NULL;
    struct simba_model *model = NULL;
    int failed = 1;

    if (count < 3) return fprintf(stderr, "usage: classify MODEL.safetensors IMAGE.png...\n"), 2;
    device = simba_device_open(&(struct simba_device_options){0}, &error);
    if (!device) goto done;
    model = simba_model_create(device, &(struct simba_model_options){.weights = words[1]}, &error);
    if (!model) goto done;
    for (int i = 2; i < count; i++) {
        struct simba_prediction best;
        if (!simba_model_classify_files(model, (const char *const[]){words[i]}, 1, 1, &best, &error)) goto done;
        printf("%s: %s (%.1f %%)\n", words[i], best.label ? best.label : "?", 100 * best.probability);
    }
    failed = 0;
done:
    if (failed) fprintf(stderr, "%s\n", error.message);
    simba_model_destroy(model);
    simba_device_close(device);
    return failed;
}
