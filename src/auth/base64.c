#include "auth/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *p, size_t n, char *out) {
  const uint8_t *in = p;
  for (; n >= 3; n -= 3, in += 3) {
    *out++ = alphabet[in[0] >> 2];
    *out++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
    *out++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
    *out++ = alphabet[in[2] & 63];
  }
  if (n == 0) return;
  *out++ = alphabet[in[0] >> 2];
  *out++ = alphabet[(in[0] & 3) << 4 | (n == 2 ? in[1] >> 4 : 0)];
  *out++ = n == 2 ? alphabet[(in[1] & 15) << 2] : '=';
  *out = '=';
}

/* By arithmetic instead of a table: no secret-dependent memory access, as keys are decoded with it too. */
static int digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

/* Four characters of which the last `padding` are '='. Bits that no byte takes must be zero: one text per value. */
static bool decode_group(const char *text, size_t padding, uint8_t *out) {
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; i++) {
    int d = i >= 4 - padding ? 0 : digit(text[i]);
    if (d < 0) return false;
    bits = bits << 6 | (uint32_t)d;
  }
  if (bits & ((UINT32_C(1) << (8 * padding)) - 1)) return false;
  out[0] = (uint8_t)(bits >> 16);
  if (padding < 2) out[1] = (uint8_t)(bits >> 8);
  if (padding < 1) out[2] = (uint8_t)bits;
  return true;
}

bool base64_decode(const char *text, size_t n, uint8_t *out, size_t *out_len) {
  size_t padding = 0;

  *out_len = 0;
  if (n % 4) return false;
  if (n && text[n - 1] == '=') padding = text[n - 2] == '=' ? 2 : 1;
  for (size_t i = 0; i < n; i += 4) {
    size_t cut = i + 4 == n ? padding : 0;
    if (!decode_group(text + i, cut, out + *out_len)) return false;
    *out_len += 3 - cut;
  }
  return true;
}
