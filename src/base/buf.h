/* buf.h - an owned, growing byte buffer with a maximum set at init and sticky failure: an append that does not fit
 * (or finds no memory) marks the buffer failed and every later append does nothing, so that a message is written
 * without a check per field and checked once at its end. */
#ifndef DSQL_BASE_BUF_H
#define DSQL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

struct buf {
  uint8_t *data;
  size_t len, cap, max;
  const dsql_alloc *alloc;
  int error;   /* 0, DSQL_ENOMEM, DSQL_ETOOBIG, or what a writer found wrong with its input; sticky until buf_reset() */
  bool secret; /* contents are cleansed when moved, cut or freed */
  bool fixed;  /* data is borrowed storage: moved to the heap when outgrown, never freed */
};

void buf_init(struct buf *b, const dsql_alloc *alloc, size_t max);
/* Starts on the caller's storage (an op's inline bytes, a stack array) and moves to the heap only when outgrown. */
void buf_init_on(struct buf *b, const dsql_alloc *alloc, size_t max, void *storage, size_t size);
void buf_deinit(struct buf *b);
void buf_reset(struct buf *b);                /* empties and clears the failure, keeps the memory */
void buf_trim(struct buf *b);                 /* gives the heap memory back when empty */
bool buf_grow(struct buf *b, size_t extra);   /* slow path of buf_reserve */
void buf_consume(struct buf *b, size_t n);    /* drops n bytes at the front */
void buf_truncate(struct buf *b, size_t len); /* drops what is behind len */

static inline bool buf_ok(const struct buf *b) { return b->error == 0; }

/* Makes room for `extra` bytes behind len; false (sticky) when it can't. */
static inline bool buf_reserve(struct buf *b, size_t extra) {
  if (b->error) return false;
  return b->cap - b->len >= extra || buf_grow(b, extra);
}

static inline void buf_put(struct buf *b, const void *p, size_t n) {
  if (n == 0 || !buf_reserve(b, n)) return;
  memcpy(b->data + b->len, p, n);
  b->len += n;
}

static inline void buf_put_u8(struct buf *b, uint8_t v) {
  if (!buf_reserve(b, 1)) return;
  b->data[b->len++] = v;
}

static inline void store_be16(uint8_t *p, uint16_t v) {
  v = __builtin_bswap16(v);
  memcpy(p, &v, sizeof v);
}

static inline void store_be32(uint8_t *p, uint32_t v) {
  v = __builtin_bswap32(v);
  memcpy(p, &v, sizeof v);
}

static inline void store_be64(uint8_t *p, uint64_t v) {
  v = __builtin_bswap64(v);
  memcpy(p, &v, sizeof v);
}

static inline void buf_put_be16(struct buf *b, uint16_t v) {
  if (!buf_reserve(b, 2)) return;
  store_be16(b->data + b->len, v);
  b->len += 2;
}

static inline void buf_put_be32(struct buf *b, uint32_t v) {
  if (!buf_reserve(b, 4)) return;
  store_be32(b->data + b->len, v);
  b->len += 4;
}

static inline void buf_put_be64(struct buf *b, uint64_t v) {
  if (!buf_reserve(b, 8)) return;
  store_be64(b->data + b->len, v);
  b->len += 8;
}

/* memcpy() for what is mostly short: two or four moves, which overlap, instead of a call. */
static inline void copy_short(void *to, const void *from, size_t n) {
  uint8_t *t = to;
  const uint8_t *f = from;

  if (n - 8 <= 8) {
    memcpy(t, f, 8);
    memcpy(t + n - 8, f + n - 8, 8);
  } else if (n - 16 <= 48) {
    size_t half = n > 32 ? 16 : 0; /* the moves are at both ends, and, beyond 32 bytes, next to them */
    memcpy(t, f, 16);
    memcpy(t + half, f + half, 16);
    memcpy(t + n - 16 - half, f + n - 16 - half, 16);
    memcpy(t + n - 16, f + n - 16, 16);
  } else if (n) {
    memcpy(t, f, n);
  }
}

/* The string and its NUL. */
static inline void buf_put_cstr(struct buf *b, const char *s) { buf_put(b, s, strlen(s) + 1); }
static inline void buf_put_str(struct buf *b, const char *s) { buf_put(b, s, strlen(s)); }
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
