/* Bind: String portal, String statement, Int16 n, n times Int16 parameter format, Int16 n, n times (Int32 length,
 * bytes), Int16 n, n times Int16 result format. One format code stands for all when they are the same. */
#include "wire/encode.h"
#include "wire/frontend.h"

/* The bytes of all values with their lengths, or UINT64_MAX when one of them can't be sent. */
static inline uint64_t values_size(const dsql_param *v, size_t n) {
  uint64_t size = 4 * n;
  for (size_t i = 0; i < n; i++) {
    if (v[i].len >= 0)
      size += (uint32_t)v[i].len;
    else if (v[i].len != -1)
      return UINT64_MAX;
  }
  return size;
}

/* How many codes say the formats: none of nothing, one when all are the same, else one for each. */
static inline size_t param_codes(const dsql_param *v, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (v[i].format != v[0].format) return n;
  return n != 0;
}

static inline size_t result_codes(const uint8_t *formats, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (formats[i] != formats[0]) return n;
  return n != 0;
}

/* The two sizes of most scalars cost no call. */
static inline uint8_t *store_value(uint8_t *p, const dsql_param *v) {
  const void *data = v->data ? v->data : v->imm;
  int32_t len = v->len;

  store_be32(p, (uint32_t)len);
  p += 4;
  if (len == 8) return (uint8_t *)memcpy(p, data, 8) + 8;
  if (len == 4) return (uint8_t *)memcpy(p, data, 4) + 4;
  return len > 0 ? wire_store(p, data, (size_t)len) : p;
}

/* What is behind the names. */
static void store_values(uint8_t *p, dsql_params params, size_t n_codes, const uint8_t *formats, size_t n_formats) {
  store_be16(p, (uint16_t)n_codes);
  p += 2;
  for (size_t i = 0; i < n_codes; i++, p += 2) store_be16(p, (uint16_t)params.v[i].format);
  store_be16(p, (uint16_t)params.n);
  p += 2;
  for (size_t i = 0; i < params.n; i++) p = store_value(p, &params.v[i]);
  store_be16(p, (uint16_t)n_formats);
  p += 2;
  for (size_t i = 0; i < n_formats; i++, p += 2) store_be16(p, formats[i]);
}

void wire_bind(struct buf *out, const char *portal, const char *statement, dsql_params params, const uint8_t *formats,
               size_t n_formats) {
  size_t n_codes, names = wire_name_len(portal) + wire_name_len(statement) + 2;
  uint64_t values;
  uint8_t *p;

  if (!formats) n_formats = 0;
  if (params.n > WIRE_PARAMS_MAX || n_formats > WIRE_PARAMS_MAX) {
    wire_fail(out, DSQL_ETOOBIG);
    return;
  }
  values = values_size(params.v, params.n);
  if (values == UINT64_MAX) {
    wire_fail(out, DSQL_EINVAL);
    return;
  }
  n_codes = param_codes(params.v, params.n);
  n_formats = result_codes(formats, n_formats);
  p = wire_begin(out, 'B', names + 6 + 2 * (n_codes + n_formats) + values, 0);
  if (!p) return;
  store_values(wire_store_name(wire_store_name(p, portal), statement), params, n_codes, formats, n_formats);
}
