/* Profiles of training steps: they change nothing about the training, their sums agree, and the trace is well-formed.
 * Usage: test_profile cpu|vulkan */
#include "public_device.h"
#include "runs.h"
#include "stripes.h"

#include <cjson/cJSON.h>
#include <math.h>

static struct simba_device *device;
static struct simba_error error;

#define CHECK(call)                                            \
    do {                                                       \
        if (!(call)) fail_msg("%s: %s", #call, error.message); \
    } while (0)

static int set_up(void **state) {
    if (make_temporary(state)) return -1;
    make_stripes();
    return 0;
}

static const char train[] = "\"epochs\": 2, \"batch_size\": 4, \"accumulation\": 2, \"checkpoint_every\": 2, "
                            "\"learning_rate\": 0.01, \"clip_norm\": 1, \"evaluation_batch\": 4";
enum { EPOCH_STEPS = TRAINING / 8, STEPS = 2 * EPOCH_STEPS };

struct seen {
    int profiles;
    int64_t at_step;
    char *trace, *numbers; /* files of the profile */
    struct simba_profile_summary summary;
};

static void check_rows(const struct simba_profile *profile, const struct simba_profile_summary *summary, int levels) {
    struct simba_profile_row *rows;
    int count;
    double seconds = 0, forward = 0, backward = 0;
    CHECK(simba_profile_rows(profile, levels, &rows, &count, &error));
    assert_true(count > 1);
    for (int i = 0; i < count; i++) {
        assert_true(rows[i].seconds >= 0 && rows[i].forward + rows[i].backward <= rows[i].seconds * (1 + 1e-9));
        assert_true(i == 0 || rows[i].seconds <= rows[i - 1].seconds);
        for (int k = 0; k < i; k++) assert_string_not_equal(rows[i].name, rows[k].name);
        seconds += rows[i].seconds;
        forward += rows[i].forward;
        backward += rows[i].backward;
    }
    assert_float_equal(seconds, summary->device, 1e-9 * summary->device);
    assert_float_equal(forward, summary->forward, 1e-9 * summary->device);
    assert_float_equal(backward, summary->backward, 1e-9 * summary->device);
    simba_free(rows);
}

static const struct simba_profile_row *find(const struct simba_profile_row *rows, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (!strcmp(rows[i].name, name)) return &rows[i];
    fail_msg("there is no row %s", name);
    return NULL;
}

static void check_profile(struct seen *seen, const struct simba_profile *profile) {
    struct simba_profile_summary *summary = &seen->summary;
    struct simba_profile_row *rows;
    int count;
    simba_profile_summary(profile, summary);
    assert_int_equal(summary->micro_batches, 2);
    assert_true(summary->forward > 0 && summary->backward > 0 && summary->accumulate > 0 && summary->update > 0);
    assert_float_equal(summary->forward + summary->backward + summary->accumulate + summary->update, summary->device,
                       1e-9 * summary->device);
    for (int levels = 0; levels < 4; levels++) check_rows(profile, summary, levels);
    /* By operation: the forward operation has no time backward, and costs are of both micro-batches. */
    CHECK(simba_profile_rows(profile, 0, &rows, &count, &error));
    const struct simba_profile_row *scan = find(rows, count, "selective_scan");
    const struct simba_profile_row *gradient = find(rows, count, "selective_scan_gradient");
    assert_int_equal(scan->nodes, 4); /* one of each block, the post-network's included */
    assert_true(scan->backward == 0 && scan->forward > 0 && gradient->forward == 0 && gradient->backward > 0);
    assert_true(scan->specials > 0 && gradient->flops > scan->flops);
    const struct simba_profile_row *update = find(rows, count, "adamw");
    assert_true(update->forward == 0 && update->backward == 0 && update->seconds > 0);
    simba_free(rows);
    /* By module: a block has both. */
    CHECK(simba_profile_rows(profile, 2, &rows, &count, &error));
    const struct simba_profile_row *block = find(rows, count, "block1.0");
    assert_true(block->forward > 0 && block->backward > 0);
    simba_free(rows);
    CHECK(simba_profile_write_trace(profile, seen->trace, &error));
    CHECK(simba_profile_write_json(profile, seen->numbers, &error));
    assert_false(simba_profile_write_trace(profile, temporary("missing/trace.json"), &error));
    assert_int_equal(error.code, SIMBA_ERROR_FILE);
}

static void watch(void *user, const struct simba_progress *progress) {
    struct seen *seen = user;
    if (progress->event != SIMBA_EVENT_PROFILE) return;
    seen->profiles++;
    seen->at_step = progress->step;
    check_profile(seen, progress->profile);
}

static void run(const char *output, int profile_steps, struct seen *seen) {
    const struct simba_trainer_options options = {.device = device,
                                                  .configuration = temporary("profile.json"),
                                                  .output = output,
                                                  .profile_steps = profile_steps,
                                                  .progress = watch,
                                                  .user = seen};
    struct simba_trainer *trainer = simba_trainer_create(&options, &error);
    if (!trainer) fail_msg("%s", error.message);
    CHECK(simba_trainer_run(trainer, &error));
    simba_trainer_destroy(trainer);
}

/* ---- the files */

static cJSON *read_json(const char *path) {
    size_t size;
    char *text = read_whole(path, &size);
    cJSON *document = cJSON_ParseWithLength(text, size);
    free(text);
    assert_non_null(document);
    return document;
}

static double number(const cJSON *object, const char *name) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(member)) fail_msg("%s is no number", name);
    return member->valuedouble;
}

