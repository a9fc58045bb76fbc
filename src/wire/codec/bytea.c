#include "wire/codec.h"
#include "wire/codec/hex.h"

static int decode_hex(const char *s, size_t n, uint8_t *out, size_t *len) {
  if (n % 2) return DSQL_EPROTO;
  for (size_t i = 0; i < n; i += 2) {
    int byte = hex_byte(s + i);
    if (byte < 0) return DSQL_EPROTO;
    out[i / 2] = (uint8_t)byte;
  }
  *len = n / 2;
  return 0;
}

/* The byte of "ooo", or -1. */
static int octal_byte(const char *s) {
  if (s[0] < '0' || s[0] > '3' || s[1] < '0' || s[1] > '7' || s[2] < '0' || s[2] > '7') return -1;
  return (s[0] - '0') * 64 + (s[1] - '0') * 8 + (s[2] - '0');
}

/* A backslash is doubled, bytes that don't print are \ooo (byteaout with bytea_output = escape). */
static int decode_escape(const char *s, size_t n, uint8_t *out, size_t *len) {
  uint8_t *start = out;
  for (size_t i = 0; i < n;) {
    int byte;
    if (s[i] != '\\') {
      *out++ = (uint8_t)s[i++];
    } else if (n - i >= 2 && s[i + 1] == '\\') {
      *out++ = '\\';
      i += 2;
    } else if (n - i >= 4 && (byte = octal_byte(s + i + 1)) >= 0) {
      *out++ = (uint8_t)byte;
      i += 4;
    } else {
      return DSQL_EPROTO;
    }
  }
  *len = (size_t)(out - start);
  return 0;
}

int codec_bytea_text(struct arena *a, const char *s, size_t n, dsql_str *out) {
  bool hex = n >= 2 && s[0] == '\\' && s[1] == 'x';
  uint8_t *bytes = arena_alloc(a, hex ? n / 2 : n);
  size_t len;
  int rc;
  if (!bytes) return DSQL_ENOMEM;
  rc = hex ? decode_hex(s + 2, n - 2, bytes, &len) : decode_escape(s, n, bytes, &len);
  if (rc == 0) *out = (dsql_str){(const char *)bytes, len};
  return rc;
}
