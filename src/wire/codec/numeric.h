/* numeric.h - the wire form of numeric (numeric_send in src/backend/utils/adt/numeric.c):
 *
 *   int16 ndigits, int16 weight, uint16 sign, uint16 dscale, then ndigits int16 digits of base 10,000
 *
 * The value is the sum of digit[i] * 10000^(weight - i), shown with dscale decimals. */
#ifndef DSQL_WIRE_CODEC_NUMERIC_H
#define DSQL_WIRE_CODEC_NUMERIC_H

#include <stddef.h>
#include <stdint.h>

#include "dsql/dsql.h"

enum numeric_kind { NUMERIC_FINITE, NUMERIC_NAN, NUMERIC_INFINITY, NUMERIC_NEG_INFINITY };

struct numeric {
  enum numeric_kind kind;
  int negative;          /* 0 for a zero, whatever the wire says */
  int weight;            /* of the first group of digits, -1 when the value has no whole part */
  unsigned dscale;       /* decimals: 0..16383 */
  size_t count;          /* groups; none is leading or trailing zeros */
  const uint8_t *groups; /* a view of the input */
};

int codec_numeric_read(const uint8_t *p, size_t n, struct numeric *out); /* 0 or DSQL_EPROTO */
/* The group worth 10000^(weight - i), 0 outside; decimals past dscale are cut off, as the server does with them. */
unsigned codec_numeric_group(const struct numeric *x, int i);

/* A text on its way to the wire form: the head, then `count` groups. */
struct numeric_text {
  uint8_t head[8];
  size_t count;
  dsql_str whole, decimals; /* the digits */
  size_t pad, first;        /* zeros ahead of the first group, groups of zeros ahead of those that count */
};

/* "-12.30", as codec_numeric_text_valid() has it. EPROTO; ERANGE: more than the wire form can tell. */
int codec_numeric_scan(const char *s, size_t n, struct numeric_text *out);
uint16_t codec_numeric_scan_group(const struct numeric_text *x, size_t i);

#endif
