/* Every codec type on the executions 1 (text), 2 and 100 (binary) of a prepared statement: equal values by the typed
 * getter and as text; also after the column's type was changed under it. */
#include <stdio.h>
#include <stdlib.h>

#include "one_connection.h"

TestSuite(codec, .init = open_all, .fini = close_all);

/* The typed value in one comparable shape. */
struct typed {
  int rc;
  unsigned char bytes[512];
  size_t n;
};

static void keep(struct typed *t, const void *p, size_t n) {
  cr_assert_leq(n, sizeof t->bytes);
  memcpy(t->bytes, p, n);
  t->n = n;
}

static void keep_str(struct typed *t, int rc, dsql_str s) {
  t->rc = rc;
  if (rc == 0) keep(t, s.ptr, s.len);
}

#define SCALAR(getter, type)                                                                                           \
  do {                                                                                                                 \
    type v = {0};                                                                                                      \
    t.rc = getter(r, 0, 0, &v);                                                                                        \
    keep(&t, &v, sizeof v);                                                                                            \
    return t;                                                                                                          \
  } while (0)

static struct typed get_struct(const dsql_result *r) {
  struct typed t = {0};
  dsql_timetz tz = {0};
  dsql_interval iv = {0};
  if (dsql_result_col_oid(r, 0) == DSQL_TIMETZ) {
    t.rc = dsql_get_timetz(r, 0, 0, &tz);
    t.n = (size_t)snprintf((char *)t.bytes, sizeof t.bytes, "%lld %d", (long long)tz.time_us, tz.utc_offset_s);
  } else {
    t.rc = dsql_get_interval(r, 0, 0, &iv);
    t.n = (size_t)snprintf((char *)t.bytes, sizeof t.bytes, "%lld %d %d", (long long)iv.time_us, iv.days, iv.months);
  }
  return t;
}

static struct typed get(const dsql_result *r) {
  struct typed t = {0};
  dsql_str s = {"", 0};
  switch (dsql_result_col_oid(r, 0)) {
    case DSQL_BOOL: SCALAR(dsql_get_bool, bool);
    case DSQL_INT2: SCALAR(dsql_get_int2, int16_t);
    case DSQL_INT4: SCALAR(dsql_get_int4, int32_t);
    case DSQL_INT8: SCALAR(dsql_get_int8, int64_t);
    case DSQL_OID: SCALAR(dsql_get_oid, uint32_t);
    case DSQL_FLOAT4: SCALAR(dsql_get_float4, float);
    case DSQL_FLOAT8: SCALAR(dsql_get_float8, double);
    case DSQL_UUID: SCALAR(dsql_get_uuid, dsql_uuid);
    case DSQL_DATE: SCALAR(dsql_get_date, int32_t);
    case DSQL_TIME: SCALAR(dsql_get_time, int64_t);
    case DSQL_TIMESTAMP: SCALAR(dsql_get_timestamp, int64_t);
    case DSQL_TIMESTAMPTZ: SCALAR(dsql_get_timestamptz, int64_t);
    case DSQL_TIMETZ:
    case DSQL_INTERVAL: return get_struct(r);
    case DSQL_BYTEA: keep_str(&t, dsql_get_bytes(r, 0, 0, &s), s); return t;
    case DSQL_NUMERIC: keep_str(&t, dsql_get_numeric(r, 0, 0, &s), s); return t;
    case DSQL_JSON:
    case DSQL_JSONB: keep_str(&t, dsql_get_json(r, 0, 0, &s), s); return t;
    default: keep_str(&t, dsql_get_text(r, 0, 0, &s), s); return t;
  }
}

struct execution {
  struct typed value, text;
  int format;
};

static struct execution execute(dsql_stmt *s) {
  struct execution e = {0};
  dsql_future *f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
  const dsql_result *r = client_rows(f);
  dsql_str text = {"", 0};
  cr_assert_eq(dsql_result_rows(r), 1);
  e.value = get(r);
  keep_str(&e.text, dsql_get_text(r, 0, 0, &text), text);
  e.format = dsql_result_col_format(r, 0);
  dsql_future_destroy(f);
  return e;
}

static void same(const struct execution *a, const struct execution *b, const char *sql, int which) {
  cr_assert(a->value.rc == 0 && b->value.rc == 0, "%s: codes %d and %d on execution %d", sql, a->value.rc, b->value.rc,
            which);
  cr_assert(a->value.n == b->value.n && memcmp(a->value.bytes, b->value.bytes, a->value.n) == 0,
            "%s: execution %d gives another value than the first", sql, which);
  cr_assert(a->text.n == b->text.n && memcmp(a->text.bytes, b->text.bytes, a->text.n) == 0,
            "%s: execution %d as text is \"%.*s\", the first \"%.*s\"", sql, which, (int)b->text.n, b->text.bytes,
            (int)a->text.n, a->text.bytes);
}

