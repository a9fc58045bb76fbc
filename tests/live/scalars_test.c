/* The types of dsql/scalars.h through real servers, old and new: random values there and back in both formats, and the
 * values of PostgreSQL's regression tests, whose binary form must print as the server's text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client.h"
#include "dsql/scalars.h"
#include "unit/wire_codec/random.h"

/* VALUES of each type, PER_QUERY at a time; the first execution of a statement gives text, the others binary. */
enum { VALUES = 10000, PER_QUERY = 100, WIRE_MAX = 160, POINTS_MAX = 8 };

static struct client x;
static dsql_conn *c;
static struct server server;
static struct random r;

TestSuite(scalars, .timeout = 120);

/* A parameter, and the memory of those that need some. */
struct sent {
  dsql_param param;
  uint8_t wire[WIRE_MAX];
};

static double any_double(void) {
  uint64_t bits = random_u64(&r);
  double v;
  memcpy(&v, &bits, sizeof v);
  if (isnan(v)) return (double)NAN;
  return random_u64(&r) & 1 ? v : (double)(int64_t)random_below(&r, 4000) / 16 - 100;
}

static double finite_double(void) {
  double v = any_double();
  return isfinite(v) ? v : 0.1;
}

static dsql_point any_point(void) {
  double px = any_double();
  return (dsql_point){px, any_double()};
}

static void fill(uint8_t *p, size_t n) {
  for (size_t i = 0; i < n; i++) p[i] = random_u64(&r) & 3 ? (uint8_t)random_u64(&r) : 0;
}

static dsql_inet any_inet(bool cidr) {
  dsql_inet v = {.family = random_u64(&r) & 1 ? 4 : 6};
  unsigned size = v.family == 4 ? 4 : 16;
  for (unsigned i = 0; i < size; i += 2)
    if (random_u64(&r) & 1) fill(v.bytes + i, 2);
  v.prefix_bits = (uint8_t)random_below(&r, 8 * size + 1);
  for (unsigned bit = v.prefix_bits; cidr && bit < 8 * size; bit++) v.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
  return v;
}

/* ---- one pair of functions per type: makes a random parameter; makes it again from what came back ---- */

#define PAIR(name, type, random_value, constructor, getter)                                                            \
  static void make_##name(struct sent *s) {                                                                            \
    type v = random_value;                                                                                             \
    s->param = constructor;                                                                                            \
  }                                                                                                                    \
  static int back_##name(const dsql_result *q, unsigned col, struct sent *s) {                                         \
    type v = {0};                                                                                                      \
    int rc = getter(q, 0, col, &v);                                                                                    \
    if (rc == 0) s->param = constructor;                                                                               \
    return rc;                                                                                                         \
  }

static dsql_macaddr any_mac(void) {
  dsql_macaddr v;
  fill(v.bytes, sizeof v.bytes);
  return v;
}

static dsql_macaddr8 any_mac8(void) {
  dsql_macaddr8 v;
  fill(v.bytes, sizeof v.bytes);
  return v;
}

static dsql_line any_line(void) {
  double a = 1 + fabs(finite_double()), b = any_double();
  return (dsql_line){a, b, any_double()};
}

static dsql_lseg any_lseg(void) {
  dsql_point from = any_point();
  return (dsql_lseg){{from, any_point()}};
}

/* The corners as the server sorts them. */
static dsql_box any_box(void) {
  double x1 = finite_double(), x2 = finite_double(), y1 = finite_double(), y2 = finite_double();
  return (dsql_box){{x1 > x2 ? x1 : x2, y1 > y2 ? y1 : y2}, {x1 > x2 ? x2 : x1, y1 > y2 ? y2 : y1}};
}

static dsql_circle any_circle(void) {
  dsql_point center = any_point();
  return (dsql_circle){center, fabs(any_double())};
}

static size_t any_points(dsql_point *points) {
  size_t n = 1 + random_below(&r, POINTS_MAX);
  for (size_t i = 0; i < n; i++) points[i] = any_point();
  return n;
}

static dsql_path any_path(void) {
  static dsql_point points[POINTS_MAX];
  size_t n = any_points(points);
  return (dsql_path){points, n, random_u64(&r) & 1};
}

