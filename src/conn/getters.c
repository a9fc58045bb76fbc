/* Reading results: each typed getter finds the field, and leaves the rest to the getter of values (wire/codec/value.c).
 */
#include <string.h>

#include "conn/result.h"
#include "dsql/scalars.h"
#include "dsql/types.h"
#include "wire/codec.h"

size_t dsql_result_rows(const dsql_result *r) { return r ? r->rows : 0; }
unsigned dsql_result_cols(const dsql_result *r) { return r ? r->count : 0; }
dsql_str dsql_result_tag(const dsql_result *r) { return r ? r->tag : (dsql_str){"", 0}; }
int64_t dsql_result_affected(const dsql_result *r) { return r ? wire_tag_count(r->tag) : -1; }
const dsql_result *dsql_result_next(const dsql_result *r) { return r ? r->next : NULL; }

dsql_str dsql_result_col_name(const dsql_result *r, unsigned col) {
  return r && col < r->count ? r->columns->list[col].name : (dsql_str){"", 0};
}

uint32_t dsql_result_col_oid(const dsql_result *r, unsigned col) { return r && col < r->count ? r->oids[col] : 0; }

static bool is_binary(const dsql_result *r, unsigned col) { return r->formats[col]; }

int dsql_result_col_format(const dsql_result *r, unsigned col) { return r && col < r->count && is_binary(r, col); }

int dsql_result_col_find(const dsql_result *r, const char *name) {
  size_t n = strlen(name);
  for (unsigned col = 0; r && col < r->count; col++)
    if (r->columns->list[col].name.len == n && memcmp(r->columns->list[col].name.ptr, name, n) == 0) return (int)col;
  return -1;
}

int dsql_result_column(const dsql_result *r, unsigned col, dsql_column *out) {
  if (!r || col >= r->count) return DSQL_EINVAL;
  *out = r->columns->list[col];
  out->format = is_binary(r, col);
  return 0;
}

bool dsql_is_null(const dsql_result *r, size_t row, unsigned col) {
  struct field f;
  return !r || result_field(r, row, col, &f) != 0;
}

int dsql_get_raw(const dsql_result *r, size_t row, unsigned col, dsql_str *out, int *format) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;
  if (rc) return rc;
  *out = (dsql_str){(const char *)f.p, f.len};
  if (format) *format = is_binary(r, col);
  return 0;
}

/* 0, EINVAL, ENULL. */
static int find(const dsql_result *r, size_t row, unsigned col, dsql_value *out) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;
  if (rc) return rc;
  *out = (dsql_value){f.p, f.len, r->oids[col], is_binary(r, col), false, r->arena};
  return 0;
}

int dsql_get_value(const dsql_result *r, size_t row, unsigned col, dsql_value *out) {
  int rc = find(r, row, col, out);
  if (rc != DSQL_ENULL) return rc;
  *out = (dsql_value){"", 0, r->oids[col], is_binary(r, col), true, r->arena};
  return 0;
}

/* Defines dsql_get_<name>(). */
#define GETTER(name, type)                                                                                             \
  int dsql_get_##name(const dsql_result *r, size_t row, unsigned col, type *out) {                                     \
    dsql_value v;                                                                                                      \
    int rc = find(r, row, col, &v);                                                                                    \
    return rc ? rc : dsql_value_##name(&v, out);                                                                       \
  }

GETTER(int2, int16_t)
GETTER(oid, uint32_t)
GETTER(float4, float)
GETTER(bytes, dsql_str)
GETTER(uuid, dsql_uuid)
GETTER(date, int32_t)
GETTER(time, int64_t)
GETTER(timetz, dsql_timetz)
GETTER(timestamp, int64_t)
GETTER(interval, dsql_interval)
GETTER(numeric, dsql_str)
GETTER(json, dsql_str)

/* Those of dsql/scalars.h. */
GETTER(inet, dsql_inet)
GETTER(macaddr, dsql_macaddr)
GETTER(macaddr8, dsql_macaddr8)
GETTER(bits, dsql_bits)
GETTER(point, dsql_point)
GETTER(line, dsql_line)
GETTER(lseg, dsql_lseg)
GETTER(box, dsql_box)
GETTER(circle, dsql_circle)
GETTER(path, dsql_path)
GETTER(polygon, dsql_polygon)
GETTER(pg_lsn, uint64_t)
GETTER(tid, dsql_tid)
GETTER(xid, uint32_t)
GETTER(xid8, uint64_t)
GETTER(decimal, dsql_decimal)

/* Mostly a view: the shortest way to it. */
int dsql_get_text(const dsql_result *r, size_t row, unsigned col, dsql_str *out) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;
  uint32_t oid;

  if (rc) return rc;
  oid = r->binary_oids[col];
  if (oid && oid != DSQL_TEXT && oid != DSQL_VARCHAR) return codec_to_text(r->arena, r->oids[col], f.p, f.len, out);
  *out = (dsql_str){(const char *)f.p, f.len};
  return 0;
}

int dsql_get_numeric_scaled(const dsql_result *r, size_t row, unsigned col, unsigned scale, int64_t *out) {
  dsql_value v;
  int rc = find(r, row, col, &v);
  return rc ? rc : dsql_value_numeric_scaled(&v, scale, out);
}

/* ---- the quick way to what is read most: binary, of just that type and size ---- */

/* Defines dsql_get_<name>(); load reads the wire form at p. */
#define QUICK_GETTER(name, type, oid, size, load)                                                                      \
  static __attribute__((noinline)) int get_##name(const dsql_result *r, size_t row, unsigned col, type *out) {         \
    dsql_value v;                                                                                                      \
    int rc = find(r, row, col, &v);                                                                                    \
    return rc ? rc : dsql_value_##name(&v, out);                                                                       \
  }                                                                                                                    \
  int dsql_get_##name(const dsql_result *r, size_t row, unsigned col, type *out) {                                     \
    const uint8_t *p = result_quick(r, row, col, oid, size);                                                           \
    return p ? load : get_##name(r, row, col, out);                                                                    \
  }

QUICK_GETTER(bool, bool, DSQL_BOOL, 1, codec_bool_binary(p, 1, out))
QUICK_GETTER(int4, int32_t, DSQL_INT4, 4, codec_int4_binary(p, 4, out))
QUICK_GETTER(int8, int64_t, DSQL_INT8, 8, codec_int8_binary(p, 8, out))
QUICK_GETTER(float8, double, DSQL_FLOAT8, 8, codec_float8_binary(p, 8, out))
QUICK_GETTER(timestamptz, int64_t, DSQL_TIMESTAMPTZ, 8, codec_int8_binary(p, 8, out))
