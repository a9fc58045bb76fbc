/* What is no value of its type, and what is out of its range. */
#include <criterion/criterion.h>

#include "heap.h"
#include "value.h"

static void check_texts(uint32_t oid, int expected, const char *const *texts, size_t count) {
  struct heap_arena h;
  heap_arena_init(&h);
  for (size_t i = 0; i < count; i++) {
    struct value v;
    int rc = value_from_text(&h.arena, oid, texts[i], strlen(texts[i]), &v);
    cr_expect_eq(rc, expected, "type %u, '%s': %s", oid, texts[i], rc ? "another error" : "accepted");
  }
  heap_arena_deinit(&h);
}

#define REJECTED(oid, code, ...)                                                                                       \
  do {                                                                                                                 \
    static const char *const texts[] = {__VA_ARGS__};                                                                  \
    check_texts(oid, code, texts, sizeof texts / sizeof *texts);                                                       \
  } while (0)

Test(codec_reject, text_of_bool_and_integers) {
  REJECTED(DSQL_BOOL, DSQL_EPROTO, "", "T", "true", "1", "tt", " t");
  REJECTED(DSQL_INT2, DSQL_EPROTO, "", "-", "+1", " 1", "1 ", "1.0", "0x1", "--1", "1e2", "a");
  REJECTED(DSQL_INT2, DSQL_ERANGE, "32768", "-32769", "99999999999999999999", "-99999999999999999999999");
  REJECTED(DSQL_INT4, DSQL_EPROTO, "", "-", "1_000", "1,000", "12-");
  REJECTED(DSQL_INT4, DSQL_ERANGE, "2147483648", "-2147483649", "4294967296");
  REJECTED(DSQL_INT8, DSQL_EPROTO, "", "-", "9223372036854775807x");
  REJECTED(DSQL_INT8, DSQL_ERANGE, "9223372036854775808", "-9223372036854775809", "18446744073709551616",
           "184467440737095516150");
  REJECTED(DSQL_OID, DSQL_EPROTO, "", "-", "x");
  REJECTED(DSQL_OID, DSQL_ERANGE, "4294967296", "-1");
  REJECTED(DSQL_CHAR, DSQL_EPROTO, "ab", "abc", "\\40", "\\400", "\\089", "\\3778", "/377");
}

Test(codec_reject, text_of_floats) {
  REJECTED(DSQL_FLOAT8, DSQL_EPROTO, "", "-", ".", "1.", ".5", "1e", "1e+", "e5", "nan", "inf", "infinity", "-NaN",
           "+1", "1,5", "0x1p3", " 1", "1 ", "1.2.3", "1e5.5", "--1", "1e5e5", "InfinityX");
  REJECTED(DSQL_FLOAT8, DSQL_ERANGE, "1e309", "-1e309", "1e-400", "1e999999999999999999999", "1e-99999999999999999999",
           "1.7976931348623159e308");
  REJECTED(DSQL_FLOAT4, DSQL_EPROTO, "", "NAN", "1f", "1e", "-", "Inf");
  REJECTED(DSQL_FLOAT4, DSQL_ERANGE, "3.5e38", "-1e39", "1e-46", "1e100");
}

Test(codec_reject, text_of_uuid_and_bytea) {
  REJECTED(DSQL_UUID, DSQL_EPROTO, "", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111",
           "a0eebc999c0b4ef8bb6d6bb9bd380a11", "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
           "a0eebc9-99c0b-4ef8-bb6d-6bb9bd380a11", "{0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1}",
           "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1 ");
  REJECTED(DSQL_BYTEA, DSQL_EPROTO, "\\x0", "\\x0g", "\\x 0", "\\", "a\\", "\\1", "\\12", "\\400", "\\08a", "\\X00",
           "\\\\\\");
}

