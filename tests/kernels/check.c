/* The kernel check: runs every operation's forward and backward nodes on a device with random shapes and values, and
 * lets the reference repeat each node from the device's own inputs, so that errors cannot hide behind one another and
 * a ReLU that falls on the other side of its kink is no false alarm. Every tensor stands alone between guard bands,
 * all memory is NaN at the start, and a second run must give the same bits. With --large the families' large cases take
 * the place of random ones; with --bench correct cases are timed. */
#include "cases.h"
#include "device.h"

#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ALIGNMENT = 256 };
static const uint32_t sentinel = 0x7fc0dead; /* a NaN that no operation makes by itself */
static const double default_bound = 1e-5;

struct options {
    struct sb_device_parameters device;
    uint64_t seed;
    int runs;
    bool bench, large, list, verbose;
    char **patterns;
    int pattern_count;
};

/* One case on one device. */
struct run {
    struct sb_program *program;
    struct sb_plan plan;
    struct sb_memory *spaces[SB_SPACE_COUNT];
};

static void run_finish(struct run *run) {
    sb_program_destroy(run->program);
    for (int i = 0; i < SB_SPACE_COUNT; i++) sb_memory_destroy(run->spaces[i]);
    memset(run, 0, sizeof(*run));
}

/* Every tensor at its own place, a guard band before and behind it. */
static void lay_out(struct sb_graph *graph, struct sb_plan *plan) {
    size_t end = CHECK_GUARD_BYTES;
    for (int i = 0; i < graph->tensor_count; i++) {
        struct sb_tensor *tensor = graph->tensors[i];
        if (tensor->base || tensor->space != SB_SPACE_ACTIVATION) continue;
        tensor->keep = true;
        tensor->offset = (int64_t)end;
        end += (sb_bytes(tensor) + CHECK_GUARD_BYTES + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    *plan = (struct sb_plan){.activation_bytes = end, .lower_bound = end, .without_reuse = end};
}

static size_t space_words(const struct run *run, int space) {
    if (space == SB_SPACE_ACTIVATION) return run->plan.activation_bytes / 4;
    return run->spaces[space] ? sb_memory_size(run->spaces[space]) / 4 : 0;
}

/* All of a space as one row of words. */
static struct sb_tensor whole_space(const struct run *run, int space) {
    int64_t words = (int64_t)space_words(run, space);
    return (struct sb_tensor){.index = -1,
                              .name = "whole space",
                              .dtype = SB_FLOAT32,
                              .rank = 1,
                              .shape = {words},
                              .pitch = words,
                              .space = (enum sb_space)space};
}

static bool fill_with_sentinel(struct run *run, struct simba_error *error) {
    bool done = true;
    for (int space = 0; done && space < SB_SPACE_COUNT; space++) {
        struct sb_tensor whole = whole_space(run, space);
        if (!whole.pitch) continue;
        uint32_t *words = sb_allocate((size_t)whole.pitch, sizeof(*words), error);
        if (!words) return false;
        for (int64_t i = 0; i < whole.pitch; i++) words[i] = sentinel;
        done = sb_program_write(run->program, &whole, words, error);
        free(words);
    }
    return done;
}

static bool run_init(struct run *run, struct sb_device *device, struct check *check, bool profile,
                     struct simba_error *error) {
    memset(run, 0, sizeof(*run));
    lay_out(&check->graph, &run->plan);
    struct sb_program_parameters parameters = {
        .graph = &check->graph, .plan = &run->plan, .profile = profile, .name = "check"};
    for (int i = 0; i < check->input_count; i++) {
        const struct sb_tensor *tensor = check->inputs[i].tensor;
        if (tensor->space == SB_SPACE_ACTIVATION) continue;
        size_t bytes = (size_t)tensor->offset + sb_bytes(tensor) + CHECK_GUARD_BYTES;
        if (!sb_memory_create(device, bytes, tensor->name, &run->spaces[tensor->space], error)) goto error;
        parameters.spaces[tensor->space] = run->spaces[tensor->space];
    }
    if (sb_program_create(device, &parameters, &run->program, error) && fill_with_sentinel(run, error)) return true;
error:
    run_finish(run);
    return false;
}

static bool submit(struct run *run, struct check *check, int slot, struct simba_error *error) {
    for (int i = 0; i < check->input_count; i++) {
        const struct sb_tensor *tensor = check->inputs[i].tensor;
        if (tensor->is_input)
            memcpy(sb_program_host(run->program, slot, tensor), check->inputs[i].values,
                   (size_t)sb_elements(tensor) * sb_dtype_size(tensor->dtype));
        else if (!sb_program_write(run->program, tensor, check->inputs[i].values, error))
            return false;
    }
    return sb_program_submit(run->program, slot, ~0u, error) && sb_program_wait(run->program, slot, error);
}

static void *read_tensor(struct run *run, const struct sb_tensor *tensor, struct simba_error *error) {
    void *dense = sb_allocate((size_t)sb_elements(tensor), sb_dtype_size(tensor->dtype), error);
    if (dense && !sb_program_read(run->program, tensor, dense, error)) {
        free(dense);
        return NULL;
    }
    return dense;
}

/* What a comparison found; error is the relative L2 norm of the difference. */
struct difference {
    double error;
    int64_t worst;
    double got, wanted;
};

static struct difference compare(const struct sb_tensor *tensor, const void *got, const void *wanted) {
    struct difference difference = {.worst = 0};
    int64_t count = sb_elements(tensor);
    if (tensor->dtype != SB_FLOAT32) {
        size_t size = sb_dtype_size(tensor->dtype);
        difference.error = memcmp(got, wanted, (size_t)count * size) ? INFINITY : 0;
        return difference;
    }
    const float *g = got, *w = wanted;
    double distance = 0, norm = 0, largest = -1;
    for (int64_t i = 0; i < count; i++) {
        double gap = fabs((double)g[i] - w[i]);
        if (isnan(w[i]) ? isnan(g[i]) : g[i] == w[i]) gap = 0; /* infinities too */
        if (isnan(gap)) gap = INFINITY;
        if (gap > largest) {
            largest = gap;
            difference.worst = i;
        }
        distance += gap * gap;
        if (isfinite(w[i])) norm += (double)w[i] * w[i];
    }
    /* Tensors that are zero but for cancellation are measured against 1e-3 per element. */
    norm = fmax(sqrt(norm), 1e-3 * sqrt((double)count));
    difference.error = sqrt(distance) / norm;
    difference.got = g[difference.worst];
    difference.wanted = w[difference.worst];
    return difference;
}

static bool report(const char *what, const struct sb_tensor *tensor, struct difference difference, double bound) {
    printf("    %s \"%s\" [", what, tensor->name);
    for (int axis = 0; axis < tensor->rank; axis++) printf("%s%lld", axis ? ", " : "", (long long)tensor->shape[axis]);
    printf("]: relative error %.3g, bound %.1g; worst at element %lld: %.9g, expected %.9g\n", difference.error, bound,
           (long long)difference.worst, difference.got, difference.wanted);
    return false;
}

static const struct check_input *input_of(const struct check *check, const struct sb_tensor *tensor) {
    for (int i = 0; i < check->input_count; i++)
        if (check->inputs[i].tensor == tensor) return &check->inputs[i];
    return NULL;
}

/* How many nodes write a tensor: sums are collected in place. Such a tensor the reference collects by itself. */
static int writers(const struct sb_graph *graph, const struct sb_tensor *tensor, int *last) {
    int count = 0;
    for (int i = 0; i < graph->node_count; i++)
        for (int o = 0; o < SB_MAX_OUTPUTS; o++)
            if (graph->nodes[i]->outputs[o] == tensor) {
                count++;
                *last = i;
            }
    return count;
}

/* Gives the reference the inputs that the device's node had: what the host wrote, or what the device computed. */
static bool copy_inputs(struct run *device, struct run *reference, const struct check *check,
                        const struct sb_node *node, struct simba_error *error) {
    for (int i = 0; i < SB_MAX_INPUTS; i++) {
        const struct sb_tensor *tensor = node->inputs[i];
        int last;
        if (!tensor || writers(&check->graph, tensor, &last) > 1) continue;
        const struct check_input *input = input_of(check, tensor);
        void *dense = input ? NULL : read_tensor(device, tensor, error);
        if (!input && !dense) return false;
        bool done = sb_program_write(reference->program, tensor, input ? input->values : dense, error);
        free(dense);
        if (!done) return false;
    }
    return true;
}

static bool compare_tensor(struct run *device, struct run *reference, const struct sb_tensor *tensor, double bound,
                           bool verbose, double *worst, bool *equal, struct simba_error *error) {
    void *got = read_tensor(device, tensor, error), *wanted = got ? read_tensor(reference, tensor, error) : NULL;
    if (wanted) {
        struct difference difference = compare(tensor, got, wanted);
        *worst = fmax(*worst, difference.error);
        if (!(difference.error <= bound)) *equal = report("tensor", tensor, difference, bound);
        if (verbose) printf("    %-40s %.3g\n", tensor->name, difference.error);
    }
    free(got);
    free(wanted);
    return wanted;
}

/* Every node of the finished device run, repeated by the reference. */
static bool compare_nodes(struct run *device, struct run *reference, struct check *check,
                          const struct check_family *family, bool verbose, double *worst, bool *equal,
                          struct simba_error *error) {
    double bound = family->bound > 0 ? family->bound : default_bound;
    for (int i = 0; i < check->graph.node_count; i++) {
        const struct sb_node *node = check->graph.nodes[i];
        if (node->op == SB_OP_RESHAPE || node->op == SB_OP_SPLIT) continue;
        if (!copy_inputs(device, reference, check, node, error)) return false;
        if (!sb_program_run_node(reference->program, 0, i, error)) return false;
        for (int o = 0; o < SB_MAX_OUTPUTS; o++) {
            int last = 0;
            if (!node->outputs[o] || (writers(&check->graph, node->outputs[o], &last) > 1 && last > i)) continue;
            if (!compare_tensor(device, reference, node->outputs[o], bound, verbose, worst, equal, error)) return false;
        }
        for (int k = 0; k < check->input_count; k++)
            if (check->inputs[k].changed &&
                !compare_tensor(device, reference, check->inputs[k].tensor, bound, verbose, worst, equal, error))
                return false;
    }
    return true;
}

/* A space as the device left it; also finds writes into guard bands. */
static bool read_space(struct run *run, const struct sb_graph *graph, int space, uint32_t **words, bool *intact,
                       struct simba_error *error) {
    struct sb_tensor whole = whole_space(run, space);
    size_t start = 0;
    if (!whole.pitch) return true;
    *words = read_tensor(run, &whole, error);
    if (!*words) return false;
    for (int i = 0; i <= graph->tensor_count; i++) {
        const struct sb_tensor *tensor = i < graph->tensor_count ? graph->tensors[i] : NULL;
        if (tensor && (tensor->base || (int)tensor->space != space)) continue;
        size_t end = tensor ? (size_t)tensor->offset / 4 : (size_t)whole.pitch;
        for (size_t word = start; word < end; word++) {
            if ((*words)[word] == sentinel) continue;
            printf("    guard band before %s: word %zu of it is %08x\n", tensor ? tensor->name : "the end",
                   word - start, (*words)[word]);
            *intact = false;
            break;
        }
        if (tensor) start = (size_t)tensor->offset / 4 + (sb_bytes(tensor) + 3) / 4;
    }
    return true;
}

static bool read_spaces(struct run *run, const struct sb_graph *graph, uint32_t **words, bool *intact,
                        struct simba_error *error) {
    for (int space = 0; space < SB_SPACE_COUNT; space++)
        if (!read_space(run, graph, space, &words[space], intact, error)) return false;
    return true;
}

/* True when the case could be run; *passed says whether the device computed it correctly. */
static bool check_correctness(struct sb_device *device, struct sb_device *judge, struct check *check,
                              const struct check_family *family, bool verbose, double *worst, bool *passed,
                              struct simba_error *error) {
    struct run run = {NULL}, reference = {NULL};
    uint32_t *first[SB_SPACE_COUNT] = {NULL}, *second[SB_SPACE_COUNT] = {NULL};
    bool done = false;
    *passed = true;
    if (!run_init(&run, device, check, false, error) || !run_init(&reference, judge, check, false, error)) goto end;
    if (!submit(&run, check, 0, error) || !read_spaces(&run, &check->graph, first, passed, error)) goto end;
    if (!compare_nodes(&run, &reference, check, family, verbose, worst, passed, error)) goto end;
    if (!fill_with_sentinel(&run, error) || !submit(&run, check, 1, error)) goto end;
    if (!read_spaces(&run, &check->graph, second, passed, error)) goto end;
    for (int space = 0; space < SB_SPACE_COUNT; space++) {
        if (!first[space] || !memcmp(first[space], second[space], space_words(&run, space) * 4)) continue;
        printf("    a second run gave other bits\n");
        *passed = false;
    }
    done = true;
end:
    for (int space = 0; space < SB_SPACE_COUNT; space++) {
        free(first[space]);
        free(second[space]);
    }
    run_finish(&run);
    run_finish(&reference);
    return done;
}

static void print_sizes(const struct check *check) {
    for (int i = 0; i < check->input_count; i++) {
        const struct sb_tensor *tensor = check->inputs[i].tensor;
        printf("%s%s [", i ? ", " : "    inputs: ", tensor->name);
        for (int axis = 0; axis < tensor->rank; axis++)
            printf("%s%lld", axis ? ", " : "", (long long)tensor->shape[axis]);
        printf("]");
    }
    printf("\n");
}

/* The number of failed cases, or -1 after an error that ends the check. */
static int check_family_cases(struct sb_device *device, struct sb_device *judge, const struct options *options,
                              const struct check_family *family) {
    int failures = 0;
    double worst = 0;
    int refused = 0; /* a large size may be refused in words, never computed wrongly */
    int cases = options->large ? 0 : options->runs;
    while (options->large && cases < CHECK_MAX_LARGE && family->large[cases][0]) cases++;
    if (!cases) return 0;
    for (int number = 0; number < cases; number++) {
        struct check check;
        struct simba_error error = {0};
        bool passed = false;
        bool done = check_case(&check, family, options->seed, (uint64_t)number,
                               options->large ? family->large[number] : NULL, 0, &error) &&
                    check_correctness(device, judge, &check, family, options->verbose, &worst, &passed, &error);
        if (!done) printf("    %s\n", error.message);
        if (!done && options->large && error.code == SIMBA_ERROR_UNSUPPORTED) {
            refused++;
        } else if (!done || !passed) {
            printf("  FAILED %s case %d of seed %llu\n", family->name, number, (unsigned long long)options->seed);
            print_sizes(&check);
            failures++;
        }
        check_finish(&check);
        if (!done && error.code == SIMBA_ERROR_DEVICE) return -1;
    }
    printf("%-20s %s  %d of %d cases, largest relative error %.2g", family->name, failures ? "FAILED" : "ok    ",
           cases - failures - refused, cases, worst);
    if (refused) printf(", %d refused by the device", refused);
    printf("\n");
    return failures;
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

enum { MAX_TIMED_RUNS = 200 };
static const double timed_seconds = 0.5; /* per case, at least three runs */

static bool time_case(struct sb_device *device, struct check *check, const char *family, const char *label,
                      struct simba_error *error) {
    struct run run;
    int nodes = check->graph.node_count, count = 0;
    if (!run_init(&run, device, check, true, error)) return false;
    double *seconds = sb_allocate((size_t)nodes * MAX_TIMED_RUNS, sizeof(double), error);
    bool done = seconds && submit(&run, check, 0, error); /* warm-up */
    double start = now(CLOCK_MONOTONIC), busy = now(CLOCK_PROCESS_CPUTIME_ID);
    for (; done && count < MAX_TIMED_RUNS && (count < 3 || now(CLOCK_MONOTONIC) - start < timed_seconds); count++)
        done = submit(&run, check, 0, error) && sb_program_times(run.program, 0, seconds + count * nodes, error);
    busy = count ? (now(CLOCK_PROCESS_CPUTIME_ID) - busy) / count : 0;
    if (done) printf("%-18s %-20s %.3f ms of processor time for a run\n", family, label, busy * 1e3);
    for (int i = 0; done && i < nodes; i++) {
        const struct sb_node *node = check->graph.nodes[i];
        const struct sb_op_info *info = sb_op_info(node->op);
        struct sb_cost cost = {0};
        double sorted[MAX_TIMED_RUNS];
        if (node->op == SB_OP_RESHAPE || node->op == SB_OP_SPLIT) continue;
        for (int k = 0; k < count; k++) sorted[k] = seconds[k * nodes + i];
        qsort(sorted, (size_t)count, sizeof(double), compare_doubles);
        double median = sorted[count / 2];
        info->cost(node, &cost);
        printf("%-18s %-20s %-28s %9.3f ms  best %9.3f ms  %8.2f GB/s  %8.2f GFLOP/s  %8.2f G special/s\n", family,
               label, info->name, median * 1e3, sorted[0] * 1e3, cost.bytes / median * 1e-9, cost.flops / median * 1e-9,
               cost.special / median * 1e-9);
    }
    free(seconds);
    run_finish(&run);
    return done;
}

static int bench_family(struct sb_device *device, const struct options *options, const struct check_family *family) {
    for (int i = 0; i < CHECK_MAX_BENCH && family->bench[i].label; i++) {
        struct check check;
        struct simba_error error = {0};
        bool done = check_case(&check, family, options->seed, 0, family->bench[i].sizes, 0, &error) &&
                    time_case(device, &check, family->name, family->bench[i].label, &error);
        if (!done) printf("  FAILED %s \"%s\": %s\n", family->name, family->bench[i].label, error.message);
        check_finish(&check);
        if (!done) return 1;
        fflush(stdout);
    }
    return 0;
}

static bool chosen(const struct options *options, const char *name) {
    for (int i = 0; i < options->pattern_count; i++)
        if (!fnmatch(options->patterns[i], name, 0)) return true;
    return !options->pattern_count;
}

static int usage(const char *unknown) {
    fprintf(
        stderr,
        "check: unknown option or missing value: %s\n"
        "usage: check [--device D] [--disable TIERS] [--validate] [--seed N] [--runs N] [--large] [--bench] [--list] "
        "[--verbose] [FAMILY...]\n",
        unknown);
    return 2;
}

int main(int argc, char **argv) {
    struct options options = {.device = wished_device(), .seed = (uint64_t)time(NULL), .runs = 20};
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(option, "--bench")) {
            options.bench = true;
        } else if (!strcmp(option, "--large")) {
            options.large = true;
        } else if (!strcmp(option, "--list")) {
            options.list = true;
        } else if (!strcmp(option, "--validate")) {
            options.device.validate = true;
        } else if (!strcmp(option, "--verbose")) {
            options.verbose = true;
        } else if (option[0] != '-') {
            options.patterns = argv + i;
            options.pattern_count = argc - i;
            break;
        } else if (!value) {
            return usage(option);
        } else {
            if (!strcmp(option, "--device"))
                options.device.choice = value;
            else if (!strcmp(option, "--disable"))
                options.device.disable = value;
            else if (!strcmp(option, "--seed"))
                options.seed = strtoull(value, NULL, 10);
            else if (!strcmp(option, "--runs"))
                options.runs = atoi(value);
            else
                return usage(option);
            i++;
        }
    }
    if (options.list) {
        for (int i = 0; check_families[i]; i++) printf("%s\n", check_families[i]->name);
        return 0;
    }
    struct sb_device *device = open_device(&options.device), *judge = NULL;
    struct simba_error error = {0};
    if (!sb_device_open(&(struct sb_device_parameters){.choice = "cpu"}, &judge, &error)) {
        printf("FAILED: %s\n", error.message);
        sb_device_close(device);
        return 1;
    }
    printf("device %s, seed %llu\n", sb_device_describe(device)->name, (unsigned long long)options.seed);
    int failures = 0, matched = 0;
    for (int i = 0; check_families[i] && failures >= 0; i++) {
        if (!chosen(&options, check_families[i]->name)) continue;
        matched++;
        int failed = check_family_cases(device, judge, &options, check_families[i]);
        fflush(stdout);
        /* A wrong kernel is never timed. */
        if (!failed && options.bench) failed = bench_family(device, &options, check_families[i]);
        failures = failed < 0 ? -1 : failures + failed;
    }
    sb_device_close(judge);
    const int messages = close_device(device);
    if (!matched) printf("no family fits; --list names them\n");
    return failures || messages || !matched ? 1 : 0;
}
