/* Bind: String portal, String statement, Int16 n, n times Int16 parameter format, Int16 n, n times (Int32 length,
 * bytes), Int16 n, n times Int16 result format. One format code stands for all. */
#include "wire/encode.h"
#include "wire/frontend.h"

/* What the parameters need, found in one pass over them. */
struct shape {
  uint64_t values;     /* bytes of all values */
  size_t codes;        /* parameter format codes: 0, 1 or one for each */
  size_t result_codes; /* likewise */
};

static int shape_of(dsql_params params, const uint8_t *formats, size_t n_formats, struct shape *out) {
  uint64_t values = 0;
  unsigned mixed = 0;

  if (!formats) n_formats = 0;
  if (params.n > WIRE_PARAMS_MAX || n_formats > WIRE_PARAMS_MAX) return DSQL_ETOOBIG;
  for (size_t i = 0; i < params.n; i++) {
    int32_t len = params.v[i].len;
    if (len < -1) return DSQL_EINVAL;
    if (len > 0) values += (uint32_t)len;
    mixed |= (unsigned)(params.v[i].format ^ params.v[0].format);
  }
  out->values = values;
  out->codes = mixed ? params.n : params.n != 0;
  mixed = 0;
  for (size_t i = 1; i < n_formats; i++) mixed |= (unsigned)(formats[i] ^ formats[0]);
  out->result_codes = mixed ? n_formats : n_formats != 0;
  return 0;
}

/* Length and bytes. Nearly every scalar has one of two sizes, which are copied without a call. */
static uint8_t *store_value(uint8_t *p, const dsql_param *v) {
  const void *data = v->data ? v->data : v->imm;
  store_be32(p, (uint32_t)v->len);
  p += 4;
  if (v->len == 8) return (uint8_t *)memcpy(p, data, 8) + 8;
  if (v->len == 4) return (uint8_t *)memcpy(p, data, 4) + 4;
  return v->len > 0 ? wire_store(p, data, (size_t)v->len) : p;
}

void wire_bind(struct buf *out, const char *portal, const char *statement, dsql_params params, const uint8_t *formats,
               size_t n_formats) {
  size_t portal_len = wire_strlen(portal), statement_len = wire_strlen(statement);
  struct shape shape;
  int code = shape_of(params, formats, n_formats, &shape);
  uint8_t *p;

  if (code) {
    wire_fail(out, code);
    return;
  }
  p = wire_begin(out, 'B', portal_len + statement_len + 8 + 4 * params.n + 2 * (shape.codes + shape.result_codes),
                 shape.values);
  if (!p) return;
  p = wire_store_cstr(p, portal, portal_len);
  p = wire_store_cstr(p, statement, statement_len);
  store_be16(p, (uint16_t)shape.codes);
  p += 2;
  for (size_t i = 0; i < shape.codes; i++, p += 2) store_be16(p, (uint16_t)params.v[i].format);
  store_be16(p, (uint16_t)params.n);
  p += 2;
  for (size_t i = 0; i < params.n; i++) p = store_value(p, &params.v[i]);
  store_be16(p, (uint16_t)shape.result_codes);
  p += 2;
  for (size_t i = 0; i < shape.result_codes; i++, p += 2) store_be16(p, formats[i]);
}
