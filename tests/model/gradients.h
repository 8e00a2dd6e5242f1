/* For tests of training graphs; behind cmocka.h. */
#ifndef TESTS_MODEL_GRADIENTS_H
#define TESTS_MODEL_GRADIENTS_H

#include "model/model.h"

/* Every trainable parameter is used, and has its gradient at its own offset. */
static inline void check_gradients(struct sb_graph *graph, const struct sb_parameter_list *list) {
    for (int i = 0; i < list->count; i++) {
        const struct sb_parameter *parameter = &list->entries[i];
        if (!parameter->trainable) continue;
        struct sb_tensor *tensor = sb_find_tensor(graph, parameter->name);
        if (!tensor) fail_msg("%s is not used", parameter->name);
        struct sb_tensor *gradient = sb_gradient_of(graph, tensor);
        if (!gradient) fail_msg("%s has no gradient", parameter->name);
        assert_int_equal(sb_storage(gradient)->space, SB_SPACE_GRADIENT);
        assert_int_equal(sb_address(gradient), parameter->offset);
    }
}

#endif
