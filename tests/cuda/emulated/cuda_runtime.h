/* CUDA's additions to C++ for an ordinary compiler: a kernel is a function, a launch is a loop over its threads. */
#ifndef TESTS_CUDA_RUNTIME_H
#define TESTS_CUDA_RUNTIME_H

#include "cuda_runtime_api.h"
#include "emulated.h"

#include <type_traits>

#define __global__
#define __device__
#define __host__

struct emulated_index {
    unsigned x;
};
extern thread_local emulated_index blockIdx, threadIdx, blockDim, gridDim;

/* Addresses among the arguments, by themselves or as the member `data` of a struct, have to be the device's. */
template <typename Value> static void emulated_argument(const Value &value) {
    if constexpr (std::is_pointer_v<Value>) emulated_check(value, "a kernel");
}
template <typename Value> static auto emulated_member(const Value &value, int) -> decltype(value.data, void()) {
    emulated_argument(value.data);
}
template <typename Value> static void emulated_member(const Value &, long) {}

/* Every second launch runs its threads backwards: a result that depends on their order is not the same in a second run,
 * which the kernel check looks for. */
extern thread_local bool emulated_backwards;

template <typename... Parameters>
static void emulated_launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Parameters... values) {
    (emulated_argument(values), ...);
    (emulated_member(values, 0), ...);
    emulated_enter();
    gridDim.x = blocks;
    blockDim.x = threads;
    for (unsigned block = 0; block < blocks; block++)
        for (unsigned thread = 0; thread < threads; thread++) {
            blockIdx.x = emulated_backwards ? blocks - 1 - block : block;
            threadIdx.x = emulated_backwards ? threads - 1 - thread : thread;
            kernel(values...);
        }
    emulated_backwards = !emulated_backwards;
    emulated_leave();
}

#define CUDA_START(kernel, blocks, threads, stream, ...) \
    static_cast<void>(stream), emulated_launch(kernel, blocks, threads, __VA_ARGS__)

#endif