static dsql_polygon any_polygon(void) {
  static dsql_point points[POINTS_MAX];
  for (size_t i = 0; i < POINTS_MAX; i++) points[i] = (dsql_point){finite_double(), finite_double()};
  return (dsql_polygon){points, 1 + random_below(&r, POINTS_MAX)};
}

static dsql_bits any_bits(void) {
  static uint8_t bytes[32];
  size_t count = random_below(&r, 250);
  fill(bytes, sizeof bytes);
  if (count % 8) bytes[count / 8] &= (uint8_t)(0xff00 >> count % 8);
  return (dsql_bits){bytes, count};
}

PAIR(inet, dsql_inet, any_inet(false), dsql_inet_param(v), dsql_get_inet)
PAIR(cidr, dsql_inet, any_inet(true), dsql_cidr_param(v), dsql_get_inet)
PAIR(macaddr, dsql_macaddr, any_mac(), dsql_macaddr_param(v), dsql_get_macaddr)
PAIR(macaddr8, dsql_macaddr8, any_mac8(), dsql_macaddr8_param(v), dsql_get_macaddr8)
PAIR(varbit, dsql_bits, any_bits(), dsql_bits_param(&v, s->wire, sizeof s->wire), dsql_get_bits)
PAIR(point, dsql_point, any_point(), dsql_point_param(v), dsql_get_point)
PAIR(line, dsql_line, any_line(), dsql_line_param(v), dsql_get_line)
PAIR(lseg, dsql_lseg, any_lseg(), dsql_lseg_param(&v, s->wire, sizeof s->wire), dsql_get_lseg)
PAIR(box, dsql_box, any_box(), dsql_box_param(&v, s->wire, sizeof s->wire), dsql_get_box)
PAIR(circle, dsql_circle, any_circle(), dsql_circle_param(v), dsql_get_circle)
PAIR(path, dsql_path, any_path(), dsql_path_param(&v, s->wire, sizeof s->wire), dsql_get_path)
PAIR(polygon, dsql_polygon, any_polygon(), dsql_polygon_param(&v, s->wire, sizeof s->wire), dsql_get_polygon)
PAIR(pg_lsn, uint64_t, random_wide(&r), dsql_pg_lsn(v), dsql_get_pg_lsn)
PAIR(xid, uint32_t, (uint32_t)random_wide(&r), dsql_xid(v), dsql_get_xid)
PAIR(cid, uint32_t, (uint32_t)random_wide(&r), dsql_cid(v), dsql_get_xid)
PAIR(xid8, uint64_t, random_wide(&r), dsql_xid8(v), dsql_get_xid8)

static dsql_tid any_tid(void) {
  uint32_t block = (uint32_t)random_wide(&r);
  return (dsql_tid){block, (uint16_t)random_wide(&r)};
}
PAIR(tid, dsql_tid, any_tid(), dsql_tid_param(v), dsql_get_tid)

static const struct type {
  const char *name;
  void (*make)(struct sent *s);
  int (*back)(const dsql_result *q, unsigned col, struct sent *s);
  int since; /* PostgreSQL's major version */
} types[] = {
    {"inet", make_inet, back_inet, 0},
    {"cidr", make_cidr, back_cidr, 0},
    {"macaddr", make_macaddr, back_macaddr, 0},
    {"macaddr8", make_macaddr8, back_macaddr8, 0},
    {"varbit", make_varbit, back_varbit, 0},
    {"point", make_point, back_point, 0},
    {"line", make_line, back_line, 0},
    {"lseg", make_lseg, back_lseg, 0},
    {"box", make_box, back_box, 0},
    {"circle", make_circle, back_circle, 0},
    {"path", make_path, back_path, 0},
    {"polygon", make_polygon, back_polygon, 0},
    {"pg_lsn", make_pg_lsn, back_pg_lsn, 0},
    {"xid", make_xid, back_xid, 0},
    {"cid", make_cid, back_cid, 0},
    {"tid", make_tid, back_tid, 0},
    {"xid8", make_xid8, back_xid8, 13},
};

static const uint8_t *bytes_of(const dsql_param *p) { return p->data ? p->data : p->imm; }

