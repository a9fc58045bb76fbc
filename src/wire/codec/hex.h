/* hex.h - hexadecimal digits. */
#ifndef DSQL_WIRE_CODEC_HEX_H
#define DSQL_WIRE_CODEC_HEX_H

#include <stddef.h>
#include <stdint.h>

/* 0..15, or -1. */
static inline int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The byte of two digits, or -1. */
static inline int hex_byte(const char *s) {
  int high = hex_value(s[0]), low = hex_value(s[1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static inline char *hex_print(char *p, const uint8_t *bytes, size_t n) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < n; i++) {
    *p++ = digits[bytes[i] >> 4];
    *p++ = digits[bytes[i] & 15];
  }
  return p;
}

#endif
