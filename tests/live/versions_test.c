/* The same session with every server, old and new, and through PgBouncer. The suites beside this one go deep on one or
 * two; what differs between servers would show here. */
#include <stdio.h>

#include "client.h"

static struct client x;
static dsql_conn *c;
static struct server server;

TestSuite(versions, .timeout = 60);

/* The text that the server itself gives, and the one made from the binary form, on later executions. */
static void values(void) {
  static const char *const exprs[] = {
      "true",
      "'-32768'::int2",
      "'-2147483648'::int4",
      "'9223372036854775807'::int8",
      "'4294967295'::oid",
      "'0.1'::float4",
      "'1e-7'::float8",
      "'NaN'::float8",
      "'grüße'::text",
      "'abc'::varchar(5)",
      "'abc'::char(5)",
      "'x'::\"char\"",
      "'a name'::name",
      "'\\x00ff'::bytea",
      "'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::uuid",
      "'4713-01-01 BC'::date",
      "'24:00'::time",
      "'12:34:56.5+05:30'::timetz",
      "'2026-01-02 03:04:05.000006'::timestamp",
      "'infinity'::timestamp",
      "'2026-01-02 03:04:05.000006+02'::timestamptz",
      "'-1 year 2 days -00:00:01.5'::interval",
      "'-12345678901234567890.00010'::numeric",
      "'{\"a\": 1}'::json",
      "'{\"a\": 1}'::jsonb",
      "array[1, null]",
      "'10.0.0.0/8'::inet",
  };
  for (size_t i = 0; i < COUNT(exprs); i++) {
    char sql[128], want[128];
    dsql_stmt *s;
    (void)snprintf(sql, sizeof sql, "select %s", exprs[i]);
    (void)snprintf(want, sizeof want, "%s", client_value(c, sql)); /* an unnamed statement: text */
    cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
    for (int k = 0; k < 3; k++) {
      dsql_future *f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
      dsql_str text = {"", 0};
      cr_assert_eq(dsql_get_text(client_rows(f), 0, 0, &text), 0, "%s", exprs[i]);
      cr_assert(text.len == strlen(want) && memcmp(text.ptr, want, text.len) == 0, "%s: want \"%s\", got \"%.*s\"",
                exprs[i], want, (int)text.len, text.ptr);
      dsql_future_destroy(f);
    }
    dsql_stmt_free(s);
  }
}

static void parameters(void) {
  dsql_stmt *s;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select $1::int8 + $2, $3::timestamptz, $4::numeric, $5::text", NULL, 0), 0);
  for (int64_t i = 0; i < 5; i++) {
    dsql_future *f = dsql_query_stmt(
        c, s, DSQL_PARAMS(dsql_int8(i), dsql_int8(1), dsql_timestamptz(i), dsql_numeric("1.50"), dsql_null()), NULL);
    const dsql_result *r = client_rows(f);
    int64_t sum, us, scaled;
    cr_assert(dsql_get_int8(r, 0, 0, &sum) == 0 && sum == i + 1);
    cr_assert(dsql_get_timestamptz(r, 0, 1, &us) == 0 && us == i);
    cr_assert(dsql_get_numeric_scaled(r, 0, 2, 2, &scaled) == 0 && scaled == 150);
    cr_assert(dsql_is_null(r, 0, 3));
    dsql_future_destroy(f);
  }
  dsql_stmt_free(s);
}

static void failures(void) {
  client_exec(c, "create temp table grouped (a int)");
  client_exec(c, "create temp table d (a int unique deferrable initially deferred); insert into d values (1)");
  assert_fails(dsql_query(c, "insert into d values (1)", DSQL_NO_PARAMS, NULL), DSQL_ESERVER, DSQL_ROLLED_BACK,
               "duplicate key");
  client_exec(c, "begin");
  assert_fails(dsql_query(c, "select 1/0", DSQL_NO_PARAMS, NULL), DSQL_ESERVER, 0, "division by zero");
  assert_fails(dsql_query(c, "commit", DSQL_NO_PARAMS, NULL), DSQL_EROLLBACK, DSQL_ROLLED_BACK | DSQL_CLIENT_SIDE,
               "ROLLBACK");
  assert_fails(dsql_query(c, "copy d from stdin", DSQL_NO_PARAMS, NULL), DSQL_EUNSUPPORTED, DSQL_CLIENT_SIDE, "COPY");
  assert_fails(dsql_exec(c, "copy d to stdout", NULL), DSQL_EUNSUPPORTED, DSQL_CLIENT_SIDE, "COPY");
  cr_assert_str_eq(client_value(c, "select count(*) from d"), "1");
}

