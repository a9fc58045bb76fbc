#include "wire/codec.h"
#include "wire/codec/print.h"
#include "wire/codec/scalars.h"
#include "wire/codec/scan.h"

/* Digits of any number, leading zeros included. */
static int long_magnitude(struct scan *in, uint64_t *out) {
  uint64_t v = 0;
  bool over = false;
  for (; scan_is_digit(in); in->pos++) {
    over |= __builtin_mul_overflow(v, 10, &v);
    over |= __builtin_add_overflow(v, (uint64_t)(*in->pos - '0'), &v);
  }
  if (!scan_done(in)) return DSQL_EPROTO;
  *out = v;
  return over ? DSQL_ERANGE : 0;
}

/* Nothing but digits; up to 19 of them can't overflow. */
static int magnitude_text(struct scan *in, uint64_t *out) {
  uint64_t v = 0;
  if (scan_done(in)) return DSQL_EPROTO;
  if (scan_left(in) > 19) return long_magnitude(in, out);
  for (; in->pos != in->end; in->pos++) {
    unsigned digit = (unsigned char)(*in->pos - '0');
    if (digit > 9) return DSQL_EPROTO;
    v = v * 10 + digit;
  }
  *out = v;
  return 0;
}

static int integer_text(const char *s, size_t n, int64_t min, int64_t max, int64_t *out) {
  struct scan in = scan_of(s, n);
  bool negative = scan_char(&in, '-');
  uint64_t v;
  int rc = magnitude_text(&in, &v);
  if (rc) return rc;
  if (v > (negative ? 0 - (uint64_t)min : (uint64_t)max)) return DSQL_ERANGE;
  *out = (int64_t)(negative ? 0 - v : v);
  return 0;
}

int codec_int2_text(const char *s, size_t n, int16_t *out) {
  int64_t v;
  int rc = integer_text(s, n, INT16_MIN, INT16_MAX, &v);
  if (rc == 0) *out = (int16_t)v;
  return rc;
}

int codec_int4_text(const char *s, size_t n, int32_t *out) {
  int64_t v;
  int rc = integer_text(s, n, INT32_MIN, INT32_MAX, &v);
  if (rc == 0) *out = (int32_t)v;
  return rc;
}

int codec_int8_text(const char *s, size_t n, int64_t *out) { return integer_text(s, n, INT64_MIN, INT64_MAX, out); }

int codec_oid_text(const char *s, size_t n, uint32_t *out) {
  int64_t v;
  int rc = integer_text(s, n, 0, UINT32_MAX, &v);
  if (rc == 0) *out = (uint32_t)v;
  return rc;
}

int codec_xid8_text(const char *s, size_t n, uint64_t *out) {
  struct scan in = scan_of(s, n);
  return magnitude_text(&in, out);
}

char *codec_print_padded(char *p, uint64_t v, unsigned width) {
  char digits[20];
  unsigned n = 0;
  do {
    digits[n++] = (char)('0' + v % 10);
    v /= 10;
  } while (v);
  for (; width > n; width--) *p++ = '0';
  while (n) *p++ = digits[--n];
  return p;
}

char *codec_print_u64(char *p, uint64_t v) { return codec_print_padded(p, v, 1); }

char *codec_print_i64(char *p, int64_t v) {
  if (v >= 0) return codec_print_u64(p, (uint64_t)v);
  *p++ = '-';
  return codec_print_u64(p, 0 - (uint64_t)v);
}
