/* Every decoder of a column's bytes, and quoting. The first byte chooses the type, the second the format (bit 0) and
 * the scale of numerics, the rest is the value. What decodes must print, and read back as the same value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "dsql/types.h"
#include "test_alloc.h"
#include "unit/wire_codec/value.h"
#include "wire/codec/scalars.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
  do {                                                                                                                 \
    if (!(condition)) abort();                                                                                         \
  } while (0)

enum { CONTAINERS = 1007 }; /* stands for all of container_oids */
static const uint32_t oids[] = {
    DSQL_BOOL,      DSQL_CHAR,        DSQL_INT2,     DSQL_INT4,    DSQL_INT8,    DSQL_OID,   DSQL_FLOAT4,
    DSQL_FLOAT8,    DSQL_UUID,        DSQL_DATE,     DSQL_TIME,    DSQL_TIMETZ,  DSQL_BYTEA, DSQL_JSONB,
    DSQL_TIMESTAMP, DSQL_TIMESTAMPTZ, DSQL_INTERVAL, DSQL_NUMERIC, DSQL_VARCHAR, 0,          CONTAINERS};
enum { OID_COUNT = sizeof oids / sizeof *oids };

/* Arrays of several widths, of views, of made texts and of containers; ranges; a composite; types of users. */
static const uint32_t container_oids[] = {1007, 1009, 1001, 1231, 1185, 3807, 1020,  3904, 3906,
                                          3910, 3905, 4451, 4532, 6151, 2249, 16400, 0};
enum { CONTAINER_COUNT = sizeof container_oids / sizeof *container_oids };

/* Chosen by a second byte of SCALARS_FROM and more, so that what was found before means what it meant. */
static const uint32_t scalar_oids[] = {DSQL_INET,   DSQL_CIDR,  DSQL_MACADDR, DSQL_MACADDR8, DSQL_BIT,
                                       DSQL_VARBIT, DSQL_POINT, DSQL_LINE,    DSQL_LSEG,     DSQL_BOX,
                                       DSQL_CIRCLE, DSQL_PATH,  DSQL_POLYGON, DSQL_PG_LSN,   DSQL_TID,
                                       DSQL_XID,    DSQL_CID,   DSQL_XID8,    DSQL_JSONPATH};
enum { SCALAR_COUNT = sizeof scalar_oids / sizeof *scalar_oids, SCALARS_FROM = 0xc0 };

static bool rc_expected(int rc) { return rc == 0 || rc == DSQL_EPROTO || rc == DSQL_ERANGE; }

/* Text has one NaN, binary has many. */
static bool is_nan(uint32_t oid, dsql_str text) {
  return (oid == DSQL_FLOAT4 || oid == DSQL_FLOAT8) && text.len == 3 && memcmp(text.ptr, "NaN", 3) == 0;
}

static void check_scaled(const uint8_t *p, size_t n, dsql_str text, unsigned scale) {
  int64_t from_binary = 0, from_text = 0;
  int rc = codec_numeric_scaled_binary(p, n, scale, &from_binary);
  REQUIRE(rc == 0 || rc == DSQL_ERANGE);
  REQUIRE(rc == codec_numeric_scaled_text(text.ptr, text.len, scale, &from_text));
  REQUIRE(from_binary == from_text);
}

/* The digits and the scale of a number are those of its text. */
static void check_decimal(struct arena *a, dsql_str text) {
  dsql_decimal v;
  const char *point = memchr(text.ptr, '.', text.len);
  REQUIRE(codec_decimal_text(a, text.ptr, text.len, &v) == 0);
  REQUIRE((v.kind == DSQL_DECIMAL_FINITE) == (text.ptr[text.len - 1] <= '9'));
  if (v.kind != DSQL_DECIMAL_FINITE) return;
  REQUIRE(v.scale == (point ? (size_t)(text.ptr + text.len - point) - 1 : 0));
  REQUIRE(v.digits.len > 0 && (v.digits.len == 1 || v.digits.ptr[0] != '0'));
  REQUIRE(v.negative == (text.ptr[0] == '-'));
  REQUIRE(v.digits.ptr[v.digits.len - 1] == text.ptr[text.len - 1]);
}

