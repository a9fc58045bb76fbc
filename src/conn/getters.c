/* Reading results: each typed getter finds the field, checks the column's type and picks the codec of its format. */
#include <string.h>

#include "conn/result.h"
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

/* Defines dsql_get_<name>() for a type with one OID. */
#define GETTER(name, oid, type, codec)                                                                                 \
  int dsql_get_##name(const dsql_result *r, size_t row, unsigned col, type *out) {                                     \
    struct field f;                                                                                                    \
    int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;                                                          \
    if (rc) return rc;                                                                                                 \
    if (r->oids[col] != (uint32_t)(oid)) return DSQL_ETYPE;                                                            \
    if (is_binary(r, col)) return codec_##codec##_binary(f.p, f.len, out);                                             \
    return codec_##codec##_text((const char *)f.p, f.len, out);                                                        \
  }

GETTER(bool, DSQL_BOOL, bool, bool)
GETTER(int2, DSQL_INT2, int16_t, int2)
GETTER(oid, DSQL_OID, uint32_t, oid)
GETTER(float4, DSQL_FLOAT4, float, float4)
GETTER(uuid, DSQL_UUID, dsql_uuid, uuid)
GETTER(date, DSQL_DATE, int32_t, date)
GETTER(time, DSQL_TIME, int64_t, time)
GETTER(timetz, DSQL_TIMETZ, dsql_timetz, timetz)
GETTER(timestamp, DSQL_TIMESTAMP, int64_t, timestamp)
GETTER(timestamptz, DSQL_TIMESTAMPTZ, int64_t, timestamptz)
GETTER(interval, DSQL_INTERVAL, dsql_interval, interval)

/* int2 and oid columns for the wider getters. */
static int widen(const dsql_result *r, unsigned col, const struct field *f, int64_t *out) {
  bool binary = is_binary(r, col);
  int16_t small;
  int32_t middle;
  uint32_t oid;
  int rc;

  switch (r->oids[col]) {
    case DSQL_INT2:
      rc = binary ? codec_int2_binary(f->p, f->len, &small) : codec_int2_text((const char *)f->p, f->len, &small);
      if (rc == 0) *out = small;
      return rc;
    case DSQL_INT4:
      rc = binary ? codec_int4_binary(f->p, f->len, &middle) : codec_int4_text((const char *)f->p, f->len, &middle);
      if (rc == 0) *out = middle;
      return rc;
    case DSQL_INT8:
      return binary ? codec_int8_binary(f->p, f->len, out) : codec_int8_text((const char *)f->p, f->len, out);
    case DSQL_OID:
      rc = binary ? codec_oid_binary(f->p, f->len, &oid) : codec_oid_text((const char *)f->p, f->len, &oid);
      if (rc == 0) *out = oid;
      return rc;
    default: return DSQL_ETYPE;
  }
}

static __attribute__((noinline)) int get_int4(const dsql_result *r, size_t row, unsigned col, int32_t *out) {
  struct field f;
  int64_t wide;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;

  if (rc == 0) rc = widen(r, col, &f, &wide);
  if (rc) return rc;
  if (wide < INT32_MIN || wide > INT32_MAX) return DSQL_ERANGE;
  *out = (int32_t)wide;
  return 0;
}

int dsql_get_int4(const dsql_result *r, size_t row, unsigned col, int32_t *out) {
  const uint8_t *p = result_quick(r, row, col, DSQL_INT4, 4);
  if (!p) return get_int4(r, row, col, out);
  *out = (int32_t)load_be32(p);
  return 0;
}

static __attribute__((noinline)) int get_int8(const dsql_result *r, size_t row, unsigned col, int64_t *out) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;
  return rc ? rc : widen(r, col, &f, out);
}

int dsql_get_int8(const dsql_result *r, size_t row, unsigned col, int64_t *out) {
  const uint8_t *p = result_quick(r, row, col, DSQL_INT8, 8);
  if (!p) return get_int8(r, row, col, out);
  *out = (int64_t)load_be64(p);
  return 0;
}

static __attribute__((noinline)) int get_float8(const dsql_result *r, size_t row, unsigned col, double *out) {
  struct field f;
  float narrow;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;

  if (rc) return rc;
  switch (r->oids[col]) {
    case DSQL_FLOAT8:
      return is_binary(r, col) ? codec_float8_binary(f.p, f.len, out)
                               : codec_float8_text((const char *)f.p, f.len, out);
    case DSQL_FLOAT4:
      rc = is_binary(r, col) ? codec_float4_binary(f.p, f.len, &narrow)
                             : codec_float4_text((const char *)f.p, f.len, &narrow);
      if (rc == 0) *out = (double)narrow;
      return rc;
    default: return DSQL_ETYPE;
  }
}

int dsql_get_float8(const dsql_result *r, size_t row, unsigned col, double *out) {
  const uint8_t *p = result_quick(r, row, col, DSQL_FLOAT8, 8);
  return p ? codec_float8_binary(p, 8, out) : get_float8(r, row, col, out);
}

int dsql_get_text(const dsql_result *r, size_t row, unsigned col, dsql_str *out) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;

  if (rc) return rc;
  if (is_binary(r, col)) return codec_to_text(r->arena, r->oids[col], f.p, f.len, out);
  *out = (dsql_str){(const char *)f.p, f.len};
  return 0;
}

int dsql_get_bytes(const dsql_result *r, size_t row, unsigned col, dsql_str *out) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;

  if (rc) return rc;
  if (r->oids[col] != DSQL_BYTEA) return DSQL_ETYPE;
  if (!is_binary(r, col)) return codec_bytea_text(r->arena, (const char *)f.p, f.len, out);
  *out = (dsql_str){(const char *)f.p, f.len};
  return 0;
}

int dsql_get_numeric(const dsql_result *r, size_t row, unsigned col, dsql_str *decimal) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;
  if (rc) return rc;
  return r->oids[col] == DSQL_NUMERIC ? dsql_get_text(r, row, col, decimal) : DSQL_ETYPE;
}

int dsql_get_numeric_scaled(const dsql_result *r, size_t row, unsigned col, unsigned scale, int64_t *out) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;

  if (rc) return rc;
  if (r->oids[col] != DSQL_NUMERIC) return DSQL_ETYPE;
  if (is_binary(r, col)) return codec_numeric_scaled_binary(f.p, f.len, scale, out);
  return codec_numeric_scaled_text((const char *)f.p, f.len, scale, out);
}

int dsql_get_json(const dsql_result *r, size_t row, unsigned col, dsql_str *out) {
  struct field f;
  int rc = r ? result_field(r, row, col, &f) : DSQL_EINVAL;
  if (rc) return rc;
  if (r->oids[col] != DSQL_JSON && r->oids[col] != DSQL_JSONB) return DSQL_ETYPE;
  return dsql_get_text(r, row, col, out);
}
