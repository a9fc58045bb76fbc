/* Typed getters: which type each one reads, and what it says of everything else. */
#include "rows.h"

#define WRAP(name, type)                                                                                               \
  static int get_##name(const dsql_result *r, size_t row, unsigned col, void *out) {                                   \
    return dsql_get_##name(r, row, col, (type *)out);                                                                  \
  }
WRAP(bool, bool)
WRAP(int2, int16_t)
WRAP(int4, int32_t)
WRAP(int8, int64_t)
WRAP(oid, uint32_t)
WRAP(float4, float)
WRAP(float8, double)
WRAP(text, dsql_str)
WRAP(bytes, dsql_str)
WRAP(uuid, dsql_uuid)
WRAP(date, int32_t)
WRAP(time, int64_t)
WRAP(timetz, dsql_timetz)
WRAP(timestamp, int64_t)
WRAP(timestamptz, int64_t)
WRAP(interval, dsql_interval)
WRAP(numeric, dsql_str)
WRAP(json, dsql_str)

static int get_numeric_scaled(const dsql_result *r, size_t row, unsigned col, void *out) {
  return dsql_get_numeric_scaled(r, row, col, 2, out);
}

static int get_raw(const dsql_result *r, size_t row, unsigned col, void *out) {
  return dsql_get_raw(r, row, col, out, NULL);
}

enum { OUT_SIZE = 32, ANY = 1 };

static const struct getter {
  const char *name;
  int (*get)(const dsql_result *r, size_t row, unsigned col, void *out);
  uint32_t oids[4]; /* that it reads; ANY: all */
} getters[] = {
    {"bool", get_bool, {DSQL_BOOL}},
    {"int2", get_int2, {DSQL_INT2}},
    {"int4", get_int4, {DSQL_INT2, DSQL_INT4, DSQL_INT8, DSQL_OID}},
    {"int8", get_int8, {DSQL_INT2, DSQL_INT4, DSQL_INT8, DSQL_OID}},
    {"oid", get_oid, {DSQL_OID}},
    {"float4", get_float4, {DSQL_FLOAT4}},
    {"float8", get_float8, {DSQL_FLOAT4, DSQL_FLOAT8}},
    {"text", get_text, {ANY}},
    {"bytes", get_bytes, {DSQL_BYTEA}},
    {"uuid", get_uuid, {DSQL_UUID}},
    {"date", get_date, {DSQL_DATE}},
    {"time", get_time, {DSQL_TIME}},
    {"timetz", get_timetz, {DSQL_TIMETZ}},
    {"timestamp", get_timestamp, {DSQL_TIMESTAMP}},
    {"timestamptz", get_timestamptz, {DSQL_TIMESTAMPTZ}},
    {"interval", get_interval, {DSQL_INTERVAL}},
    {"numeric", get_numeric, {DSQL_NUMERIC}},
    {"numeric_scaled", get_numeric_scaled, {DSQL_NUMERIC}},
    {"json", get_json, {DSQL_JSON, DSQL_JSONB}},
    {"raw", get_raw, {ANY}},
};

