/* cuFFT on the CPU: the definition of the transform, split along the prime factors of its lengths, in double. */
#include "cufft.h"
#include "emulated.h"

#include <complex>
#include <cstring>
#include <map>
#include <vector>

namespace {

using number = std::complex<double>;

struct plan {
    std::vector<long> sizes;
    long count;
    bool allocates; /* as cuFFT does unless told not to; this one does not */
    void *area;
};
std::map<cufftHandle, plan> plans;

size_t work_size(const plan &plan) {
    return static_cast<size_t>(plan.sizes[0] * plan.sizes[1] * plan.count) * sizeof(cufftDoubleComplex);
}

long smallest_factor(long n) {
    for (long factor = 2; factor * factor <= n; factor++)
        if (n % factor == 0) return factor;
    return n;
}

/* The transform of a line: of the n = p m values, p lines of every p-th value are transformed, and sum up by the
 * definition. */
std::vector<number> transform(const std::vector<number> &line, int direction) {
    const long n = static_cast<long>(line.size()), p = smallest_factor(n), m = n / p;
    if (n == 1) return line;
    std::vector<std::vector<number>> parts;
    for (long first = 0; first < p; first++) {
        std::vector<number> part;
        for (long i = first; i < n; i += p) part.push_back(line[static_cast<size_t>(i)]);
        parts.push_back(m > 1 ? transform(part, direction) : part);
    }
    std::vector<number> roots, result;
    for (long i = 0; i < n; i++)
        roots.push_back(
            std::polar(1.0, direction * 2 * 3.14159265358979323846 * static_cast<double>(i) / static_cast<double>(n)));
    for (long f = 0; f < n; f++) {
        number sum = 0;
        for (long first = 0; first < p; first++)
            sum += parts[static_cast<size_t>(first)][static_cast<size_t>(f % m)] *
                   roots[static_cast<size_t>(first * f % n)];
        result.push_back(sum);
    }
    return result;
}

void transform_axis(cufftDoubleComplex *values, long size, long stride, int direction) {
    std::vector<number> line;
    for (long i = 0; i < size; i++) line.push_back({values[i * stride].x, values[i * stride].y});
    line = transform(line, direction);
    for (long i = 0; i < size; i++) {
        const number &value = line[static_cast<size_t>(i)];
        values[i * stride] = {value.real(), value.imag()};
    }
}

} // namespace

cufftResult cufftCreate(cufftHandle *handle) {
    static cufftHandle last;
    *handle = ++last;
    plans[*handle] = {{}, 0, true, nullptr};
    return CUFFT_SUCCESS;
}

cufftResult cufftSetAutoAllocation(cufftHandle handle, int automatic) {
    const auto found = plans.find(handle);
    if (found == plans.end()) return CUFFT_INVALID_PLAN;
    found->second.allocates = automatic;
    return CUFFT_SUCCESS;
}

cufftResult cufftMakePlanMany(cufftHandle handle, int rank, int *sizes, int *in_sizes, int, int, int *out_sizes, int,
                              int, cufftType type, int batch, size_t *work_bytes) {
    const auto found = plans.find(handle);
    if (found == plans.end()) return CUFFT_INVALID_PLAN;
    if (rank != 2 || in_sizes || out_sizes || type != CUFFT_Z2Z || batch < 1 || found->second.allocates)
        return CUFFT_NOT_SUPPORTED;
    found->second.sizes = {sizes[0], sizes[1]};
    found->second.count = batch;
    *work_bytes = work_size(found->second);
    return CUFFT_SUCCESS;
}

cufftResult cufftSetWorkArea(cufftHandle handle, void *area) {
    const auto found = plans.find(handle);
    if (found == plans.end()) return CUFFT_INVALID_PLAN;
    emulated_check(area, "cufftSetWorkArea");
    found->second.area = area;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetStream(cufftHandle, cudaStream_t stream) {
    return stream ? CUFFT_SUCCESS : CUFFT_INVALID_VALUE;
}

cufftResult cufftExecZ2Z(cufftHandle handle, cufftDoubleComplex *in, cufftDoubleComplex *out, int direction) {
    const auto found = plans.find(handle);
    if (found == plans.end()) return CUFFT_INVALID_PLAN;
    const long height = found->second.sizes[0], width = found->second.sizes[1];
    if (in != out) return CUFFT_NOT_SUPPORTED;
    if (!found->second.area) return CUFFT_EXEC_FAILED;
    emulated_check(in, "cuFFT");
    emulated_check(in + height * width * found->second.count - 1, "cuFFT");
    emulated_enter();
    memset(found->second.area, 0xff, work_size(found->second)); /* whoever keeps something there loses it */
    for (long item = 0; item < found->second.count; item++) {
        cufftDoubleComplex *values = in + item * height * width;
        for (long column = 0; column < width; column++) transform_axis(values + column, height, width, direction);
        for (long row = 0; row < height; row++) transform_axis(values + row * width, width, 1, direction);
    }
    emulated_leave();
    return CUFFT_SUCCESS;
}

cufftResult cufftDestroy(cufftHandle handle) {
    return plans.erase(handle) ? CUFFT_SUCCESS : CUFFT_INVALID_PLAN;
}
