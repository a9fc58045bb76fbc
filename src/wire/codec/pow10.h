/* pow10.h - powers of ten as 128-bit significands, for the shortest float forms. Entry k - POW10_MIN is 10^k scaled by
 * a power of two to lie between 2^127 and 2^128, rounded up. */
#ifndef DSQL_WIRE_CODEC_POW10_H
#define DSQL_WIRE_CODEC_POW10_H

#include <stdint.h>

enum { POW10_MIN = -292, POW10_MAX = 324 };

struct pow10 {
  uint64_t high, low;
};

extern const struct pow10 codec_pow10[POW10_MAX - POW10_MIN + 1];

#endif
