/* Volk, the loader of Vulkan at run time, compiled once. */
#define VOLK_IMPLEMENTATION
#include <volk.h>
