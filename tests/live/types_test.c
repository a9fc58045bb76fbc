/* Containers and users' types on real servers: generated values there and back, and what the catalog tells. */
#include <stdio.h>
#include <stdlib.h>

#include "dsql/types.h"
#include "one_connection.h"
#include "unit/wire_codec/describe.h"
#include "unit/wire_codec/random.h"

TestSuite(types, .init = open_all, .fini = close_all);

/* ---- generated values ---- */

enum { BATCH = 50, BATCHES = 200, VALUE_SIZE = 4096 }; /* 10,000 values of each type */

static struct random rnd;

static dsql_str random_text(char *buffer) {
  static const char signs[] = "ab\"\\{},() \t\n;[]NULL'é";
  size_t n = random_below(&rnd, 12);
  for (size_t i = 0; i < n; i++) buffer[i] = signs[random_below(&rnd, sizeof signs - 3)]; /* é not cut in two */
  if (random_below(&rnd, 10) == 0) return (dsql_str){"NULL", 4};
  return (dsql_str){buffer, n};
}

static dsql_param random_element(uint32_t oid) {
  static char texts[16][16];
  static unsigned turn;
  char *buffer = texts[turn++ % 16];
  dsql_str s;

  if (random_below(&rnd, 6) == 0) return dsql_null_of(oid);
  switch (oid) {
    case DSQL_BOOL: return dsql_bool(random_u64(&rnd) & 1);
    case DSQL_INT4: return dsql_int4((int32_t)random_wide(&rnd));
    case DSQL_INT8: return dsql_int8((int64_t)random_wide(&rnd));
    case DSQL_FLOAT8: return dsql_float8((double)(int64_t)random_wide(&rnd) / 1024);
    case DSQL_NUMERIC: return dsql_numeric_scaled((int64_t)random_wide(&rnd), (unsigned)random_below(&rnd, 19));
    case DSQL_TIMESTAMPTZ: return dsql_timestamptz((int64_t)(random_wide(&rnd) >> 8));
    case DSQL_DATE: return dsql_date((int32_t)random_below(&rnd, 2000000) - 1000000);
    case DSQL_INTERVAL:
      return dsql_interval_param(
          (dsql_interval){(int64_t)(random_wide(&rnd) >> 8), (int32_t)random_below(&rnd, 99), 7});
    case DSQL_UUID: return dsql_uuid_param((dsql_uuid){{(uint8_t)random_u64(&rnd), 1, 2, (uint8_t)random_u64(&rnd)}});
    case DSQL_BYTEA: s = random_text(buffer); return dsql_bytes(s.ptr, s.len);
    default: s = random_text(buffer); return dsql_text_n(s.ptr, s.len);
  }
}

static void build_array(dsql_builder *b, uint32_t element) {
  int ndim = (int)random_below(&rnd, 4);
  int32_t dims[3], bounds[3];
  size_t count = ndim > 0;

  for (int i = 0; i < ndim; i++) {
    dims[i] = 1 + (int32_t)random_below(&rnd, 4);
    bounds[i] = (int32_t)random_below(&rnd, 3);
    count *= (size_t)dims[i];
  }
  dsql_build_array(b, 0, element, ndim, dims, random_below(&rnd, 2) ? bounds : NULL);
  for (size_t i = 0; i < count; i++) dsql_build_value(b, random_element(element));
}

/* A value of the range's subtype at this place of the line; the server wants the lower bound below the upper one. */
static dsql_param range_bound(uint32_t oid, int64_t at) {
  switch (oid) {
    case DSQL_INT4: return dsql_int4((int32_t)at);
    case DSQL_INT8: return dsql_int8(at);
    case DSQL_NUMERIC: return dsql_numeric_scaled(at, 3);
    case DSQL_DATE: return dsql_date((int32_t)at);
    case DSQL_TIMESTAMP: return dsql_timestamp(at * 1000);
    default: return dsql_timestamptz(at * 1000);
  }
}

