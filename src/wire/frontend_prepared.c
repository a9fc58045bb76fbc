/* Executing a prepared statement: Bind and Execute in one reservation. What does not change between executions - the
 * names, the result formats, the Execute - is encoded once per statement. */
#include "base/cursor.h"
#include "wire/encode.h"
#include "wire/frontend.h"

enum {
  EXECUTE_SIZE = 10, /* the unnamed portal, all rows */
  SYNC_SIZE = 5
};

int wire_prepare_tail(struct buf *out, const uint8_t *formats, size_t n_formats) {
  bool same = true;

  for (size_t i = 1; i < n_formats; i++) same = same && formats[i] == formats[0];
  if (same && n_formats) n_formats = 1;
  buf_put_be16(out, (uint16_t)n_formats);
  for (size_t i = 0; i < n_formats; i++) buf_put_be16(out, formats[i]);
  wire_execute(out, "", 0);
  (void)buf_reserve(out, WIRE_TAIL_BLOCK);
  return out->error;
}

struct measure {
  uint64_t bytes; /* of all values with their lengths; UINT64_MAX when one of them can't be sent */
  size_t codes;   /* format codes: one stands for all when they are the same */
};

static inline struct measure measure_params(const dsql_param *v, size_t n) {
  struct measure m = {4 * n, n != 0};
  for (size_t i = 0; i < n; i++) {
    if (v[i].len >= 0)
      m.bytes += (uint32_t)v[i].len;
    else if (v[i].len != -1)
      return (struct measure){UINT64_MAX, 0};
    if (v[i].format != v[0].format) m.codes = n;
  }
  return m;
}

static inline uint8_t *store_params(uint8_t *p, dsql_params params, size_t codes) {
  store_be16(p, (uint16_t)codes);
  p += 2;
  for (size_t i = 0; i < codes; i++, p += 2) store_be16(p, (uint16_t)params.v[i].format);
  store_be16(p, (uint16_t)params.n);
  p += 2;
  for (size_t i = 0; i < params.n; i++) {
    const dsql_param *v = &params.v[i];
    const void *data = v->data ? v->data : v->imm;
    store_be32(p, (uint32_t)v->len);
    p += 4;
    if (v->len == 8) {
      memcpy(p, data, 8);
      p += 8;
    } else if (v->len > 0) {
      p = wire_store(p, data, (size_t)v->len);
    }
  }
  return p;
}

/* Behind the message's true end lies scratch for the block copies; it is claimed and given back. */
enum { SCRATCH = WIRE_NAME_SIZE + WIRE_TAIL_BLOCK };

void wire_execute_prepared(struct buf *out, const char name[WIRE_NAME_SIZE], size_t name_len, dsql_params params,
                           const uint8_t *tail, size_t tail_len, bool sync) {
  struct measure m = params.n <= WIRE_PARAMS_MAX ? measure_params(params.v, params.n) : (struct measure){0, 0};
  uint64_t bind = 1 + name_len + 1 + 2 + 2 * m.codes + 2 + tail_len - EXECUTE_SIZE;
  uint8_t *p;

  if (params.n > WIRE_PARAMS_MAX || m.bytes == UINT64_MAX) {
    wire_fail(out, params.n > WIRE_PARAMS_MAX ? DSQL_ETOOBIG : DSQL_EINVAL);
    return;
  }
  p = wire_begin(out, 'B', bind + EXECUTE_SIZE + SYNC_SIZE + SCRATCH, m.bytes);
  if (!p) return;
  store_be32(p - 4, (uint32_t)(bind + m.bytes) + 4);
  *p++ = 0;
  memcpy(p, name, WIRE_NAME_SIZE);
  p = store_params(p + name_len + 1, params, m.codes);
  if (tail_len <= WIRE_TAIL_BLOCK)
    memcpy(p, tail, WIRE_TAIL_BLOCK);
  else
    memcpy(p, tail, tail_len);
  p += tail_len;
  if (sync) {
    memcpy(p, "S\0\0\0\4", SYNC_SIZE);
    p += SYNC_SIZE;
  }
  out->len = (size_t)(p - out->data);
}
