/* encode.h - what the encoders share: one reservation per message, then plain stores. Private to this layer. */
#ifndef DSQL_WIRE_ENCODE_H
#define DSQL_WIRE_ENCODE_H

#include "base/buf.h"

/* The length word counts itself and is an Int32. */
enum { WIRE_BODY_MAX = INT32_MAX - 4 };

/* Marks the buffer failed, like buf_reserve() does; the first failure stays. */
static inline void wire_fail(struct buf *out, int code) {
  if (!out->error) out->error = code;
}

/* Writes type and length and claims `fixed` + `payload` bytes behind them, which the caller must fill to the last one.
 * NULL, with nothing written and the buffer failed, when the message is too big or there is no memory. fixed is a sum
 * of a few small sizes; payload may be any number at all. */
static inline uint8_t *wire_begin(struct buf *out, char type, uint64_t fixed, uint64_t payload) {
  uint64_t len = fixed + payload;
  uint8_t *p;

  if (payload > WIRE_BODY_MAX || len > WIRE_BODY_MAX) {
    wire_fail(out, DSQL_ETOOBIG);
    return NULL;
  }
  if (!buf_reserve(out, (size_t)len + 5)) return NULL;
  p = out->data + out->len;
  out->len += (size_t)len + 5;
  p[0] = (uint8_t)type;
  store_be32(p + 1, (uint32_t)len + 4);
  return p + 5;
}

/* Names are of a few bytes, or empty: loops cost fewer instructions than calls do, and spare the caller the saving of
 * its registers. The empty asm keeps the compiler from making calls of them again. */
static inline size_t wire_name_len(const char *name) {
  size_t n = 0;
  for (; name[n]; n++) __asm__("");
  return n;
}

/* The name and its NUL; returns what is behind it. */
static inline uint8_t *wire_store_name(uint8_t *p, const char *name) {
  while ((*p++ = (uint8_t)*name++)) {}
  return p;
}

/* n bytes; returns what is behind them. */
static inline uint8_t *wire_store(uint8_t *p, const void *data, size_t n) {
  if (n) memcpy(p, data, n);
  return p + n;
}

/* n bytes and a NUL; returns what is behind them. */
static inline uint8_t *wire_store_cstr(uint8_t *p, const char *s, size_t n) {
  p = wire_store(p, s, n);
  *p = 0;
  return p + 1;
}

/* A NUL inside a string would end it early and turn the rest of it into other fields of the message. */
static inline bool wire_text_ok(struct buf *out, const char *s, size_t n) {
  if (n > WIRE_BODY_MAX)
    wire_fail(out, DSQL_ETOOBIG);
  else if (n && memchr(s, 0, n))
    wire_fail(out, DSQL_EINVAL);
  else
    return true;
  return false;
}

#endif