Test(codec_reject, text_of_dates_and_times) {
  REJECTED(DSQL_DATE, DSQL_EPROTO, "", "2000", "2000-1-01", "2000-01-1", "00-01-01", "2000-13-01", "2000-00-01",
           "2000-01-00", "2000-01-32", "2001-02-29", "1900-02-29", "2000-04-31", "0000-01-01", "2000-01-01 bc",
           "2000-01-01BC", "2000-01-01 BC ", "-2000-01-01", "01/02/2000", "2000-01-01 00:00:00", "Infinity",
           "+infinity", "2000/01/01", "12345678-01-01", "0001-02-29", "2000-01-01  BC");
  REJECTED(DSQL_DATE, DSQL_ERANGE, "5874898-01-01", "4714-11-23 BC", "9999999-12-31", "9999999-01-01 BC");
  REJECTED(DSQL_TIME, DSQL_EPROTO, "", "1:00:00", "24:00:00.000001", "24:00:01", "25:00:00", "00:60:00", "00:00:60",
           "00:00", "00:00:00.", "00:00:00.1234567", "00:00:00+00", "-01:00:00", "00:00:00 ", "infinity");
  REJECTED(DSQL_TIMETZ, DSQL_EPROTO, "", "00:00:00", "00:00:00+", "00:00:00+1", "00:00:00+16", "00:00:00-16:00",
           "00:00:00+15:60", "00:00:00+15:00:60", "00:00:00 +01", "00:00:00+01:", "00:00:00+0100", "00:00:00Z");
  REJECTED(DSQL_TIMESTAMP, DSQL_EPROTO, "", "2000-01-01", "2000-01-01 ", "2000-01-01T00:00:00",
           "2000-01-01 00:00:00+00", "2000-01-01 24:00:00", "2001-02-29 00:00:00", "2000-01-01 00:00:00 AD",
           "2000-01-01  00:00:00", "2000-01-01 BC 00:00:00");
  REJECTED(DSQL_TIMESTAMP, DSQL_ERANGE, "294277-01-01 00:00:00", "4714-11-23 23:59:59.999999 BC",
           "9999999-01-01 00:00:00", "9999999-01-01 00:00:00 BC");
  REJECTED(DSQL_TIMESTAMPTZ, DSQL_EPROTO, "2000-01-01 00:00:00", "2000-01-01 00:00:00 UTC", "2000-01-01 00:00:00+16",
           "2000-01-01 00:00:00 BC+00", "2000-01-01 00:00:00-");
  REJECTED(DSQL_TIMESTAMPTZ, DSQL_ERANGE, "294276-12-31 23:59:59-00:00:01", "4714-11-24 00:00:00+00:00:01 BC");
}

Test(codec_reject, text_of_intervals) {
  REJECTED(DSQL_INTERVAL, DSQL_EPROTO, "", " ", "1", "1 week", "1 year ", " 1 year", "1 year2 mons", "00:00", "1:2:3",
           "00:60:00", "00:00:60", "00:00:00 1 day", "1 day ago", "@ ", "@", "@ ago", "@ 1 day ago ", "@ 1 day agoo",
           "P", "PT", "P1", "P1H", "PT1Y", "P1Y2", "P1.5Y", "1.5 days", "1-12", "1-2-3", "1-2 3", "0 0", "1 2 3:04:05",
           "00:00:00.", "1 day 1.5:00:00", "PT1S ", "1-2 3 4", "-", "+", "infinity ", "12345678901 days");
  REJECTED(DSQL_INTERVAL, DSQL_ERANGE, "178956970 years 8 mons", "-178956971 years", "2147483648 days",
           "-2147483649 days", "2562047789:00:00", "-2562047789:00:00", "@ 9999999999 hours", "PT9999999999H",
           "2562047788:00:54.775808");
}

Test(codec_reject, text_of_numeric) {
  REJECTED(DSQL_NUMERIC, DSQL_EPROTO, "", "-", ".", "1.", ".5", "1e5", "+1", "nan", "1,000", "1.2.3", "--1", " 1", "1 ",
           "-NaN", "infinity");
}

struct binary_case {
  uint32_t oid;
  int code;
  size_t n;
  const char *bytes;
};

static const struct binary_case binaries[] = {
    {DSQL_BOOL, DSQL_EPROTO, 1, "\2"},
    {DSQL_JSONB, DSQL_EPROTO, 0, ""},
    {DSQL_JSONB, DSQL_EPROTO, 1, "\1"},
    {DSQL_JSONB, DSQL_EPROTO, 3, "\2{}"},
    {DSQL_DATE, DSQL_ERANGE, 4, "\x80\0\0\1"},
    {DSQL_DATE, DSQL_ERANGE, 4, "\x7f\xff\xff\xfe"},
    {DSQL_DATE, DSQL_ERANGE, 4, "\xff\xda\x97\x66"}, /* -2451546 */
    {DSQL_TIME, DSQL_ERANGE, 8, "\xff\xff\xff\xff\xff\xff\xff\xff"},
    {DSQL_TIME, DSQL_ERANGE, 8, "\0\0\0\x14\x1d\xd7\x60\1"},
    {DSQL_TIMETZ, DSQL_ERANGE, 12, "\0\0\0\x14\x1d\xd7\x60\1\0\0\0\0"},
    {DSQL_TIMETZ, DSQL_ERANGE, 12, "\0\0\0\0\0\0\0\0\0\0\xe1\0"}, /* 57600 s */
    {DSQL_TIMETZ, DSQL_ERANGE, 12, "\0\0\0\0\0\0\0\0\x80\0\0\0"},
    {DSQL_TIMESTAMP, DSQL_ERANGE, 8, "\x80\0\0\0\0\0\0\1"},
    {DSQL_TIMESTAMP, DSQL_ERANGE, 8, "\x7f\xff\xff\xff\xff\xff\xff\xfe"},
    {DSQL_TIMESTAMPTZ, DSQL_ERANGE, 8, "\x80\0\0\0\0\0\0\1"},
    {DSQL_NUMERIC, DSQL_EPROTO, 0, ""},
    {DSQL_NUMERIC, DSQL_EPROTO, 7, "\0\0\0\0\0\0\0"},
    {DSQL_NUMERIC, DSQL_EPROTO, 8, "\0\1\0\0\0\0\0\0"},          /* a group is missing */
    {DSQL_NUMERIC, DSQL_EPROTO, 10, "\0\0\0\0\0\0\0\0\0\1"},     /* one too many */
    {DSQL_NUMERIC, DSQL_EPROTO, 9, "\0\1\0\0\0\0\0\0\0"},        /* half a group */
    {DSQL_NUMERIC, DSQL_EPROTO, 8, "\xff\xff\0\0\0\0\0\0"},      /* -1 groups */
    {DSQL_NUMERIC, DSQL_EPROTO, 10, "\0\1\0\0\0\0\0\0\x27\x10"}, /* a group of 10000 */
    {DSQL_NUMERIC, DSQL_EPROTO, 10, "\0\1\0\0\0\0\0\0\xff\xff"},
    {DSQL_NUMERIC, DSQL_EPROTO, 8, "\0\0\0\0\x12\x34\0\0"}, /* no such sign */
    {DSQL_NUMERIC, DSQL_EPROTO, 8, "\0\0\0\0\0\0\x40\0"},   /* dscale 16384 */
    {DSQL_NUMERIC, DSQL_EPROTO, 8, "\0\0\0\0\0\0\xff\xff"},
    {DSQL_NUMERIC, DSQL_EPROTO, 10, "\0\1\0\0\xc0\0\0\0\0\1"}, /* NaN with digits */
};

