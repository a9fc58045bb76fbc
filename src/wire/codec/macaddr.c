#include "wire/codec/hex.h"
#include "wire/codec/scalars.h"

static int mac_binary(const uint8_t *p, size_t n, uint8_t *bytes, size_t size) {
  if (n != size) return DSQL_EPROTO;
  memcpy(bytes, p, size);
  return 0;
}

static bool read_mac(const char *s, size_t n, uint8_t *bytes, size_t size) {
  if (n != 3 * size - 1) return false;
  for (size_t i = 0; i < size; i++) {
    int byte = hex_byte(s + 3 * i);
    if (byte < 0 || (i && s[3 * i - 1] != ':')) return false;
    bytes[i] = (uint8_t)byte;
  }
  return true;
}

int codec_macaddr_binary(const uint8_t *p, size_t n, dsql_macaddr *out) {
  return mac_binary(p, n, out->bytes, sizeof out->bytes);
}

int codec_macaddr8_binary(const uint8_t *p, size_t n, dsql_macaddr8 *out) {
  return mac_binary(p, n, out->bytes, sizeof out->bytes);
}

int codec_macaddr_text(const char *s, size_t n, dsql_macaddr *out) {
  dsql_macaddr v;
  if (!read_mac(s, n, v.bytes, sizeof v.bytes)) return DSQL_EPROTO;
  *out = v;
  return 0;
}

int codec_macaddr8_text(const char *s, size_t n, dsql_macaddr8 *out) {
  dsql_macaddr8 v;
  if (!read_mac(s, n, v.bytes, sizeof v.bytes)) return DSQL_EPROTO;
  *out = v;
  return 0;
}

char *codec_print_mac(char *p, const uint8_t *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (i) *p++ = ':';
    p = hex_print(p, bytes + i, 1);
  }
  return p;
}
