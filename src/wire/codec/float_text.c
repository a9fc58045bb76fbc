#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "wire/codec.h"
#include "wire/codec/float_read.h"
#include "wire/codec/print.h"
#include "wire/codec/scan.h"

/* 768 significant digits decide any double; what follows them can only break a tie, for which one digit stands in. */
enum { DIGITS_MAX = 780, DIGITS_64 = 19, POINT_LIMIT = 100000 };

/* 0.d1d2d3... * 10^point, with a NUL, an exponent or a tie breaker to come behind the digits. */
struct number {
  bool negative, sticky;
  int count;
  int64_t point;
  uint64_t leading; /* the first DIGITS_64 digits */
  char digits[DIGITS_MAX + 16];
};

static void add_digit(struct number *x, char digit) {
  if (x->count < DIGITS_64) x->leading = x->leading * 10 + (uint64_t)(digit - '0');
  if (x->count < DIGITS_MAX)
    x->digits[x->count++] = digit;
  else if (digit != '0')
    x->sticky = true;
}

static bool scan_exponent(struct scan *in, int64_t *point) {
  bool negative = scan_char(in, '-');
  int64_t e = 0;
  if (!negative) (void)scan_char(in, '+');
  if (!scan_is_digit(in)) return false;
  for (; scan_is_digit(in); in->pos++) e = e < POINT_LIMIT ? e * 10 + (*in->pos - '0') : e;
  *point += negative ? -e : e;
  return true;
}

/* [-]digits[.digits][e[+-]digits] */
static bool scan_number(struct scan *in, struct number *x) {
  x->sticky = false;
  x->count = 0;
  x->point = 0;
  x->leading = 0;
  x->negative = scan_char(in, '-');
  if (!scan_is_digit(in)) return false;
  for (; scan_is_digit(in); in->pos++) {
    if (x->count == 0 && *in->pos == '0') continue;
    x->point++;
    add_digit(x, *in->pos);
  }
  if (scan_char(in, '.')) {
    if (!scan_is_digit(in)) return false;
    for (; scan_is_digit(in); in->pos++) {
      if (x->count == 0 && *in->pos == '0')
        x->point--;
      else
        add_digit(x, *in->pos);
    }
  }
  if (scan_char(in, 'e') && !scan_exponent(in, &x->point)) return false;
  return scan_done(in);
}

/* As digits without a point and an exponent, in which no locale changes anything for strtod() and strtof(). */
static const char *normal_form(struct number *x) {
  char *p = x->digits + x->count;
  int64_t exponent = x->point - x->count;
  if (x->sticky) {
    *p++ = '1';
    exponent--;
  }
  if (exponent > POINT_LIMIT) exponent = POINT_LIMIT;
  if (exponent < -POINT_LIMIT) exponent = -POINT_LIMIT;
  *p++ = 'e';
  *codec_print_i64(p, exponent) = '\0';
  return x->digits;
}

/* Both the digits and the power of ten are exact floats, so that one operation rounds correctly (Clinger 1990). */
static bool is_small(const struct number *x, int digits_max, int exponent_max) {
  int64_t e = x->point - x->count;
  return FLT_EVAL_METHOD == 0 && x->count <= digits_max && e <= exponent_max && e >= -exponent_max;
}

static bool special_value(const char *s, size_t n, double *out) {
  if (text_is(s, n, "NaN"))
    *out = (double)NAN;
  else if (text_is(s, n, "Infinity"))
    *out = (double)INFINITY;
  else if (text_is(s, n, "-Infinity"))
    *out = -(double)INFINITY;
  else
    return false;
  return true;
}

static double small_double(const struct number *x) {
  static const double pow10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  int64_t e = x->point - x->count;
  return e < 0 ? (double)x->leading / pow10[-e] : (double)x->leading * pow10[e];
}

static float small_float(const struct number *x) {
  static const float pow10[] = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F, 1e7F, 1e8F, 1e9F, 1e10F};
  int64_t e = x->point - x->count;
  return e < 0 ? (float)x->leading / pow10[-e] : (float)x->leading * pow10[e];
}

int codec_float8_text(const char *s, size_t n, double *out) {
  struct scan in = scan_of(s, n);
  struct number x;
  uint64_t bits;
  double v = 0;
  if (!scan_number(&in, &x)) return special_value(s, n, out) ? 0 : DSQL_EPROTO;
  if (is_small(&x, 15, 22)) {
    v = small_double(&x);
  } else if (x.count <= DIGITS_64 && float_read_double(x.leading, x.point - x.count, &bits)) {
    memcpy(&v, &bits, sizeof v);
  } else if (x.count) {
    v = strtod(normal_form(&x), NULL);
    if (isinf(v) || v == 0) return DSQL_ERANGE;
  }
  *out = x.negative ? -v : v;
  return 0;
}

int codec_float4_text(const char *s, size_t n, float *out) {
  struct scan in = scan_of(s, n);
  struct number x;
  uint32_t bits;
  double special;
  float v = 0;
  if (!scan_number(&in, &x)) {
    if (!special_value(s, n, &special)) return DSQL_EPROTO;
    *out = (float)special;
    return 0;
  }
  if (is_small(&x, 7, 10)) {
    v = small_float(&x);
  } else if (x.count <= DIGITS_64 && float_read_float(x.leading, x.point - x.count, &bits)) {
    memcpy(&v, &bits, sizeof v);
  } else if (x.count) {
    v = strtof(normal_form(&x), NULL);
    if (isinf(v) || v == 0) return DSQL_ERANGE;
  }
  *out = x.negative ? -v : v;
  return 0;
}
