/* Prepared statements: lazily parsed, reparsed where the server lost them, never a surprise for the user. */
#include <stdio.h>

#include "one_connection.h"

TestSuite(stmt, .init = open_all, .fini = close_all);

static dsql_stmt *prepare(const char *sql) {
  dsql_stmt *s;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, sql, NULL, 0), 0);
  return s;
}

static int64_t plus_one(dsql_conn *on, dsql_stmt *s, int32_t v) {
  dsql_future *f = dsql_query_stmt(on, s, DSQL_PARAMS(dsql_int4(v)), NULL);
  int64_t got = -1;
  cr_assert_eq(dsql_get_int8(client_rows(f), 0, 0, &got), 0);
  dsql_future_destroy(f);
  return got;
}

static const char *statements_on_server(void) {
  return client_value(c, "select count(*) from pg_prepared_statements where name like 'dsql%'");
}

Test(stmt, parsed_once_and_closed_when_freed) {
  dsql_stmt *s = prepare("select $1::int4 + 1");
  for (int i = 0; i < 5; i++) cr_assert_eq(plus_one(c, s, i), i + 1);
  cr_assert_str_eq(statements_on_server(), "1");
  dsql_stmt_free(s);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_str_eq(statements_on_server(), "0");
}

Test(stmt, many_executions_in_flight_at_once) {
  dsql_stmt *s = prepare("select $1::int4 + 1");
  dsql_future *f[200];
  int64_t v;
  for (int i = 0; i < 200; i++) f[i] = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int4(i)), NULL);
  for (int i = 0; i < 200; i++) {
    cr_assert(dsql_get_int8(client_rows(f[i]), 0, 0, &v) == 0 && v == i + 1);
    dsql_future_destroy(f[i]);
  }
  dsql_stmt_free(s);
}

Test(stmt, one_statement_on_many_connections) {
  dsql_stmt *s = prepare("select $1::int4 + 1");
  dsql_conn *conns[5];
  for (int i = 0; i < 5; i++) conns[i] = client_connect(&x, "%s", server_conninfo(server_default()));
  for (int round = 0; round < 3; round++)
    for (int i = 0; i < 5; i++) cr_assert_eq(plus_one(conns[i], s, i), i + 1);
  dsql_conn_close(conns[0]);
  cr_assert_eq(plus_one(conns[1], s, 7), 8);
  dsql_stmt_free(s);
  for (int i = 1; i < 5; i++) dsql_conn_close(conns[i]);
}

Test(stmt, freed_while_its_queries_are_under_way) {
  dsql_stmt *s = prepare("select $1::int4 + 1");
  dsql_future *f[3];
  int64_t v;
  for (int i = 0; i < 3; i++) f[i] = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int4(i)), NULL);
  dsql_stmt_free(s);
  for (int i = 0; i < 3; i++) {
    cr_assert(dsql_get_int8(client_rows(f[i]), 0, 0, &v) == 0 && v == i + 1);
    dsql_future_destroy(f[i]);
  }
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_str_eq(statements_on_server(), "0");
}

/* The server has forgotten it, told or untold: reparsed, and the user sees nothing. */
Test(stmt, the_server_forgets_its_statements) {
  static const char *const ways[] = {"deallocate all", "discard all", "DEALLOCATE PREPARE ALL",
                                     "do $$ begin execute 'deallocate all'; end $$"};
  dsql_stmt *s = prepare("select $1::int4 + 1");
  for (size_t i = 0; i < COUNT(ways); i++) {
    for (int n = 0; n < 3; n++) cr_assert_eq(plus_one(c, s, n), n + 1, "%s", ways[i]);
    client_exec(c, ways[i]);
    for (int n = 0; n < 3; n++) cr_assert_eq(plus_one(c, s, n), n + 1, "%s", ways[i]);
  }
  dsql_stmt_free(s);
}

Test(stmt, forgotten_inside_a_transaction) {
  dsql_stmt *s = prepare("select $1::int4 + 1");
  for (int n = 0; n < 3; n++) cr_assert_eq(plus_one(c, s, n), n + 1);
  client_exec(c, "begin; deallocate all"); /* told: the next use parses again */
  cr_assert_eq(plus_one(c, s, 1), 2);
  client_exec(c, "commit");
  dsql_stmt_free(s);
}

Test(stmt, a_statement_that_does_not_parse) {
  dsql_stmt *bad = prepare("selec $1"), *good = prepare("select $1::int4 + 1");
  for (int i = 0; i < 3; i++)
    assert_fails(dsql_query_stmt(c, bad, DSQL_PARAMS(dsql_int4(1)), NULL), DSQL_ESERVER, 0, "syntax error");
  cr_assert_eq(plus_one(c, good, 1), 2);
  client_exec(c, "begin");
  assert_fails(dsql_query_stmt(c, bad, DSQL_PARAMS(dsql_int4(1)), NULL), DSQL_ESERVER, 0, "syntax error");
  assert_fails(dsql_query_stmt(c, good, DSQL_PARAMS(dsql_int4(1)), NULL), DSQL_ESERVER, 0, "aborted");
  client_exec(c, "rollback");
  cr_assert_eq(plus_one(c, good, 1), 2);
  dsql_stmt_free(bad);
  dsql_stmt_free(good);
}

