/* The closed formula of full-size weights, against the vectors published with it. */
#include "parity/formula.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

static void vectors(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double u[4];
    } expected[] = {{"head.weight", {0.6503962278366089, 0.7373130321502686, 0.16403043270111084, 0.8891146183013916}},
                    {"norm4.bias", {0.1211477518081665, 0.7427747249603271, -0.43793439865112305, 0.4851369857788086}},
                    {"block1.0.attn.mamba.A_log",
                     {-0.8475139141082764, 0.8841801881790161, 0.9841887950897217, 0.052135348320007324}},
                    {"block1.0.attn.mamba.dt_proj.bias",
                     {-0.0890282392501831, 0.14136183261871338, -0.8853796720504761, 0.4043351411819458}},
                    {"input", {0.28604722023010254, 0.9832358360290527, 0.21116971969604492, 0.8228487968444824}}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        for (int k = 0; k < 4; k++) assert_true(sb_formula_uniform(expected[i].name, k) == expected[i].u[k]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors)};
    return cmocka_run_group_tests_name("formula", tests, NULL, NULL);
}
