#include "base/buf.h"
#include "wire/codec.h"
#include "wire/codec/numeric.h"
#include "wire/codec/scan.h"

enum { SIGN_NEGATIVE = 0x4000, SIGN_NAN = 0xC000, SIGN_INFINITY = 0xD000, SIGN_NEG_INFINITY = 0xF000 };

static void set_head(struct numeric_text *x, int weight, unsigned sign, size_t dscale) {
  store_be16(x->head, (uint16_t)x->count);
  store_be16(x->head + 2, (uint16_t)weight);
  store_be16(x->head + 4, (uint16_t)sign);
  store_be16(x->head + 6, (uint16_t)dscale);
}

/* Groups are aligned at the point: the first is filled up with zeros ahead, the last behind. */
static unsigned digit_at(const struct numeric_text *x, size_t at) {
  if (at < x->pad) return 0;
  at -= x->pad;
  if (at < x->whole.len) return (unsigned)(x->whole.ptr[at] - '0');
  at -= x->whole.len;
  return at < x->decimals.len ? (unsigned)(x->decimals.ptr[at] - '0') : 0;
}

static unsigned group_at(const struct numeric_text *x, size_t i) {
  unsigned v = 0;
  for (size_t k = 0; k < 4; k++) v = 10 * v + digit_at(x, 4 * i + k);
  return v;
}

uint16_t codec_numeric_scan_group(const struct numeric_text *x, size_t i) {
  return (uint16_t)group_at(x, x->first + i);
}

static bool special(const char *s, size_t n, unsigned *sign) {
  *sign = text_is(s, n, "NaN")         ? SIGN_NAN
          : text_is(s, n, "Infinity")  ? SIGN_INFINITY
          : text_is(s, n, "-Infinity") ? SIGN_NEG_INFINITY
                                       : 0;
  return *sign;
}

int codec_numeric_scan(const char *s, size_t n, struct numeric_text *out) {
  struct numeric_text x = {.count = 0};
  size_t whole_groups, end;
  const char *point;
  bool negative;
  unsigned sign;

  if (!codec_numeric_text_valid(s, n)) return DSQL_EPROTO;
  *out = x;
  if (special(s, n, &sign)) {
    set_head(out, 0, sign, 0);
    return 0;
  }
  negative = *s == '-';
  point = memchr(s, '.', n);
  x.whole = (dsql_str){s + negative, point ? (size_t)(point - s) - negative : n - negative};
  x.decimals = point ? (dsql_str){point + 1, n - (size_t)(point - s) - 1} : (dsql_str){s, 0};
  x.pad = (4 - x.whole.len % 4) % 4;
  whole_groups = (x.whole.len + x.pad) / 4;
  end = whole_groups + (x.decimals.len + 3) / 4;
  while (x.first < end && group_at(&x, x.first) == 0) x.first++;
  while (end > x.first && group_at(&x, end - 1) == 0) end--;
  x.count = end - x.first;
  if (x.decimals.len > 0x3FFF || x.count > INT16_MAX || (x.count && whole_groups > x.first + INT16_MAX + 1))
    return DSQL_ERANGE;
  set_head(&x, x.count ? (int)((long)whole_groups - 1 - (long)x.first) : 0, negative && x.count ? SIGN_NEGATIVE : 0,
           x.decimals.len);
  *out = x;
  return 0;
}