static const char *text(const cJSON *object, const char *name) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsString(member)) fail_msg("%s is no text", name);
    return member->valuestring;
}

struct slice {
    const char *name;
    double begin, end;
};

/* The slices of a track, which must come in the order of time without touching one another's insides. */
static int read_track(const cJSON *trace, int process, int track, struct slice *slices, int room) {
    int count = 0;
    const cJSON *event;
    cJSON_ArrayForEach(event, cJSON_GetObjectItemCaseSensitive(trace, "traceEvents")) {
        if (strcmp(text(event, "ph"), "X") || number(event, "pid") != process || number(event, "tid") != track)
            continue;
        assert_true(count < room);
        const double begin = number(event, "ts"), duration = number(event, "dur");
        assert_true(begin >= 0 && duration >= 0);
        if (count) assert_true(begin >= slices[count - 1].end - 1e-6); /* microseconds; whole nanoseconds are written */
        slices[count++] = (struct slice){text(event, "name"), begin, begin + duration};
    }
    return count;
}

static bool is_inside(const struct slice *inner, const struct slice *outer, int count) {
    for (int i = 0; i < count; i++)
        if (inner->begin >= outer[i].begin - 1e-6 && inner->end <= outer[i].end + 1e-6) return true;
    return false;
}

static void check_trace(const struct seen *seen) {
    enum { ROOM = 20000 };
    static struct slice steps[ROOM], host[ROOM], parts[ROOM], operations[ROOM];
    cJSON *trace = read_json(seen->trace);
    const int step_count = read_track(trace, 2, 1, steps, ROOM), host_count = read_track(trace, 2, 2, host, ROOM);
    const int part_count = read_track(trace, 1, 3, parts, ROOM);
    const int operation_count = read_track(trace, 1, 4, operations, ROOM);
    const int profiled = seen->summary.steps;
    char name[32];
    assert_int_equal(step_count, profiled);
    for (int i = 0; i < profiled; i++) {
        snprintf(name, sizeof name, "step %d", (int)seen->summary.first_step + i);
        assert_string_equal(steps[i].name, name);
    }
    assert_int_equal(host_count, profiled * 2 * 4);
    for (int i = 0; i < host_count; i++) assert_true(is_inside(&host[i], steps, step_count));
    /* Two micro-batches and one update. */
    static const char *const order[] = {"forward",  "backward",   "accumulate", "forward",
                                        "backward", "accumulate", "update"};
    assert_int_equal(part_count, profiled * 7);
    double sums[7] = {0}, all = 0;
    for (int i = 0; i < part_count; i++) {
        assert_string_equal(parts[i].name, order[i % 7]);
        sums[i % 7] += 1e-6 * (parts[i].end - parts[i].begin) / profiled;
    }
    for (int i = 0; i < operation_count; i++) {
        assert_true(is_inside(&operations[i], parts, part_count));
        all += 1e-6 * (operations[i].end - operations[i].begin) / profiled;
    }
    /* A nanosecond is lost or won at each end of a slice. */
    const double rounding = 1e-9 * operation_count;
    assert_float_equal(sums[0] + sums[3], seen->summary.forward, rounding);
    assert_float_equal(sums[1] + sums[4], seen->summary.backward, rounding);
    assert_float_equal(sums[6], seen->summary.update, rounding);
    assert_float_equal(all, seen->summary.device, rounding);
    cJSON_Delete(trace);
}