static void build_range(dsql_builder *b, uint32_t oid, uint32_t subtype, int64_t from) {
  unsigned flags = (unsigned)random_below(&rnd, 32);
  if (random_below(&rnd, 4)) flags &= ~(unsigned)DSQL_RANGE_EMPTY;
  dsql_build_range(b, oid, flags);
  if (flags & DSQL_RANGE_EMPTY) return;
  if (!(flags & DSQL_LOWER_INFINITE)) dsql_build_value(b, range_bound(subtype, from));
  if (!(flags & DSQL_UPPER_INFINITE))
    dsql_build_value(b, range_bound(subtype, from + 1 + (int64_t)random_below(&rnd, 1000)));
}

typedef int (*describe_fn)(const dsql_value *v, char out[DESCRIBE_SIZE]);

struct generated {
  const char *name;
  uint32_t oid, element; /* element: of arrays; the subtype of ranges and multiranges */
  uint32_t range;        /* of multiranges */
  describe_fn describe;
  bool same; /* the server gives back what it got: ranges it brings into a normal form */
};

static const struct generated generated[] = {
    {"bool[]", 1000, DSQL_BOOL, 0, describe_array, true},
    {"int4[]", 1007, DSQL_INT4, 0, describe_array, true},
    {"int8[]", 1016, DSQL_INT8, 0, describe_array, true},
    {"float8[]", 1022, DSQL_FLOAT8, 0, describe_array, true},
    {"text[]", 1009, DSQL_TEXT, 0, describe_array, true},
    {"bytea[]", 1001, DSQL_BYTEA, 0, describe_array, true},
    {"numeric[]", 1231, DSQL_NUMERIC, 0, describe_array, true},
    {"timestamptz[]", 1185, DSQL_TIMESTAMPTZ, 0, describe_array, true},
    {"date[]", 1182, DSQL_DATE, 0, describe_array, true},
    {"interval[]", 1187, DSQL_INTERVAL, 0, describe_array, true},
    {"uuid[]", 2951, DSQL_UUID, 0, describe_array, true},
    {"int4range", 3904, DSQL_INT4, 0, describe_range, false},
    {"int8range", 3926, DSQL_INT8, 0, describe_range, false},
    {"numrange", 3906, DSQL_NUMERIC, 0, describe_range, false},
    {"daterange", 3912, DSQL_DATE, 0, describe_range, false},
    {"tsrange", 3908, DSQL_TIMESTAMP, 0, describe_range, false},
    {"tstzrange", 3910, DSQL_TIMESTAMPTZ, 0, describe_range, false},
    {"int8multirange", 4536, DSQL_INT8, 3926, describe_multirange, false},
    {"nummultirange", 4532, DSQL_NUMERIC, 3906, describe_multirange, false},
};

static dsql_param build(const struct generated *g, unsigned char *memory) {
  dsql_builder b;
  size_t n;
  dsql_builder_init(&b, memory, VALUE_SIZE);
  if (g->describe == describe_array) {
    build_array(&b, g->element);
  } else if (g->describe == describe_range) {
    build_range(&b, g->oid, g->element, (int64_t)random_below(&rnd, 100000) - 50000);
  } else {
    n = random_below(&rnd, 4);
    dsql_build_multirange(&b, g->oid, n);
    for (size_t i = 0; i < n; i++) build_range(&b, g->range, g->element, (int64_t)random_below(&rnd, 100000) - 50000);
  }
  return dsql_built(&b);
}

static unsigned char memory[BATCH][VALUE_SIZE];

/* Criterion's own assertions are too slow for a million of them. */
#define REQUIRE(condition)                                                                                             \
  do {                                                                                                                 \
    if (!(condition))                                                                                                  \
      cr_assert_fail("%s: %s: ours %.*s, the server's %.*s", g->name, #condition, (int)ours.len, ours.ptr,             \
                     (int)text.len, (const char *)text.ptr);                                                           \
  } while (0)

