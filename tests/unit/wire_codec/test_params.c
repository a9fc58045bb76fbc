/* The constructors of parameters: oid, format and bytes, and the value that they decode to. */
#include <criterion/criterion.h>
#include <math.h>

#include "heap.h"
#include "value.h"

static const void *param_bytes(const dsql_param *p) { return p->data ? p->data : p->imm; }

static void expect_param(dsql_param p, uint32_t oid, int format, const char *bytes, size_t n) {
  cr_expect_eq(p.oid, oid, "oid %u is not %u", p.oid, oid);
  cr_expect_eq(p.format, format, "type %u", oid);
  cr_expect(p.len >= 0 && (size_t)p.len == n, "type %u: length %d", oid, p.len);
  cr_expect(memcmp(param_bytes(&p), bytes, n) == 0, "type %u", oid);
}

#define BYTES(s) (s), sizeof(s) - 1

Test(codec_params, scalars) {
  dsql_uuid uuid = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
  expect_param(dsql_bool(true), DSQL_BOOL, 1, BYTES("\1"));
  expect_param(dsql_bool(false), DSQL_BOOL, 1, BYTES("\0"));
  expect_param(dsql_int2(-2), DSQL_INT2, 1, BYTES("\xff\xfe"));
  expect_param(dsql_int4(-2), DSQL_INT4, 1, BYTES("\xff\xff\xff\xfe"));
  expect_param(dsql_int8(INT64_MIN), DSQL_INT8, 1, BYTES("\x80\0\0\0\0\0\0\0"));
  expect_param(dsql_oid(UINT32_MAX), DSQL_OID, 1, BYTES("\xff\xff\xff\xff"));
  expect_param(dsql_float4(1.5F), DSQL_FLOAT4, 1, BYTES("\x3f\xc0\0\0"));
  expect_param(dsql_float8(-0.0), DSQL_FLOAT8, 1, BYTES("\x80\0\0\0\0\0\0\0"));
  expect_param(dsql_float8(-INFINITY), DSQL_FLOAT8, 1, BYTES("\xff\xf0\0\0\0\0\0\0"));
  expect_param(dsql_uuid_param(uuid), DSQL_UUID, 1, BYTES("\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20"));
  expect_param(dsql_date(-1), DSQL_DATE, 1, BYTES("\xff\xff\xff\xff"));
  expect_param(dsql_date(DSQL_DATE_INFINITY), DSQL_DATE, 1, BYTES("\x7f\xff\xff\xff"));
  expect_param(dsql_time(1), DSQL_TIME, 1, BYTES("\0\0\0\0\0\0\0\1"));
  expect_param(dsql_timestamp(2), DSQL_TIMESTAMP, 1, BYTES("\0\0\0\0\0\0\0\2"));
  expect_param(dsql_timestamptz(-1), DSQL_TIMESTAMPTZ, 1, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"));
  expect_param(dsql_timetz_param((dsql_timetz){1, 7200}), DSQL_TIMETZ, 1, BYTES("\0\0\0\0\0\0\0\1\xff\xff\xe3\xe0"));
  expect_param(dsql_timetz_param((dsql_timetz){1, INT32_MIN}), DSQL_TIMETZ, 1, BYTES("\0\0\0\0\0\0\0\1\x80\0\0\0"));
  expect_param(dsql_interval_param((dsql_interval){1, -1, 2}), DSQL_INTERVAL, 1,
               BYTES("\0\0\0\0\0\0\0\1\xff\xff\xff\xff\0\0\0\2"));
}

static void same(dsql_param a, dsql_param b) {
  cr_assert(a.oid == b.oid && a.format == b.format && a.len == b.len && a.data == b.data, "%u %u", a.oid, b.oid);
  cr_assert(a.data || a.len < 0 || memcmp(a.imm, b.imm, (size_t)a.len) == 0, "%u", a.oid);
}
#define SAME(constructor, type, ...)                                                                                   \
  do {                                                                                                                 \
    dsql_param (*volatile function)(type) = constructor;                                                               \
    type values[] = {__VA_ARGS__};                                                                                     \
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) same(constructor(values[i]), function(values[i]));     \
  } while (0)

/* Those of inline.h, and the library's by their addresses. */
Test(codec_params, inline_constructors_make_what_the_functions_make) {
  dsql_param (*volatile text_n)(const char *, size_t) = dsql_text_n;
  SAME(dsql_bool, bool, true, false);
  SAME(dsql_int2, int16_t, 0, 1, -2, INT16_MIN, INT16_MAX);
  SAME(dsql_int4, int32_t, 0, 1, -2, INT32_MIN, INT32_MAX);
  SAME(dsql_int8, int64_t, 0, 1, -2, INT64_MIN, INT64_MAX);
  SAME(dsql_float8, double, 0.0, -0.0, 1.5, INFINITY, (double)NAN);
  SAME(dsql_timestamptz, int64_t, 0, -1, DSQL_TIMESTAMP_INFINITY);
  SAME(dsql_text, const char *, "", "abc", NULL);
  same(dsql_text_n("abc", 2), text_n("abc", 2));
  same(dsql_text_n(NULL, 2), text_n(NULL, 2));
  same(dsql_text_n("abc", SIZE_MAX), text_n("abc", SIZE_MAX));
}

