/* Addresses as the server writes them: src/port/inet_net_ntop.c. */
#include "wire/codec/hex.h"
#include "wire/codec/print.h"
#include "wire/codec/scalars.h"

enum { WORDS = 8 };

/* Zero words that are left out: the first of the longest runs, of two at least. */
struct run {
  int base, len;
};

static struct run longest_zeros(const uint8_t *bytes) {
  struct run best = {-1, 1}, at = {0, 0};
  for (int i = 0; i < WORDS; i++) {
    if (load_be16(bytes + 2 * i)) {
      at = (struct run){i + 1, 0};
    } else if (++at.len > best.len) {
      best = at;
    }
  }
  return best;
}

/* ::a.b.c.d and ::ffff:a.b.c.d */
static bool holds_ipv4(const uint8_t *bytes, struct run zeros) {
  return zeros.base == 0 && (zeros.len == 6 || (zeros.len == 5 && load_be16(bytes + 10) == 0xffff));
}

static char *print_ipv4(char *p, const uint8_t *bytes) {
  for (int i = 0; i < 4; i++) {
    if (i) *p++ = '.';
    p = codec_print_u64(p, bytes[i]);
  }
  return p;
}

static char *print_group(char *p, const uint8_t *bytes) {
  char digits[4];
  size_t zeros = 0;
  hex_print(digits, bytes, 2);
  while (zeros < 3 && digits[zeros] == '0') zeros++;
  memcpy(p, digits + zeros, 4 - zeros);
  return p + 4 - zeros;
}

static char *print_ipv6(char *p, const uint8_t *bytes) {
  struct run zeros = longest_zeros(bytes);
  for (int i = 0; i < WORDS; i++) {
    if (zeros.base >= 0 && i >= zeros.base && i < zeros.base + zeros.len) {
      if (i == zeros.base) *p++ = ':';
      continue;
    }
    if (i) *p++ = ':';
    if (i == 6 && holds_ipv4(bytes, zeros)) return print_ipv4(p, bytes + 12);
    p = print_group(p, bytes + 2 * i);
  }
  if (zeros.base >= 0 && zeros.base + zeros.len == WORDS) *p++ = ':';
  return p;
}

char *codec_print_inet(char *p, const dsql_inet *v, bool cidr) {
  p = v->family == 4 ? print_ipv4(p, v->bytes) : print_ipv6(p, v->bytes);
  if (!cidr && v->prefix_bits == (v->family == 4 ? 32 : 128)) return p;
  *p++ = '/';
  return codec_print_u64(p, v->prefix_bits);
}
