#include "wire/codec/scalars.h"

bool codec_bits_valid(const dsql_bits *v) {
  size_t used = v->count % 8;
  return used == 0 || (v->bytes[v->count / 8] & (0xff >> used)) == 0;
}

int codec_bits_binary(const uint8_t *p, size_t n, dsql_bits *out) {
  dsql_bits v;
  if (n < 4 || load_be32(p) > INT32_MAX) return DSQL_EPROTO;
  v = (dsql_bits){p + 4, load_be32(p)};
  if (n - 4 != (v.count + 7) / 8 || !codec_bits_valid(&v)) return DSQL_EPROTO;
  *out = v;
  return 0;
}

int codec_bits_text(struct arena *a, const char *s, size_t n, dsql_bits *out) {
  size_t size = n / 8 + (n % 8 != 0);
  uint8_t *bytes = arena_alloc(a, size);
  if (!bytes) return DSQL_ENOMEM;
  memset(bytes, 0, size);
  for (size_t i = 0; i < n; i++) {
    if (s[i] != '0' && s[i] != '1') return DSQL_EPROTO;
    bytes[i / 8] |= (uint8_t)((s[i] - '0') << (7 - i % 8));
  }
  *out = (dsql_bits){bytes, n};
  return 0;
}

char *codec_print_bits(char *p, const dsql_bits *v) {
  for (size_t i = 0; i < v->count; i++) *p++ = (char)('0' + (v->bytes[i / 8] >> (7 - i % 8) & 1));
  return p;
}
