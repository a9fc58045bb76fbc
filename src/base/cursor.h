/* cursor.h - the one bounds-checked reader of untrusted bytes (big-endian, as the protocol is). A read past the end
 * gives zero, marks the cursor failed and moves nothing; so a message is read without a check per field and checked
 * once with cursor_done(), which also asks that nothing is left over. */
#ifndef DSQL_BASE_CURSOR_H
#define DSQL_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dsql/dsql.h"

struct cursor {
  const uint8_t *pos, *end;
  bool failed;
};

static inline struct cursor cursor_of(const void *p, size_t n) {
  const uint8_t *bytes = p;
  return (struct cursor){bytes, n ? bytes + n : bytes, false};
}

static inline size_t cursor_left(const struct cursor *c) { return (size_t)(c->end - c->pos); }
static inline bool cursor_done(const struct cursor *c) { return !c->failed && c->pos == c->end; }

static inline uint16_t load_be16(const uint8_t *p) {
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return __builtin_bswap16(v);
}

static inline uint32_t load_be32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return __builtin_bswap32(v);
}

static inline uint64_t load_be64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return __builtin_bswap64(v);
}

/* n bytes as a view; NULL (and failed) when fewer are left. */
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t n) {
  const uint8_t *p = c->pos;
  if (c->failed || n > cursor_left(c)) {
    c->failed = true;
    return NULL;
  }
  c->pos += n;
  return p;
}

static inline uint8_t cursor_u8(struct cursor *c) {
  const uint8_t *p = cursor_bytes(c, 1);
  return p ? *p : 0;
}

static inline uint16_t cursor_u16(struct cursor *c) {
  const uint8_t *p = cursor_bytes(c, 2);
  return p ? load_be16(p) : 0;
}

static inline uint32_t cursor_u32(struct cursor *c) {
  const uint8_t *p = cursor_bytes(c, 4);
  return p ? load_be32(p) : 0;
}

static inline int16_t cursor_i16(struct cursor *c) { return (int16_t)cursor_u16(c); }
static inline int32_t cursor_i32(struct cursor *c) { return (int32_t)cursor_u32(c); }

static inline uint64_t cursor_u64(struct cursor *c) {
  const uint8_t *p = cursor_bytes(c, 8);
  return p ? load_be64(p) : 0;
}

/* A NUL-terminated string; the view excludes the NUL, which is in the buffer behind it. */
static inline dsql_str cursor_cstr(struct cursor *c) {
  const uint8_t *start = c->pos, *nul;
  nul = c->failed || start == c->end ? NULL : memchr(start, 0, cursor_left(c));
  if (!nul) {
    c->failed = true;
    return (dsql_str){"", 0};
  }
  c->pos = nul + 1;
  return (dsql_str){(const char *)start, (size_t)(nul - start)};
}

#endif
