/* Bind: String portal, String statement, Int16 n, n times Int16 parameter format, Int16 n, n times (Int32 length,
 * bytes), Int16 n, n times Int16 result format. One format code stands for all when they are the same. */
#include "wire/encode.h"
#include "wire/frontend.h"

/* What is behind the names. */
static void store_values(uint8_t *p, dsql_params params, size_t n_codes, const uint8_t *formats, size_t n_formats) {
  p = wire_store_params(p, params, n_codes);
  store_be16(p, (uint16_t)n_formats);
  p += 2;
  for (size_t i = 0; i < n_formats; i++, p += 2) store_be16(p, formats[i]);
}

void wire_bind(struct buf *out, const char *portal, const char *statement, dsql_params params, const uint8_t *formats,
               size_t n_formats) {
  struct wire_measure m;
  size_t names = wire_name_len(portal) + wire_name_len(statement) + 2;
  uint8_t *p;

  if (!formats) n_formats = 0;
  if (params.n > WIRE_PARAMS_MAX || n_formats > WIRE_PARAMS_MAX) {
    wire_fail(out, DSQL_ETOOBIG);
    return;
  }
  m = wire_measure_params(params.v, params.n);
  if (m.bytes == UINT64_MAX) {
    wire_fail(out, DSQL_EINVAL);
    return;
  }
  n_formats = wire_result_codes(formats, n_formats);
  p = wire_begin(out, 'B', names + 6 + 2 * (m.codes + n_formats) + m.bytes, 0);
  if (!p) return;
  store_values(wire_store_name(wire_store_name(p, portal), statement), params, m.codes, formats, n_formats);
}