static void check_binary(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, unsigned scale) {
  struct value binary, back;
  dsql_str text;
  int rc = value_from_binary(a, oid, p, n, &binary);
  REQUIRE(rc == codec_to_text(a, oid, p, n, &text));
  REQUIRE(codec_has_binary(oid) ? rc_expected(rc) : rc == DSQL_ETYPE);
  if (rc) return;
  REQUIRE(value_from_text(a, oid, text.ptr, text.len, &back) == 0);
  REQUIRE(is_nan(oid, text) || value_equal(&binary, &back));
  if (oid == DSQL_NUMERIC) check_scaled(p, n, text, scale);
  if (oid == DSQL_NUMERIC) check_decimal(a, text);
}

/* The parameter of a decoded value, of the types whose text has more than one form. */
static dsql_param param_of(uint32_t oid, const char *s, size_t n) {
  dsql_interval interval;
  dsql_timetz timetz;
  int64_t v;
  int32_t days;
  double d;
  switch (oid) {
    case DSQL_FLOAT8: return codec_float8_text(s, n, &d) ? dsql_null() : dsql_float8(d);
    case DSQL_DATE: return codec_date_text(s, n, &days) ? dsql_null() : dsql_date(days);
    case DSQL_TIME: return codec_time_text(s, n, &v) ? dsql_null() : dsql_time(v);
    case DSQL_TIMESTAMP: return codec_timestamp_text(s, n, &v) ? dsql_null() : dsql_timestamp(v);
    case DSQL_TIMESTAMPTZ: return codec_timestamptz_text(s, n, &v) ? dsql_null() : dsql_timestamptz(v);
    case DSQL_TIMETZ: return codec_timetz_text(s, n, &timetz) ? dsql_null() : dsql_timetz_param(timetz);
    case DSQL_INTERVAL: return codec_interval_text(s, n, &interval) ? dsql_null() : dsql_interval_param(interval);
    default: return dsql_null();
  }
}

/* ISO text is a time's own, and Unix time is exact. */
static void check_times(const char *s, size_t n) {
  char iso[DSQL_ISO_SIZE];
  size_t len;
  int64_t us, back;
  struct timespec unix_time;
  if (dsql_timestamptz_from_iso(s, n, &us)) return;
  REQUIRE(dsql_timestamptz_to_iso(us, iso, &len) == 0 && len < sizeof iso && iso[len] == 0);
  REQUIRE(dsql_timestamptz_from_iso(iso, len, &back) == 0 && back == us);
  if (dsql_timestamp_to_timespec(us, &unix_time)) return;
  REQUIRE(dsql_timestamp_from_timespec(&unix_time, &back) == 0 && back == us);
}

static void check_text(struct arena *a, uint32_t oid, const char *s, size_t n, unsigned scale) {
  struct value v, back;
  dsql_param p = param_of(oid, s, n);
  int64_t scaled;
  int rc = value_from_text(a, oid, s, n, &v);
  REQUIRE(codec_has_binary(oid) ? rc_expected(rc) : rc == DSQL_ETYPE);
  if (oid == DSQL_NUMERIC) REQUIRE((codec_numeric_scaled_text(s, n, scale, &scaled) == DSQL_EPROTO) == (rc != 0));
  if (oid == DSQL_TIMESTAMPTZ) check_times(s, n);
  if (rc == 0 && codec_scalar_has_binary(oid) && oid != DSQL_JSONPATH)
    REQUIRE(value_from_binary(a, oid, v.bytes, v.size, &back) == 0 && value_equal(&v, &back));
  if (p.len < 0) return;
  REQUIRE(rc == 0 && value_from_binary(a, oid, p.imm, (size_t)p.len, &back) == 0 && value_equal(&v, &back));
}

/* Takes a quoted form apart again. */
static void check_unquoted(const char *quoted, size_t len, char quote, bool backslashes, const char *s, size_t n) {
  size_t at = 0;
  REQUIRE(len >= 2 && quoted[0] == quote && quoted[len - 1] == quote);
  for (size_t i = 1; i < len - 1; i++, at++) {
    if (quoted[i] == quote || (backslashes && quoted[i] == '\\')) {
      REQUIRE(i + 1 < len - 1 && quoted[i + 1] == quoted[i]);
      i++;
    }
    REQUIRE(at < n && s[at] == quoted[i]);
  }
  REQUIRE(at == n);
}

