/* Executing a prepared statement: Bind and Execute in one reservation. What does not change between executions - the
 * names, the result formats, the Execute - is encoded once per statement. */
#include "base/cursor.h"
#include "wire/encode.h"
#include "wire/frontend.h"

enum { EXECUTE_SIZE = 10 }; /* the unnamed portal, all rows */

int wire_prepare_tail(struct buf *out, const uint8_t *formats, size_t n_formats) {
  bool same = true;

  for (size_t i = 1; i < n_formats; i++) same = same && formats[i] == formats[0];
  if (same && n_formats) n_formats = 1;
  buf_put_be16(out, (uint16_t)n_formats);
  for (size_t i = 0; i < n_formats; i++) buf_put_be16(out, formats[i]);
  wire_execute(out, "", 0);
  return out->error;
}

/* The bytes of all parameters with their lengths, or UINT64_MAX when one of them can't be sent. */
static uint64_t values_size(const dsql_param *v, size_t n) {
  uint64_t size = 4 * n;
  for (size_t i = 0; i < n; i++) {
    if (v[i].len >= 0)
      size += (uint32_t)v[i].len;
    else if (v[i].len != -1)
      return UINT64_MAX;
  }
  return size;
}

static bool same_format(const dsql_param *v, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (v[i].format != v[0].format) return false;
  return true;
}

static uint8_t *store_params(uint8_t *p, dsql_params params, size_t codes) {
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

void wire_execute_prepared(struct buf *out, const char *name, size_t name_len, dsql_params params, const uint8_t *tail,
                           size_t tail_len) {
  size_t codes;
  uint64_t values;
  uint8_t *p;

  if (params.n > WIRE_PARAMS_MAX) {
    wire_fail(out, DSQL_ETOOBIG);
    return;
  }
  values = values_size(params.v, params.n);
  if (values == UINT64_MAX) {
    wire_fail(out, DSQL_EINVAL);
    return;
  }
  codes = params.n == 0 ? 0 : same_format(params.v, params.n) ? 1 : params.n;
  /* The Execute is claimed together with the Bind and then taken out of its length again. */
  p = wire_begin(out, 'B', 1 + name_len + 1 + 2 + 2 * codes + 2 + tail_len, values);
  if (!p) return;
  store_be32(p - 4, load_be32(p - 4) - EXECUTE_SIZE);
  *p++ = 0;
  memcpy(p, name, name_len + 1);
  p = store_params(p + name_len + 1, params, codes);
  memcpy(p, tail, tail_len);
}