struct type {
  const char *name;
  const char *values[12];
};

static const struct type types[] = {
    {"bool", {"true", "false"}},
    {"int2", {"0", "-32768", "32767"}},
    {"int4", {"0", "-2147483648", "2147483647"}},
    {"int8", {"0", "-9223372036854775808", "9223372036854775807"}},
    {"oid", {"0", "4294967295"}},
    {"float4", {"0", "-0", "1.5", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity", "0.1"}},
    {"float8",
     {"0", "-0", "1.5", "1.7976931348623157e308", "5e-324", "NaN", "Infinity", "-Infinity", "0.1", "1e21",
      "123456789012345678"}},
    {"text", {"", "plain", "grüße 日本", "a\"b\\c,{}"}},
    {"varchar(10)", {"", "plain", "grüße"}},
    {"char(8)", {"", "plain"}},
    {"name", {"", "plain"}},
    {"\"char\"", {"", "x"}},
    {"bytea", {"", "\\x00ff10", "\\xdeadbeef"}},
    {"uuid", {"00000000-0000-0000-0000-000000000000", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}},
    {"date", {"2000-01-01", "1970-01-01", "4713-01-01 BC", "5874897-12-31", "infinity", "-infinity", "2026-02-28"}},
    {"time", {"00:00", "23:59:59.999999", "24:00", "12:34:56.5"}},
    {"timetz", {"00:00+00", "23:59:59.999999-15:59:59", "12:34:56+05:30"}},
    {"timestamp",
     {"2000-01-01 00:00", "1999-12-31 23:59:59.999999", "4713-01-01 00:00 BC", "294276-12-31 23:59:59.999999",
      "infinity", "-infinity"}},
    {"timestamptz",
     {"2000-01-01 00:00+00", "2026-06-15 12:00:00.123456+02", "4713-01-02 00:00+00 BC", "infinity", "-infinity"}},
    {"interval",
     {"0", "1 year 2 mons 3 days 04:05:06.789", "-1 year -2 mons +3 days -04:05:06", "00:00:00.000001", "-00:00:01",
      "178000000 years", "infinity", "-infinity"}},
    {"numeric",
     {"0", "0.00", "-1.5", "12345678901234567890.123456789", "1e-20", "1e100", "NaN", "Infinity", "-Infinity", "10000",
      "0.0001"}},
    {"numeric(12,4)", {"0", "12345678.9012", "-0.0001"}},
    {"json", {"{\"a\": [1, null, \"x\"]}", "null", "  1 "}},
    {"jsonb", {"{\"a\": [1, null, \"x\"]}", "null", "1"}},
    {"int4[]", {"{}", "{1,NULL,-3}", "[2:3]={1,2}", "{{{1,2},{3,4}},{{5,6},{7,NULL}}}", "[-1:0][0:0]={{1},{2}}"}},
    {"text[]", {"{a,\"b c\",\"\",\"NULL\",NULL,null}", "{\"q\\\"b\\\\s{},\",\"\t\",grüße}"}},
    {"bool[]", {"{t,f,NULL}"}},
    {"float8[]", {"{0.1,-0,NaN,Infinity,1e21}"}},
    {"numeric[]", {"{1.50,NaN,12345678901234567890.123}"}},
    {"bytea[]", {"{\"\\\\x00ff\",\"\"}"}},
    {"timestamptz[]", {"{\"2026-06-15 12:00:00.5+02\",infinity}"}},
    {"interval[]", {"{\"1 day 02:00\",\"00:00:01\"}"}},
    {"jsonb[]", {"{\"{\\\"a\\\": \\\"x y\\\"}\",null}"}},
    {"\"char\"[]", {"{a,\"\"}"}},
    {"int4range", {"empty", "[1,5)", "(,)", "[3,)", "(,7)"}},
    {"numrange", {"(1.5,2.50]", "[0,)"}},
    {"tstzrange", {"[2026-01-01 00:00+00,infinity]"}},
    {"daterange", {"[2026-01-01,2026-02-01)"}},
    {"int4range[]", {"{\"[1,5)\",empty,NULL}"}},
    {"int8multirange", {"{}", "{[1,3),[5,)}"}},
    {"tsmultirange", {"{[2026-01-01 00:00,2026-01-02 00:00)}"}},
    {"nummultirange[]", {"{\"{[1,2],(3,4.5)}\",\"{}\"}"}},
};

static size_t check_value(const struct type *type, const char *value, size_t *binary) {
  static const int looked_at[] = {1, 2, 100};
  char sql[256];
  struct execution first = {0}, e;
  dsql_stmt *s;
  size_t n = 0;

  (void)snprintf(sql, sizeof sql, "select '%s'::%s", value, type->name);
  cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
  for (int i = 1; i <= 100; i++) {
    e = execute(s);
    if (i == 1) first = e;
    if (i != looked_at[n]) continue;
    cr_assert_eq(e.format, i > 1, "%s: format %d on execution %d", sql, e.format, i);
    same(&first, &e, sql, i);
    *binary += e.format == 1;
    n++;
  }
  dsql_stmt_free(s);
  return n;
}

Test(codec, values_are_equal_on_executions_1_2_and_100) {
  size_t values = 0, executions = 0, binary = 0;
  for (size_t i = 0; i < COUNT(types); i++)
    for (size_t k = 0; k < COUNT(types[i].values) && types[i].values[k]; k++, values++)
      executions += check_value(&types[i], types[i].values[k], &binary);
  cr_log_info("%zu values of %zu types, %zu executions compared, %zu of them binary", values, COUNT(types), executions,
              binary);
  cr_assert_eq(executions, 3 * values);
  cr_assert_gt(binary, values);
}

Test(codec, null_is_null_in_every_type) {
  for (size_t i = 0; i < COUNT(types); i++) {
    char sql[128];
    dsql_stmt *s;
    (void)snprintf(sql, sizeof sql, "select null::%s", types[i].name);
    cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
    for (int n = 0; n < 3; n++) {
      dsql_future *f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
      const dsql_result *r = client_rows(f);
      dsql_str text;
      cr_assert(dsql_is_null(r, 0, 0), "%s", types[i].name);
      cr_assert_eq(get(r).rc, DSQL_ENULL, "%s", types[i].name);
      cr_assert_eq(dsql_get_text(r, 0, 0, &text), DSQL_ENULL);
      dsql_future_destroy(f);
    }
    dsql_stmt_free(s);
  }
}

/* A type without a codec travels as text. */
Test(codec, other_types_are_text) {
  static const char *const others[][2] = {{"select row(1, 'x')", "(1,x)"},
                                          {"select 'b:2 a:1A'::tsvector", "'a':1A 'b':2"},
                                          {"select 'pg_class'::regclass", "pg_class"},
                                          {"select array['a & b'::tsquery]", "{\"'a' & 'b'\"}"}};
  for (size_t i = 0; i < COUNT(others); i++) {
    dsql_stmt *s;
    cr_assert_eq(dsql_stmt_new(&s, x.rt, others[i][0], NULL, 0), 0);
    for (int n = 0; n < 3; n++) {
      dsql_future *f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
      const dsql_result *r = client_rows(f);
      dsql_str text;
      int32_t number;
      int format;
      cr_assert(dsql_get_text(r, 0, 0, &text) == 0 && text.len == strlen(others[i][1]) &&
                    memcmp(text.ptr, others[i][1], text.len) == 0,
                "%s", others[i][0]);
      cr_assert_eq(dsql_get_int4(r, 0, 0, &number), DSQL_ETYPE);
      cr_assert(dsql_get_raw(r, 0, 0, &text, &format) == 0 && format == 0 && text.len == strlen(others[i][1]));
      dsql_future_destroy(f);
    }
    dsql_stmt_free(s);
  }
}

/* The server says "cached plan must not change result type"; the user never hears of it outside a transaction. */
Test(codec, a_columns_type_changes_under_a_prepared_statement) {
  static const char *const changes[] = {"int8", "text", "numeric using a::numeric", "float8 using a::float8",
                                        "int4 using a::int4"};
  dsql_stmt *s;
  struct execution e;

  client_exec(c, "create temp table t (a int4); insert into t values (42)");
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select a from t", NULL, 0), 0);
  for (int i = 0; i < 3; i++) e = execute(s);
  cr_assert_eq(e.format, 1);
  for (size_t i = 0; i < COUNT(changes); i++) {
    char sql[128];
    (void)snprintf(sql, sizeof sql, "alter table t alter column a type %s", changes[i]);
    client_exec(c, sql);
    for (int n = 0; n < 3; n++) {
      e = execute(s);
      cr_assert_eq(e.value.rc, 0, "%s, execution %d", changes[i], n);
      cr_assert(e.text.n == 2 && memcmp(e.text.bytes, "42", 2) == 0, "%s, execution %d: \"%.*s\"", changes[i], n,
                (int)e.text.n, e.text.bytes);
    }
  }
  client_exec(c, "alter table t add column b text default 'new'; alter table t drop column a");
  assert_fails(dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL), DSQL_ESERVER, 0, "column \"a\" does not exist");
  client_exec(c, "alter table t rename column b to a");
  e = execute(s);
  cr_assert(e.text.n == 3 && memcmp(e.text.bytes, "new", 3) == 0);
  dsql_stmt_free(s);
}

Test(codec, inside_a_transaction_the_change_is_told) {
  dsql_stmt *s;
  client_exec(c, "create temp table t (a int4); insert into t values (42)");
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select a from t", NULL, 0), 0);
  for (int i = 0; i < 3; i++) (void)execute(s);
  client_exec(c, "begin; alter table t alter column a type int8");
  assert_fails(dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL), DSQL_ESERVER, 0, "cached plan must not change result type");
  client_exec(c, "rollback");
  for (int i = 0; i < 3; i++) cr_assert_eq(execute(s).value.rc, 0);
  dsql_stmt_free(s);
}

