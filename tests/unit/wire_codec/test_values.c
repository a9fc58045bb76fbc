/* Values whose units and signs the header promises, and forms that the table of server values does not have. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "heap.h"
#include "value.h"

#define TEXT(s) (s), strlen(s)

Test(codec_values, integers) {
  int16_t i2;
  int32_t i4;
  int64_t i8;
  uint32_t oid;
  cr_expect(codec_int2_text(TEXT("-32768"), &i2) == 0 && i2 == INT16_MIN);
  cr_expect(codec_int4_text(TEXT("-2147483648"), &i4) == 0 && i4 == INT32_MIN);
  cr_expect(codec_int8_text(TEXT("-9223372036854775808"), &i8) == 0 && i8 == INT64_MIN);
  cr_expect(codec_int8_text(TEXT("9223372036854775807"), &i8) == 0 && i8 == INT64_MAX);
  cr_expect(codec_int8_text(TEXT("-0"), &i8) == 0 && i8 == 0);
  cr_expect(codec_oid_text(TEXT("4294967295"), &oid) == 0 && oid == UINT32_MAX);
  cr_expect(codec_int4_binary((const uint8_t *)"\xff\xff\xff\xfe", 4, &i4) == 0 && i4 == -2);
  cr_expect(codec_int2_binary((const uint8_t *)"\x80\0", 2, &i2) == 0 && i2 == INT16_MIN);
}

Test(codec_values, chars) {
  uint8_t c = 7;
  cr_expect(codec_char_text("", 0, &c) == 0 && c == 0);
  cr_expect(codec_char_text("\\", 1, &c) == 0 && c == '\\');
  cr_expect(codec_char_text("\xff", 1, &c) == 0 && c == 255, "as PostgreSQL 15 sends it");
  cr_expect(codec_char_text("\\377", 4, &c) == 0 && c == 255, "as PostgreSQL 16 sends it");
  cr_expect(codec_char_text("\\200", 4, &c) == 0 && c == 128);
}

struct float_case {
  const char *text;
  double value;
};

static const struct float_case floats[] = {
    {"0", 0.0},
    {"00000000000000000000000000001", 1.0},
    {"0.000000000000000000000000000000000001", 1e-36},
    {"100000000000000000000000000", 1e26},
    {"9007199254740993", 9007199254740992.0}, /* half way, to even */
    {"9007199254740993.00000000000000000000000000001", 9007199254740994.0},
    {"1e22", 1e22},
    {"1e23", 1e23},
    {"1E5", NAN}, /* refused: the server writes a small e */
    {"123456789012345678", 123456789012345678.0},
    {"2.2250738585072014e-308", DBL_MIN},
    {"4.9e-324", 4.9406564584124654e-324},
    {"1.7976931348623157e+308", DBL_MAX},
    {"0e999999999999", 0.0},
    {"0.0e-5", 0.0},
};

Test(codec_values, float8) {
  double v;
  for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
    int rc = codec_float8_text(TEXT(floats[i].text), &v);
    if (isnan(floats[i].value))
      cr_expect_eq(rc, DSQL_EPROTO, "%s", floats[i].text);
    else
      cr_expect(rc == 0 && memcmp(&v, &floats[i].value, sizeof v) == 0, "%s gave %.17g", floats[i].text, v);
  }
  cr_expect(codec_float8_text(TEXT("-0"), &v) == 0 && v == 0 && signbit(v));
}

/* Half way between 1 and the next float is 1 + 2^-53; a digit far behind it must still break the tie. */
Test(codec_values, float8_with_a_late_tie_breaker) {
  static const char half_way[] = "1.00000000000000011102230246251565404236316680908203125";
  enum { LENGTH = 3000 };
  char text[LENGTH + 2];
  double v;
  cr_expect(codec_float8_text(TEXT(half_way), &v) == 0 && v == 1.0);
  memset(text, '0', sizeof text);
  memcpy(text, half_way, sizeof half_way - 1);
  text[LENGTH] = '1';
  cr_expect(codec_float8_text(text, LENGTH, &v) == 0 && v == 1.0);
  cr_expect(codec_float8_text(text, LENGTH + 1, &v) == 0 && v == 1.0 + DBL_EPSILON);
}

Test(codec_values, float4) {
  float v;
  cr_expect(codec_float4_text(TEXT("16777217"), &v) == 0 && v == 16777216.0F);
  cr_expect(codec_float4_text(TEXT("3.4028235e+38"), &v) == 0 && v == FLT_MAX);
  cr_expect(codec_float4_text(TEXT("1e-45"), &v) == 0 && v > 0 && v == 1.4e-45F);
  cr_expect(codec_float4_text(TEXT("-Infinity"), &v) == 0 && isinf(v) && v < 0);
  cr_expect(codec_float4_text(TEXT("NaN"), &v) == 0 && isnan(v));
  /* Rounded once: through a double this would be half way and go to 1. */
  cr_expect(codec_float4_text(TEXT("1.00000005960464477540"), &v) == 0 && v == 1.0F + FLT_EPSILON);
}

