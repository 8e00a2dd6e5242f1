/* For functions with loops that are worth compiling twice: for any processor, and for those with AVX2, chosen when the
 * library is loaded. Sanitizers cannot be loaded that early. */
#ifndef SB_BASE_VECTOR_H
#define SB_BASE_VECTOR_H

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    defined(__has_attribute)
#if __has_attribute(target_clones) && !defined(__clang__)
#define SB_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef SB_VECTOR_CLONES
#define SB_VECTOR_CLONES
#endif

#endif
