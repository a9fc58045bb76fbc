/* Parse: String statement, String query, Int16 n, n times Int32 type. Query: String query. */
#include "wire/encode.h"
#include "wire/frontend.h"

void wire_parse(struct buf *out, const char *statement, const char *sql, size_t sql_len, const uint32_t *oids,
                size_t n) {
  size_t name_len = wire_name_len(statement);
  uint8_t *p;

  if (n > WIRE_PARAMS_MAX) {
    wire_fail(out, DSQL_ETOOBIG);
    return;
  }
  if (!wire_text_ok(out, sql, sql_len)) return;
  p = wire_begin(out, 'P', name_len + 4 + 4 * n, sql_len);
  if (!p) return;
  p = wire_store_cstr(p, statement, name_len);
  p = wire_store_cstr(p, sql, sql_len);
  store_be16(p, (uint16_t)n);
  p += 2;
  for (size_t i = 0; i < n; i++, p += 4) store_be32(p, oids[i]);
}

void wire_query(struct buf *out, const char *sql, size_t n) {
  uint8_t *p = wire_text_ok(out, sql, n) ? wire_begin(out, 'Q', 1, n) : NULL;
  if (p) wire_store_cstr(p, sql, n);
}