Test(codec_params, scalars_decode_to_their_value) {
  struct heap_arena h;
  dsql_timetz timetz = {INT64_C(86400000000), -57599}, timetz_back;
  dsql_interval interval = {-5, 6, -7}, interval_back;
  dsql_param p = dsql_timetz_param(timetz);
  heap_arena_init(&h);
  cr_expect_eq(codec_timetz_binary(p.imm, (size_t)p.len, &timetz_back), 0);
  cr_expect(timetz_back.time_us == timetz.time_us && timetz_back.utc_offset_s == timetz.utc_offset_s);
  p = dsql_interval_param(interval);
  cr_expect_eq(codec_interval_binary(p.imm, (size_t)p.len, &interval_back), 0);
  cr_expect(interval_back.time_us == -5 && interval_back.days == 6 && interval_back.months == -7);
  heap_arena_deinit(&h);
}

Test(codec_params, strings) {
  static const char text[] = "12.30";
  expect_param(dsql_text(text), 0, 0, BYTES("12.30"));
  expect_param(dsql_text_n(text, 2), 0, 0, BYTES("12"));
  expect_param(dsql_text(""), 0, 0, BYTES(""));
  expect_param(dsql_bytes("\0\1", 2), DSQL_BYTEA, 1, BYTES("\0\1"));
  expect_param(dsql_numeric(text), DSQL_NUMERIC, 0, BYTES("12.30"));
  expect_param(dsql_json("{}"), DSQL_JSON, 0, BYTES("{}"));
  expect_param(dsql_jsonb("{}"), DSQL_JSONB, 0, BYTES("{}"));
  expect_param(dsql_raw(600, 1, "abc", 3), 600, 1, BYTES("abc"));
  expect_param(dsql_raw(600, 0, "(1,2)", 5), 600, 0, BYTES("(1,2)"));
  cr_expect_eq(dsql_text(text).data, text, "not copied");
}

Test(codec_params, nulls) {
  const dsql_param nulls[] = {dsql_null(),          dsql_null_of(DSQL_INT4), dsql_text(NULL),
                              dsql_text_n(NULL, 3), dsql_bytes(NULL, 0),     dsql_numeric(NULL),
                              dsql_json(NULL),      dsql_jsonb(NULL),        dsql_raw(600, 1, NULL, 0)};
  const uint32_t oids[] = {0, DSQL_INT4, 0, 0, DSQL_BYTEA, DSQL_NUMERIC, DSQL_JSON, DSQL_JSONB, 600};
  for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) {
    cr_expect_eq(nulls[i].len, -1, "case %zu", i);
    cr_expect_eq(nulls[i].oid, oids[i], "case %zu", i);
  }
}

Test(codec_params, refused) {
  const dsql_param refused[] = {dsql_text_n("", (size_t)INT32_MAX + 1),
                                dsql_bytes("", SIZE_MAX),
                                dsql_raw(25, 2, "", 0),
                                dsql_raw(25, -1, "", 0),
                                dsql_raw(25, 0, "", SIZE_MAX),
                                dsql_numeric_scaled(1, 19),
                                dsql_numeric_scaled(1, UINT32_MAX)};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) cr_expect_eq(refused[i].len, -2, "case %zu", i);
}

struct scaled_case {
  int64_t v;
  unsigned scale;
  const char *text;
};

static const struct scaled_case scaled[] = {
    {0, 0, "0"},
    {0, 2, "0.00"},
    {1230, 2, "12.30"},
    {-5, 1, "-0.5"},
    {-5, 3, "-0.005"},
    {1, 18, "0.000000000000000001"},
    {-1, 18, "-0.000000000000000001"},
    {INT64_MAX, 0, "9223372036854775807"},
    {INT64_MIN, 0, "-9223372036854775808"},
    {INT64_MIN, 18, "-9.223372036854775808"},
    {INT64_MIN, 1, "-922337203685477580.8"},
};

Test(codec_params, numeric_scaled) {
  for (size_t i = 0; i < sizeof scaled / sizeof *scaled; i++) {
    const struct scaled_case *c = &scaled[i];
    dsql_param p = dsql_numeric_scaled(c->v, c->scale);
    int64_t back;
    expect_param(p, DSQL_NUMERIC, 0, c->text, strlen(c->text));
    cr_expect_eq(codec_numeric_scaled_text(param_bytes(&p), (size_t)p.len, c->scale, &back), 0, "%s", c->text);
    cr_expect_eq(back, c->v, "%s", c->text);
  }
}
