#include "value.h"

/* Members are copied one by one: the padding of a struct is anything. */
static void value_set(struct value *v, const void *p, size_t n) {
  memcpy(v->storage + v->size, p, n);
  v->size += n;
}

static void value_set_str(struct value *v, dsql_str s) {
  v->bytes = s.ptr;
  v->size = s.len;
}

#define DECODE(type, decode, ...)                                                                                      \
  do {                                                                                                                 \
    type x;                                                                                                            \
    rc = decode(p, n, &x);                                                                                             \
    if (rc == 0) {                                                                                                     \
      __VA_ARGS__;                                                                                                     \
    }                                                                                                                  \
  } while (0)
#define SCALAR(type, decode) DECODE(type, decode, value_set(out, &x, sizeof x))

static void value_set_timetz(struct value *v, const dsql_timetz *x) {
  value_set(v, &x->time_us, sizeof x->time_us);
  value_set(v, &x->utc_offset_s, sizeof x->utc_offset_s);
}

static void value_set_interval(struct value *v, const dsql_interval *x) {
  value_set(v, &x->time_us, sizeof x->time_us);
  value_set(v, &x->days, sizeof x->days);
  value_set(v, &x->months, sizeof x->months);
}

static void value_reset(struct value *v) {
  memset(v, 0, sizeof *v);
  v->bytes = v->storage;
}

static int text_string(struct arena *a, uint32_t oid, const char *p, size_t n, struct value *out) {
  dsql_str s = {p, n};
  int rc = 0;
  if (oid == DSQL_BYTEA)
    rc = codec_bytea_text(a, p, n, &s);
  else if (oid == DSQL_NUMERIC)
    rc = codec_numeric_text_valid(p, n) ? 0 : DSQL_EPROTO;
  else if (oid != DSQL_JSONB && !codec_is_text(oid))
    return DSQL_ETYPE;
  if (rc == 0) value_set_str(out, s);
  return rc;
}

int value_from_text(struct arena *a, uint32_t oid, const char *p, size_t n, struct value *out) {
  int rc = 0;
  value_reset(out);
  switch (oid) {
    case DSQL_BOOL: SCALAR(bool, codec_bool_text); break;
    case DSQL_CHAR: SCALAR(uint8_t, codec_char_text); break;
    case DSQL_INT2: SCALAR(int16_t, codec_int2_text); break;
    case DSQL_INT4: SCALAR(int32_t, codec_int4_text); break;
    case DSQL_INT8: SCALAR(int64_t, codec_int8_text); break;
    case DSQL_OID: SCALAR(uint32_t, codec_oid_text); break;
    case DSQL_FLOAT4: SCALAR(float, codec_float4_text); break;
    case DSQL_FLOAT8: SCALAR(double, codec_float8_text); break;
    case DSQL_UUID: SCALAR(dsql_uuid, codec_uuid_text); break;
    case DSQL_DATE: SCALAR(int32_t, codec_date_text); break;
    case DSQL_TIME: SCALAR(int64_t, codec_time_text); break;
    case DSQL_TIMETZ: DECODE(dsql_timetz, codec_timetz_text, value_set_timetz(out, &x)); break;
    case DSQL_TIMESTAMP: SCALAR(int64_t, codec_timestamp_text); break;
    case DSQL_TIMESTAMPTZ: SCALAR(int64_t, codec_timestamptz_text); break;
    case DSQL_INTERVAL: DECODE(dsql_interval, codec_interval_text, value_set_interval(out, &x)); break;
    default:
      rc = text_string(a, oid, p, n, out);
      if (rc == DSQL_ETYPE) rc = value_scalar(a, oid, false, p, n, out);
  }
  return rc;
}

static int binary_string(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, struct value *out) {
  dsql_str s = {(const char *)p, n};
  int rc = 0;
  if (oid == DSQL_JSONB)
    rc = codec_jsonb_binary(p, n, &s);
  else if (oid == DSQL_NUMERIC)
    rc = codec_numeric_binary_to_text(a, p, n, &s);
  else if (oid != DSQL_BYTEA && !codec_is_text(oid))
    return DSQL_ETYPE;
  if (rc == 0) value_set_str(out, s);
  return rc;
}

int value_from_binary(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, struct value *out) {
  int rc = 0;
  value_reset(out);
  switch (oid) {
    case DSQL_BOOL: SCALAR(bool, codec_bool_binary); break;
    case DSQL_CHAR: SCALAR(uint8_t, codec_char_binary); break;
    case DSQL_INT2: SCALAR(int16_t, codec_int2_binary); break;
    case DSQL_INT4: SCALAR(int32_t, codec_int4_binary); break;
    case DSQL_INT8: SCALAR(int64_t, codec_int8_binary); break;
    case DSQL_OID: SCALAR(uint32_t, codec_oid_binary); break;
    case DSQL_FLOAT4: SCALAR(float, codec_float4_binary); break;
    case DSQL_FLOAT8: SCALAR(double, codec_float8_binary); break;
    case DSQL_UUID: SCALAR(dsql_uuid, codec_uuid_binary); break;
    case DSQL_DATE: SCALAR(int32_t, codec_date_binary); break;
    case DSQL_TIME: SCALAR(int64_t, codec_time_binary); break;
    case DSQL_TIMETZ: DECODE(dsql_timetz, codec_timetz_binary, value_set_timetz(out, &x)); break;
    case DSQL_TIMESTAMP: SCALAR(int64_t, codec_timestamp_binary); break;
    case DSQL_TIMESTAMPTZ: SCALAR(int64_t, codec_timestamptz_binary); break;
    case DSQL_INTERVAL: DECODE(dsql_interval, codec_interval_binary, value_set_interval(out, &x)); break;
    default:
      rc = binary_string(a, oid, p, n, out);
      if (rc == DSQL_ETYPE) rc = value_scalar(a, oid, true, p, n, out);
  }
  return rc;
}

bool value_equal(const struct value *a, const struct value *b) {
  return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}
