#include "wire/codec.h"
#include "wire/codec/numeric.h"
#include "wire/codec/scan.h"

static const uint64_t pow10[] = {UINT64_C(1),
                                 UINT64_C(10),
                                 UINT64_C(100),
                                 UINT64_C(1000),
                                 UINT64_C(10000),
                                 UINT64_C(100000),
                                 UINT64_C(1000000),
                                 UINT64_C(10000000),
                                 UINT64_C(100000000),
                                 UINT64_C(1000000000),
                                 UINT64_C(10000000000),
                                 UINT64_C(100000000000),
                                 UINT64_C(1000000000000),
                                 UINT64_C(10000000000000),
                                 UINT64_C(100000000000000),
                                 UINT64_C(1000000000000000),
                                 UINT64_C(10000000000000000),
                                 UINT64_C(100000000000000000),
                                 UINT64_C(1000000000000000000)};

/* sum += digits * 10^exponent, exactly or not at all. */
static bool add_exactly(uint64_t *sum, uint64_t digits, int64_t exponent) {
  uint64_t v;
  if (digits == 0) return true;
  if (exponent > CODEC_SCALE_MAX || exponent < -CODEC_SCALE_MAX) return false;
  if (exponent < 0) {
    if (digits % pow10[-exponent]) return false;
    v = digits / pow10[-exponent];
  } else if (__builtin_mul_overflow(digits, pow10[exponent], &v)) {
    return false;
  }
  return !__builtin_add_overflow(*sum, v, sum);
}

static int with_sign(uint64_t magnitude, bool negative, int64_t *out) {
  if (magnitude > (uint64_t)INT64_MAX + negative) return DSQL_ERANGE;
  *out = (int64_t)(negative ? 0 - magnitude : magnitude);
  return 0;
}

int codec_numeric_scaled_binary(const uint8_t *p, size_t n, unsigned scale, int64_t *out) {
  struct numeric x;
  uint64_t sum = 0;
  int rc = codec_numeric_read(p, n, &x);
  if (rc) return rc;
  if (x.kind != NUMERIC_FINITE || scale > CODEC_SCALE_MAX) return DSQL_ERANGE;
  for (int i = 0; i < (int)x.count; i++) {
    int64_t exponent = 4 * ((int64_t)x.weight - i) + (int64_t)scale;
    if (!add_exactly(&sum, codec_numeric_group(&x, i), exponent)) return DSQL_ERANGE;
  }
  return with_sign(sum, x.negative, out);
}

int codec_numeric_scaled_text(const char *s, size_t n, unsigned scale, int64_t *out) {
  struct scan in = scan_of(s, n);
  uint64_t sum = 0;
  int64_t decimals = 0;
  bool negative, behind_point = false;
  if (!codec_numeric_text_valid(s, n)) return DSQL_EPROTO;
  if (s[n - 1] > '9' || scale > CODEC_SCALE_MAX) return DSQL_ERANGE;
  negative = scan_char(&in, '-');
  for (; !scan_done(&in); in.pos++) {
    if (*in.pos == '.') {
      behind_point = true;
      continue;
    }
    decimals += behind_point;
    if (decimals > scale) {
      if (*in.pos != '0') return DSQL_ERANGE;
    } else if (__builtin_mul_overflow(sum, 10, &sum) || !add_exactly(&sum, (uint64_t)(*in.pos - '0'), 0)) {
      return DSQL_ERANGE;
    }
  }
  if (decimals < scale && __builtin_mul_overflow(sum, pow10[scale - decimals], &sum)) return DSQL_ERANGE;
  return with_sign(sum, negative, out);
}
