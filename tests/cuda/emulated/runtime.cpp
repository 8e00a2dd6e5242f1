/* CUDA's runtime on the CPU. */
#include "cuda_runtime.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <list>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

thread_local emulated_index blockIdx, threadIdx, blockDim, gridDim;
thread_local bool emulated_backwards;

namespace {

/* By the address that was handed out: it ends where its mapping does, but for the alignment. */
struct allocation {
    size_t bytes;
    void *mapping;
    size_t mapped;
    bool closed; /* a library's, which the emulation does not use: kernels have no business there either */
};
std::map<const char *, allocation> allocations;
std::recursive_mutex mutex; /* held while the device works */
int depth;

enum {
    ALIGNMENT = 256,
    /* Opening and closing takes longer than computing where memory is large, as with whole models. The kernel checks
     * stay below this. */
    MOST_PROTECTED_BYTES = 16 << 20
};
size_t total_bytes; /* of the allocations that are not closed for good */
bool is_open = true;

size_t round_up(size_t value, size_t unit) {
    return (value + unit - 1) / unit * unit;
}

void set_open(bool wanted) {
    wanted = wanted || total_bytes > MOST_PROTECTED_BYTES;
    if (wanted == is_open) return;
    for (const auto &[address, allocation] : allocations)
        if (!allocation.closed &&
            mprotect(allocation.mapping, allocation.mapped, wanted ? PROT_READ | PROT_WRITE : PROT_NONE))
            abort();
    is_open = wanted;
}

bool in_device(const void *address, size_t bytes) {
    const char *first = static_cast<const char *>(address);
    auto next = allocations.upper_bound(first);
    if (next == allocations.begin()) return false;
    --next;
    return first + bytes <= next->first + next->second.bytes;
}

bool copy_allowed(const void *to, const void *from, size_t to_bytes, size_t from_bytes, cudaMemcpyKind kind) {
    const bool to_device = in_device(to, to_bytes), from_device = in_device(from, from_bytes);
    return to_device == (kind != cudaMemcpyDeviceToHost) && from_device == (kind != cudaMemcpyHostToDevice);
}

/* A copy to the host that is taken at its turn and arrives when it is waited for, not before. */
struct arrival {
    cudaStream_t stream;
    unsigned long number;
    char *to;
    size_t pitch, width;
    std::vector<char> bytes;
};
std::list<arrival> arrivals;
unsigned long last_arrival;

/* Of a stream (NULL: any), up to a number. */
void arrive(cudaStream_t stream, unsigned long last) {
    const std::lock_guard lock(mutex);
    for (auto next = arrivals.begin(); next != arrivals.end();) {
        const auto arrival = next++;
        if ((stream && arrival->stream != stream) || arrival->number > last) continue;
        for (size_t first = 0, row = 0; first < arrival->bytes.size(); first += arrival->width, row++)
            memcpy(arrival->to + row * arrival->pitch, arrival->bytes.data() + first, arrival->width);
        arrivals.erase(arrival);
    }
}

} // namespace

struct CUstream_st {
    unsigned flags;
};
struct CUevent_st {
    bool timed, recorded;
    timespec time;
    cudaStream_t stream;
    unsigned long last_arrival; /* in front of it */
};

void emulated_enter(void) {
    mutex.lock();
    if (!depth++) set_open(true);
}

void emulated_leave(void) {
    if (!--depth) set_open(false);
    mutex.unlock();
}

void emulated_close(const void *address) {
    const std::lock_guard lock(mutex);
    emulated_check(address, "cublasSetWorkspace");
    allocation &found = allocations.at(static_cast<const char *>(address));
    found.closed = !mprotect(found.mapping, found.mapped, PROT_NONE);
    total_bytes -= found.bytes;
}

void emulated_check(const void *address, const char *who) {
    const std::lock_guard lock(mutex);
    if (!address || in_device(address, 1)) return;
    fprintf(stderr, "emulated CUDA: %s is given the address %p, which is not in memory of the device\n", who, address);
    abort();
}

const char *cudaGetErrorName(cudaError_t error) {
    switch (error) {
    case cudaSuccess:
        return "cudaSuccess";
    case cudaErrorInvalidValue:
        return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
        return "cudaErrorMemoryAllocation";
    case cudaErrorNoDevice:
        return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
        return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle:
        return "cudaErrorInvalidResourceHandle";
    }
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
    switch (error) {
    case cudaSuccess:
        return "no error";
    case cudaErrorInvalidValue:
        return "invalid argument";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorNoDevice:
        return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
        return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
        return "invalid resource handle";
    }
    return "unrecognized error code";
}

cudaError_t cudaGetLastError(void) {
    return cudaSuccess;
}

