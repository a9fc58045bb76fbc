#include "wire/codec.h"
#include "wire/codec/print.h"

static bool is_octal(char c) { return c >= '0' && c <= '7'; }

int codec_char_text(const char *s, size_t n, uint8_t *out) {
  if (n == 0) {
    *out = 0;
    return 0;
  }
  if (n == 1) {
    *out = (uint8_t)*s;
    return 0;
  }
  if (n != 4 || s[0] != '\\' || !is_octal(s[1]) || s[1] > '3' || !is_octal(s[2]) || !is_octal(s[3])) return DSQL_EPROTO;
  *out = (uint8_t)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
  return 0;
}

int codec_char_binary(const uint8_t *p, size_t n, uint8_t *out) {
  if (n != 1) return DSQL_EPROTO;
  *out = *p;
  return 0;
}

char *codec_print_char(char *p, uint8_t v) {
  if (v == 0) return p;
  if (v < 0x80) {
    *p++ = (char)v;
    return p;
  }
  *p++ = '\\';
  *p++ = (char)('0' + (v >> 6));
  *p++ = (char)('0' + ((v >> 3) & 7));
  *p++ = (char)('0' + (v & 7));
  return p;
}
