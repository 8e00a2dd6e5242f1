#include "backend/vulkan/vkfft.h"

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <new>

#include <locale.h>

/* VkFFT sets the locale of the whole process while it writes numbers, and reports on the standard output. Here it runs
 * under a locale of the calling thread, and keeps quiet: its result codes say the same. 1.3.4
 * no longer sets the locale. */
[[gnu::unused]] static char *keep_locale(const char *name) {
    return const_cast<char *>(name);
}
static int keep_quiet(const char *, ...) {
    return 0;
}

#ifdef SB_VKFFT_OLD_RESOURCES
/* VkFFT 1.2 lists the compiler's limits by position, for a glslang before 11.13; later ones have more of them. What it
 * lists are glslang's defaults, which here are asked for by name instead. */
#include <glslang/Include/glslang_c_interface.h>
#include <glslang/Public/resource_limits_c.h>

struct old_resource {
    int numbers[93];
    glslang_limits_t limits;
};
struct old_input {
    glslang_source_t language;
    glslang_stage_t stage;
    glslang_client_t client;
    glslang_target_client_version_t client_version;
    glslang_target_language_t target_language;
    glslang_target_language_version_t target_language_version;
    const char *code;
    int default_version;
    glslang_profile_t default_profile;
    int force_default_version_and_profile;
    int forward_compatible;
    glslang_messages_t messages;
    const old_resource *resource;

    operator glslang_input_t() const {
        glslang_input_t input = {};
        input.language = language;
        input.stage = stage;
        input.client = client;
        input.client_version = client_version;
        input.target_language = target_language;
        input.target_language_version = target_language_version;
        input.code = code;
        input.default_version = default_version;
        input.default_profile = default_profile;
        input.force_default_version_and_profile = force_default_version_and_profile;
        input.forward_compatible = forward_compatible;
        input.messages = messages;
        input.resource = glslang_default_resource();
        return input;
    }
};
static glslang_shader_t *glslang_shader_create(const old_input *old) {
    const glslang_input_t input = *old;
    return glslang_shader_create(&input);
}
static int glslang_shader_preprocess(glslang_shader_t *shader, const old_input *old) {
    const glslang_input_t input = *old;
    return glslang_shader_preprocess(shader, &input);
}
static int glslang_shader_parse(glslang_shader_t *shader, const old_input *old) {
    const glslang_input_t input = *old;
    return glslang_shader_parse(shader, &input);
}
#define glslang_resource_t old_resource
#define glslang_input_t old_input
#endif

#define setlocale(category, name) keep_locale(name)
#define printf keep_quiet
#define VKFFT_BACKEND 0
#include <vkFFT.h>
#undef printf
#undef setlocale

struct vkfft {
    vkfft_parameters parameters; /* VkFFT keeps pointers into them */
    VkFFTApplication application;
};

int vkfft_version(void) {
    return VkFFTGetVersion();
}

bool vkfft_start(void) {
    return glslang_initialize_process() != 0;
}

int vkfft_create(const struct vkfft_parameters *parameters, struct vkfft **created) {
    vkfft *fft = new (std::nothrow) vkfft();
    if (!fft) return VKFFT_ERROR_MALLOC_FAILED;
    fft->parameters = *parameters;
    VkFFTConfiguration configuration = {};
    configuration.FFTdim = 2;
    configuration.size[0] = parameters->columns;
    configuration.size[1] = parameters->length;
    configuration.omitDimension[0] = 1;
    configuration.numberBatches = parameters->batch;
    configuration.physicalDevice = &fft->parameters.physical_device;
    configuration.device = &fft->parameters.device;
    configuration.queue = &fft->parameters.queue;
    configuration.commandPool = &fft->parameters.command_pool;
    configuration.fence = &fft->parameters.fence;
    configuration.isCompilerInitialized = 1;
    configuration.useLUT = 1; /* sin() and cos() need not be exact to more than 2^-11 */
    configuration.bufferSize = &fft->parameters.bytes;
    configuration.saveApplicationToString = !parameters->binaries;
    configuration.loadApplicationFromString = parameters->binaries != nullptr;
    configuration.loadApplicationString = const_cast<void *>(parameters->binaries);
#ifdef SB_VKFFT_HAS_DISABLE_SET_LOCALE
    configuration.disableSetLocale = 1;
#endif
    const locale_t numbers = newlocale(LC_ALL_MASK, "C", nullptr);
    const locale_t before = numbers ? uselocale(numbers) : nullptr;
    const VkFFTResult result = initializeVkFFT(&fft->application, configuration);
    if (numbers) {
        uselocale(before);
        freelocale(numbers);
    }
    fft->parameters.binaries = nullptr;
    fft->application.configuration.loadApplicationString = nullptr;
    if (result != VKFFT_SUCCESS) {
        delete fft; /* VkFFT has cleaned up after itself */
        return result;
    }
    *created = fft;
    return 0;
}

int vkfft_append(struct vkfft *fft, VkCommandBuffer commands, bool inverse) {
    VkFFTLaunchParams launch = {};
    launch.commandBuffer = &commands;
    /* Not when planning: the descriptors would be written before the tables of Bluestein's algorithm exist. */
    launch.buffer = &fft->parameters.buffer;
    return VkFFTAppend(&fft->application, inverse ? 1 : -1, &launch);
}

const void *vkfft_binaries(const struct vkfft *fft, size_t *size) {
    *size = fft->application.applicationStringSize;
    return fft->application.saveApplicationString;
}

void vkfft_destroy(struct vkfft *fft) {
    if (!fft) return;
    deleteVkFFT(&fft->application);
    delete fft;
}