/* It fails when it runs, not when it is parsed: the statement is there all the same. */
Test(stmt, a_statement_that_fails_when_it_runs) {
  dsql_stmt *s = prepare("select 10 / $1::int4");
  int64_t v = 0;
  for (int i = 0; i < 6; i++) {
    dsql_future *f = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int4(i % 2 * 5)), NULL);
    if (i % 2 == 0) {
      assert_fails(f, DSQL_ESERVER, 0, "division by zero");
      continue;
    }
    cr_assert(dsql_get_int8(client_rows(f), 0, 0, &v) == 0 && v == 2);
    dsql_future_destroy(f);
  }
  dsql_stmt_free(s);
}

Test(stmt, a_parameter_of_another_type_is_refused_before_it_is_misread) {
  dsql_stmt *s = prepare("select $1::int8 + 1");
  cr_assert_eq(client_settle(dsql_query_stmt(c, s, DSQL_PARAMS(dsql_int8(1)), NULL)), 0);
  assert_fails(dsql_query_stmt(c, s, DSQL_PARAMS(dsql_timestamp(1)), NULL), DSQL_EINVAL,
               DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
               "parameter $1 has type OID 1114, but this prepared statement takes type OID 20");
  cr_assert_eq(client_settle(dsql_query_stmt(c, s, DSQL_PARAMS(dsql_text("5")), NULL)), 0);
  dsql_stmt_free(s);
}

Test(stmt, declared_types) {
  const uint32_t oids[] = {DSQL_INT4, 0, DSQL_TEXT};
  dsql_stmt *s;
  dsql_future *f;
  dsql_str text;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select pg_typeof($1) || ',' || pg_typeof($2 + 1::int8) || ',' || pg_typeof($3)",
                             oids, COUNT(oids)),
               0);
  f = dsql_query_stmt(c, s, DSQL_PARAMS(dsql_text("1"), dsql_text("2"), dsql_text("3")), NULL);
  cr_assert(dsql_get_text(client_rows(f), 0, 0, &text) == 0 && str_has(text, "integer,bigint,text"));
  dsql_future_destroy(f);
  dsql_stmt_free(s);
}

static int count_rows(const dsql_result *row, void *arg) {
  int32_t v;
  cr_assert_eq(dsql_get_int4(row, 0, 0, &v), 0);
  ++*(int *)arg;
  return *(int *)arg % 100 == 0 ? DSQL_ROW_PAUSE : 0;
}

Test(stmt, streamed_with_pauses) {
  dsql_stmt *s = prepare("select g::int4 from generate_series(1, $1::int4) g");
  for (int i = 0; i < 3; i++) {
    int rows = 0;
    dsql_future *f = dsql_query_stmt_each(c, s, DSQL_PARAMS(dsql_int4(1000)), count_rows, &rows, NULL);
    while (!dsql_future_ready(f)) {
      dsql_resume(f); /* nothing to resume is fine */
      client_turn(&x);
    }
    cr_assert_eq(dsql_future_code(f), 0, "%s", client_error_text(f));
    cr_assert_eq(rows, 1000);
    dsql_future_destroy(f);
  }
  dsql_stmt_free(s);
}

/* ---- their number ---- */

enum { MANY = 100000, AT_ONCE = 200, KEPT = 256 };
static dsql_stmt *many[MANY];

/* In turns of AT_ONCE: as many as have names fit side by side. */
static void use_many(int from, int n) {
  dsql_future *f[AT_ONCE];
  int64_t v;
  for (int i = 0; i < n; i++) f[i] = dsql_query_stmt(c, many[from + i], DSQL_NO_PARAMS, NULL);
  for (int i = 0; i < n; i++) {
    cr_assert(dsql_get_int8(client_rows(f[i]), 0, 0, &v) == 0 && v == from + i, "%d", from + i);
    dsql_future_destroy(f[i]);
  }
}

Test(stmt, a_hundred_thousand_on_one_connection, .timeout = 60) {
  char sql[32];
  size_t blocks, kept = 0;
  for (int i = 0; i < MANY; i++) {
    (void)snprintf(sql, sizeof sql, "select %d", i);
    many[i] = prepare(sql);
  }
  blocks = x.heap.live;
  for (int i = 0; i < MANY; i += AT_ONCE) {
    use_many(i, AT_ONCE);
    if (i == 10 * AT_ONCE) kept = x.heap.live;
  }
  cr_assert_leq(x.heap.live, kept + 16);
  cr_assert_leq(x.heap.live, blocks + 6 * KEPT);
  cr_assert_str_eq(statements_on_server(), "256");
  use_many(MANY - KEPT, AT_ONCE); /* they are still there */
  cr_assert_str_eq(statements_on_server(), "256");
  for (int i = 0; i < MANY; i++) dsql_stmt_free(many[i]);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_str_eq(statements_on_server(), "0");
}