/* A value of each type in both formats. */
static const struct sample {
  uint32_t oid;
  struct cell text, binary;
} samples[] = {
#define SAMPLE(oid, text, binary)                                                                                      \
  {                                                                                                                    \
    oid, {text, sizeof(text) - 1}, { binary, sizeof(binary) - 1 }                                                      \
  }
    SAMPLE(DSQL_BOOL, "t", "\1"),
    SAMPLE(DSQL_BYTEA, "\\x00ff", "\0\xff"),
    SAMPLE(DSQL_CHAR, "a", "a"),
    SAMPLE(DSQL_NAME, "n", "n"),
    SAMPLE(DSQL_INT8, "1", "\0\0\0\0\0\0\0\1"),
    SAMPLE(DSQL_INT2, "1", "\0\1"),
    SAMPLE(DSQL_INT4, "1", "\0\0\0\1"),
    SAMPLE(DSQL_TEXT, "x", "x"),
    SAMPLE(DSQL_OID, "1", "\0\0\0\1"),
    SAMPLE(DSQL_JSON, "{}", "{}"),
    SAMPLE(DSQL_FLOAT4, "1", "\x3f\x80\0\0"),
    SAMPLE(DSQL_FLOAT8, "1", "\x3f\xf0\0\0\0\0\0\0"),
    SAMPLE(DSQL_UNKNOWN, "u", "u"),
    SAMPLE(DSQL_BPCHAR, "b", "b"),
    SAMPLE(DSQL_VARCHAR, "v", "v"),
    SAMPLE(DSQL_DATE, "2000-01-02", "\0\0\0\1"),
    SAMPLE(DSQL_TIME, "00:00:00.000001", "\0\0\0\0\0\0\0\1"),
    SAMPLE(DSQL_TIMESTAMP, "2000-01-01 00:00:00.000001", "\0\0\0\0\0\0\0\1"),
    SAMPLE(DSQL_TIMESTAMPTZ, "2000-01-01 00:00:00.000001+00", "\0\0\0\0\0\0\0\1"),
    SAMPLE(DSQL_INTERVAL, "1 mon", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"),
    SAMPLE(DSQL_TIMETZ, "00:00:00+00", "\0\0\0\0\0\0\0\0\0\0\0\0"),
    SAMPLE(DSQL_NUMERIC, "1", "\0\1\0\0\0\0\0\0\0\1"),
    SAMPLE(DSQL_UUID, "00000000-0000-0000-0000-000000000001", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"),
    SAMPLE(DSQL_JSONB, "{}", "\1{}"),
    SAMPLE(1033, "(1,2)", "(1,2)"), /* a point: no codec, so always text */
};

static bool reads(const struct getter *g, uint32_t oid) {
  for (size_t i = 0; i < COUNT(g->oids); i++)
    if (g->oids[i] == ANY || g->oids[i] == oid) return true;
  return false;
}

/* Calls it on an out that it may write to only on success. */
static int call(const struct getter *g, const struct rows *x, size_t row, unsigned col) {
  unsigned char out[OUT_SIZE], before[OUT_SIZE];
  int rc;

  memset(before, 0xa5, sizeof before);
  memcpy(out, before, sizeof out);
  rc = g->get(&x->result, row, col, out);
  cr_assert_eq(memcmp(out, before, sizeof out) == 0, rc != 0, "dsql_get_%s returned %d: out %s", g->name, rc,
               rc ? "was written" : "was not written");
  return rc;
}

/* One row: the samples, and a NULL of each type behind them. */
static void add_samples(struct rows *x, bool binary) {
  uint32_t oids[2 * COUNT(samples)];
  struct cell cells[2 * COUNT(samples)];

  for (size_t i = 0; i < COUNT(samples); i++) {
    oids[i] = oids[COUNT(samples) + i] = samples[i].oid;
    cells[i] = binary ? samples[i].binary : samples[i].text;
    cells[COUNT(samples) + i] = NULL_CELL;
  }
  rows_describe(x, oids, (unsigned)COUNT(oids), binary);
  rows_add(x, cells, (unsigned)COUNT(cells));
}

Test(getters, read_their_types_and_refuse_the_others) {
  struct rows x;
  size_t accepted = 0, refused = 0;

  rows_init(&x);
  for (int binary = 0; binary <= 1; binary++) {
    add_samples(&x, binary);
    for (size_t g = 0; g < COUNT(getters); g++)
      for (unsigned i = 0; i < COUNT(samples); i++) {
        bool want = reads(&getters[g], samples[i].oid);
        int rc = call(&getters[g], &x, 0, i);
        cr_assert_eq(rc, want ? 0 : DSQL_ETYPE, "dsql_get_%s of type %u (%s) returned %d", getters[g].name,
                     samples[i].oid, binary ? "binary" : "text", rc);
        accepted += want;
        refused += !want;
      }
  }
  cr_assert_eq(accepted + refused, 2 * COUNT(getters) * COUNT(samples));
  cr_assert_gt(accepted, (size_t)100);
  rows_deinit(&x);
}

Test(getters, say_null) {
  struct rows x;

  rows_init(&x);
  for (int binary = 0; binary <= 1; binary++) {
    add_samples(&x, binary);
    for (size_t g = 0; g < COUNT(getters); g++)
      for (unsigned i = 0; i < COUNT(samples); i++) {
        unsigned col = (unsigned)COUNT(samples) + i;
        cr_assert(dsql_is_null(&x.result, 0, col));
        if (reads(&getters[g], samples[i].oid))
          cr_assert_eq(call(&getters[g], &x, 0, col), DSQL_ENULL, "dsql_get_%s", getters[g].name);
      }
  }
  rows_deinit(&x);
}

Test(getters, no_such_row_or_column) {
  static const size_t beyond_rows[] = {1, 2, 8, 1u << 20, SIZE_MAX};
  static const unsigned beyond_cols[] = {2 * COUNT(samples), 2 * COUNT(samples) + 1, UINT32_MAX};
  struct rows x;
  unsigned char out[OUT_SIZE];

  rows_init(&x);
  add_samples(&x, true);
  for (size_t g = 0; g < COUNT(getters); g++) {
    const struct getter *getter = &getters[g];
    unsigned col = 0;
    while (!reads(getter, samples[col].oid)) col++;
    for (size_t i = 0; i < COUNT(beyond_rows); i++)
      cr_assert_eq(call(getter, &x, beyond_rows[i], col), DSQL_EINVAL, "dsql_get_%s", getter->name);
    for (size_t i = 0; i < COUNT(beyond_cols); i++)
      cr_assert_eq(call(getter, &x, 0, beyond_cols[i]), DSQL_EINVAL, "dsql_get_%s", getter->name);
    cr_assert_eq(getter->get(NULL, 0, 0, out), DSQL_EINVAL, "dsql_get_%s of no result", getter->name);
  }
  rows_deinit(&x);
}

/* ---- widths and ranges ---- */

struct int_case {
  uint32_t oid;
  struct cell text, binary;
  int64_t value;
};

#define INT_CASE(oid, text, binary, value)                                                                             \
  { oid, {text, sizeof(text) - 1}, {binary, sizeof(binary) - 1}, value }
static const struct int_case int_cases[] = {
    INT_CASE(DSQL_INT2, "32767", "\x7f\xff", INT16_MAX),
    INT_CASE(DSQL_INT2, "-32768", "\x80\0", INT16_MIN),
    INT_CASE(DSQL_INT4, "2147483647", "\x7f\xff\xff\xff", INT32_MAX),
    INT_CASE(DSQL_INT4, "-2147483648", "\x80\0\0\0", INT32_MIN),
    INT_CASE(DSQL_INT8, "2147483647", "\0\0\0\0\x7f\xff\xff\xff", INT32_MAX),
    INT_CASE(DSQL_INT8, "2147483648", "\0\0\0\0\x80\0\0\0", INT64_C(2147483648)),
    INT_CASE(DSQL_INT8, "-2147483648", "\xff\xff\xff\xff\x80\0\0\0", INT32_MIN),
    INT_CASE(DSQL_INT8, "-2147483649", "\xff\xff\xff\xff\x7f\xff\xff\xff", INT64_C(-2147483649)),
    INT_CASE(DSQL_INT8, "9223372036854775807", "\x7f\xff\xff\xff\xff\xff\xff\xff", INT64_MAX),
    INT_CASE(DSQL_INT8, "-9223372036854775808", "\x80\0\0\0\0\0\0\0", INT64_MIN),
    INT_CASE(DSQL_OID, "2147483647", "\x7f\xff\xff\xff", INT32_MAX),
    INT_CASE(DSQL_OID, "2147483648", "\x80\0\0\0", INT64_C(2147483648)),
    INT_CASE(DSQL_OID, "4294967295", "\xff\xff\xff\xff", UINT32_MAX),
};

Test(getters, integers_widen_and_do_not_wrap) {
  struct rows x;

  rows_init(&x);
  for (int binary = 0; binary <= 1; binary++)
    for (size_t i = 0; i < COUNT(int_cases); i++) {
      const struct int_case *c = &int_cases[i];
      bool fits = c->value >= INT32_MIN && c->value <= INT32_MAX;
      int32_t narrow = 77;
      int64_t wide = 77;

      rows_describe(&x, &c->oid, 1, binary);
      rows_add(&x, binary ? &c->binary : &c->text, 1);
      cr_assert_eq(dsql_get_int8(&x.result, 0, 0, &wide), 0, "%s", (const char *)c->text.data);
      cr_assert_eq(wide, c->value, "%s", (const char *)c->text.data);
      cr_assert_eq(dsql_get_int4(&x.result, 0, 0, &narrow), fits ? 0 : DSQL_ERANGE, "%s", (const char *)c->text.data);
      cr_assert_eq(narrow, fits ? (int32_t)c->value : 77);
    }
  rows_deinit(&x);
}

Test(getters, float4_as_float8_is_the_same_number) {
  static const uint32_t oid = DSQL_FLOAT4;
  const struct cell cells[][2] = {{CELL("0.1"), CELL("\x3d\xcc\xcc\xcd")},
                                  {CELL("-Infinity"), CELL("\xff\x80\0\0")},
                                  {CELL("3.4028235e+38"), CELL("\x7f\x7f\xff\xff")}};
  struct rows x;

  rows_init(&x);
  for (size_t i = 0; i < COUNT(cells); i++) {
    float narrow[2];
    double wide[2];
    for (int binary = 0; binary <= 1; binary++) {
      rows_describe(&x, &oid, 1, binary);
      rows_add(&x, &cells[i][binary], 1);
      cr_assert_eq(dsql_get_float4(&x.result, 0, 0, &narrow[binary]), 0);
      cr_assert_eq(dsql_get_float8(&x.result, 0, 0, &wide[binary]), 0);
      cr_assert(wide[binary] >= (double)narrow[binary] && wide[binary] <= (double)narrow[binary]);
    }
    cr_assert_eq(memcmp(&wide[0], &wide[1], sizeof wide[0]), 0);
  }
  rows_deinit(&x);
}

Test(getters, numerics_by_scale) {
  static const uint32_t oid = DSQL_NUMERIC;
  static const struct {
    struct cell text;
    unsigned scale;
    int rc;
    int64_t value;
  } cases[] = {{{"12.30", 5}, 2, 0, 1230},
               {{"12.30", 5}, 1, 0, 123},
               {{"12.34", 5}, 1, DSQL_ERANGE, 0},
               {{"12.30", 5}, 18, DSQL_ERANGE, 0},
               {{"-0.01", 5}, 18, 0, -10000000000000000},
               {{"1", 1}, 19, DSQL_ERANGE, 0},
               {{"9223372036854775807", 19}, 0, 0, INT64_MAX},
               {{"9223372036854775808", 19}, 0, DSQL_ERANGE, 0},
               {{"NaN", 3}, 0, DSQL_ERANGE, 0},
               {{"Infinity", 8}, 0, DSQL_ERANGE, 0}};
  struct rows x;

  rows_init(&x);
  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t value = 77;
    rows_describe(&x, &oid, 1, false);
    rows_add(&x, &cases[i].text, 1);
    cr_assert_eq(dsql_get_numeric_scaled(&x.result, 0, 0, cases[i].scale, &value), cases[i].rc, "case %zu", i);
    cr_assert_eq(value, cases[i].rc ? 77 : cases[i].value, "case %zu", i);
  }
  rows_deinit(&x);
}

/* ---- bytes that are no value ---- */

static bool fixed_width(uint32_t oid) {
  return oid != DSQL_NAME && oid != DSQL_TEXT && oid != DSQL_VARCHAR && oid != DSQL_BPCHAR && oid != DSQL_JSON &&
         oid != DSQL_UNKNOWN && oid != DSQL_BYTEA && oid != DSQL_JSONB && oid != DSQL_CHAR && oid != 1033;
}

Test(getters, binary_values_of_a_wrong_width) {
  struct rows x;
  size_t tried = 0;

  rows_init(&x);
  for (size_t s = 0; s < COUNT(samples); s++) {
    char bytes[64] = {0};
    if (!fixed_width(samples[s].oid)) continue;
    memcpy(bytes, samples[s].binary.data, samples[s].binary.len);
    for (int by = -1; by <= 1; by += 2) {
      rows_describe(&x, &samples[s].oid, 1, true);
      rows_add(&x, &(struct cell){bytes, (size_t)((int)samples[s].binary.len + by)}, 1);
      for (size_t g = 0; g < COUNT(getters); g++) {
        if (getters[g].get == get_raw || !reads(&getters[g], samples[s].oid)) continue;
        cr_assert_eq(call(&getters[g], &x, 0, 0), DSQL_EPROTO, "dsql_get_%s of type %u", getters[g].name,
                     samples[s].oid);
        tried++;
      }
    }
  }
  cr_assert_gt(tried, (size_t)50);
  rows_deinit(&x);
}

Test(getters, texts_that_are_no_value) {
  const struct cell garbage[] = {CELL(""), CELL("12x"), CELL("\xff"), CELL("--1")};
  struct rows x;
  size_t tried = 0;

  rows_init(&x);
  for (size_t s = 0; s < COUNT(samples); s++) {
    if (!fixed_width(samples[s].oid)) continue;
    for (size_t i = 0; i < COUNT(garbage); i++) {
      rows_describe(&x, &samples[s].oid, 1, false);
      rows_add(&x, &garbage[i], 1);
      for (size_t g = 0; g < COUNT(getters); g++) {
        /* Three of them hand the server's own text on. */
        if (getters[g].get == get_raw || getters[g].get == get_text || getters[g].get == get_numeric ||
            !reads(&getters[g], samples[s].oid))
          continue;
        cr_assert_eq(call(&getters[g], &x, 0, 0), DSQL_EPROTO, "dsql_get_%s of type %u, '%s'", getters[g].name,
                     samples[s].oid, (const char *)garbage[i].data);
        tried++;
      }
    }
  }
  cr_assert_gt(tried, (size_t)60);
  rows_deinit(&x);
}

/* ---- raw, and memory ---- */

Test(getters, raw_tells_the_format) {
  struct rows x;

  rows_init(&x);
  for (int binary = 0; binary <= 1; binary++) {
    add_samples(&x, binary);
    for (unsigned i = 0; i < COUNT(samples); i++) {
      const struct cell *want = binary ? &samples[i].binary : &samples[i].text;
      dsql_str got;
      int format = 77;
      cr_assert_eq(dsql_get_raw(&x.result, 0, i, &got, &format), 0);
      cr_assert_eq(format, binary && samples[i].oid != 1033);
      cr_assert_eq(format, dsql_result_col_format(&x.result, i));
      cr_assert(got.len == want->len && memcmp(got.ptr, want->data, got.len) == 0);
    }
  }
  rows_deinit(&x);
}

/* Getters that have to make a text say so when they can't, and can be asked again. */
Test(getters, without_memory) {
  static const uint32_t oids[] = {DSQL_NUMERIC, DSQL_TIMESTAMPTZ};
  const struct cell cells[] = {CELL("\0\1\0\0\0\0\0\0\0\1"), CELL("\0\0\0\0\0\0\0\1")};
  struct rows x;
  int failures = 0;

  rows_init(&x);
  rows_describe(&x, oids, 2, true);
  rows_add(&x, cells, 2);
  x.heap.fail_at = 1;
  x.heap.calls = 0;
  x.heap.fail_all_after = true;
  for (int i = 0; i < 10000 && failures == 0; i++)
    for (unsigned col = 0; col < 2; col++) {
      dsql_str text = {"untouched", 9};
      int rc = dsql_get_text(&x.result, 0, col, &text);
      if (rc == 0) continue;
      cr_assert_eq(rc, DSQL_ENOMEM);
      cr_assert_str_eq(text.ptr, "untouched");
      failures++;
    }
  cr_assert_gt(failures, 0, "ten thousand texts fitted into nothing");
  test_alloc_arm(&x.heap, 0, false);
  for (unsigned col = 0; col < 2; col++) {
    dsql_str text;
    cr_assert_eq(dsql_get_text(&x.result, 0, col, &text), 0);
    cr_assert(col ? text.len == 29 : text.len == 1);
  }
  rows_deinit(&x);
}
