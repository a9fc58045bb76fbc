#include "wire/codec/decimal.h"

#include <assert.h>

#include "wire/codec/pow10.h"

/* Raffaello Giulietti's Schubfach ("The Schubfach way to render doubles"). As in PostgreSQL (STRICTLY_SHORTEST 0 in
 * src/common/ryu_common.h) the midpoints between two floats don't count as readable, so the interval is open. */

/* floor(log10(2^e)), or of 3/4 * 2^e. */
static int floor_log10_pow2(int e, bool three_quarters) { return (e * 1262611 - (three_quarters ? 524031 : 0)) >> 22; }

/* floor(g * c / 2^128) with the last bit set when that was not exact, which keeps comparisons right. */
static uint64_t round_to_odd(const struct pow10 *g, uint64_t c) {
  uint64_t x_low, y_low, x_high = pow10_mul_high(g->low, c, &x_low), y_high = pow10_mul_high(g->high, c, &y_low);
  y_low += x_high;
  y_high += y_low < x_high;
  return y_high | (y_low > 1);
}

struct decimal decimal_shortest(uint64_t significand, int exponent, bool lower_is_closer) {
  /* The value and the ends of its interval, times four so that halves and quarters are whole. */
  int k = floor_log10_pow2(exponent, lower_is_closer), shift = exponent + pow10_log2(-k) + 1;
  const struct pow10 *g = pow10_of(-k);
  uint64_t value = round_to_odd(g, (4 * significand) << shift);
  uint64_t lower = round_to_odd(g, (4 * significand - 2 + lower_is_closer) << shift) + 1;
  uint64_t upper = round_to_odd(g, (4 * significand + 2) << shift) - 1;
  uint64_t s = value / 4, tens = s / 10 * 10, middle = 4 * s + 2;
  bool below, above;

  assert(significand > 0 && shift >= 1 && shift <= 4);
  if (s >= 10) {
    below = lower <= 4 * tens;
    above = 4 * (tens + 10) <= upper;
    if (below != above) return (struct decimal){tens / 10 + above, k + 1};
  }
  below = lower <= 4 * s;
  above = 4 * (s + 1) <= upper;
  if (below != above) return (struct decimal){s + above, k};
  return (struct decimal){s + (value > middle || (value == middle && (s & 1))), k};
}
