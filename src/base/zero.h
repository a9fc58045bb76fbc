/* zero.h - zeroing structs on the way of every query. */
#ifndef DSQL_BASE_ZERO_H
#define DSQL_BASE_ZERO_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* memset(p, 0, n) in moves of 16 bytes, for a constant n up to 512 that 8 divides. GCC makes `rep stos` of such a
 * memset(), one step per 8 bytes, which takes longer to begin than all of these take. */
static inline __attribute__((always_inline)) void zero_words(void *p, size_t n) {
  uint8_t *at = p;
#define ZERO_16(k)                                                                                                     \
  if (n >= 16 * (k) + 16) memset(at + 16 * (k), 0, 16)
#define ZERO_64(k)                                                                                                     \
  ZERO_16(k);                                                                                                          \
  ZERO_16((k) + 1);                                                                                                    \
  ZERO_16((k) + 2);                                                                                                    \
  ZERO_16((k) + 3)
  ZERO_64(0);
  ZERO_64(4);
  ZERO_64(8);
  ZERO_64(12);
  ZERO_64(16);
  ZERO_64(20);
  ZERO_64(24);
  ZERO_64(28);
#undef ZERO_64
#undef ZERO_16
  if (n % 16) memset(at + n - 8, 0, 8);
}

#endif
