#include "wire/codec.h"
#include "wire/codec/container.h"
#include "wire/codec/hex.h"
#include "wire/codec/print.h"
#include "wire/codec/scalars.h"

bool codec_is_text(uint32_t oid) {
  switch (oid) {
    case DSQL_NAME:
    case DSQL_TEXT:
    case DSQL_JSON:
    case DSQL_UNKNOWN:
    case DSQL_BPCHAR:
    case DSQL_VARCHAR: return true;
    default: return false;
  }
}

bool codec_has_binary(uint32_t oid) {
  switch (oid) {
    case DSQL_BOOL:
    case DSQL_BYTEA:
    case DSQL_CHAR:
    case DSQL_INT8:
    case DSQL_INT2:
    case DSQL_INT4:
    case DSQL_OID:
    case DSQL_FLOAT4:
    case DSQL_FLOAT8:
    case DSQL_DATE:
    case DSQL_TIME:
    case DSQL_TIMESTAMP:
    case DSQL_TIMESTAMPTZ:
    case DSQL_INTERVAL:
    case DSQL_TIMETZ:
    case DSQL_NUMERIC:
    case DSQL_UUID:
    case DSQL_JSONB: return true;
    default: return codec_is_text(oid) || codec_scalar_has_binary(oid) || container_has_binary(oid);
  }
}

int codec_jsonb_binary(const uint8_t *p, size_t n, dsql_str *out) {
  if (n < 2 || *p != 1) return DSQL_EPROTO;
  *out = (dsql_str){(const char *)p + 1, n - 1};
  return 0;
}

static int bytea_to_text(struct arena *a, const uint8_t *p, size_t n, dsql_str *out) {
  char *text = n <= (SIZE_MAX - 2) / 2 ? arena_alloc(a, 2 + 2 * n) : NULL;
  if (!text) return DSQL_ENOMEM;
  hex_print(print_str(text, "\\x"), p, n);
  *out = (dsql_str){text, 2 + 2 * n};
  return 0;
}

/* One function per type: decodes, and appends the text at *end. */
#define TO_TEXT(name, type, decode, print)                                                                             \
  static int name(const uint8_t *p, size_t n, char **end) {                                                            \
    type v;                                                                                                            \
    int rc = decode(p, n, &v);                                                                                         \
    if (rc == 0) *end = print;                                                                                         \
    return rc;                                                                                                         \
  }

TO_TEXT(bool_to_text, bool, codec_bool_binary, print_str(*end, v ? "t" : "f"))
TO_TEXT(char_to_text, uint8_t, codec_char_binary, codec_print_char(*end, v))
TO_TEXT(int2_to_text, int16_t, codec_int2_binary, codec_print_i64(*end, v))
TO_TEXT(int4_to_text, int32_t, codec_int4_binary, codec_print_i64(*end, v))
TO_TEXT(int8_to_text, int64_t, codec_int8_binary, codec_print_i64(*end, v))
TO_TEXT(oid_to_text, uint32_t, codec_oid_binary, codec_print_u64(*end, v))
TO_TEXT(float4_to_text, float, codec_float4_binary, codec_print_float4(*end, v))
TO_TEXT(float8_to_text, double, codec_float8_binary, codec_print_float8(*end, v))
TO_TEXT(uuid_to_text, dsql_uuid, codec_uuid_binary, codec_print_uuid(*end, &v))
TO_TEXT(date_to_text, int32_t, codec_date_binary, codec_print_date(*end, v))
TO_TEXT(time_to_text, int64_t, codec_time_binary, codec_print_time(*end, v))
TO_TEXT(timetz_to_text, dsql_timetz, codec_timetz_binary, codec_print_timetz(*end, &v))
TO_TEXT(timestamp_to_text, int64_t, codec_timestamp_binary, codec_print_timestamp(*end, v))
TO_TEXT(timestamptz_to_text, int64_t, codec_timestamptz_binary, codec_print_timestamptz(*end, v))
TO_TEXT(interval_to_text, dsql_interval, codec_interval_binary, codec_print_interval(*end, &v))

static int scalar_to_text(uint32_t oid, const uint8_t *p, size_t n, char **end) {
  switch (oid) {
    case DSQL_BOOL: return bool_to_text(p, n, end);
    case DSQL_CHAR: return char_to_text(p, n, end);
    case DSQL_INT2: return int2_to_text(p, n, end);
    case DSQL_INT4: return int4_to_text(p, n, end);
    case DSQL_INT8: return int8_to_text(p, n, end);
    case DSQL_OID: return oid_to_text(p, n, end);
    case DSQL_FLOAT4: return float4_to_text(p, n, end);
    case DSQL_FLOAT8: return float8_to_text(p, n, end);
    case DSQL_UUID: return uuid_to_text(p, n, end);
    case DSQL_DATE: return date_to_text(p, n, end);
    case DSQL_TIME: return time_to_text(p, n, end);
    case DSQL_TIMETZ: return timetz_to_text(p, n, end);
    case DSQL_TIMESTAMP: return timestamp_to_text(p, n, end);
    case DSQL_TIMESTAMPTZ: return timestamptz_to_text(p, n, end);
    case DSQL_INTERVAL: return interval_to_text(p, n, end);
    default: return DSQL_ETYPE;
  }
}

int codec_to_text(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, dsql_str *out) {
  char buffer[CODEC_PRINT_MAX], *end = buffer, *text;
  int rc;
  if (codec_is_text(oid)) {
    *out = (dsql_str){n ? (const char *)p : "", n};
    return 0;
  }
  if (oid == DSQL_JSONB) return codec_jsonb_binary(p, n, out);
  if (oid == DSQL_NUMERIC) return codec_numeric_binary_to_text(a, p, n, out);
  if (oid == DSQL_BYTEA) return bytea_to_text(a, p, n, out);
  if (codec_scalar_has_binary(oid)) return codec_scalar_to_text(a, oid, p, n, out);
  rc = scalar_to_text(oid, p, n, &end);
  if (rc == DSQL_ETYPE) return container_to_text(a, oid, p, n, out);
  if (rc) return rc;
  text = arena_alloc(a, (size_t)(end - buffer));
  if (!text) return DSQL_ENOMEM;
  memcpy(text, buffer, (size_t)(end - buffer));
  *out = (dsql_str){text, (size_t)(end - buffer)};
  return 0;
}
