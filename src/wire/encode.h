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

/* ---- parameters, for the two ways to write a Bind ---- */

struct wire_measure {
  uint64_t bytes; /* of all values with their lengths; UINT64_MAX when one of them can't be sent */
  size_t codes;   /* format codes: none of nothing, one when all are the same, else one for each */
};

static inline struct wire_measure wire_measure_params(const dsql_param *v, size_t n) {
  struct wire_measure m = {4 * n, n != 0};

  for (size_t i = 0; i < n; i++) { /* v may be NULL when n is 0: nothing may be added to it then */
    if (__builtin_expect(v[i].len >= 0, 1))
      m.bytes += (uint32_t)v[i].len;
    else if (v[i].len != -1)
      return (struct wire_measure){UINT64_MAX, 0};
    if (v[i].format != v->format) m.codes = n;
  }
  return m;
}

/* The two sizes of most scalars cost no call. */
static inline uint8_t *wire_store_value(uint8_t *p, const dsql_param *v) {
  const void *data = v->data ? v->data : v->imm;
  int32_t len = v->len;

  store_be32(p, (uint32_t)len);
  p += 4;
  if (len == 8) return (uint8_t *)memcpy(p, data, 8) + 8;
  if (len == 4) return (uint8_t *)memcpy(p, data, 4) + 4;
  return len > 0 ? wire_store(p, data, (size_t)len) : p;
}

static inline size_t wire_result_codes(const uint8_t *formats, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (formats[i] != formats[0]) return n;
  return n != 0;
}

/* Formats and values: 2 + 2 * codes + 2 bytes and those that were measured. Returns what is behind them. */
static inline uint8_t *wire_store_params(uint8_t *p, dsql_params params, size_t codes) {
  const dsql_param *v = params.v;

  store_be16(p, (uint16_t)codes);
  if (codes == 1) store_be16(p + 2, (uint16_t)v->format);
  for (size_t i = 0; codes > 1 && i < codes; i++) store_be16(p + 2 + 2 * i, (uint16_t)v[i].format);
  p += 2 + 2 * codes;
  store_be16(p, (uint16_t)params.n);
  p += 2;
  for (size_t i = 0; i < params.n; i++) p = wire_store_value(p, &v[i]); /* v may be NULL when there are none */
  return p;
}

#endif