/* The failure at each place, and (3) nowhere. */
static void groups(void) {
  for (int bad = 0; bad < 4; bad++) {
    dsql_future *f[3];
    char sql[64];
    (void)snprintf(sql, sizeof sql, "insert into grouped values (%d)", bad);
    cr_assert_eq(dsql_pipeline_begin(c), 0);
    for (int i = 0; i < 3; i++) f[i] = dsql_query(c, i == bad ? "select 1/0" : sql, DSQL_NO_PARAMS, NULL);
    cr_assert_eq(dsql_pipeline_end(c), 0);
    for (int i = 0; i < 3; i++) {
      if (bad == 3)
        cr_assert_eq(client_settle(f[i]), 0);
      else if (i == bad)
        assert_fails(f[i], DSQL_ESERVER, 0, "division");
      else
        assert_fails(f[i], DSQL_ESKIPPED, (i < bad ? DSQL_ROLLED_BACK : 0u) | DSQL_CLIENT_SIDE, "");
    }
  }
  cr_assert_str_eq(client_value(c, "select array_agg(a) from grouped"), "{3,3,3}");
}

static void prepared_statements_forgotten(void) {
  dsql_stmt *s;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select a from forget", NULL, 0), 0);
  client_exec(c, "create temp table forget (a int); insert into forget values (42)");
  for (int i = 0; i < 8; i++) {
    dsql_future *f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
    dsql_str text;
    cr_assert(dsql_get_text(client_rows(f), 0, 0, &text) == 0 && text.len == 2 && memcmp(text.ptr, "42", 2) == 0);
    dsql_future_destroy(f);
    if (i == 2) client_exec(c, "deallocate all");
    if (i == 4) client_exec(c, "alter table forget alter column a type text");
    if (i == 6) client_exec(c, "alter table forget alter column a type numeric using a::numeric");
  }
  client_exec(c, "discard plans");
  cr_assert_eq(client_settle(dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL)), 0);
  dsql_stmt_free(s);
}

static int count_row(const dsql_result *row, void *arg) {
  (void)row;
  ++*(size_t *)arg;
  return 0;
}

static void streams(void) {
  size_t rows = 0;
  cr_assert_eq(
      client_settle(dsql_query_each(c, "select generate_series(1, 20000)", DSQL_NO_PARAMS, count_row, &rows, NULL)), 0);
  cr_assert_eq(rows, 20000);
}

