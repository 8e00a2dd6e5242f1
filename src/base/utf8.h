/* Text of unknown origin. */
#ifndef SB_BASE_UTF8_H
#define SB_BASE_UTF8_H

#include <stdint.h>

/* Bytes of the well-formed UTF-8 sequence at `at`, in a text that ends with 0 (RFC 3629: no overlong forms, no
 * surrogates); 0: there is none. */
int sb_utf8_length(const uint8_t *at);

#endif