static void check_numbers(const struct seen *seen) {
    cJSON *numbers = read_json(seen->numbers);
    const double device_seconds = number(cJSON_GetObjectItemCaseSensitive(numbers, "seconds_per_step"), "device");
    assert_float_equal(device_seconds, seen->summary.device, 1e-12);
    static const char *const lists[] = {"operations", "nodes"};
    for (int i = 0; i < 2; i++) {
        double seconds = 0, shares = 0;
        const cJSON *row;
        cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(numbers, lists[i])) {
            seconds += number(row, "seconds");
            shares += number(row, "share");
        }
        assert_float_equal(seconds, device_seconds, 1e-9 * device_seconds);
        assert_float_equal(shares, 1, 1e-9);
    }
    assert_string_equal(text(numbers, "device"), simba_device_describe(device)->name);
    cJSON_Delete(numbers);
}

/* Profiled in the middle of an epoch, over its end, and over all that there is. */
static void changes_nothing(void **state) {
    (void)state;
    char plain[1024], output[1024], trace[1024], numbers[1024];
    snprintf(plain, sizeof plain, "%s", temporary("plain"));
    snprintf(trace, sizeof trace, "%s", temporary("trace.json"));
    snprintf(numbers, sizeof numbers, "%s", temporary("numbers.json"));
    write_configuration(temporary("profile.json"), "einfft", train);
    struct seen none = {0};
    run(plain, 0, &none);
    assert_int_equal(none.profiles, 0);
    static const struct { int wanted, steps; } cases[] = {{1, 1}, {4, 4}, {100, STEPS - 3}};
    for (int i = 0; i < 3; i++) {
        struct seen seen = {.trace = trace, .numbers = numbers};
        snprintf(output, sizeof output, "%s%d", temporary("profiled"), i);
        run(output, cases[i].wanted, &seen);
        assert_int_equal(seen.profiles, 1);
        assert_int_equal(seen.summary.first_step, 4);
        assert_int_equal(seen.summary.steps, cases[i].steps);
        assert_true(seen.at_step >= 3 + cases[i].steps);
        check_trace(&seen);
        check_numbers(&seen);
        assert_same_files(plain, output, "last.safetensors");
        assert_same_files(plain, output, "best.safetensors");
        assert_same_results(plain, output);
    }
}

/* A sentence, and nothing that is in the next run's way. */
static void without_time_stamps(void **state) {
    (void)state;
    if (simba_device_describe(device)->kind == SIMBA_DEVICE_REFERENCE) skip(); /* it has the host's clock */
    struct simba_device *blind = simba_device_open(
        &(struct simba_device_options){.choice = getenv("SIMBA_TEST_DEVICE"), .disable = "timestamps"}, &error);
    if (!blind) fail_msg("%s", error.message);
    write_configuration(temporary("profile.json"), "mlp", train);
    const struct simba_trainer_options options = {
        .device = blind, .configuration = temporary("profile.json"), .output = temporary("blind"), .profile_steps = 2};
    struct simba_trainer *trainer = simba_trainer_create(&options, &error);
    if (!trainer) fail_msg("%s", error.message);
    assert_false(simba_trainer_run(trainer, &error));
    assert_int_equal(error.code, SIMBA_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "has no time stamps"));
    assert_int_not_equal(access(temporary("blind"), F_OK), 0);
    simba_trainer_destroy(trainer);
    simba_device_close(blind);
}

int main(int count, char **words) {
    if (count < 2) return 2;
    device = open_public_device(!strcmp(words[1], "cpu") ? "cpu" : NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(changes_nothing), cmocka_unit_test(without_time_stamps)};
    const int failed = cmocka_run_group_tests_name("profile", tests, set_up, remove_temporary);
    return close_public_device(device) + failed ? 1 : 0;
}
