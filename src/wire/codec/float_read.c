#include "wire/codec/float_read.h"

#include "wire/codec/pow10.h"

/* Daniel Lemire, "Number Parsing at a Gigabyte per Second" (2021), with Noble Mushtak's proof that 128 bits of the
 * power of ten suffice for up to 19 digits. */

struct format {
  int bits;             /* of the stored significand */
  int bias;             /* of the exponent; 2 * bias + 1 is that of infinity */
  int tie_min, tie_max; /* powers of ten for which digits * 10^exponent can be half way between two floats */
};

static const struct format double_format = {52, 1023, -4, 23};
static const struct format float_format = {23, 127, -17, 10};

/* The table rounds up, which is right for negative powers; the proof wants the positive ones that are not exact rounded
 * down. */
static struct pow10 power_for_reading(int e) {
  enum { EXACT_MAX = 55 };
  struct pow10 g = *pow10_of(e);
  if (e > EXACT_MAX) g.high -= g.low-- == 0;
  return g;
}

static bool read_nearest(const struct format *f, uint64_t digits, int64_t exponent, uint64_t *bits) {
  uint64_t low, high, carry_low, carry, significand;
  int zeros, upper, shift, biased;
  struct pow10 g;

  if (digits == 0 || exponent < POW10_MIN || exponent > POW10_MAX) return false;
  g = power_for_reading((int)exponent);
  zeros = __builtin_clzll(digits);
  high = pow10_mul_high(digits << zeros, g.high, &low);
  carry = pow10_mul_high(digits << zeros, g.low, &carry_low);
  low += carry;
  high += low < carry;
  if (low == UINT64_MAX && (exponent < -27 || exponent > 55)) return false;

  upper = (int)(high >> 63);
  shift = upper + 64 - f->bits - 3; /* leaves the significand and two bits to round by */
  significand = high >> shift;
  biased = pow10_log2((int)exponent) + 63 + upper - zeros + f->bias;
  if (biased <= 0) return false;
  if (low <= 1 && exponent >= f->tie_min && exponent <= f->tie_max && (significand & 3) == 1 &&
      significand << shift == high) {
    significand &= ~UINT64_C(1); /* exactly half way, and the even neighbour is below */
  }
  significand = (significand + (significand & 1)) >> 1;
  if (significand >> (f->bits + 1)) {
    significand >>= 1;
    biased++;
  }
  if (biased > 2 * f->bias) return false;
  *bits = (uint64_t)biased << f->bits | (significand & ((UINT64_C(1) << f->bits) - 1));
  return true;
}

bool float_read_double(uint64_t digits, int64_t exponent, uint64_t *bits) {
  return read_nearest(&double_format, digits, exponent, bits);
}

bool float_read_float(uint64_t digits, int64_t exponent, uint32_t *bits) {
  uint64_t wide;
  if (!read_nearest(&float_format, digits, exponent, &wide)) return false;
  *bits = (uint32_t)wide;
  return true;
}
