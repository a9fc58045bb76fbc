#include "wire/codec/decimal.h"
#include "wire/codec/print.h"

/* The layout of the shortest digits: float8out and float4out since PostgreSQL 12 (src/common/d2s.c, f2s.c). */

static char *print_fixed(char *p, const char *digits, int count, int point) {
  int i = 0;
  if (point <= 0) {
    p = print_str(p, "0.");
    for (; point < 0; point++) *p++ = '0';
    memcpy(p, digits, (size_t)count);
    return p + count;
  }
  for (; i < point; i++) *p++ = i < count ? digits[i] : '0';
  if (i < count) *p++ = '.';
  for (; i < count; i++) *p++ = digits[i];
  return p;
}

static char *print_scientific(char *p, const char *digits, int count, int exponent) {
  *p++ = digits[0];
  if (count > 1) *p++ = '.';
  memcpy(p, digits + 1, (size_t)count - 1);
  p += count - 1;
  *p++ = 'e';
  *p++ = exponent < 0 ? '-' : '+';
  return codec_print_padded(p, (uint64_t)(exponent < 0 ? -exponent : exponent), 2);
}

/* Fixed notation for 10^-4 <= v < 10^fixed_end, scientific outside. */
static char *print_decimal(char *p, struct decimal d, int fixed_end) {
  char digits[20];
  int count = (int)(codec_print_u64(digits, d.digits) - digits), point = count + d.exponent;
  while (count > 1 && digits[count - 1] == '0') count--;
  if (point > -4 && point <= fixed_end) return print_fixed(p, digits, count, point);
  return print_scientific(p, digits, count, point - 1);
}

/* bits: of the stored significand; one with a biased exponent of 0 is subnormal. */
static struct decimal shortest(uint64_t stored, int biased, int bits, int bias) {
  int exponent = (biased ? biased : 1) - bias - bits;
  uint64_t significand = biased ? stored | UINT64_C(1) << bits : stored;
  return decimal_shortest(significand, exponent, stored == 0 && biased > 1);
}

char *codec_print_float8(char *p, double v) {
  uint64_t bits, stored;
  int biased;
  memcpy(&bits, &v, sizeof bits);
  stored = bits & ((UINT64_C(1) << 52) - 1);
  biased = (int)(bits >> 52 & 0x7ff);
  if (biased == 0x7ff && stored) return print_str(p, "NaN");
  if (bits >> 63) *p++ = '-';
  if (biased == 0x7ff) return print_str(p, "Infinity");
  if (biased == 0 && stored == 0) return print_str(p, "0");
  return print_decimal(p, shortest(stored, biased, 52, 1023), 15);
}

char *codec_print_float4(char *p, float v) {
  uint32_t bits, stored;
  int biased;
  memcpy(&bits, &v, sizeof bits);
  stored = bits & ((UINT32_C(1) << 23) - 1);
  biased = (int)(bits >> 23 & 0xff);
  if (biased == 0xff && stored) return print_str(p, "NaN");
  if (bits >> 31) *p++ = '-';
  if (biased == 0xff) return print_str(p, "Infinity");
  if (biased == 0 && stored == 0) return print_str(p, "0");
  return print_decimal(p, shortest(stored, biased, 23, 127), 6);
}
