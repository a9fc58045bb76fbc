#define DSQL_NO_INLINE /* these are the functions */

#include <string.h>

#include "base/buf.h"
#include "dsql/dsql.h"
#include "wire/codec/print.h"

enum { TEXT = 0, BINARY = 1, LEN_NULL = -1, LEN_REFUSED = -2, SCALE_MAX = 18 };

static dsql_param refused(void) { return (dsql_param){.len = LEN_REFUSED}; }

/* A value that stays the caller's until the call that takes the parameter. */
static dsql_param borrowed(uint32_t oid, int32_t format, const void *p, size_t n) {
  if (!p) return dsql_null_of(oid);
  if (n > INT32_MAX) return refused();
  return (dsql_param){.oid = oid, .format = format, .len = (int32_t)n, .data = p};
}

static dsql_param borrowed_text(uint32_t oid, const char *s) { return borrowed(oid, TEXT, s, s ? strlen(s) : 0); }

static dsql_param binary16(uint32_t oid, uint16_t v) {
  dsql_param p = {.oid = oid, .format = BINARY, .len = sizeof v};
  store_be16(p.imm, v);
  return p;
}

static dsql_param binary32(uint32_t oid, uint32_t v) {
  dsql_param p = {.oid = oid, .format = BINARY, .len = sizeof v};
  store_be32(p.imm, v);
  return p;
}

static dsql_param binary64(uint32_t oid, uint64_t v) {
  dsql_param p = {.oid = oid, .format = BINARY, .len = sizeof v};
  store_be64(p.imm, v);
  return p;
}

dsql_param dsql_null(void) { return dsql_null_of(0); }
dsql_param dsql_null_of(uint32_t oid) { return (dsql_param){.oid = oid, .len = LEN_NULL}; }
dsql_param dsql_bool(bool v) { return (dsql_param){.oid = DSQL_BOOL, .format = BINARY, .len = 1, .imm = {v}}; }
dsql_param dsql_int2(int16_t v) { return binary16(DSQL_INT2, (uint16_t)v); }
dsql_param dsql_int4(int32_t v) { return binary32(DSQL_INT4, (uint32_t)v); }
dsql_param dsql_int8(int64_t v) { return binary64(DSQL_INT8, (uint64_t)v); }
dsql_param dsql_oid(uint32_t v) { return binary32(DSQL_OID, v); }
dsql_param dsql_date(int32_t days) { return binary32(DSQL_DATE, (uint32_t)days); }
dsql_param dsql_time(int64_t time_us) { return binary64(DSQL_TIME, (uint64_t)time_us); }
dsql_param dsql_timestamp(int64_t us) { return binary64(DSQL_TIMESTAMP, (uint64_t)us); }
dsql_param dsql_timestamptz(int64_t us) { return binary64(DSQL_TIMESTAMPTZ, (uint64_t)us); }

dsql_param dsql_float4(float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return binary32(DSQL_FLOAT4, bits);
}

dsql_param dsql_float8(double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return binary64(DSQL_FLOAT8, bits);
}

dsql_param dsql_text(const char *s) { return borrowed_text(0, s); }
dsql_param dsql_text_n(const char *s, size_t n) { return borrowed(0, TEXT, s, n); }
dsql_param dsql_bytes(const void *p, size_t n) { return borrowed(DSQL_BYTEA, BINARY, p, n); }
dsql_param dsql_json(const char *s) { return borrowed_text(DSQL_JSON, s); }
dsql_param dsql_jsonb(const char *s) { return borrowed_text(DSQL_JSONB, s); }
dsql_param dsql_numeric(const char *decimal) { return borrowed_text(DSQL_NUMERIC, decimal); }

dsql_param dsql_raw(uint32_t oid, int format, const void *p, size_t n) {
  if (format != TEXT && format != BINARY) return refused();
  return borrowed(oid, format, p, n);
}

dsql_param dsql_uuid_param(dsql_uuid v) {
  dsql_param p = {.oid = DSQL_UUID, .format = BINARY, .len = sizeof v.bytes};
  memcpy(p.imm, v.bytes, sizeof v.bytes);
  return p;
}

/* The wire counts seconds WEST of UTC. The negation can't be undefined; the server refuses offsets of 16 hours. */
dsql_param dsql_timetz_param(dsql_timetz v) {
  dsql_param p = {.oid = DSQL_TIMETZ, .format = BINARY, .len = 12};
  store_be64(p.imm, (uint64_t)v.time_us);
  store_be32(p.imm + 8, 0 - (uint32_t)v.utc_offset_s);
  return p;
}

dsql_param dsql_interval_param(dsql_interval v) {
  dsql_param p = {.oid = DSQL_INTERVAL, .format = BINARY, .len = 16};
  store_be64(p.imm, (uint64_t)v.time_us);
  store_be32(p.imm + 8, (uint32_t)v.days);
  store_be32(p.imm + 12, (uint32_t)v.months);
  return p;
}

/* As text: at most a sign, 19 digits, a point and, when the whole part is missing, a zero: 21 characters. */
dsql_param dsql_numeric_scaled(int64_t v, unsigned scale) {
  dsql_param p = {.oid = DSQL_NUMERIC, .format = TEXT};
  uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
  char *start = (char *)p.imm, *end = start;
  if (scale > SCALE_MAX) return refused();
  if (v < 0) *end++ = '-';
  end = codec_print_padded(end, magnitude, scale + 1);
  if (scale) {
    memmove(end - scale + 1, end - scale, scale);
    end[-(ptrdiff_t)scale] = '.';
    end++;
  }
  p.len = (int32_t)(end - start);
  return p;
}
