/* Executing a prepared statement: Bind, Execute and Sync in one reservation. What does not change between executions -
 * the names, the result formats, the Execute - is encoded once per statement. */
#include "wire/bind_head.h"
#include "wire/encode.h"
#include "wire/frontend.h"

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
  bind = 1 + name_len + 1 + 2 + 2 * m.codes + 2 + tail_len - WIRE_EXECUTE_SIZE;
  p = wire_begin(out, 'B', bind + WIRE_EXECUTE_SIZE + WIRE_SYNC_SIZE + SCRATCH, m.bytes);
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
    memcpy(p, "S\0\0\0\4", WIRE_SYNC_SIZE);
    p += WIRE_SYNC_SIZE;
  }
  out->len = (size_t)(p - out->data);
}

/* ---- once more, with parameters like those before ---- */

_Static_assert(WIRE_HEAD_SHORT >= 5 + 1 + WIRE_NAME_SIZE + 2 + 2 + 2, "a head fits");
_Static_assert(WIRE_HEAD_SIZE >= 5 + 1 + WIRE_NAME_SIZE + 2 + 2 * WIRE_HEAD_MIXED + 2, "so does one of many formats");

void wire_head_set(struct wire_head *h, const char name[WIRE_NAME_SIZE], size_t name_len, dsql_params params) {
  struct wire_measure m = wire_measure_params(params.v, params.n);
  uint8_t *p = h->bytes + 5;

  memset(h, 0, sizeof *h);
  if (m.bytes == UINT64_MAX || m.codes > WIRE_HEAD_MIXED) return;
  h->params = params.n;
  h->mixed = m.codes > 1;
  h->bytes[0] = 'B';
  p = wire_store_cstr(p + 1, name, name_len);
  store_be16(p, (uint16_t)m.codes);
  for (size_t i = 0; i < m.codes; i++) {
    h->formats[i] = (uint8_t)params.v[i].format;
    store_be16(p += 2, h->formats[i]);
  }
  store_be16(p + 2, (uint16_t)params.n);
  h->len = (size_t)(p + 4 - h->bytes);
}
