/* The reference's gradients against finite differences of its own forward pass, for every differentiable operation:
 * the derivative of sum(root * cotangent) by single elements of every input. Central differences at two step sizes,
 * extrapolated; what would not be so of a smooth function shows how far the result can be trusted (next to a kink: not
 * at all). */
#include "backend/backend.h"
#include "cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CASES = 6, SAMPLES = 10, LARGEST = 10 };
static uint64_t seed = 20240325; /* or the first argument */
static const double step_of_deviation = 0.02, relative_bound = 1e-3;

struct trial {
    struct check check;
    struct sb_device *device;
    struct sb_program *program;
    struct sb_plan plan;
    int checked, inconclusive;
};

static void must(bool done, const struct simba_error *error) {
    if (!done) fail_msg("%s", error->message);
}

static void *read_tensor(struct trial *trial, const struct sb_tensor *tensor) {
    struct simba_error error;
    void *values = calloc((size_t)sb_elements(tensor), sb_dtype_size(tensor->dtype));
    assert_non_null(values);
    must(sb_program_read(trial->program, tensor, values, &error), &error);
    return values;
}

static const float *seed_of(const struct check *check, int root) {
    char name[16];
    snprintf(name, sizeof(name), "seed%d", root);
    for (int i = 0; i < check->input_count; i++)
        if (!strcmp(check->inputs[i].tensor->name, name)) return check->inputs[i].values;
    return NULL;
}

/* sum(root * cotangent); *noise: how uncertain it is because roots are rounded to float. */
static double loss(struct trial *trial, double *noise) {
    struct simba_error error;
    double sum = 0, squares = 0;
    for (int i = 0; i < trial->check.forward_nodes; i++)
        must(sb_program_run_node(trial->program, 0, i, &error), &error);
    for (int root = 0; root < trial->check.root_count; root++) {
        const float *cotangent = seed_of(&trial->check, root);
        if (!cotangent) continue;
        float *values = read_tensor(trial, trial->check.roots[root]);
        for (int64_t i = 0; i < sb_elements(trial->check.roots[root]); i++) {
            double term = (double)values[i] * cotangent[i];
            sum += term;
            squares += term * term;
        }
        free(values);
    }
    *noise = 6e-8 * sqrt(squares);
    return sum;
}

/* Central difference by one element, the change of slope from one side to the other, and the uncertainty of both from
 * rounding. */
struct difference {
    double slope, bend, noise;
};

static double loss_at(struct trial *trial, const struct check_input *input, double *noise) {
    struct simba_error error;
    must(sb_program_write(trial->program, input->tensor, input->values, &error), &error);
    return loss(trial, noise);
}

static struct difference difference(struct trial *trial, const struct check_input *input, int64_t element, double step,
                                    double middle) {
    float *values = input->values, value = values[element];
    float above = (float)(value + step), below = (float)(value - step);
    double noise_above, noise_below;
    values[element] = above;
    double up = loss_at(trial, input, &noise_above);
    values[element] = below;
    double down = loss_at(trial, input, &noise_below);
    values[element] = value;
    double width = (double)above - below;
    return (struct difference){.slope = (up - down) / width,
                               .bend =
                                   (up - middle) / ((double)above - value) - (middle - down) / ((double)value - below),
                               .noise = (noise_above + noise_below) / width};
}

static double deviation(const float *values, int64_t count) {
    double mean = 0, squares = 0, size = 0;
    for (int64_t i = 0; i < count; i++) mean += values[i] / (double)count;
    for (int64_t i = 0; i < count; i++) {
        squares += (values[i] - mean) * (values[i] - mean) / (double)count;
        size += values[i] * (double)values[i] / (double)count;
    }
    return sqrt(squares) > 1e-3 * sqrt(size) ? sqrt(squares) : sqrt(size);
}