Test(codec_reject, binary_values) {
  struct heap_arena h;
  heap_arena_init(&h);
  for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++) {
    const struct binary_case *c = &binaries[i];
    dsql_str unchanged = {"before", 6}, text = unchanged;
    struct value v;
    cr_expect_eq(value_from_binary(&h.arena, c->oid, (const uint8_t *)c->bytes, c->n, &v), c->code, "case %zu", i);
    cr_expect_eq(codec_to_text(&h.arena, c->oid, (const uint8_t *)c->bytes, c->n, &text), c->code, "case %zu", i);
    cr_expect(text.ptr == unchanged.ptr && text.len == unchanged.len, "case %zu: *out written", i);
  }
  heap_arena_deinit(&h);
}

struct width {
  uint32_t oid;
  size_t bytes;
};

static const struct width widths[] = {{DSQL_BOOL, 1},      {DSQL_CHAR, 1},        {DSQL_INT2, 2},     {DSQL_INT4, 4},
                                      {DSQL_INT8, 8},      {DSQL_OID, 4},         {DSQL_FLOAT4, 4},   {DSQL_FLOAT8, 8},
                                      {DSQL_UUID, 16},     {DSQL_DATE, 4},        {DSQL_TIME, 8},     {DSQL_TIMETZ, 12},
                                      {DSQL_TIMESTAMP, 8}, {DSQL_TIMESTAMPTZ, 8}, {DSQL_INTERVAL, 16}};

Test(codec_reject, every_other_width) {
  static const uint8_t zeros[40];
  struct heap_arena h;
  heap_arena_init(&h);
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    for (size_t n = 0; n <= sizeof zeros; n++) {
      int expected = n == widths[i].bytes ? 0 : DSQL_EPROTO;
      struct value v;
      dsql_str text;
      cr_expect_eq(value_from_binary(&h.arena, widths[i].oid, zeros, n, &v), expected, "type %u", widths[i].oid);
      cr_expect_eq(codec_to_text(&h.arena, widths[i].oid, zeros, n, &text), expected, "type %u", widths[i].oid);
    }
  }
  heap_arena_deinit(&h);
}

/* A NUL inside is a byte like any other: it ends nothing early. */
Test(codec_reject, nul_bytes) {
  struct heap_arena h;
  struct value v;
  heap_arena_init(&h);
  cr_expect_eq(value_from_text(&h.arena, DSQL_INT4, "1\0", 2, &v), DSQL_EPROTO);
  cr_expect_eq(value_from_text(&h.arena, DSQL_FLOAT8, "1\0", 2, &v), DSQL_EPROTO);
  cr_expect_eq(value_from_text(&h.arena, DSQL_FLOAT8, "NaN\0", 4, &v), DSQL_EPROTO);
  cr_expect_eq(value_from_text(&h.arena, DSQL_DATE, "2000-01-01\0", 11, &v), DSQL_EPROTO);
  cr_expect_eq(value_from_text(&h.arena, DSQL_INTERVAL, "1 day\0", 6, &v), DSQL_EPROTO);
  cr_expect_eq(value_from_text(&h.arena, DSQL_NUMERIC, "1\0", 2, &v), DSQL_EPROTO);
  heap_arena_deinit(&h);
}