/* Column 2i has the value, in binary from the second execution on, column 2i + 1 the server's own text of it. */
static void check_value(const struct generated *g, const dsql_result *r, unsigned i, const dsql_param *sent) {
  char from_value[DESCRIBE_SIZE], from_text[DESCRIBE_SIZE], from_sent[DESCRIBE_SIZE];
  dsql_value value, text, back;
  dsql_str ours = {"", 0};

  REQUIRE(dsql_get_value(r, 0, 2 * i, &value) == 0 && dsql_get_value(r, 0, 2 * i + 1, &text) == 0);
  REQUIRE(dsql_value_text(&value, &ours) == 0);
  REQUIRE(ours.len == text.len && memcmp(ours.ptr, text.ptr, ours.len) == 0);
  text.oid = g->oid;
  text.format = 0;
  REQUIRE(g->describe(&value, from_value) == 0);
  REQUIRE(g->describe(&text, from_text) == 0);
  /* The text of a bool by itself is "t", as in an array: all elements look the same in both formats. */
  REQUIRE(strcmp(from_value, from_text) == 0);
  back = (dsql_value){sent->data, (size_t)sent->len, g->oid, 1, false, value.memory};
  REQUIRE(g->describe(&back, from_sent) == 0);
  REQUIRE(!g->same || strcmp(from_sent, from_value) == 0);
}

static void round_trips(const struct generated *g) {
  char sql[BATCH * 64] = "select";
  uint32_t oids[BATCH];
  dsql_param params[BATCH];
  dsql_stmt *s;
  size_t n = strlen(sql);

  for (unsigned i = 0; i < BATCH; i++) {
    n += (size_t)snprintf(sql + n, sizeof sql - n, "%s $%u, $%u::text", i ? "," : "", i + 1, i + 1);
    oids[i] = g->oid;
  }
  cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, oids, BATCH), 0);
  for (int batch = 0; batch < BATCHES; batch++) {
    dsql_future *f;
    const dsql_result *r;
    for (unsigned i = 0; i < BATCH; i++) {
      params[i] = build(g, memory[i]);
    }
    f = dsql_query_stmt(c, s, (dsql_params){params, BATCH}, NULL);
    r = client_rows(f);
    cr_assert_eq(dsql_result_col_format(r, 0), batch > 0, "%s", g->name);
    for (unsigned i = 0; i < BATCH; i++) check_value(g, r, i, &params[i]);
    dsql_future_destroy(f);
  }
  dsql_stmt_free(s);
}

/* The kinds apart, so that they run side by side. */
static void all_round_trips(describe_fn describe) {
  rnd = random_start("types");
  client_exec(c, "set timezone = 'UTC'");
  for (size_t i = 0; i < COUNT(generated); i++)
    if (generated[i].describe == describe) round_trips(&generated[i]);
}

Test(types, generated_arrays_there_and_back) { all_round_trips(describe_array); }
Test(types, generated_ranges_there_and_back) { all_round_trips(describe_range); }
Test(types, generated_multiranges_there_and_back) { all_round_trips(describe_multirange); }

/* ---- tests/data/types.sql, which tests/cli/run_types compares with psql ---- */

/* The rows of the second execution, which come in binary where they can, as the texts of the first. */
static void check_statement(dsql_conn *at, const char *sql, size_t *binary) {
  dsql_future *f[2];
  const dsql_result *r[2];
  dsql_stmt *s;

  cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
  for (int i = 0; i < 2; i++) {
    f[i] = dsql_query_stmt(at, s, DSQL_NO_PARAMS, NULL);
    r[i] = client_rows(f[i]);
  }
  cr_assert_eq(dsql_result_rows(r[0]), dsql_result_rows(r[1]));
  for (size_t row = 0; row < dsql_result_rows(r[0]); row++)
    for (unsigned col = 0; col < dsql_result_cols(r[0]); col++) {
      dsql_str first = {"", 0}, second = {"", 0};
      int rc = dsql_get_text(r[0], row, col, &first);
      if (rc != dsql_get_text(r[1], row, col, &second) || first.len != second.len ||
          memcmp(first.ptr, second.ptr, first.len) != 0)
        cr_assert_fail("%s: text %.*s, binary %.*s", sql, (int)first.len, first.ptr, (int)second.len, second.ptr);
      *binary += dsql_result_col_format(r[1], col) == 1;
    }
  for (int i = 0; i < 2; i++) dsql_future_destroy(f[i]);
  dsql_stmt_free(s);
}

