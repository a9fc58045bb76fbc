/* The server's own identifiers: pg_lsn, tid. */
#include "wire/codec/hex.h"
#include "wire/codec/print.h"
#include "wire/codec/scalars.h"
#include "wire/codec/scan.h"

/* One to eight hexadecimal digits. */
static bool scan_hex32(struct scan *s, uint64_t *out) {
  const char *start = s->pos;
  uint64_t v = 0;
  for (; !scan_done(s) && hex_value(*s->pos) >= 0; s->pos++) {
    if (s->pos - start == 8) return false;
    v = v * 16 + (uint64_t)hex_value(*s->pos);
  }
  *out = v;
  return s->pos != start;
}

int codec_lsn_text(const char *s, size_t n, uint64_t *out) {
  struct scan in = scan_of(s, n);
  uint64_t high, low;
  if (!scan_hex32(&in, &high) || !scan_char(&in, '/') || !scan_hex32(&in, &low) || !scan_done(&in)) return DSQL_EPROTO;
  *out = high << 32 | low;
  return 0;
}

static char *print_hex32(char *p, uint32_t v) {
  int shift = 28;
  while (shift && v >> shift == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) *p++ = "0123456789ABCDEF"[v >> shift & 15];
  return p;
}

char *codec_print_lsn(char *p, uint64_t v) {
  p = print_hex32(p, (uint32_t)(v >> 32));
  *p++ = '/';
  return print_hex32(p, (uint32_t)v);
}

int codec_tid_binary(const uint8_t *p, size_t n, dsql_tid *out) {
  if (n != 6) return DSQL_EPROTO;
  *out = (dsql_tid){load_be32(p), load_be16(p + 4)};
  return 0;
}

int codec_tid_text(const char *s, size_t n, dsql_tid *out) {
  struct scan in = scan_of(s, n);
  uint64_t block, offset;
  if (!scan_char(&in, '(') || !scan_digits(&in, 1, 10, &block) || !scan_char(&in, ',')) return DSQL_EPROTO;
  if (!scan_digits(&in, 1, 5, &offset) || !scan_char(&in, ')') || !scan_done(&in)) return DSQL_EPROTO;
  if (block > UINT32_MAX || offset > UINT16_MAX) return DSQL_ERANGE;
  *out = (dsql_tid){(uint32_t)block, (uint16_t)offset};
  return 0;
}

char *codec_print_tid(char *p, const dsql_tid *v) {
  *p++ = '(';
  p = codec_print_u64(p, v->block);
  *p++ = ',';
  p = codec_print_u64(p, v->offset);
  *p++ = ')';
  return p;
}
