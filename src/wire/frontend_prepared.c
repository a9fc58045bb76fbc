/* Executing a prepared statement: Bind, Execute and Sync in one reservation. What does not change between executions -
 * the names, the result formats, the Execute - is encoded once per statement. */
#include "wire/encode.h"
#include "wire/frontend.h"

enum {
  EXECUTE_SIZE = 10, /* the unnamed portal, all rows */
  SYNC_SIZE = 5
};

int wire_prepare_tail(struct buf *out, const uint8_t *formats, size_t n_formats) {
  if (n_formats > WIRE_PARAMS_MAX) wire_fail(out, DSQL_ETOOBIG);
  if (!buf_ok(out)) return out->error;
  n_formats = wire_result_codes(formats, n_formats);
  buf_put_be16(out, (uint16_t)n_formats);
  for (size_t i = 0; i < n_formats; i++) buf_put_be16(out, formats[i]);
  wire_execute(out, "", 0);
  (void)buf_reserve(out, WIRE_TAIL_BLOCK);
  return out->error;
}

/* Behind the message's true end lies scratch for the block copies; it is claimed and given back. */
enum { SCRATCH = WIRE_NAME_SIZE + WIRE_TAIL_BLOCK };

void wire_execute_prepared(struct buf *out, const char name[WIRE_NAME_SIZE], size_t name_len, dsql_params params,
                           const uint8_t *tail, size_t tail_len, bool sync) {
  struct wire_measure m;
  uint64_t bind;
  uint8_t *p;

  if (params.n > WIRE_PARAMS_MAX) {
    wire_fail(out, DSQL_ETOOBIG);
    return;
  }
  m = wire_measure_params(params.v, params.n);
  if (m.bytes == UINT64_MAX) {
    wire_fail(out, DSQL_EINVAL);
    return;
  }
  bind = 1 + name_len + 1 + 2 + 2 * m.codes + 2 + tail_len - EXECUTE_SIZE;
  p = wire_begin(out, 'B', bind + EXECUTE_SIZE + SYNC_SIZE + SCRATCH, m.bytes);
  if (!p) return;
  store_be32(p - 4, (uint32_t)(bind + m.bytes) + 4);
  *p++ = 0;
  memcpy(p, name, WIRE_NAME_SIZE);
  p = wire_store_params(p + name_len + 1, params, m.codes);
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