static void check_back(const struct type *type, const struct sent *sent, const dsql_result *q, unsigned col) {
  struct sent back = {{0}, {0}};
  dsql_str text = {"", 0};
  int rc = type->back(q, col, &back);
  cr_assert_eq(dsql_get_text(q, 0, col, &text), 0, "%s", type->name);
  cr_assert_eq(rc, 0, "%s: %s is '%.*s'", type->name, dsql_error_name(rc), (int)text.len, text.ptr);
  cr_assert_eq(dsql_result_col_oid(q, col), sent->param.oid, "%s", type->name);
  cr_assert(back.param.len == sent->param.len &&
                memcmp(bytes_of(&back.param), bytes_of(&sent->param), (size_t)sent->param.len) == 0,
            "%s: '%.*s' is not what was sent, format %d", type->name, (int)text.len, text.ptr,
            dsql_result_col_format(q, col));
}

/* The same values in text and in binary: what was sent, and the same text. */
static void check_values(const struct type *type, dsql_stmt *s) {
  static struct sent sent[PER_QUERY];
  static dsql_param params[PER_QUERY];
  dsql_call as_text;
  dsql_future *t, *b;
  const dsql_result *text, *binary;
  dsql_call_init(&as_text);
  as_text.text_results = true;
  for (size_t i = 0; i < PER_QUERY; i++) {
    type->make(&sent[i]);
    params[i] = sent[i].param;
  }
  t = dsql_query_stmt(c, s, (dsql_params){params, PER_QUERY}, &as_text);
  b = dsql_query_stmt(c, s, (dsql_params){params, PER_QUERY}, NULL);
  text = client_rows(t);
  binary = client_rows(b);
  cr_assert(dsql_result_col_format(text, 0) == 0 && dsql_result_col_format(binary, 0) == 1, "%s", type->name);
  for (unsigned i = 0; i < PER_QUERY; i++) {
    dsql_str want, got;
    check_back(type, &sent[i], text, i);
    check_back(type, &sent[i], binary, i);
    cr_assert(dsql_get_text(text, 0, i, &want) == 0 && dsql_get_text(binary, 0, i, &got) == 0);
    cr_assert(want.len == got.len && memcmp(want.ptr, got.ptr, want.len) == 0, "%s: '%.*s', the server's is '%.*s'",
              type->name, (int)got.len, got.ptr, (int)want.len, want.ptr);
  }
  dsql_future_destroy(t);
  dsql_future_destroy(b);
}

static dsql_stmt *echo_of(const char *type) {
  char sql[PER_QUERY * 24] = "select ";
  size_t n = strlen(sql);
  dsql_stmt *s;
  for (int i = 1; i <= PER_QUERY; i++)
    n += (size_t)snprintf(sql + n, sizeof sql - n, "%s$%d::%s", i > 1 ? "," : "", i, type);
  cr_assert_lt(n, sizeof sql);
  cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
  return s;
}

static void prepare(dsql_stmt *s) {
  dsql_param nulls[PER_QUERY];
  dsql_future *f;
  for (size_t i = 0; i < PER_QUERY; i++) nulls[i] = dsql_null();
  f = dsql_query_stmt(c, s, (dsql_params){nulls, PER_QUERY}, NULL);
  cr_assert(dsql_is_null(client_rows(f), 0, 0));
  dsql_future_destroy(f);
}

static void round_trips(const char *version) {
  cr_assert(server_find(version, &server), "PostgreSQL %s does not run", version);
  r = random_start("scalars");
  client_open(&x);
  c = client_connect(&x, "%s", server_conninfo(&server));
  for (size_t i = 0; i < COUNT(types); i++) {
    dsql_stmt *s;
    if (server.major < types[i].since) continue;
    s = echo_of(types[i].name);
    prepare(s);
    for (int done = 0; done < VALUES; done += PER_QUERY) check_values(&types[i], s);
    dsql_stmt_free(s);
  }
  dsql_conn_close(c);
  client_close(&x);
}

Test(scalars, random_values_on_12) { round_trips("12"); }
Test(scalars, random_values_on_18) { round_trips("18"); }

/* ---- the values of the regression tests; tests/cli/run_scalars compares the same queries with psql ---- */