Test(codec_values, uuid) {
  dsql_uuid lower, upper;
  cr_expect_eq(codec_uuid_text(TEXT("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), &lower), 0);
  cr_expect_eq(codec_uuid_text(TEXT("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), &upper), 0);
  cr_expect(memcmp(&lower, &upper, sizeof lower) == 0 && lower.bytes[0] == 0xa0 && lower.bytes[15] == 0x11);
}

Test(codec_values, bytea) {
  struct heap_arena h;
  dsql_str s;
  heap_arena_init(&h);
  cr_expect(codec_bytea_text(&h.arena, "", 0, &s) == 0 && s.len == 0 && s.ptr);
  cr_expect(codec_bytea_text(&h.arena, TEXT("\\x"), &s) == 0 && s.len == 0);
  cr_expect(codec_bytea_text(&h.arena, TEXT("\\x00fFA5"), &s) == 0 && s.len == 3 &&
            memcmp(s.ptr, "\0\xff\xa5", 3) == 0);
  cr_expect(codec_bytea_text(&h.arena, TEXT("a\\\\x\\000\\377"), &s) == 0 && s.len == 5 &&
            memcmp(s.ptr, "a\\x\0\xff", 5) == 0);
  heap_arena_deinit(&h);
}

Test(codec_values, dates_and_times) {
  int32_t days;
  int64_t us;
  dsql_timetz tz;
  cr_expect(codec_date_text(TEXT("2000-01-01"), &days) == 0 && days == 0);
  cr_expect(codec_date_text(TEXT("1970-01-01"), &days) == 0 && days == -DSQL_UNIX_EPOCH_DAYS);
  cr_expect(codec_date_text(TEXT("0001-12-31 BC"), &days) == 0 && days == -730120);
  cr_expect(codec_date_text(TEXT("4714-11-24 BC"), &days) == 0 && days == -2451545);
  cr_expect(codec_date_text(TEXT("5874897-12-31"), &days) == 0 && days == 2145031948);
  cr_expect(codec_date_text(TEXT("infinity"), &days) == 0 && days == DSQL_DATE_INFINITY);
  cr_expect(codec_date_text(TEXT("-infinity"), &days) == 0 && days == DSQL_DATE_NEG_INFINITY);
  cr_expect(codec_time_text(TEXT("24:00:00"), &us) == 0 && us == INT64_C(86400000000));
  cr_expect(codec_time_text(TEXT("00:00:00.5"), &us) == 0 && us == 500000);
  cr_expect(codec_timetz_text(TEXT("01:00:00+02"), &tz) == 0 && tz.time_us == INT64_C(3600000000) &&
            tz.utc_offset_s == 7200);
  cr_expect(codec_timetz_binary((const uint8_t *)"\0\0\0\0\0\0\0\1\xff\xff\xe3\xe0", 12, &tz) == 0 && tz.time_us == 1 &&
            tz.utc_offset_s == 7200);
  cr_expect(codec_timestamp_text(TEXT("1970-01-01 00:00:00"), &us) == 0 && us == -DSQL_UNIX_EPOCH_US);
  cr_expect(codec_timestamptz_text(TEXT("2000-01-01 00:19:32+00:19:32"), &us) == 0 && us == 0);
  cr_expect(codec_timestamptz_text(TEXT("1999-12-31 19:00:00.000001-05"), &us) == 0 && us == 1);
  cr_expect(codec_timestamptz_text(TEXT("294277-01-01 13:59:59.999999+14"), &us) == 0 &&
            us == INT64_C(9223371331199999999));
  cr_expect(codec_timestamptz_text(TEXT("4714-11-23 12:00:00-12 BC"), &us) == 0 && us == INT64_C(-211813488000000000));
  cr_expect(codec_timestamptz_text(TEXT("-infinity"), &us) == 0 && us == DSQL_TIMESTAMP_NEG_INFINITY);
}

struct interval_case {
  const char *text;
  int32_t months, days;
  int64_t us;
};

static const struct interval_case intervals[] = {
    {"00:00:00", 0, 0, 0},
    {"PT0S", 0, 0, 0},
    {"0", 0, 0, 0},
    {"@ 0", 0, 0, 0},
    {"1 year 2 mons -3 days +04:05:06.789", 14, -3, INT64_C(14706789000)},
    {"-1 days +00:00:01", 0, -1, 1000000},
    {"P1Y2M-3DT4H5M6.789S", 14, -3, INT64_C(14706789000)},
    {"PT-0.5S", 0, 0, -500000},
    {"+1-2 -3 +4:05:06.789", 14, -3, INT64_C(14706789000)},
    {"-3 4:05:06", 0, -3, -INT64_C(14706000000)},
    {"-1-2", -14, 0, 0},
    {"@ 1 year 2 mons -3 days 4 hours 5 mins 6.789 secs ago", -14, 3, -INT64_C(14706789000)},
    {"@ 0.5 secs ago", 0, 0, -500000},
    {"-2562047788:00:54.775808", 0, 0, INT64_MIN},
    {"infinity", INT32_MAX, INT32_MAX, INT64_MAX},
    {"-infinity", INT32_MIN, INT32_MIN, INT64_MIN},
};

Test(codec_values, intervals_in_every_style) {
  for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++) {
    const struct interval_case *c = &intervals[i];
    dsql_interval v;
    cr_expect_eq(codec_interval_text(TEXT(c->text), &v), 0, "%s", c->text);
    cr_expect(v.months == c->months && v.days == c->days && v.time_us == c->us, "%s", c->text);
  }
}

static void expect_text(uint32_t oid, const char *bytes, size_t n, const char *expected) {
  struct heap_arena h;
  dsql_str s;
  heap_arena_init(&h);
  cr_expect_eq(codec_to_text(&h.arena, oid, (const uint8_t *)bytes, n, &s), 0, "%s", expected);
  cr_expect(s.len == strlen(expected) && memcmp(s.ptr, expected, s.len) == 0, "%.*s is not %s", (int)s.len, s.ptr,
            expected);
  heap_arena_deinit(&h);
}

/* What PostgreSQL 15, which made the table of server values, does not send. */
Test(codec_values, text_of_newer_servers) {
  expect_text(DSQL_INTERVAL, "\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff", 16, "infinity");
  expect_text(DSQL_INTERVAL, "\x80\0\0\0\0\0\0\0\x80\0\0\0\x80\0\0\0", 16, "-infinity");
  expect_text(DSQL_CHAR, "\xff", 1, "\\377");
  expect_text(DSQL_CHAR, "\x80", 1, "\\200");
  expect_text(DSQL_INTERVAL, "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, "-2562047788:00:54.775808");
  expect_text(DSQL_INTERVAL, "\x80\0\0\0\0\0\0\1\x7f\xff\xff\xff\x80\0\0\0", 16,
              "-178956970 years -8 mons +2147483647 days -2562047788:00:54.775807");
}

Test(codec_values, text_types_are_views) {
  static const uint32_t oids[] = {DSQL_TEXT, DSQL_VARCHAR, DSQL_BPCHAR, DSQL_NAME, DSQL_JSON, DSQL_UNKNOWN, DSQL_JSONB};
  static const uint8_t bytes[] = "\1{}";
  for (size_t i = 0; i < sizeof oids / sizeof *oids; i++) {
    size_t skipped = oids[i] == DSQL_JSONB;
    dsql_str s;
    cr_expect_eq(codec_to_text(NULL, oids[i], bytes, 3, &s), 0);
    cr_expect(s.ptr == (const char *)bytes + skipped && s.len == 3 - skipped);
  }
}

Test(codec_values, types_without_a_codec) {
  static const uint32_t oids[] = {0, 1, 22, 24, 142, 790, 1033, 1043 + 1, 2249, 2970, 3614, 3803, UINT32_MAX};
  dsql_str s;
  for (size_t i = 0; i < sizeof oids / sizeof *oids; i++) {
    cr_expect_not(codec_has_binary(oids[i]), "%u", oids[i]);
    cr_expect_eq(codec_to_text(NULL, oids[i], (const uint8_t *)"x", 1, &s), DSQL_ETYPE, "%u", oids[i]);
  }
}

Test(codec_values, out_of_memory) {
  struct heap_arena h;
  dsql_str s;
  heap_arena_init(&h);
  test_alloc_arm(&h.heap, 1, true);
  cr_expect_eq(codec_to_text(&h.arena, DSQL_INT4, (const uint8_t *)"\0\0\0\1", 4, &s), DSQL_ENOMEM);
  cr_expect_eq(codec_to_text(&h.arena, DSQL_BYTEA, (const uint8_t *)"x", 1, &s), DSQL_ENOMEM);
  cr_expect_eq(codec_to_text(&h.arena, DSQL_NUMERIC, (const uint8_t *)"\0\0\0\0\0\0\0\0", 8, &s), DSQL_ENOMEM);
  cr_expect_eq(codec_bytea_text(&h.arena, "x", 1, &s), DSQL_ENOMEM);
  cr_expect_eq(h.heap.calls, 4);
  heap_arena_deinit(&h);
}
