/* pow10.h - powers of ten as 128-bit significands, for printing and reading floats. Entry k - POW10_MIN is 10^k scaled
 * by a power of two to lie between 2^127 and 2^128, rounded up. */
#ifndef DSQL_WIRE_CODEC_POW10_H
#define DSQL_WIRE_CODEC_POW10_H

#include <assert.h>
#include <stdint.h>

enum { POW10_MIN = -292, POW10_MAX = 324 };

struct pow10 {
  uint64_t high, low;
};

extern const struct pow10 codec_pow10[POW10_MAX - POW10_MIN + 1];

static inline const struct pow10 *pow10_of(int e) {
  assert(e >= POW10_MIN && e <= POW10_MAX);
  return &codec_pow10[e - POW10_MIN];
}

/* floor(log2(10^e)), for every e of the table and beyond. */
static inline int pow10_log2(int e) { return (e * 1741647) >> 19; }

/* The upper half of a * b. */
static inline uint64_t pow10_mul_high(uint64_t a, uint64_t b, uint64_t *low) {
  __extension__ typedef unsigned __int128 uint128;
  uint128 product = (uint128)a * b;
  *low = (uint64_t)product;
  return (uint64_t)(product >> 64);
}

#endif