static char *read_file(const char *name) {
  const char *dir = getenv("DSQL_SOURCE_DIR");
  char path[4096], *text = calloc(1, 65536);
  FILE *f;
  (void)snprintf(path, sizeof path, "%s/tests/data/%s", dir ? dir : "../../..", name);
  f = fopen(path, "r");
  cr_assert(f && text, "%s", path);
  cr_assert_gt(fread(text, 1, 65535, f), 100);
  (void)fclose(f);
  return text;
}

static size_t compare_rows(const dsql_result *want, const dsql_result *got, const char *sql, size_t *binary) {
  cr_assert_eq(dsql_result_rows(want), dsql_result_rows(got), "%s", sql);
  for (unsigned col = 0; col < dsql_result_cols(want); col++)
    *binary += dsql_result_col_format(got, col) ? dsql_result_rows(got) : 0;
  for (size_t row = 0; row < dsql_result_rows(want); row++)
    for (unsigned col = 0; col < dsql_result_cols(want); col++) {
      dsql_str a = {"", 0}, b = {"", 0};
      int rc = dsql_get_text(want, row, col, &a);
      cr_assert_eq(dsql_get_text(got, row, col, &b), rc, "%s: row %zu, column %u", sql, row, col);
      cr_assert(a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0, "%s: '%.*s', the server's is '%.*s'", sql,
                (int)b.len, b.ptr, (int)a.len, a.ptr);
    }
  return dsql_result_rows(want) * dsql_result_cols(want);
}

static size_t compare_query(const char *sql, size_t *binary) {
  dsql_future *text = dsql_exec(c, sql, NULL), *f = NULL;
  const dsql_result *want = client_rows(text);
  dsql_stmt *s;
  size_t values;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
  for (int i = 0; i < 2; i++) {
    dsql_future_destroy(f);
    f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
    (void)client_rows(f);
  }
  values = compare_rows(want, client_rows(f), sql, binary);
  dsql_future_destroy(f);
  dsql_future_destroy(text);
  dsql_stmt_free(s);
  return values;
}

static void regression_values(const char *version) {
  char *setup = read_file("scalar_types.sql"), *queries = read_file("scalar_queries.sql");
  size_t values = 0, binary = 0;
  cr_assert(server_find(version, &server), "PostgreSQL %s does not run", version);
  client_open(&x);
  c = client_connect(&x, "%s user=postgres", server_conninfo(&server));
  client_exec(c, setup);
  for (char *sql = queries, *end; (end = strchr(sql, '\n')); sql = end + 1) {
    *end = 0;
    values += compare_query(sql, &binary);
  }
  cr_assert(values > 1500 && binary > values / 2, "%zu values, %zu of them binary", values, binary);
  cr_log_info("PostgreSQL %s: %zu values, %zu of them binary", version, values, binary);
  client_exec(c, "drop schema scalar_types cascade");
  dsql_conn_close(c);
  client_close(&x);
  free(setup);
  free(queries);
}

Test(scalars, regression_values_on_12) { regression_values("12"); }
Test(scalars, regression_values_on_18) { regression_values("18"); }

/* ---- times and decimals ---- */

static void iso_times(void) {
  static const char *const times[] = {"2026-01-31 12:34:56.5+00",
                                      "0044-03-15 08:00:00+00 BC",
                                      "infinity",
                                      "-infinity",
                                      "294276-12-31 23:59:59.999999+00",
                                      "4714-11-24 00:00:00+00 BC",
                                      "1969-12-31 23:59:59.999999+00",
                                      "0001-12-31 23:59:59+00 BC"};
  for (size_t i = 0; i < COUNT(times); i++) {
    dsql_future *f = dsql_query(c,
                                "select t, trim(both '\"' from to_json(t)::text), t at time zone 'UTC', "
                                "trim(both '\"' from to_json(t at time zone 'UTC')::text), extract(epoch from t)::text "
                                "from cast($1 as timestamptz) t",
                                DSQL_PARAMS(dsql_text(times[i])), NULL);
    const dsql_result *q = client_rows(f);
    int64_t utc, plain;
    char iso[DSQL_ISO_SIZE];
    dsql_str json;
    cr_assert(dsql_get_timestamptz(q, 0, 0, &utc) == 0 && dsql_get_timestamp(q, 0, 2, &plain) == 0);
    cr_assert_eq(dsql_timestamptz_to_iso(utc, iso, NULL), 0);
    cr_assert_eq(dsql_get_text(q, 0, 1, &json), 0);
    cr_assert(json.len == strlen(iso) && memcmp(json.ptr, iso, json.len) == 0, "%s: %.*s", iso, (int)json.len,
              json.ptr);
    cr_assert_eq(dsql_timestamp_to_iso(plain, iso, NULL), 0);
    cr_assert_eq(dsql_get_text(q, 0, 3, &json), 0);
    cr_assert(json.len == strlen(iso) && memcmp(json.ptr, iso, json.len) == 0, "%s: %.*s", iso, (int)json.len,
              json.ptr);
    dsql_future_destroy(f);
  }
}

