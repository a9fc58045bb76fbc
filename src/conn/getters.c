/* Reading results: each typed getter finds the field, and leaves the rest to the getter of values (wire/codec/value.c).
 */
#include <string.h>

#include "conn/result.h"
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

GETTER(bool, bool)
GETTER(int2, int16_t)
GETTER(oid, uint32_t)
GETTER(float4, float)
GETTER(bytes, dsql_str)
GETTER(uuid, dsql_uuid)
GETTER(date, int32_t)
GETTER(time, int64_t)
GETTER(timetz, dsql_timetz)
GETTER(timestamp, int64_t)
GETTER(timestamptz, int64_t)
GETTER(interval, dsql_interval)
GETTER(numeric, dsql_str)
GETTER(json, dsql_str)

/* Mostly a view: the shortest way to it. */
int dsql_get_text(const dsql_result *r, size_t row, unsigned col, dsql_str *out) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;

  if (rc) return rc;
  if (is_binary(r, col)) return codec_to_text(r->arena, r->oids[col], f.p, f.len, out);
  *out = (dsql_str){(const char *)f.p, f.len};
  return 0;
}

int dsql_get_numeric_scaled(const dsql_result *r, size_t row, unsigned col, unsigned scale, int64_t *out) {
  dsql_value v;
  int rc = find(r, row, col, &v);
  return rc ? rc : dsql_value_numeric_scaled(&v, scale, out);
}

/* ---- the quick way to what is read most: binary, of just that type and size ---- */

static __attribute__((noinline)) int get_int4(const dsql_result *r, size_t row, unsigned col, int32_t *out) {
  dsql_value v;
  int rc = find(r, row, col, &v);
  return rc ? rc : dsql_value_int4(&v, out);
}

int dsql_get_int4(const dsql_result *r, size_t row, unsigned col, int32_t *out) {
  const uint8_t *p = result_quick(r, row, col, DSQL_INT4, 4);
  if (!p) return get_int4(r, row, col, out);
  *out = (int32_t)load_be32(p);
  return 0;
}

static __attribute__((noinline)) int get_int8(const dsql_result *r, size_t row, unsigned col, int64_t *out) {
  dsql_value v;
  int rc = find(r, row, col, &v);
  return rc ? rc : dsql_value_int8(&v, out);
}

int dsql_get_int8(const dsql_result *r, size_t row, unsigned col, int64_t *out) {
  const uint8_t *p = result_quick(r, row, col, DSQL_INT8, 8);
  if (!p) return get_int8(r, row, col, out);
  *out = (int64_t)load_be64(p);
  return 0;
}

static __attribute__((noinline)) int get_float8(const dsql_result *r, size_t row, unsigned col, double *out) {
  dsql_value v;
  int rc = find(r, row, col, &v);
  return rc ? rc : dsql_value_float8(&v, out);
}

int dsql_get_float8(const dsql_result *r, size_t row, unsigned col, double *out) {
  const uint8_t *p = result_quick(r, row, col, DSQL_FLOAT8, 8);
  return p ? codec_float8_binary(p, 8, out) : get_float8(r, row, col, out);
}