static void check_input_gradient(struct trial *trial, const struct check_family *family, int number,
                                 const struct check_input *input) {
    const struct sb_tensor *tensor = sb_gradient_of(&trial->check.graph, input->tensor);
    if (!tensor) fail_msg("%s: no gradient of \"%s\"", family->name, input->tensor->name);
    float *gradient = read_tensor(trial, tensor);
    int64_t count = sb_elements(input->tensor);
    double largest = 0, step = step_of_deviation * deviation(input->values, count);
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(gradient[i]));
    double unused, middle = loss_at(trial, input, &unused);
    for (int64_t k = 0; k < SAMPLES && k < count; k++) {
        int64_t element = count <= SAMPLES ? k : check_between(&trial->check, 0, count - 1);
        struct difference coarse = difference(trial, input, element, step, middle);
        struct difference fine = difference(trial, input, element, step / 2, middle);
        double estimate = (4 * fine.slope - coarse.slope) / 3, noise = 4 * fine.noise;
        /* Of a smooth function the slopes agree and the bend halves with the step; a kink nearby breaks one of them. */
        double doubt = fabs(coarse.slope - fine.slope) + fmax(0, fabs(coarse.bend - 2 * fine.bend) - 4 * noise);
        trial->checked++;
        if (doubt > 0.05 * largest + noise) {
            trial->inconclusive++;
            continue;
        }
        double bound = relative_bound * largest + noise + 2 * doubt;
        if (!(fabs(gradient[element] - estimate) <= bound))
            fail_msg("%s case %d: d / d %s[%lld] is %g, by differences %g +- %g (largest gradient %g)", family->name,
                     number, input->tensor->name, (long long)element, gradient[element], estimate, bound, largest);
    }
    loss_at(trial, input, &unused); /* the values as they were */
    free(gradient);
}

/* Every tensor at its own place: all of them are looked at. */
static void lay_out(struct trial *trial) {
    size_t end = 0;
    for (int i = 0; i < trial->check.graph.tensor_count; i++) {
        struct sb_tensor *tensor = trial->check.graph.tensors[i];
        if (tensor->base) continue;
        tensor->offset = (int64_t)end;
        end += (sb_bytes(tensor) + 15) / 16 * 16;
    }
    trial->plan = (struct sb_plan){.activation_bytes = end};
}

static bool has_gradients(const struct check *check) {
    for (int i = 0; i < check->input_count; i++)
        if (check->inputs[i].differentiable) return true;
    return false;
}

static void check_family_gradients(void **state) {
    const struct check_family *family = *state;
    struct simba_error error;
    struct trial trial = {.checked = 0};
    must(sb_device_open(&(struct sb_device_parameters){.choice = "cpu"}, &trial.device, &error), &error);
    for (int number = 0; number < CASES; number++) {
        struct check *check = &trial.check;
        must(check_case(check, family, seed, (uint64_t)number, NULL, LARGEST, &error), &error);
        if (!has_gradients(check)) {
            check_finish(check);
            continue;
        }
        lay_out(&trial);
        struct sb_program_parameters parameters = {.graph = &check->graph, .plan = &trial.plan, .name = "gradients"};
        must(sb_program_create(trial.device, &parameters, &trial.program, &error), &error);
        for (int i = 0; i < check->input_count; i++)
            must(sb_program_write(trial.program, check->inputs[i].tensor, check->inputs[i].values, &error), &error);
        for (int i = 0; i < check->graph.node_count; i++)
            must(sb_program_run_node(trial.program, 0, i, &error), &error);
        for (int i = 0; i < check->input_count; i++)
            if (check->inputs[i].differentiable) check_input_gradient(&trial, family, number, &check->inputs[i]);
        sb_program_destroy(trial.program);
        check_finish(check);
    }
    sb_device_close(trial.device);
    if (!trial.checked) skip(); /* nothing in it has a gradient */
    print_message("%s: %d elements, %d of them inconclusive\n", family->name, trial.checked, trial.inconclusive);
    if (trial.inconclusive * 4 > trial.checked) fail_msg("%s: too few differences can be trusted", family->name);
}

int main(int argc, char **argv) {
    if (argc > 1) seed = strtoull(argv[1], NULL, 10);
    struct CMUnitTest tests[64] = {{NULL}};
    size_t count = 0;
    for (int i = 0; check_families[i] && count < 64; i++)
        tests[count++] = (struct CMUnitTest){.name = check_families[i]->name,
                                             .test_func = check_family_gradients,
                                             .initial_state = (void *)check_families[i]};
    return _cmocka_run_group_tests("gradients of the reference", tests, count, NULL, NULL);
}