static void unix_times(void) {
  dsql_future *f = dsql_query(c, "select to_timestamp(1234567890.25), to_timestamp(-1.75)", DSQL_NO_PARAMS, NULL);
  const dsql_result *q = client_rows(f);
  struct timespec t;
  int64_t us;
  cr_assert(dsql_get_timestamptz(q, 0, 0, &us) == 0 && dsql_timestamp_to_timespec(us, &t) == 0);
  cr_assert(t.tv_sec == 1234567890 && t.tv_nsec == 250000000);
  cr_assert(dsql_get_timestamptz(q, 0, 1, &us) == 0 && dsql_timestamp_to_timespec(us, &t) == 0);
  cr_assert(t.tv_sec == -2 && t.tv_nsec == 250000000);
  dsql_future_destroy(f);
}

static void decimals(void) {
  dsql_stmt *s;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select -1234.50, 'NaN'::numeric, 1e30::numeric, 7", NULL, 0), 0);
  for (int i = 0; i < 3; i++) {
    dsql_future *f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
    const dsql_result *q = client_rows(f);
    dsql_decimal v;
    cr_assert_eq(dsql_get_decimal(q, 0, 0, &v), 0);
    cr_assert(v.digits.len == 6 && memcmp(v.digits.ptr, "123450", 6) == 0 && v.scale == 2 && v.negative);
    cr_assert(dsql_get_decimal(q, 0, 1, &v) == 0 && v.kind == DSQL_DECIMAL_NAN);
    cr_assert(dsql_get_decimal(q, 0, 2, &v) == 0 && v.digits.len == 31 && v.scale == 0 && !v.negative);
    cr_assert_eq(dsql_get_decimal(q, 0, 3, &v), DSQL_ETYPE);
    dsql_future_destroy(f);
  }
  dsql_stmt_free(s);
}

Test(scalars, times_and_decimals) {
  cr_assert(server_find("18", &server), "PostgreSQL 18 does not run");
  client_open(&x);
  c = client_connect(&x, "%s", server_conninfo(&server));
  client_exec(c, "set timezone = 'UTC'");
  iso_times();
  unix_times();
  decimals();
  dsql_conn_close(c);
  client_close(&x);
}

/* ---- elements of arrays ---- */