/* Through a pooler the request may have had no effect in time: then the connection is given up. */
static void canceling(bool bouncer, const char *conninfo) {
  dsql_future *f = dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
  for (int i = 0; i < 3; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  dsql_future_cancel(f);
  cr_assert_eq(client_settle(f), DSQL_ECANCELED);
  while (bouncer && dsql_conn_status(c) == DSQL_CONN_DRAINING) client_turn(&x);
  if (bouncer && dsql_conn_status(c) == DSQL_CONN_FAILED) {
    dsql_conn_close(c);
    c = client_connect(&x, "%s", conninfo);
  }
  cr_assert_str_eq(client_value(c, "select 1"), "1");
}

static void told(bool bouncer) {
  cr_assert_eq((int)(dsql_conn_server_version(c) / 10000), server.major);
  cr_assert(str_has(dsql_conn_parameter(c, "server_version"), server.version));
  cr_assert_str_eq(client_value(c, "select current_setting('client_encoding')"), "UTF8");
  cr_assert_str_eq(client_value(c, "select current_setting('DateStyle') like 'ISO%'"), "t");
  if (!bouncer) cr_assert_neq(dsql_conn_backend_pid(c), 0);
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
}

/* Servers before 14, and poolers, do not report what they are, and are asked. */
static void session_attrs(const char *conninfo) {
  static const struct {
    const char *attrs;
    int code;
  } cases[] = {{"read-write", 0}, {"primary", 0},          {"prefer-standby", 0},
               {"any", 0},        {"read-only", DSQL_EIO}, {"standby", DSQL_EIO}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_conn *own = client_dial(&x, "%s target_session_attrs=%s", conninfo, cases[i].attrs);
    cr_assert_eq(client_settle(dsql_conn_ready(own)), cases[i].code, "%s", cases[i].attrs);
    if (cases[i].code == 0) cr_assert_str_eq(client_value(own, "select 1"), "1");
    dsql_conn_close(own);
  }
}

static dsql_future *set_path(dsql_conn *own, void *sql) { return dsql_exec(own, sql, NULL); }

static void hook(const char *conninfo) {
  static char good[] = "set search_path to information_schema", bad[] = "set no_such_thing to 1";
  char *const scripts[] = {good, bad};
  for (size_t i = 0; i < COUNT(scripts); i++) {
    dsql_config config;
    dsql_conn *own;
    dsql_future *f;
    dsql_target *t;
    dsql_config_init(&config);
    config.target = conninfo;
    config.after_connect = set_path;
    config.after_connect_arg = scripts[i];
    t = client_target_config(&x, &config);
    cr_assert_eq(dsql_conn_open(&own, x.rt, t), 0);
    f = dsql_query(own, "select 1 from tables limit 1", DSQL_NO_PARAMS, NULL);
    if (i == 0)
      cr_assert_eq(client_settle(f), 0, "the hook goes first");
    else
      assert_fails(f, DSQL_ESERVER, DSQL_NOT_SENT | DSQL_CONN_LOST | DSQL_CLIENT_SIDE, "no_such_thing");
    dsql_conn_close(own);
    dsql_target_free(t);
  }
}

static void session(const char *version, bool bouncer, const char *transport) {
  char conninfo[512];
  cr_assert(server_find(version, &server), "PostgreSQL %s is not running", version);
  client_open(&x);
  (void)snprintf(conninfo, sizeof conninfo,
                 "host=localhost hostaddr=127.0.0.1 port=%d dbname=postgres user=scram_user password=secret "
                 "sslrootcert=%s %s",
                 bouncer ? server.bouncer_port : server.port, server.ca, transport);
  session_attrs(conninfo);
  hook(conninfo);
  c = client_connect(&x, "%s", conninfo);
  told(bouncer);
  values();
  parameters();
  failures();
  groups();
  prepared_statements_forgotten();
  streams();
  canceling(bouncer, conninfo);
  told(bouncer);
  dsql_conn_close(c);
  client_close(&x);
}

Test(versions, postgresql_12) { session("12", false, "sslmode=disable"); }
Test(versions, postgresql_12_tls) { session("12", false, "sslmode=verify-full"); }
Test(versions, postgresql_14) { session("14", false, "sslmode=disable"); }
Test(versions, postgresql_14_tls) { session("14", false, "sslmode=verify-full"); }
Test(versions, postgresql_15) { session("debian15", false, "sslmode=disable"); }
Test(versions, postgresql_15_tls) { session("debian15", false, "sslmode=verify-full"); }
Test(versions, postgresql_16) { session("16", false, "sslmode=disable"); }
Test(versions, postgresql_16_tls) { session("16", false, "sslmode=verify-full"); }
Test(versions, postgresql_17) { session("17", false, "sslmode=disable"); }
Test(versions, postgresql_17_tls) { session("17", false, "sslmode=verify-full sslnegotiation=direct"); }
Test(versions, postgresql_18) { session("18", false, "sslmode=disable"); }
Test(versions, postgresql_18_tls) { session("18", false, "sslmode=verify-full sslnegotiation=direct"); }
Test(versions, pgbouncer) { session("18", true, "sslmode=disable"); }
Test(versions, pgbouncer_tls) { session("18", true, "sslmode=verify-full"); }
