/* copy_row.h - rows of a binary COPY FROM STDIN, as most are: scalars, texts and NULLs, and a buffer with room for them.
 * What that does not hold for is wire_copy_row_binary()'s, which also says what is wrong. */
#ifndef DSQL_WIRE_COPY_ROW_H
#define DSQL_WIRE_COPY_ROW_H

#include <stddef.h>

#include "base/buf.h"
#include "dsql/dsql.h"

enum {
  COPY_IMM_SIZE = 16,                  /* of imm, copied without a look at how many bytes there are */
  COPY_VALUE_ROOM = 4 + COPY_IMM_SIZE, /* with the length in front */
  COPY_TEXT_MAX = 16 /* moved without a call, which alone would cost every row the saving of its registers */
};

/* To the compiler, which lays the code out for it. */
#define COPY_MOSTLY(condition) __builtin_expect(condition, 1)

static inline void copy_row_text(uint8_t *to, const uint8_t *from, size_t n) {
  if (COPY_MOSTLY(n >= 8)) {
    copy_short(to, from, n);
  } else if (n >= 4) {
    memcpy(to, from, 4);
    memcpy(to + n - 4, from + n - 4, 4);
  } else if (n) {
    to[0] = from[0];
    to[n / 2] = from[n / 2];
    to[n - 1] = from[n - 1];
  }
}

/* Returns what is behind the value; NULL: not here. left: values of the row from this one on. */
__attribute__((always_inline)) static inline uint8_t *
copy_row_text_value(const struct buf *out, uint8_t *p, const dsql_param *v, size_t left, uint32_t text_max) {
  const uint8_t *data = v->data;
  size_t len = (uint32_t)v->len;

  store_be32(p, (uint32_t)len);
  if (!COPY_MOSTLY(v->oid == 0) && v->format != 1) return NULL;
  if (COPY_MOSTLY(len - 8 <= 8)) {
    memcpy(p + 4, data, 8);
    memcpy(p + len - 4, data + len - 8, 8);
    return p + 4 + len;
  }
  if (len > text_max) return NULL;
  if (len > COPY_IMM_SIZE && (size_t)(out->data + out->cap - p) < len + COPY_VALUE_ROOM * left) return NULL;
  copy_row_text(p + 4, data, len);
  return p + 4 + len;
}

__attribute__((always_inline)) static inline uint8_t *copy_row_scalar(uint8_t *p, const dsql_param *v) {
  uint64_t len = (uint32_t)v->len;

  store_be32(p, (uint32_t)len);
  if (v->format == 1 && len <= COPY_IMM_SIZE) {
    memcpy(p + 4, v->imm, COPY_IMM_SIZE); /* what is too much will be written over */
    return p + 4 + len;
  }
  return v->len == -1 ? p + 4 : NULL;
}

/* Format and length at once: binary, and so many bytes. */
static inline uint64_t copy_row_shape(const dsql_param *v) {
  uint64_t shape;
  _Static_assert(offsetof(dsql_param, len) == offsetof(dsql_param, format) + 4, "they are neighbours");
  memcpy(&shape, (const uint8_t *)v + offsetof(dsql_param, format), sizeof shape);
  return shape;
}
#define COPY_BINARY(len) ((uint64_t)(len) << 32 | 1)

/* Appends a row of n values, from 1 to WIRE_PARAMS_MAX, to a buffer that has not failed. False, with nothing appended: not
 * here, or a text above text_max. */
__attribute__((always_inline)) static inline bool copy_row_put(struct buf *out, const dsql_param *v, size_t n,
                                                               uint32_t text_max) {
  uint8_t *p;

  if (out->cap - out->len < 2 + COPY_VALUE_ROOM * n) return false;
  p = out->data + out->len;
  store_be16(p, (uint16_t)n);
  p += 2;
  do {
    if (!COPY_MOSTLY(!v->data)) {
      p = copy_row_text_value(out, p, v, n, text_max);
      if (!COPY_MOSTLY(p != NULL)) return false;
    } else if (COPY_MOSTLY(copy_row_shape(v) == COPY_BINARY(4))) {
      store_be32(p, 4);
      memcpy(p + 4, v->imm, 4);
      p += 8;
    } else if (COPY_MOSTLY(copy_row_shape(v) == COPY_BINARY(8))) {
      store_be32(p, 8);
      memcpy(p + 4, v->imm, 8);
      p += 12;
    } else {
      p = copy_row_scalar(p, v);
      if (!COPY_MOSTLY(p != NULL)) return false;
    }
    v++;
  } while (--n);
  out->len = (size_t)(p - out->data);
  return true;
}

/* The same as a function, for texts of any length. */
bool wire_copy_row_mixed(struct buf *out, const dsql_param *v, size_t n);

#endif