/* They come and go, and each allocation fails once: a use succeeds or reports it, and the next ones are as ever. */
Test(stmt, each_allocation_fails_in_turn_while_they_come_and_go) {
  static const char *const sql[] = {"select $1::int4 + 1", "select 1 + $1::int4", "select $1::int4 - -1"};
  dsql_conn *small = client_connect(&x, "%s statement_cache_size=2", server_conninfo(server_default()));
  dsql_stmt *s[COUNT(sql)];
  bool fired = true;

  for (size_t i = 0; i < COUNT(sql); i++) s[i] = prepare(sql[i]);
  for (size_t n = 1; fired; n++) {
    dsql_conn *used = n % 2 ? small : client_connect(&x, "%s", server_conninfo(server_default()));
    test_alloc_arm(&x.heap, n, false);
    for (int i = 0; i < 7; i++) {
      dsql_future *f = dsql_query_stmt(used, s[i % 3], DSQL_PARAMS(dsql_int4(i)), NULL);
      int rc = f ? dsql_future_run(f) : DSQL_ENOMEM;
      cr_assert(rc == 0 || rc == DSQL_ENOMEM, "%zu: %s", n, client_error_text(f));
      dsql_future_destroy(f);
    }
    fired = test_alloc_fired(&x.heap);
    test_alloc_arm(&x.heap, 0, false);
    if (dsql_conn_status(used) == DSQL_CONN_READY)
      for (int i = 0; i < 4; i++) cr_assert_eq(plus_one(used, s[i % 3], i), i + 1);
    if (used == small && dsql_conn_status(small) == DSQL_CONN_READY) continue;
    dsql_conn_close(used);
    if (used == small) small = client_connect(&x, "%s statement_cache_size=2", server_conninfo(server_default()));
  }
  dsql_conn_close(small);
  for (size_t i = 0; i < COUNT(sql); i++) dsql_stmt_free(s[i]);
}

/* ---- a result type that changes ---- */

static unsigned server_errors;
static void count_errors(const char *line, size_t len, void *arg) {
  (void)arg;
  server_errors += str_has((dsql_str){line, len}, "ErrorResponse");
}

enum { CONNS = 4 };

static void use_both(dsql_conn **conns, dsql_stmt *s, dsql_stmt *t) {
  for (size_t i = 0; i < CONNS; i++) {
    cr_assert_eq(client_settle(dsql_query_stmt(conns[i], s, DSQL_NO_PARAMS, NULL)), 0);
    cr_assert_eq(client_settle(dsql_query_stmt(conns[i], t, DSQL_NO_PARAMS, NULL)), 0);
  }
}

/* The first connection that stumbles repairs it for all: the server tells it once, and nobody but us sees it. */
Test(stmt, a_changed_result_type_is_met_once_for_all_connections) {
  dsql_conn *conns[CONNS];
  dsql_stmt *s = prepare("select * from stmt_changes"), *t = prepare("select b from stmt_changes");
  client_exec(c, "create table stmt_changes (a int4, b text); insert into stmt_changes values (1, 'x')");
  for (size_t i = 0; i < CONNS; i++) {
    conns[i] = client_connect(&x, "%s", server_conninfo(server_default()));
    dsql_conn_on_trace(conns[i], count_errors, NULL);
  }
  use_both(conns, s, t);
  use_both(conns, s, t);
  cr_assert_eq(server_errors, 0);
  client_exec(c, "alter table stmt_changes add c int8");
  use_both(conns, s, t);
  use_both(conns, s, t);
  cr_assert_eq(server_errors, 1, "%u", server_errors);
  client_exec(c, "alter table stmt_changes drop a");
  cr_assert_eq(client_settle(dsql_query_stmt(conns[0], s, DSQL_NO_PARAMS, NULL)), 0);
  for (size_t i = 1; i < CONNS; i++) client_exec(conns[i], "begin"); /* where nothing could be run again */
  use_both(conns, s, t);
  for (size_t i = 1; i < CONNS; i++) client_exec(conns[i], "commit");
  cr_assert_eq(server_errors, 2, "%u", server_errors);
  client_exec(c, "drop table stmt_changes");
  dsql_stmt_free(s);
  dsql_stmt_free(t);
  for (size_t i = 0; i < CONNS; i++) dsql_conn_close(conns[i]);
}

/* Behind a pooler that hands out another server connection the statement's name is unknown: 26000, never shown. */
Test(stmt, through_pgbouncer) {
  const struct server *server = server_default();
  dsql_conn *pooled = client_connect(&x, "hostaddr=127.0.0.1 port=%d user=trust_user dbname=postgres sslmode=disable",
                                     server->bouncer_port);
  dsql_stmt *s = prepare("select $1::int4 + 1");
  for (int i = 0; i < 5; i++) cr_assert_eq(plus_one(pooled, s, i), i + 1);
  dsql_stmt_free(s);
  dsql_conn_close(pooled);
}