static size_t check_file(dsql_conn *at, long major, size_t *binary) {
  char line[1024], path[512], *sql;
  size_t statements = 0;
  FILE *file;

  (void)snprintf(path, sizeof path, "%s/tests/data/types.sql", getenv("DSQL_SOURCE_DIR"));
  file = fopen(path, "r");
  cr_assert(file, "%s", path);
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "--", 2) == 0) continue;
    if (strtol(line, &sql, 10) > major) continue;
    check_statement(at, sql, binary);
    statements++;
  }
  fclose(file);
  return statements;
}

Test(types, every_type_in_both_formats) {
  static const char *const servers[] = {"12", "18"};
  for (size_t i = 0; i < COUNT(servers); i++) {
    struct server server;
    size_t binary = 0;
    dsql_conn *at;
    cr_assert(server_find(servers[i], &server), "%s does not run", servers[i]);
    at = client_connect(&x, "%s", server_conninfo(&server));
    client_exec(at, "set timezone = 'UTC'");
    cr_assert_gt(check_file(at, server.major, &binary), 35);
    cr_assert_gt(binary, 1000);
    dsql_conn_close(at);
  }
}

/* ---- users' types ---- */

static const char schema[] =
    "drop schema if exists types_test cascade; create schema types_test; set search_path = types_test;"
    "create type mood as enum ('sad', 'ok', 'very happy');"
    "create domain small as int4 check (value < 100); create domain smaller as small;"
    "create type inner_t as (n smaller, m mood);"
    "create type outer_t as (id int8, dropped text, parts inner_t[], \"a \"\"name\" text);"
    "alter type outer_t drop attribute dropped;"
    "create type span as range (subtype = float8);"
    "create table t (o outer_t, ms mood[], s span)";

static uint32_t oid_of(dsql_conn *at, const char *name) {
  char sql[128];
  (void)snprintf(sql, sizeof sql, "select '%s'::regtype::oid", name);
  return (uint32_t)strtoul(client_value(at, sql), NULL, 10);
}

static bool is(dsql_str s, const char *want) { return s.len == strlen(want) && memcmp(s.ptr, want, s.len) == 0; }

static uint64_t writes_of(const dsql_conn *at) {
  dsql_conn_stats stats;
  dsql_conn_stats_get(at, &stats, sizeof stats);
  return stats.writes;
}

static const dsql_types *resolved(dsql_future *f) {
  const dsql_types *t;
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_types(f, &t), 0);
  return t;
}

/* The whole of outer_t comes with one question. */
static void check_catalog(dsql_conn *at) {
  const uint32_t asked[] = {oid_of(at, "outer_t"), oid_of(at, "mood[]"), oid_of(at, "span"), 4000000000u};
  uint64_t before = writes_of(at);
  dsql_future *f = dsql_types_resolve(at, asked, COUNT(asked));
  const dsql_types *t = resolved(f);
  const dsql_type *outer = dsql_types_find(t, asked[0]), *parts, *inner, *mood, *domain, *span;

  cr_assert_eq(writes_of(at), before + 1);
  cr_assert(outer && outer->kind == DSQL_TYPE_COMPOSITE && is(outer->name, "outer_t") && outer->field_count == 3);
  cr_assert(is(outer->schema, "types_test") && is(outer->fields[2].name, "a \"name"));
  cr_assert(is(outer->fields[0].name, "id") && outer->fields[0].oid == DSQL_INT8);
  parts = dsql_types_find(t, outer->fields[1].oid);
  cr_assert(parts && parts->kind == DSQL_TYPE_ARRAY);
  inner = dsql_types_find(t, parts->element);
  cr_assert(inner && inner->kind == DSQL_TYPE_COMPOSITE && inner->field_count == 2);
  domain = dsql_types_find(t, inner->fields[0].oid);
  cr_assert(domain && domain->kind == DSQL_TYPE_DOMAIN && is(domain->name, "smaller"));
  cr_assert_eq(dsql_types_base(t, domain->oid), DSQL_INT4);
  cr_assert_eq(dsql_types_base(t, DSQL_TEXT), DSQL_TEXT);
  mood = dsql_types_find(t, inner->fields[1].oid);
  cr_assert(mood && mood->kind == DSQL_TYPE_ENUM && mood->label_count == 3 && is(mood->labels[2], "very happy"));
  span = dsql_types_find(t, asked[2]);
  cr_assert(span && span->kind == DSQL_TYPE_RANGE && span->element == DSQL_FLOAT8);
  cr_assert_null(dsql_types_find(t, asked[3]));
  dsql_future_destroy(f);

  before = writes_of(at); /* known: nothing is asked */
  f = dsql_types_resolve(at, asked, 3);
  cr_assert_eq(dsql_types_find(resolved(f), asked[0]), outer);
  cr_assert_eq(writes_of(at), before);
  dsql_types_forget(at);
  cr_assert(is(outer->name, "outer_t")); /* f still shows it */
  dsql_future_destroy(f);
  f = dsql_types_resolve(at, asked, 3);
  cr_assert_not_null(dsql_types_find(resolved(f), asked[0]));
  cr_assert_eq(writes_of(at), before + 1);
  dsql_future_destroy(f);
}

