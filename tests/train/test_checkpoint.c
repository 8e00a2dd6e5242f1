/* A checkpoint's counters come back as they were; those that no training can have reached are refused. */
#include "../temporary.h"

#include "train/checkpoint.h"

#include <math.h>

enum { EPOCH_STEPS = 10 };

static struct sb_model_config config;
static struct sb_parameter_list list;
static float *space;

static int set_up(void **state) {
    struct simba_error error;
    struct sb_json_document *document =
        sb_json_read_text("test",
                          "{\"size\": \"custom\", \"stem\": 4, \"dims\": [8], \"depths\": [1], \"mlp_ratios\": [1], "
                          "\"channels\": 1, \"classes\": 3, \"image_size\": 8}",
                          &error);
    if (make_temporary(state) || !document || !sb_model_config_read(sb_json_root(document), &config, &error) ||
        !sb_model_parameters(&config, &list, &error))
        return -1;
    sb_json_destroy(document);
    space = calloc(list.total_bytes, 1);
    return space ? 0 : -1;
}

static int tear_down(void **state) {
    free(space);
    sb_parameter_list_finish(&list);
    return remove_temporary(state);
}

/* After 24 steps, of which two were left out, one of them in this epoch. */
static const struct sb_checkpoint_record good = {
    .state = {.step = 24,
              .epoch = 2,
              .epoch_step = 4,
              .loss_sum = 1.25,
              .no_losses = 1,
              .scaling = {.scale = 1024, .good = 3, .taken = 22, .skipped = 2},
              .best = 0.5,
              .best_epoch = 1},
    .epoch_steps = EPOCH_STEPS,
    .best_figure = "top1",
    .configuration = "{}",
    .data = "images",
    .version = "1"};

static bool write_and_read(const struct sb_checkpoint_record *record, struct sb_training_state *state,
                           struct simba_error *error) {
    const char *path = temporary("checkpoint.safetensors");
    const struct sb_checkpoint_spaces spaces = {.parameters = space};
    if (!sb_checkpoint_write(path, &config, &list, spaces, record, error)) fail_msg("%s", error->message);
    struct sb_safetensors *file = sb_safetensors_open(path, error);
    if (!file) fail_msg("%s", error->message);
    struct sb_checkpoint_record back;
    bool found = false;
    const bool fine = sb_checkpoint_record(file, &back, &found, error);
    assert_true(found);
    if (fine) {
        assert_int_equal(back.epoch_steps, record->epoch_steps);
        *state = back.state;
    }
    sb_safetensors_close(file);
    return fine;
}

static void comes_back(void **state) {
    (void)state;
    struct sb_checkpoint_record record = good;
    for (int scaled = 0; scaled < 2; scaled++)
        for (int end = 0; end < 2; end++) { /* of an epoch, where nothing of the next one is counted yet */
            struct simba_error error;
            struct sb_training_state back;
            record.state = good.state;
            if (end) {
                record.state.step = 30;
                record.state.best_epoch = record.state.epoch = 3;
                record.state.loss_sum = 0;
                record.state.epoch_step = record.state.no_losses = 0;
            }
            if (!scaled) {
                record.state.scaling = (struct sb_loss_scaling){0};
                record.state.no_losses = 0;
            }
            if (!write_and_read(&record, &back, &error)) fail_msg("%s", error.message);
            assert_true(back.step == record.state.step && back.epoch == record.state.epoch &&
                        back.epoch_step == record.state.epoch_step && back.loss_sum == record.state.loss_sum &&
                        back.no_losses == record.state.no_losses && back.best == record.state.best &&
                        back.best_epoch == record.state.best_epoch);
            assert_memory_equal(&back.scaling, &record.state.scaling, sizeof back.scaling);
        }
}

static void refuses_counters(void **state) {
    (void)state;
    static const struct {
        size_t offset; /* of what is changed in the record: an integer */
        int64_t value;
        const char *part;
    } integers[] = {
#define AT(member) offsetof(struct sb_checkpoint_record, member)
        {AT(state.epoch_step), -1, "simba.epoch_step is -1; expected a count"},
        {AT(state.epoch_step), 14, "not 2 epochs of 10 steps and 14 steps more"},
        {AT(state.epoch_step), INT64_MAX, "simba.epoch_step is 9223372036854775807; expected a count"},
        {AT(state.epoch_step), 5, "step 24, which is not 2 epochs of 10 steps and 5 steps more"},
        {AT(state.step), -24, "simba.step is -24"},
        {AT(state.step), INT64_MIN, "simba.step is -9223372036854775808"},
        {AT(state.step), 34, "step 34, which is not 2 epochs"},
        {AT(state.epoch), -2, "simba.epoch is -2"},
        {AT(state.epoch), 1, "not 1 epochs of 10 steps"},
        {AT(epoch_steps), 0, "simba.epoch_steps is 0; expected a count from 1"},
        {AT(epoch_steps), -10, "simba.epoch_steps is -10"},
        {AT(epoch_steps), ((int64_t)1 << 53) + 1, "simba.epoch_steps is 9007199254740993"},
        {AT(state.best_epoch), -1, "simba.best_epoch is -1"},
        {AT(state.best_epoch), 3, "simba.best_epoch is 3; expected no more epochs than are finished"},
        {AT(state.no_losses), -1, "simba.steps_without_loss is -0x1p+0; expected a count"},
        {AT(state.no_losses), 5, "expected no more steps than the epoch has had"},
    };
    static const struct {
        size_t offset;
        float value;
        const char *part;
    } scaling[] = {{AT(state.scaling.scale), INFINITY, "simba.loss_scale is inf; expected a finite number from 1"},
                   {AT(state.scaling.scale), 0.5f, "simba.loss_scale is 0x1p-1"},
                   {AT(state.scaling.good), NAN, "simba.loss_scale_good_steps is "},
                   {AT(state.scaling.good), -1, "simba.loss_scale_good_steps is -0x1p+0; expected a count"},
                   {AT(state.scaling.taken), INFINITY, "simba.steps_taken is inf"},
                   {AT(state.scaling.skipped), 0x1p60f, "simba.steps_skipped is 0x1p+60"}};
    struct simba_error error;
    struct sb_training_state back;
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        struct sb_checkpoint_record record = good;
        memcpy((char *)&record + integers[i].offset, &integers[i].value, sizeof integers[i].value);
        if (write_and_read(&record, &back, &error)) fail_msg("accepted: %s", integers[i].part);
        check_error(&error, SIMBA_ERROR_FORMAT, integers[i].part);
    }
    for (size_t i = 0; i < sizeof scaling / sizeof scaling[0]; i++) {
        struct sb_checkpoint_record record = good;
        memcpy((char *)&record + scaling[i].offset, &scaling[i].value, sizeof scaling[i].value);
        if (write_and_read(&record, &back, &error)) fail_msg("accepted: %s", scaling[i].part);
        check_error(&error, SIMBA_ERROR_FORMAT, scaling[i].part);
    }
    struct sb_checkpoint_record record = good;
    record.state.loss_sum = NAN;
    assert_false(write_and_read(&record, &back, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "simba.loss_sum is ");
    record.state.loss_sum = INFINITY;
    assert_false(write_and_read(&record, &back, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "simba.loss_sum is inf; expected a finite number");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back), cmocka_unit_test(refuses_counters)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
