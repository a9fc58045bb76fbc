#include "wire/codec/hex.h"
#include "wire/codec/scalars.h"
#include "wire/codec/scan.h"

enum { BYTES_4 = 4, BYTES_6 = 16, WORDS = 8 };

static bool set_prefix(dsql_inet *v, uint64_t bits) {
  if (bits > (v->family == 4 ? 32U : 128U)) return false;
  v->prefix_bits = (uint8_t)bits;
  return true;
}

int codec_inet_binary(const uint8_t *p, size_t n, dsql_inet *out) {
  size_t size = n > 0 && p[0] == CODEC_INET4 ? BYTES_4 : BYTES_6;
  dsql_inet v = {.family = size == BYTES_4 ? 4 : 6};
  if (n != 4 + size || (p[0] != CODEC_INET4 && p[0] != CODEC_INET6)) return DSQL_EPROTO;
  if (!set_prefix(&v, p[1]) || p[2] > 1 || p[3] != size) return DSQL_EPROTO;
  memcpy(v.bytes, p + 4, size);
  *out = v;
  return 0;
}

static bool scan_ipv4(struct scan *s, uint8_t *bytes) {
  struct scan in = *s;
  for (int i = 0; i < BYTES_4; i++) {
    uint64_t v;
    if ((i && !scan_char(&in, '.')) || !scan_digits(&in, 1, 3, &v) || v > 255) return false;
    bytes[i] = (uint8_t)v;
  }
  *s = in;
  return true;
}

static bool at_hex(const struct scan *s) { return !scan_done(s) && hex_value(*s->pos) >= 0; }

/* One to four hexadecimal digits. */
static bool scan_group(struct scan *s, uint8_t *bytes) {
  unsigned v = 0, digits = 0;
  for (; at_hex(s) && digits < 4; digits++) v = v * 16 + (unsigned)hex_value(*s->pos++);
  bytes[0] = (uint8_t)(v >> 8);
  bytes[1] = (uint8_t)v;
  return digits && !at_hex(s);
}

/* Opens the "::" that stands in front of the word at. False when it stands for nothing. */
static bool fill_gap(uint8_t *bytes, int words, int at) {
  size_t behind = 2 * (size_t)(words - at);
  if (words == WORDS) return false;
  memmove(bytes + BYTES_6 - behind, bytes + 2 * at, behind);
  memset(bytes + 2 * at, 0, 2 * (size_t)(WORDS - words));
  return true;
}

/* Groups between colons, one "::", and at the end perhaps an IPv4 address in place of two groups. */
static bool scan_ipv6(struct scan *s, uint8_t *bytes) {
  int words = 0, gap = scan_word(s, "::") ? 0 : -1;
  while (words < WORDS && (words != gap || at_hex(s))) {
    if (words <= WORDS - 2 && scan_ipv4(s, bytes + 2 * words)) {
      words += 2;
      break;
    }
    if (!scan_group(s, bytes + 2 * words)) return false;
    words++;
    if (gap < 0 && scan_word(s, "::"))
      gap = words;
    else if (words == WORDS || !scan_char(s, ':'))
      break;
  }
  return gap < 0 ? words == WORDS : fill_gap(bytes, words, gap);
}

int codec_inet_text(const char *s, size_t n, dsql_inet *out) {
  struct scan in = scan_of(s, n);
  dsql_inet v = {.family = n && memchr(s, ':', n) ? 6 : 4};
  uint64_t bits = v.family == 4 ? 32 : 128;
  if (!(v.family == 4 ? scan_ipv4(&in, v.bytes) : scan_ipv6(&in, v.bytes))) return DSQL_EPROTO;
  if (scan_char(&in, '/') && !scan_digits(&in, 1, 3, &bits)) return DSQL_EPROTO;
  if (!scan_done(&in) || !set_prefix(&v, bits)) return DSQL_EPROTO;
  *out = v;
  return 0;
}
