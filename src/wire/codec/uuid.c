#include "wire/codec.h"
#include "wire/codec/hex.h"
#include "wire/codec/print.h"

enum { UUID_TEXT_LEN = 36 };

/* The hyphens of 8-4-4-4-12 stand in front of these bytes. */
static bool hyphen_before(size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

int codec_uuid_text(const char *s, size_t n, dsql_uuid *out) {
  dsql_uuid v;
  if (n != UUID_TEXT_LEN) return DSQL_EPROTO;
  for (size_t i = 0; i < sizeof v.bytes; i++, s += 2) {
    int byte;
    if (hyphen_before(i) && *s++ != '-') return DSQL_EPROTO;
    byte = hex_byte(s);
    if (byte < 0) return DSQL_EPROTO;
    v.bytes[i] = (uint8_t)byte;
  }
  *out = v;
  return 0;
}

int codec_uuid_binary(const uint8_t *p, size_t n, dsql_uuid *out) {
  if (n != sizeof out->bytes) return DSQL_EPROTO;
  memcpy(out->bytes, p, sizeof out->bytes);
  return 0;
}

char *codec_print_uuid(char *p, const dsql_uuid *v) {
  for (size_t i = 0; i < sizeof v->bytes; i++) {
    if (hyphen_before(i)) *p++ = '-';
    p = hex_print(p, &v->bytes[i], 1);
  }
  return p;
}
