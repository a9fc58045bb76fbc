/* bind_head.h - executing a prepared statement once more, with as many parameters of the same format as before: what its
 * Bind begins with is kept and copied as a block. */
#ifndef DSQL_WIRE_BIND_HEAD_H
#define DSQL_WIRE_BIND_HEAD_H

#include "wire/copy_row.h"
#include "wire/frontend.h"

enum {
  WIRE_EXECUTE_SIZE = 10, /* the unnamed portal, all rows */
  WIRE_SYNC_SIZE = 5
};

/* What every Bind of a statement begins with whose parameters are as many and of the same formats; len 0: not known. */
enum { WIRE_HEAD_SIZE = 64, WIRE_HEAD_SHORT = 48, WIRE_HEAD_MIXED = 14 };
struct wire_head {
  size_t len, params;
  bool mixed;                       /* each has a format of its own */
  uint8_t formats[WIRE_HEAD_MIXED]; /* the first one is that of all unless mixed */
  uint8_t bytes[WIRE_HEAD_SIZE];
};
/* As the parameters are now; not known when one can't be sent, or more than WIRE_HEAD_MIXED
 * have different formats. */
void wire_head_set(struct wire_head *h, const char name[WIRE_NAME_SIZE], size_t name_len, dsql_params params);

/* Returns what is behind the value; NULL: not here. */
__attribute__((always_inline)) static inline uint8_t *bind_head_value(uint8_t *p, const dsql_param *v, int32_t format) {
  uint64_t len = (uint32_t)v->len;

  store_be32(p, (uint32_t)len);
  p += 4;
  if (!COPY_MOSTLY(len <= COPY_IMM_SIZE)) return v->len == -1 ? p : NULL;
  if (!COPY_MOSTLY(v->format == format)) return NULL;
  if (v->data)
    copy_row_text(p, v->data, len);
  else
    memcpy(p, v->imm, COPY_IMM_SIZE); /* what is too much will be written over */
  return p + len;
}

/* wire_execute_prepared() with that head, for scalars and short texts, and a buffer with room for more than them. False,
 * with nothing written: not here. A NULL may have another format. */
__attribute__((always_inline)) static inline bool wire_execute_headed(struct buf *out, const struct wire_head *h,
                                                                      dsql_params params, const uint8_t *tail,
                                                                      size_t tail_len, bool sync) {
  const uint8_t *format = h->formats;
  uint8_t *bind, *p;
  size_t room = WIRE_HEAD_SIZE + COPY_VALUE_ROOM * params.n + WIRE_TAIL_BLOCK + WIRE_SYNC_SIZE;

  if (h->len == 0 || params.n != h->params || tail_len > WIRE_TAIL_BLOCK || out->error || out->cap - out->len < room)
    return false;
  bind = out->data + out->len;
  memcpy(bind, h->bytes, WIRE_HEAD_SHORT);
  if (h->mixed) memcpy(bind + WIRE_HEAD_SHORT, h->bytes + WIRE_HEAD_SHORT, WIRE_HEAD_SIZE - WIRE_HEAD_SHORT);
  p = bind + h->len;
  for (size_t left = params.n; left; left--, format += h->mixed) /* v may be NULL: nothing is added to it then */
    if (!(p = bind_head_value(p, params.v++, *format))) return false;
  memcpy(p, tail, WIRE_TAIL_BLOCK);
  p += tail_len;
  store_be32(bind + 1, (uint32_t)(p - bind) - WIRE_EXECUTE_SIZE - 1);
  if (sync) {
    memcpy(p, "S\0\0\0\4", WIRE_SYNC_SIZE);
    p += WIRE_SYNC_SIZE;
  }
  out->len = (size_t)(p - out->data);
  return true;
}

#endif
