#include "base/cursor.h"
#include "wire/codec/numeric.h"

enum {
  SIGN_POSITIVE = 0x0000,
  SIGN_NEGATIVE = 0x4000,
  SIGN_NAN = 0xC000,
  SIGN_INFINITY = 0xD000,
  SIGN_NEG_INFINITY = 0xF000
};
enum { DSCALE_MAX = 0x3FFF, GROUP_MAX = 9999 };

static bool read_kind(unsigned sign, enum numeric_kind *kind) {
  switch (sign) {
    case SIGN_POSITIVE:
    case SIGN_NEGATIVE: *kind = NUMERIC_FINITE; return true;
    case SIGN_NAN: *kind = NUMERIC_NAN; return true;
    case SIGN_INFINITY: *kind = NUMERIC_INFINITY; return true;
    case SIGN_NEG_INFINITY: *kind = NUMERIC_NEG_INFINITY; return true;
    default: return false;
  }
}

unsigned codec_numeric_group(const struct numeric *x, int i) {
  static const unsigned unit[] = {10000, 1000, 100, 10};
  unsigned group;
  int64_t kept;
  if (i < 0 || (size_t)i >= x->count) return 0;
  group = load_be16(x->groups + 2 * (size_t)i);
  if (i <= x->weight) return group;
  kept = (int64_t)x->dscale - 4 * ((int64_t)i - x->weight - 1);
  if (kept >= 4) return group;
  return kept <= 0 ? 0 : group - group % unit[kept];
}

static bool groups_valid(const struct numeric *x) {
  for (size_t i = 0; i < x->count; i++) {
    if (load_be16(x->groups + 2 * i) > GROUP_MAX) return false;
  }
  return true;
}

/* PostgreSQL sends no zero groups at the ends and no digits past dscale; a server that does gets the same results. */
static void strip_zeros(struct numeric *x) {
  while (x->count && load_be16(x->groups) == 0) {
    x->groups += 2;
    x->count--;
    x->weight--;
  }
  while (x->count && codec_numeric_group(x, (int)x->count - 1) == 0) x->count--;
  if (x->count == 0) x->weight = -1;
}

int codec_numeric_read(const uint8_t *p, size_t n, struct numeric *out) {
  struct cursor c = cursor_of(p, n);
  struct numeric x;
  unsigned sign;
  x.count = cursor_u16(&c);
  x.weight = cursor_i16(&c);
  sign = cursor_u16(&c);
  x.dscale = cursor_u16(&c);
  x.groups = cursor_bytes(&c, 2 * x.count);
  if (!cursor_done(&c) || x.count > INT16_MAX || x.dscale > DSCALE_MAX || !read_kind(sign, &x.kind)) return DSQL_EPROTO;
  if (x.kind != NUMERIC_FINITE && x.count != 0) return DSQL_EPROTO;
  if (!groups_valid(&x)) return DSQL_EPROTO;
  strip_zeros(&x);
  x.negative = sign == SIGN_NEGATIVE && x.count != 0;
  *out = x;
  return 0;
}
