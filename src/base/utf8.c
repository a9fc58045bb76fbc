#include "base/utf8.h"

#include <stdint.h>

static bool continuation(unsigned char c) { return (c & 0xC0) == 0x80; }

/* The length of the valid sequence at p, or 0. */
static size_t sequence(const unsigned char *p, size_t left) {
  unsigned char lead = p[0], low = 0x80, high = 0xBF;
  size_t n;

  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF)
    n = 2;
  else if (lead >= 0xE0 && lead <= 0xEF)
    n = 3;
  else if (lead >= 0xF0 && lead <= 0xF4)
    n = 4;
  else
    return 0;
  if (left < n) return 0;
  if (lead == 0xE0) low = 0xA0;  /* overlong */
  if (lead == 0xED) high = 0x9F; /* surrogates */
  if (lead == 0xF0) low = 0x90;  /* overlong */
  if (lead == 0xF4) high = 0x8F; /* above U+10FFFF */
  if (p[1] < low || p[1] > high) return 0;
  for (size_t i = 2; i < n; i++)
    if (!continuation(p[i])) return 0;
  return n;
}

bool utf8_valid(const char *s, size_t n) {
  const unsigned char *p = (const unsigned char *)s;
  for (size_t i = 0, step; i < n; i += step) {
    step = sequence(p + i, n - i);
    if (step == 0) return false;
  }
  return true;
}

size_t utf8_length(const char *s, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    if (!continuation((unsigned char)s[i])) count++;
  return count;
}
