/* Canonical queries: percent-encoding and the order of parameters. */
#include "auth/sigv4_steps.h"

static bool is_unreserved(uint8_t c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

void sigv4_encode(struct buf *out, const char *s, size_t n) {
  static const char digits[] = "0123456789ABCDEF";
  for (size_t i = 0; i < n; i++) {
    uint8_t c = (uint8_t)s[i];
    if (is_unreserved(c)) {
      buf_put_u8(out, c);
    } else {
      uint8_t escape[] = {'%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
      buf_put(out, escape, sizeof escape);
    }
  }
}

/* Orders bytes as their encoded forms: '%' is less than every unreserved character, the end less than all. */
static unsigned rank(uint8_t c) { return is_unreserved(c) ? 0x100U + c : c; }

static int compare(const char *a, const char *b) {
  while (*a && *a == *b) {
    a++;
    b++;
  }
  return (int)rank((uint8_t)*a) - (int)rank((uint8_t)*b);
}

static bool comes_before(const struct sigv4_pair *a, const struct sigv4_pair *b) {
  int order = compare(a->name, b->name);
  return order < 0 || (order == 0 && compare(a->value, b->value) < 0);
}

/* A handful of parameters: by insertion. */
void sigv4_sort(struct sigv4_pair *pairs, size_t count) {
  for (size_t i = 1; i < count; i++) {
    struct sigv4_pair p = pairs[i];
    size_t at = i;
    for (; at > 0 && comes_before(&p, &pairs[at - 1]); at--) pairs[at] = pairs[at - 1];
    pairs[at] = p;
  }
}

void sigv4_put_query(struct buf *out, const struct sigv4_pair *pairs, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (i) buf_put_u8(out, '&');
    sigv4_encode(out, pairs[i].name, strlen(pairs[i].name));
    buf_put_u8(out, '=');
    sigv4_encode(out, pairs[i].value, strlen(pairs[i].value));
  }
}
