/* scan.h - a reader of short texts from the server. Each function moves on only when it returns true. */
#ifndef DSQL_WIRE_CODEC_SCAN_H
#define DSQL_WIRE_CODEC_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct scan {
  const char *pos, *end;
};

static inline struct scan scan_of(const char *s, size_t n) { return (struct scan){s, n ? s + n : s}; }
static inline size_t scan_left(const struct scan *s) { return (size_t)(s->end - s->pos); }
static inline bool scan_done(const struct scan *s) { return s->pos == s->end; }
static inline bool scan_is(const struct scan *s, char c) { return s->pos != s->end && *s->pos == c; }
static inline bool scan_is_digit(const struct scan *s) {
  return s->pos != s->end && (unsigned char)(*s->pos - '0') < 10;
}

static inline bool scan_char(struct scan *s, char c) {
  if (!scan_is(s, c)) return false;
  s->pos++;
  return true;
}

static inline bool scan_word(struct scan *s, const char *word) {
  size_t n = strlen(word);
  if (scan_left(s) < n || memcmp(s->pos, word, n) != 0) return false;
  s->pos += n;
  return true;
}

/* Between least and most digits (most <= 18, so that nothing overflows). */
static inline bool scan_digits(struct scan *s, unsigned least, unsigned most, uint64_t *out) {
  const char *start = s->pos;
  uint64_t v = 0;
  while (scan_is_digit(s) && (size_t)(s->pos - start) < most) v = v * 10 + (uint64_t)(*s->pos++ - '0');
  if ((size_t)(s->pos - start) < least || scan_is_digit(s)) {
    s->pos = start;
    return false;
  }
  *out = v;
  return true;
}

/* What is behind the decimal point of seconds: one to six digits, as microseconds. */
static inline bool scan_fraction_us(struct scan *s, uint64_t *out) {
  const char *start = s->pos;
  uint64_t v;
  if (!scan_digits(s, 1, 6, &v)) return false;
  for (size_t digits = (size_t)(s->pos - start); digits < 6; digits++) v *= 10;
  *out = v;
  return true;
}

static inline bool text_is(const char *s, size_t n, const char *word) {
  return n == strlen(word) && memcmp(s, word, n) == 0;
}

#endif