static void read_elements(const dsql_result *q) {
  dsql_value v, e;
  dsql_array a;
  dsql_inet inet;
  dsql_box box;
  dsql_bits bits;
  dsql_path path;
  dsql_decimal decimal;
  cr_assert(dsql_get_value(q, 0, 0, &v) == 0 && dsql_array_begin(&v, &a) == 0 && dsql_array_next(&a, &e) == 1);
  cr_assert(dsql_value_inet(&e, &inet) == 0 && inet.family == 4 && inet.prefix_bits == 24 && inet.bytes[3] == 4);
  cr_assert_eq(dsql_value_macaddr(&e, &(dsql_macaddr){{0}}), DSQL_ETYPE);
  cr_assert(dsql_array_next(&a, &e) == 1 && dsql_value_inet(&e, &inet) == DSQL_ENULL && dsql_array_next(&a, &e) == 0);
  cr_assert(dsql_get_value(q, 0, 1, &v) == 0 && dsql_array_begin(&v, &a) == 0 && a.count == 2);
  for (int i = 0; i < 2; i++)
    cr_assert(dsql_array_next(&a, &e) == 1 && dsql_value_box(&e, &box) == 0 && box.high.x == 1 + i && box.low.y == 0);
  cr_assert(dsql_get_value(q, 0, 2, &v) == 0 && dsql_array_begin(&v, &a) == 0 && dsql_array_next(&a, &e) == 1);
  cr_assert(dsql_value_bits(&e, &bits) == 0 && bits.count == 3 && bits.bytes[0] == 0xa0);
  cr_assert(dsql_get_value(q, 0, 3, &v) == 0 && dsql_array_begin(&v, &a) == 0 && dsql_array_next(&a, &e) == 1);
  cr_assert(dsql_value_path(&e, &path) == 0 && path.count == 2 && path.closed && path.points[1].y == 4);
  e.memory = NULL;
  cr_assert_eq(dsql_value_path(&e, &path), DSQL_EINVAL);
  cr_assert(dsql_get_value(q, 0, 4, &v) == 0 && dsql_array_begin(&v, &a) == 0 && dsql_array_next(&a, &e) == 1);
  cr_assert(dsql_value_decimal(&e, &decimal) == 0 && decimal.scale == 1 && decimal.digits.len == 2);
  e.memory = NULL;
  cr_assert_eq(dsql_value_decimal(&e, &decimal), DSQL_EINVAL);
}

Test(scalars, elements_of_arrays) {
  dsql_stmt *s;
  cr_assert(server_find("18", &server), "PostgreSQL 18 does not run");
  client_open(&x);
  c = client_connect(&x, "%s", server_conninfo(&server));
  cr_assert_eq(dsql_stmt_new(&s, x.rt,
                             "select array['1.2.3.4/24'::inet, null], array['1,1,0,0'::box, '2,2,0,0'], "
                             "array['101'::varbit], array['((1,2),(3,4))'::path], array[1.5]",
                             NULL, 0),
               0);
  for (int i = 0; i < 3; i++) {
    dsql_future *f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
    read_elements(client_rows(f));
    cr_assert_eq(dsql_result_col_format(client_rows(f), 1), i > 0);
    dsql_future_destroy(f);
  }
  dsql_stmt_free(s);
  dsql_conn_close(c);
  client_close(&x);
}

/* ---- what is refused ---- */

Test(scalars, other_types_and_nulls) {
  dsql_future *f;
  const dsql_result *q;
  dsql_inet inet = {.family = 9};
  dsql_path path;
  dsql_bits bits;
  cr_assert(server_find("18", &server), "PostgreSQL 18 does not run");
  client_open(&x);
  c = client_connect(&x, "%s", server_conninfo(&server));
  f = dsql_query(c, "select 1, null::inet, '1.2.3.4'::text, B'1', '(1,2)'::point", DSQL_NO_PARAMS, NULL);
  q = client_rows(f);
  cr_assert_eq(dsql_get_inet(q, 0, 0, &inet), DSQL_ETYPE);
  cr_assert_eq(dsql_get_inet(q, 0, 1, &inet), DSQL_ENULL);
  cr_assert_eq(dsql_get_inet(q, 0, 2, &inet), DSQL_ETYPE);
  cr_assert_eq(dsql_get_inet(q, 0, 5, &inet), DSQL_EINVAL);
  cr_assert_eq(dsql_get_inet(q, 1, 1, &inet), DSQL_EINVAL);
  cr_assert_eq(dsql_get_inet(NULL, 0, 0, &inet), DSQL_EINVAL);
  cr_assert_eq(inet.family, 9);
  cr_assert(dsql_get_bits(q, 0, 3, &bits) == 0 && bits.count == 1 && bits.bytes[0] == 0x80);
  cr_assert_eq(dsql_get_path(q, 0, 4, &path), DSQL_ETYPE);
  dsql_future_destroy(f);
  assert_fails(dsql_query(c, "select $1", DSQL_PARAMS(dsql_inet_param(inet)), NULL), DSQL_EINVAL,
               DSQL_CLIENT_SIDE | DSQL_NOT_SENT, "");
  dsql_conn_close(c);
  client_close(&x);
}
