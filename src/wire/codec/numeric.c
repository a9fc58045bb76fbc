#include "wire/codec/numeric.h"

#include "wire/codec.h"
#include "wire/codec/print.h"
#include "wire/codec/scan.h"

static char *print_group(char *p, unsigned group) {
  p[0] = (char)('0' + group / 1000);
  p[1] = (char)('0' + group / 100 % 10);
  p[2] = (char)('0' + group / 10 % 10);
  p[3] = (char)('0' + group % 10);
  return p + 4;
}

static char *print_numeric(char *p, const struct numeric *x) {
  char *end;
  if (x->negative) *p++ = '-';
  if (x->weight < 0) *p++ = '0';
  for (int i = 0; i <= x->weight; i++) {
    unsigned group = codec_numeric_group(x, i);
    p = i == 0 ? codec_print_u64(p, group) : print_group(p, group);
  }
  if (x->dscale == 0) return p;
  *p++ = '.';
  end = p + x->dscale;
  for (int i = x->weight + 1; p < end; i++) p = print_group(p, codec_numeric_group(x, i));
  return end;
}

static const char *special_name(enum numeric_kind kind) {
  if (kind == NUMERIC_NAN) return "NaN";
  return kind == NUMERIC_INFINITY ? "Infinity" : "-Infinity";
}

int codec_numeric_binary_to_text(struct arena *a, const uint8_t *p, size_t n, dsql_str *out) {
  struct numeric x;
  char *text;
  int rc = codec_numeric_read(p, n, &x);
  if (rc) return rc;
  if (x.kind != NUMERIC_FINITE) {
    const char *name = special_name(x.kind);
    *out = (dsql_str){name, strlen(name)};
    return 0;
  }
  /* Sign, whole part (at most 131,072 digits), point, decimals (at most 16,383) rounded up to a whole group. */
  text = arena_alloc(a, 1 + (x.weight < 0 ? 1 : 4 * ((size_t)x.weight + 1)) + 1 + x.dscale + 3);
  if (!text) return DSQL_ENOMEM;
  *out = (dsql_str){text, (size_t)(print_numeric(text, &x) - text)};
  return 0;
}

/* [-]digits[.digits] or one of the special names. */
bool codec_numeric_text_valid(const char *s, size_t n) {
  struct scan in = scan_of(s, n);
  if (text_is(s, n, "NaN") || text_is(s, n, "Infinity") || text_is(s, n, "-Infinity")) return true;
  (void)scan_char(&in, '-');
  if (!scan_is_digit(&in)) return false;
  while (scan_is_digit(&in)) in.pos++;
  if (scan_char(&in, '.') && !scan_is_digit(&in)) return false;
  while (scan_is_digit(&in)) in.pos++;
  return scan_done(&in);
}
