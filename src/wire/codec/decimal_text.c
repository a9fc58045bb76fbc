#include "wire/codec/scalars.h"
#include "wire/codec/scan.h"

static dsql_decimal special(const char *s, size_t n) {
  dsql_decimal v = {.kind = DSQL_DECIMAL_NAN, .digits = {"", 0}};
  if (text_is(s, n, "Infinity")) v.kind = DSQL_DECIMAL_INFINITY;
  if (text_is(s, n, "-Infinity")) v.kind = DSQL_DECIMAL_NEG_INFINITY;
  return v;
}

/* The digits on both sides of the point, in one piece. */
static int join(struct arena *a, dsql_str whole, dsql_str decimals, dsql_str *out) {
  char *text;
  if (decimals.len == 0) {
    *out = whole;
    return 0;
  }
  text = arena_alloc(a, whole.len + decimals.len);
  if (!text) return DSQL_ENOMEM;
  memcpy(text, whole.ptr, whole.len);
  memcpy(text + whole.len, decimals.ptr, decimals.len);
  *out = (dsql_str){text, whole.len + decimals.len};
  return 0;
}

int codec_decimal_text(struct arena *a, const char *s, size_t n, dsql_decimal *out) {
  struct scan in = scan_of(s, n);
  dsql_decimal v = {.kind = DSQL_DECIMAL_FINITE};
  const char *start;
  dsql_str decimals;
  bool minus;
  int rc;
  if (!codec_numeric_text_valid(s, n)) return DSQL_EPROTO;
  if (s[n - 1] > '9') {
    *out = special(s, n);
    return 0;
  }
  minus = scan_char(&in, '-');
  for (start = in.pos; scan_is_digit(&in);) in.pos++;
  decimals = (dsql_str){in.pos + scan_is(&in, '.'), scan_left(&in) - scan_is(&in, '.')};
  rc = join(a, (dsql_str){start, (size_t)(in.pos - start)}, decimals, &v.digits);
  if (rc) return rc;
  for (; v.digits.len > 1 && *v.digits.ptr == '0'; v.digits.len--) v.digits.ptr++;
  v.scale = (unsigned)decimals.len;
  v.negative = minus && *v.digits.ptr != '0';
  *out = v;
  return 0;
}