/* As with NVIDIA's driver, an empty CUDA_VISIBLE_DEVICES leaves none. */
cudaError_t cudaGetDeviceCount(int *count) {
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    *count = !visible ? 1 : !*visible ? 0 : strchr(visible, ',') ? 2 : 1;
    return *count ? cudaSuccess : cudaErrorNoDevice;
}

/* A second device, if asked for, is broken. */
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device) {
    if (device) return cudaErrorInvalidDevice;
    memset(properties, 0, sizeof(*properties));
    snprintf(properties->name, sizeof(properties->name), "CUDA kernels emulated on the CPU, no GPU");
    memcpy(properties->uuid.bytes, "simba, emulated!", sizeof(properties->uuid.bytes));
    properties->major = properties->minor = 9999;
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
    if (pages > 0 && page > 0) properties->totalGlobalMem = static_cast<size_t>(pages) * static_cast<size_t>(page);
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    return device ? cudaErrorInvalidDevice : cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = 13000;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = 13000;
    return cudaSuccess;
}

/* The page behind it cannot be touched, and it is filled with what is no number. */
cudaError_t cudaMalloc(void **memory, size_t bytes) {
    const std::lock_guard lock(mutex);
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGE_SIZE)), aligned = round_up(bytes, ALIGNMENT);
    const size_t mapped = round_up(aligned, page);
    if (!bytes) return cudaErrorInvalidValue;
    set_open(true);
    void *mapping = mmap(nullptr, mapped + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED || mprotect(mapping, mapped, PROT_READ | PROT_WRITE)) return cudaErrorMemoryAllocation;
    char *address = static_cast<char *>(mapping) + mapped - aligned;
    memset(address, 0xff, aligned);
    allocations[address] = {bytes, mapping, mapped, false};
    total_bytes += bytes;
    if (!depth) set_open(false);
    *memory = address;
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory) {
    const std::lock_guard lock(mutex);
    if (!memory) return cudaSuccess;
    const auto found = allocations.find(static_cast<const char *>(memory));
    if (found == allocations.end()) return cudaErrorInvalidValue;
    munmap(found->second.mapping, found->second.mapped + static_cast<size_t>(sysconf(_SC_PAGE_SIZE)));
    if (!found->second.closed) total_bytes -= found->second.bytes;
    allocations.erase(found);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **memory, size_t bytes) {
    *memory = malloc(bytes);
    return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *memory) {
    arrive(nullptr, last_arrival);
    free(memory);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
    if (!stream || !in_device(memory, bytes)) return cudaErrorInvalidValue;
    emulated_enter();
    memset(memory, value, bytes);
    emulated_leave();
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
    if (!width || !height) return cudaSuccess;
    if (!stream || width > to_pitch || width > from_pitch ||
        !copy_allowed(to, from, (height - 1) * to_pitch + width, (height - 1) * from_pitch + width, kind))
        return cudaErrorInvalidValue;
    emulated_enter();
    if (kind == cudaMemcpyDeviceToHost) {
        std::vector<char> bytes;
        for (size_t row = 0; row < height; row++) {
            const char *first = static_cast<const char *>(from) + row * from_pitch;
            bytes.insert(bytes.end(), first, first + width);
        }
        arrivals.push_back({stream, ++last_arrival, static_cast<char *>(to), to_pitch, width, std::move(bytes)});
    }
    for (size_t row = 0; row < height && kind != cudaMemcpyDeviceToHost; row++)
        memcpy(static_cast<char *>(to) + row * to_pitch, static_cast<const char *>(from) + row * from_pitch, width);
    emulated_leave();
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    *stream = new CUstream_st{flags};
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (!stream) return cudaErrorInvalidResourceHandle;
    arrive(stream, last_arrival);
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
    *event = new CUevent_st{!(flags & cudaEventDisableTiming), false, {}, nullptr, 0};
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
    return cudaEventCreateWithFlags(event, 0);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    if (!event || !stream) return cudaErrorInvalidResourceHandle;
    const std::lock_guard lock(mutex);
    event->recorded = true;
    event->stream = stream;
    event->last_arrival = last_arrival;
    clock_gettime(CLOCK_MONOTONIC, &event->time);
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (!event) return cudaErrorInvalidResourceHandle;
    if (event->recorded) arrive(event->stream, event->last_arrival);
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    if (!start->timed || !end->timed || !start->recorded || !end->recorded) return cudaErrorInvalidResourceHandle;
    *milliseconds = static_cast<float>(1e3 * static_cast<double>(end->time.tv_sec - start->time.tv_sec) +
                                       1e-6 * static_cast<double>(end->time.tv_nsec - start->time.tv_nsec));
    return cudaSuccess;
}