static dsql_param build_outer(dsql_builder *b, const dsql_types *t, uint32_t outer) {
  const dsql_type *type = dsql_types_find(t, outer), *parts = dsql_types_find(t, type->fields[1].oid),
                  *inner = dsql_types_find(t, parts->element);
  dsql_builder_init(b, memory[0], VALUE_SIZE);
  dsql_build_record(b, outer, 3);
  dsql_build_value(b, dsql_int8(7));
  dsql_build_array(b, parts->oid, inner->oid, 1, (int32_t[]){2}, NULL);
  for (int i = 0; i < 2; i++) {
    dsql_build_record(b, inner->oid, 2);
    dsql_build_value(b, dsql_raw(inner->fields[0].oid, 1, i ? "\0\0\0\5" : "\0\0\0\6", 4));
    dsql_build_value(b, dsql_raw(inner->fields[1].oid, 0, "very happy", 10));
  }
  dsql_build_value(b, dsql_text("x \"y\" (z)"));
  return dsql_built(b);
}

static void check_values(dsql_conn *at) {
  const uint32_t asked[] = {oid_of(at, "outer_t")};
  dsql_future *types = dsql_types_resolve(at, asked, 1), *f;
  const dsql_types *t = resolved(types);
  dsql_builder b;
  dsql_value v, field, part, inner;
  dsql_record r, in;
  dsql_array parts;
  dsql_range span;
  dsql_str text;
  int64_t id;
  int32_t n;
  double edge;

  f = dsql_query(at, "insert into t values ($1, '{ok,NULL,\"very happy\"}', '[1.5,)') returning *",
                 DSQL_PARAMS(build_outer(&b, t, asked[0])), NULL);
  cr_assert_eq(dsql_get_value(client_rows(f), 0, 0, &v), 0);
  cr_assert(dsql_record_begin(&v, &r) == 0 && r.count == 3);
  cr_assert(dsql_record_next(&r, &field) == 1 && dsql_value_int8(&field, &id) == 0 && id == 7);
  cr_assert(dsql_record_next(&r, &field) == 1 && dsql_array_begin(&field, &parts) == 0 && parts.count == 2);
  cr_assert(dsql_array_next(&parts, &part) == 1 && dsql_record_begin(&part, &in) == 0 && in.count == 2);
  cr_assert(dsql_record_next(&in, &inner) == 1 && dsql_value_int4(&inner, &n) == 0 && n == 6);
  cr_assert(dsql_record_next(&in, &inner) == 1 && dsql_value_text(&inner, &text) == 0 && is(text, "very happy"));
  cr_assert(dsql_record_next(&r, &field) == 1 && dsql_value_text(&field, &text) == 0 && is(text, "x \"y\" (z)"));
  cr_assert(dsql_get_value(client_rows(f), 0, 1, &v) == 0 && dsql_array_begin(&v, &parts) == 0 && parts.count == 3);
  cr_assert(dsql_array_next(&parts, &part) == 1 && dsql_value_text(&part, &text) == 0 && is(text, "ok"));
  cr_assert(dsql_array_next(&parts, &part) == 1 && part.null);
  cr_assert(dsql_get_value(client_rows(f), 0, 2, &v) == 0 && dsql_value_range(&v, &span) == 0 && span.upper_infinite);
  cr_assert(dsql_value_float8(&span.lower, &edge) == 0 && edge == 1.5);
  dsql_future_destroy(f);
  dsql_future_destroy(types);
}