static void check_quote(const dsql_alloc *alloc, const char *s, size_t n) {
  size_t cap = 2 * n + 5, len;
  char *out = mem_alloc(alloc, cap);
  bool escaped, valid = utf8_valid(s, n) && !memchr(s, 0, n);
  REQUIRE(out);
  REQUIRE(dsql_quote_identifier(s, n, out, cap - 1, &len) == (valid ? 0 : DSQL_EINVAL));
  if (valid) check_unquoted(out, len, '"', false, s, n);
  REQUIRE(dsql_quote_literal(s, n, out, cap, &len) == (valid ? 0 : DSQL_EINVAL));
  if (valid) {
    escaped = out[0] == ' ';
    REQUIRE(escaped == (memchr(s, '\\', n) != NULL) && (!escaped || out[1] == 'E'));
    check_unquoted(out + 2 * escaped, len - 2 * escaped, '\'', escaped, s, n);
  }
  mem_free(alloc, out);
}

/* Every element, and what is inside of it. The depth is that of the fuzzer's patience: views never end by themselves. */
static void walk(const dsql_value *v, unsigned depth) {
  dsql_array a;
  dsql_record r;
  dsql_range range;
  dsql_multirange m;
  dsql_value inner;
  dsql_str text;

  if (v->null || depth == 0) return;
  REQUIRE(v->len <= SIZE_MAX / 2);
  if (dsql_value_text(v, &text) == 0) REQUIRE(text.ptr || text.len == 0);
  if (dsql_array_begin(v, &a) == 0) {
    REQUIRE(a.ndim >= 0 && a.ndim <= DSQL_DIMS_MAX && (a.ndim > 0) == (a.count > 0) && a.count <= v->len);
    while (dsql_array_next(&a, &inner) > 0) walk(&inner, depth - 1);
  }
  if (dsql_record_begin(v, &r) == 0)
    while (dsql_record_next(&r, &inner) > 0) walk(&inner, depth - 1);
  if (dsql_multirange_begin(v, &m) == 0)
    while (dsql_multirange_next(&m, &inner) > 0) walk(&inner, depth - 1);
  if (dsql_value_range(v, &range) == 0) {
    walk(&range.lower, depth - 1);
    walk(&range.upper, depth - 1);
  }
}

/* A binary container that prints reads back as text with as many elements. */
static void check_container(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, int format) {
  dsql_value v = {.ptr = p, .len = n, .oid = oid, .format = format, .memory = a}, printed;
  dsql_array before, after;
  dsql_str text;

  walk(&v, 3);
  if (!format || !codec_has_binary(oid) || codec_to_text(a, oid, p, n, &text)) return;
  printed = (dsql_value){.ptr = text.ptr, .len = text.len, .oid = oid, .memory = a};
  if (dsql_array_begin(&v, &before)) return;
  REQUIRE(dsql_array_begin(&printed, &after) == 0);
  REQUIRE(before.count == after.count && before.ndim == after.ndim);
  for (int i = 0; i < before.ndim; i++)
    REQUIRE(before.dims[i] == after.dims[i] && before.lower_bounds[i] == after.lower_bounds[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena arena;
  uint32_t oid;
  if (size < 2) return 0;
  test_alloc_init(&heap);
  arena_pool_init(&pool, &heap.hook, 0);
  arena_init(&arena, &pool);
  oid = data[1] < SCALARS_FROM ? oids[data[0] % OID_COUNT] : scalar_oids[data[0] % SCALAR_COUNT];
  if (oid == 0)
    check_quote(&heap.hook, (const char *)data + 2, size - 2);
  else if (oid == CONTAINERS)
    check_container(&arena, container_oids[data[1] / 2 % CONTAINER_COUNT], data + 2, size - 2, data[1] & 1);
  else if (data[1] & 1)
    check_binary(&arena, oid, data + 2, size - 2, data[1] / 2 % 20);
  else
    check_text(&arena, oid, (const char *)data + 2, size - 2, data[1] / 2 % 20);
  arena_deinit(&arena);
  arena_pool_deinit(&pool);
  test_alloc_assert_empty(&heap);
  return 0;
}