/* ---- parameters: each constructor's value comes back ---- */

static void echo(dsql_param p, const char *type, const char *want) {
  char sql[64];
  dsql_str text;
  (void)snprintf(sql, sizeof sql, "select $1::%s::text", type);
  for (int prepared = 0; prepared < 3; prepared++) {
    dsql_stmt *s = NULL;
    dsql_future *f;
    if (prepared) cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
    f = prepared ? dsql_query_stmt(c, s, DSQL_PARAMS(p), NULL) : dsql_query(c, sql, DSQL_PARAMS(p), NULL);
    cr_assert_eq(dsql_get_text(client_rows(f), 0, 0, &text), want ? 0 : DSQL_ENULL, "%s", type);
    if (want)
      cr_assert(text.len == strlen(want) && memcmp(text.ptr, want, text.len) == 0, "%s: \"%.*s\", want \"%s\"", type,
                (int)text.len, text.ptr, want);
    dsql_future_destroy(f);
    dsql_stmt_free(s);
  }
}

Test(codec, parameters_arrive_as_they_were_given) {
  const dsql_uuid uuid = {
      {0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0, 0xa7, 0x65, 0, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6}};
  echo(dsql_bool(true), "bool", "true");
  echo(dsql_int2(-32768), "int2", "-32768");
  echo(dsql_int4(INT32_MIN), "int4", "-2147483648");
  echo(dsql_int8(INT64_MAX), "int8", "9223372036854775807");
  echo(dsql_oid(UINT32_MAX), "oid", "4294967295");
  echo(dsql_float4(1.5f), "float4", "1.5");
  echo(dsql_float8(0.1), "float8", "0.1");
  echo(dsql_text("2026-01-31"), "date", "2026-01-31");
  echo(dsql_text_n("abc", 2), "text", "ab");
  echo(dsql_text(""), "text", "");
  echo(dsql_text(NULL), "text", NULL);
  echo(dsql_null(), "int4", NULL);
  echo(dsql_null_of(DSQL_UUID), "uuid", NULL);
  echo(dsql_bytes("\0\xff", 2), "bytea", "\\x00ff");
  echo(dsql_uuid_param(uuid), "uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
  echo(dsql_date(-DSQL_UNIX_EPOCH_DAYS), "date", "1970-01-01");
  echo(dsql_date(DSQL_DATE_INFINITY), "date", "infinity");
  echo(dsql_time(INT64_C(86399999999)), "time", "23:59:59.999999");
  echo(dsql_timetz_param((dsql_timetz){INT64_C(3600000000), 7200}), "timetz", "01:00:00+02");
  echo(dsql_timestamp(1), "timestamp", "2000-01-01 00:00:00.000001");
  echo(dsql_timestamp(DSQL_TIMESTAMP_NEG_INFINITY), "timestamp", "-infinity");
  echo(dsql_timestamptz(0), "timestamptz at time zone 'UTC'", "2000-01-01 00:00:00");
  echo(dsql_interval_param((dsql_interval){1000000, 2, 15}), "interval", "1 year 3 mons 2 days 00:00:01");
  echo(dsql_numeric("-12.30"), "numeric", "-12.30");
  echo(dsql_numeric("NaN"), "numeric", "NaN");
  echo(dsql_numeric_scaled(-1230, 2), "numeric", "-12.30");
  echo(dsql_numeric_scaled(INT64_MIN, 18), "numeric", "-9.223372036854775808");
  echo(dsql_json("{\"a\":1}"), "json", "{\"a\":1}");
  echo(dsql_jsonb("{\"a\":1}"), "jsonb", "{\"a\": 1}");
  echo(dsql_raw(DSQL_INT4, 1, "\0\0\1\0", 4), "int4", "256");
}