Test(types, of_users_on_every_server) {
  static const char *const servers[] = {"12", "14", "18"};
  for (size_t i = 0; i < COUNT(servers); i++) {
    struct server server;
    dsql_conn *at;
    cr_assert(server_find(servers[i], &server), "%s does not run", servers[i]);
    at = client_connect(&x, "%s user=postgres", server_conninfo(&server));
    client_exec(at, schema);
    check_catalog(at);
    check_values(at);
    client_exec(at, "drop schema types_test cascade");
    dsql_conn_close(at);
  }
}

Test(types, multiranges_know_their_range) {
  const uint32_t asked[] = {4451};
  dsql_future *f = dsql_types_resolve(c, asked, 1);
  const dsql_type *multirange = dsql_types_find(resolved(f), 4451), *range;
  cr_assert(multirange && multirange->kind == DSQL_TYPE_MULTIRANGE && multirange->element == 3904);
  range = dsql_types_find(resolved(f), 3904);
  cr_assert(range && range->element == DSQL_INT4);
  dsql_future_destroy(f);
}

Test(types, resolving_fails_as_its_query_does) {
  const uint32_t asked[] = {DSQL_INT4};
  const dsql_types *t;
  dsql_future *f;

  client_exec(c, "begin");
  assert_fails(dsql_query(c, "select 1/0", DSQL_NO_PARAMS, NULL), DSQL_ESERVER, 0, "division by zero");
  assert_fails(dsql_types_resolve(c, asked, 1), DSQL_ESERVER, 0, "current transaction is aborted");
  client_exec(c, "rollback");
  f = dsql_types_resolve(c, asked, 1);
  cr_assert_eq(dsql_future_types(f, &t), DSQL_ENOTREADY);
  dsql_future_cancel(f);
  cr_assert_eq(client_settle(f), DSQL_ECANCELED);
  dsql_future_destroy(dsql_types_resolve(c, asked, 1)); /* before its answer */
  f = dsql_types_resolve(c, asked, 0);
  cr_assert_eq(client_settle(f), 0);
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  (void)client_rows(f);
  cr_assert_eq(dsql_future_types(f, &t), DSQL_ETYPE);
  dsql_future_destroy(f);
}

Test(types, each_allocation_fails_in_turn) {
  const uint32_t asked[] = {oid_of(c, "int4range[]"), DSQL_INT4};
  int failures = 0;
  for (size_t n = 1;; n++) {
    dsql_future *f;
    int code;
    dsql_types_forget(c);
    test_alloc_arm(&x.heap, n, true);
    f = dsql_types_resolve(c, asked, 2);
    code = f ? dsql_future_run(f) : DSQL_ENOMEM;
    test_alloc_arm(&x.heap, 0, false);
    dsql_future_destroy(f);
    if (code == 0) break;
    failures++;
    if (dsql_conn_status(c) != DSQL_CONN_FAILED) continue;
    dsql_conn_close(c);
    c = client_connect(&x, "%s", server_conninfo(server_default()));
  }
  cr_assert_gt(failures, 2);
}

/* The end of a runtime with a question on its way and types that are known. */
Test(types, the_runtime_ends) {
  const uint32_t asked[] = {DSQL_INT4, DSQL_INT8};
  dsql_future *known = dsql_types_resolve(c, asked, 1), *pending;
  (void)resolved(known);
  pending = dsql_types_resolve(c, asked, 2);
  cr_assert_not_null(pending);
}
