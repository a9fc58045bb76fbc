/* decimal.h - the shortest decimal that reads back as the same binary float. */
#ifndef DSQL_WIRE_CODEC_DECIMAL_H
#define DSQL_WIRE_CODEC_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

/* digits * 10^exponent */
struct decimal {
  uint64_t digits;
  int exponent;
};

/* Of significand * 2^exponent, not zero. lower_is_closer: the float below is only half as far away as the one above,
 * as at powers of two. */
struct decimal decimal_shortest(uint64_t significand, int exponent, bool lower_is_closer);

#endif
