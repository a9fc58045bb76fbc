#include "target/values.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

bool value_parse_int(const char *s, size_t n, int *out) {
  const char *end = s + n, *digits;
  bool negative = false;
  int64_t v = 0;

  while (s < end && conninfo_space(*s)) s++;
  while (end > s && conninfo_space(end[-1])) end--;
  if (s < end && (*s == '+' || *s == '-')) negative = *s++ == '-';
  for (digits = s; s < end; s++) {
    if (*s < '0' || *s > '9') return false;
    v = v * 10 + (*s - '0');
    if (v > (int64_t)INT_MAX + 1) return false;
  }
  if (negative) v = -v;
  if (digits == end || v > INT_MAX) return false;
  *out = (int)v;
  return true;
}

int value_int(const struct conninfo *c, enum keyword k, int *out, struct fault *f) {
  const struct conninfo_value *v = &c->values[k];

  if (!v->text || value_parse_int(v->text, v->len, out)) return 0;
  return conninfo_fault(c, k, "must be a whole number", f);
}

int value_count(const struct conninfo *c, enum keyword k, uint32_t *out, struct fault *f) {
  int v = 0, rc = value_int(c, k, &v, f);

  if (rc == 0 && conninfo_get(c, k)) *out = v > 0 ? (uint32_t)v : 0;
  return rc;
}

static int choice_fault(const struct conninfo *c, enum keyword k, const char *const *words, struct fault *f) {
  char wanted[160];
  size_t n = (size_t)snprintf(wanted, sizeof wanted, "must be");

  for (size_t i = 0; words[i] && n < sizeof wanted; i++) {
    const char *join = i == 0 ? "" : words[i + 1] ? "," : " or";
    n += (size_t)snprintf(wanted + n, sizeof wanted - n, "%s %s", join, words[i]);
  }
  return conninfo_fault(c, k, wanted, f);
}

int value_choice(const struct conninfo *c, enum keyword k, const char *const *words, unsigned *out, struct fault *f) {
  const char *text = conninfo_get(c, k);

  if (!text) return 0;
  for (unsigned i = 0; words[i]; i++) {
    if (strcmp(words[i], text)) continue;
    *out = i;
    return 0;
  }
  return choice_fault(c, k, words, f);
}

static int base64_digit(char ch) {
  if (ch >= 'A' && ch <= 'Z') return ch - 'A';
  if (ch >= 'a' && ch <= 'z') return ch - 'a' + 26;
  if (ch >= '0' && ch <= '9') return ch - '0' + 52;
  return ch == '+' ? 62 : ch == '/' ? 63 : -1;
}

/* Strict: canonical padding, no other byte (RFC 4648, sections 3.3 and 3.5). */
static bool base64_decode(const char *s, size_t n, uint8_t *out, size_t out_len) {
  size_t digits = (out_len * 8 + 5) / 6;
  uint32_t bits = 0;
  unsigned have = 0;

  if (n != (out_len + 2) / 3 * 4) return false;
  for (size_t i = 0; i < n; i++) {
    int d = i < digits ? base64_digit(s[i]) : s[i] == '=' ? 0 : -1;
    if (d < 0) return false;
    if (i >= digits) continue;
    bits = bits << 6 | (uint32_t)d;
    have += 6;
    if (have >= 8) *out++ = (uint8_t)(bits >> (have -= 8));
    bits &= (1u << have) - 1;
  }
  return bits == 0;
}

int value_key(const struct conninfo *c, enum keyword k, uint8_t *out, size_t n, bool *set, struct fault *f) {
  const struct conninfo_value *v = &c->values[k];
  char wanted[48];

  *set = false;
  if (!v->text) return 0;
  *set = base64_decode(v->text, v->len, out, n);
  if (*set) return 0;
  (void)snprintf(wanted, sizeof wanted, "must be the base64 of %zu bytes", n);
  return conninfo_fault(c, k, wanted, f);
}
