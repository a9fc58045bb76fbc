/* The getters of values: each checks the type and picks the codec of the format. Those of results (conn/getters.c) find
 * the field and come here. */
#include "dsql/types.h"
#include "wire/codec.h"

static const char *text_of(const dsql_value *v) { return v->ptr; }

/* A value whose type nobody knows is what it is taken for. */
static bool is_type(const dsql_value *v, uint32_t oid) { return v->oid == oid || v->oid == 0; }

/* Defines dsql_value_<name>() for a type with one OID. */
#define VALUE(name, type_oid, type)                                                                                    \
  int dsql_value_##name(const dsql_value *v, type *out) {                                                              \
    if (v->null) return DSQL_ENULL;                                                                                    \
    if (!is_type(v, type_oid)) return DSQL_ETYPE;                                                                      \
    if (v->format) return codec_##name##_binary(v->ptr, v->len, out);                                                  \
    return codec_##name##_text(v->ptr, v->len, out);                                                                   \
  }

VALUE(bool, DSQL_BOOL, bool)
VALUE(int2, DSQL_INT2, int16_t)
VALUE(oid, DSQL_OID, uint32_t)
VALUE(float4, DSQL_FLOAT4, float)
VALUE(uuid, DSQL_UUID, dsql_uuid)
VALUE(date, DSQL_DATE, int32_t)
VALUE(time, DSQL_TIME, int64_t)
VALUE(timetz, DSQL_TIMETZ, dsql_timetz)
VALUE(timestamp, DSQL_TIMESTAMP, int64_t)
VALUE(timestamptz, DSQL_TIMESTAMPTZ, int64_t)
VALUE(interval, DSQL_INTERVAL, dsql_interval)

static int wide_int2(const dsql_value *v, int64_t *out) {
  int16_t narrow;
  int rc = v->format ? codec_int2_binary(v->ptr, v->len, &narrow) : codec_int2_text(v->ptr, v->len, &narrow);
  if (rc == 0) *out = narrow;
  return rc;
}

static int wide_int4(const dsql_value *v, int64_t *out) {
  int32_t narrow;
  int rc = v->format ? codec_int4_binary(v->ptr, v->len, &narrow) : codec_int4_text(v->ptr, v->len, &narrow);
  if (rc == 0) *out = narrow;
  return rc;
}

static int wide_oid(const dsql_value *v, int64_t *out) {
  uint32_t narrow;
  int rc = v->format ? codec_oid_binary(v->ptr, v->len, &narrow) : codec_oid_text(v->ptr, v->len, &narrow);
  if (rc == 0) *out = narrow;
  return rc;
}

/* Of an unknown type, the width tells. */
static uint32_t integer_type(const dsql_value *v) {
  if (v->oid || !v->format) return v->oid ? v->oid : DSQL_INT8;
  return v->len == 2 ? DSQL_INT2 : v->len == 4 ? DSQL_INT4 : DSQL_INT8;
}

int dsql_value_int8(const dsql_value *v, int64_t *out) {
  if (v->null) return DSQL_ENULL;
  switch (integer_type(v)) {
    case DSQL_INT2: return wide_int2(v, out);
    case DSQL_INT4: return wide_int4(v, out);
    case DSQL_INT8: return v->format ? codec_int8_binary(v->ptr, v->len, out) : codec_int8_text(v->ptr, v->len, out);
    case DSQL_OID: return wide_oid(v, out);
    default: return DSQL_ETYPE;
  }
}

int dsql_value_int4(const dsql_value *v, int32_t *out) {
  int64_t wide;
  int rc = dsql_value_int8(v, &wide);
  if (rc) return rc;
  if (wide < INT32_MIN || wide > INT32_MAX) return DSQL_ERANGE;
  *out = (int32_t)wide;
  return 0;
}

int dsql_value_float8(const dsql_value *v, double *out) {
  float narrow;
  int rc;

  if (v->null) return DSQL_ENULL;
  if (v->oid == DSQL_FLOAT4 || (v->oid == 0 && v->format && v->len == 4)) {
    rc = dsql_value_float4(v, &narrow);
    if (rc == 0) *out = (double)narrow;
    return rc;
  }
  if (!is_type(v, DSQL_FLOAT8)) return DSQL_ETYPE;
  return v->format ? codec_float8_binary(v->ptr, v->len, out) : codec_float8_text(v->ptr, v->len, out);
}

int dsql_value_text(const dsql_value *v, dsql_str *out) {
  if (v->null) return DSQL_ENULL;
  if (!v->format) {
    *out = (dsql_str){text_of(v), v->len};
    return 0;
  }
  if (!v->memory && !codec_is_text(v->oid) && v->oid != DSQL_JSONB) return DSQL_EINVAL;
  return codec_to_text(v->memory, v->oid, v->ptr, v->len, out);
}

int dsql_value_bytes(const dsql_value *v, dsql_str *out) {
  if (v->null) return DSQL_ENULL;
  if (!is_type(v, DSQL_BYTEA)) return DSQL_ETYPE;
  if (!v->format) return v->memory ? codec_bytea_text(v->memory, text_of(v), v->len, out) : DSQL_EINVAL;
  *out = (dsql_str){text_of(v), v->len};
  return 0;
}

int dsql_value_numeric(const dsql_value *v, dsql_str *decimal) {
  dsql_value numeric = *v;
  if (v->null) return DSQL_ENULL;
  if (!is_type(v, DSQL_NUMERIC)) return DSQL_ETYPE;
  numeric.oid = DSQL_NUMERIC;
  return dsql_value_text(&numeric, decimal);
}

int dsql_value_numeric_scaled(const dsql_value *v, unsigned scale, int64_t *out) {
  if (v->null) return DSQL_ENULL;
  if (!is_type(v, DSQL_NUMERIC)) return DSQL_ETYPE;
  if (v->format) return codec_numeric_scaled_binary(v->ptr, v->len, scale, out);
  return codec_numeric_scaled_text(v->ptr, v->len, scale, out);
}

/* In binary, jsonb has a byte ahead that json can't begin with. */
int dsql_value_json(const dsql_value *v, dsql_str *out) {
  if (v->null) return DSQL_ENULL;
  if (v->oid != DSQL_JSON && v->oid != DSQL_JSONB && v->oid) return DSQL_ETYPE;
  if (v->format && (v->oid == DSQL_JSONB || (v->oid == 0 && v->len && *text_of(v) == 1)))
    return codec_jsonb_binary(v->ptr, v->len, out);
  *out = (dsql_str){text_of(v), v->len};
  return 0;
}
