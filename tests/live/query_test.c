/* Queries, scripts, errors and what a connection tells, on a real server. */
#include <stdio.h>
#include <unistd.h>

#include "one_connection.h"

TestSuite(query, .init = open_all, .fini = close_all);

Test(query, parameters_columns_and_tags) {
  dsql_future *f = dsql_query(c, "select $1::int4 + 1 as sum, $2 as txt, null::int8 as nothing",
                              DSQL_PARAMS(dsql_int4(41), dsql_text("grüße")), NULL);
  const dsql_result *r = client_rows(f);
  dsql_column column;
  dsql_str text;
  int32_t sum;
  int64_t wide;

  cr_assert_eq(dsql_result_rows(r), 1);
  cr_assert_eq(dsql_result_cols(r), 3);
  cr_assert(dsql_get_int4(r, 0, 0, &sum) == 0 && sum == 42);
  cr_assert(dsql_get_text(r, 0, 1, &text) == 0 && str_has(text, "grüße"));
  cr_assert(dsql_is_null(r, 0, 2) && dsql_get_int8(r, 0, 2, &wide) == DSQL_ENULL);
  cr_assert(str_has(dsql_result_col_name(r, 0), "sum") && dsql_result_col_find(r, "txt") == 1);
  cr_assert_eq(dsql_result_col_find(r, "absent"), -1);
  cr_assert_eq(dsql_result_column(r, 2, &column), 0);
  cr_assert(column.type_oid == DSQL_INT8 && column.type_size == 8 && column.type_modifier == -1);
  cr_assert_eq(dsql_result_column(r, 3, &column), DSQL_EINVAL);
  cr_assert(str_has(dsql_result_tag(r), "SELECT 1") && dsql_result_affected(r) == 1);
  cr_assert_eq(dsql_get_int4(r, 1, 0, &sum), DSQL_EINVAL);
  cr_assert_eq(dsql_get_int4(r, 0, 9, &sum), DSQL_EINVAL);
  cr_assert_eq(dsql_get_int4(r, 0, 1, &sum), DSQL_ETYPE);
  cr_assert_null(dsql_result_next(r));
  dsql_future_destroy(f);
}

Test(query, statements_without_rows) {
  const struct {
    const char *sql, *tag;
    int64_t affected;
  } cases[] = {{"create temp table t (a int)", "CREATE TABLE", -1},
               {"insert into t select generate_series(1, 7)", "INSERT 0 7", 7},
               {"update t set a = a where a > 4", "UPDATE 3", 3},
               {"delete from t", "DELETE 7", 7},
               {"", "", -1},
               {"-- nothing", "", -1}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_future *f = dsql_query(c, cases[i].sql, DSQL_NO_PARAMS, NULL);
    const dsql_result *r = client_rows(f);
    dsql_str tag = dsql_result_tag(r);
    cr_assert(tag.len == strlen(cases[i].tag) && memcmp(tag.ptr, cases[i].tag, tag.len) == 0, "%s", cases[i].sql);
    cr_assert_eq(dsql_result_affected(r), cases[i].affected, "%s", cases[i].sql);
    cr_assert_eq(dsql_result_rows(r), 0);
    cr_assert_eq(dsql_result_cols(r), 0);
    dsql_future_destroy(f);
  }
}

Test(query, a_script_gives_a_result_for_each_statement) {
  dsql_future *f = dsql_exec(c, "select 1 as a union all select 2; set x.y = 'z'; select 'three' as b, 4 as c;;", NULL);
  const dsql_result *r = client_rows(f), *second, *third;
  dsql_str text;
  int32_t four;

  second = dsql_result_next(r);
  third = dsql_result_next(second);
  cr_assert(dsql_result_rows(r) == 2 && str_has(dsql_result_tag(r), "SELECT 2"));
  cr_assert(dsql_result_rows(second) == 0 && str_has(dsql_result_tag(second), "SET"));
  cr_assert(dsql_result_rows(third) == 1 && dsql_result_cols(third) == 2);
  cr_assert(dsql_get_text(third, 0, 0, &text) == 0 && str_has(text, "three"));
  cr_assert(dsql_get_int4(third, 0, 1, &four) == 0 && four == 4, "text results are typed, too");
  cr_assert_null(dsql_result_next(third));
  dsql_future_destroy(f);
}

Test(query, a_script_that_fails_in_the_middle) {
  client_exec(c, "create temp table u (a int)");
  assert_fails(dsql_exec(c, "insert into u values (1); select 1/0; insert into u values (2)", NULL), DSQL_ESERVER, 0,
               "division by zero");
  cr_assert_str_eq(client_value(c, "select count(*) from u"), "0");
}

Test(query, errors_tell_everything_the_server_told) {
  dsql_future *f = dsql_query(c, "select * from no_such_table", DSQL_NO_PARAMS, NULL);
  const dsql_error *e;
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  e = dsql_future_error(f);
  cr_assert_str_eq(e->sqlstate, "42P01");
  cr_assert(str_has(e->message, "no_such_table") && str_has(dsql_error_field(e, 'P'), "15"));
  cr_assert(str_has(dsql_error_field(e, 'R'), "parserOpenTable") && str_has(dsql_error_field(e, 'V'), "ERROR"));
  cr_assert_eq(e->flags, 0);
  cr_assert_eq(e->cause_index, 0);
  cr_assert_eq(e->attempts, 1);
  dsql_future_destroy(f);

  client_exec(c, "create temp table k (a int primary key); insert into k values (1)");
  f = dsql_query(c, "insert into k values (1)", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  e = dsql_future_error(f);
  cr_assert(str_has(e->detail, "already exists") && str_has(dsql_error_field(e, 'n'), "k_pkey"));
  dsql_future_destroy(f);
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
}

Test(query, serialization_failures_are_retryable) {
  dsql_future *f =
      dsql_query(c, "do $$ begin raise exception 'x' using errcode = '40001'; end $$", DSQL_NO_PARAMS, NULL);
  assert_fails(f, DSQL_ESERVER, DSQL_RETRYABLE, "x");
}

Test(query, transaction_status) {
  client_exec(c, "begin");
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_OPEN);
  assert_fails(dsql_query(c, "select 1/0", DSQL_NO_PARAMS, NULL), DSQL_ESERVER, 0, "division");
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_FAILED);
  assert_fails(dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL), DSQL_ESERVER, 0, "aborted");
  client_exec(c, "rollback");
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
}

Test(query, a_commit_that_was_answered_with_rollback_is_an_error) {
  client_exec(c, "begin");
  assert_fails(dsql_query(c, "select 1/0", DSQL_NO_PARAMS, NULL), DSQL_ESERVER, 0, "division");
  assert_fails(dsql_query(c, "commit", DSQL_NO_PARAMS, NULL), DSQL_EROLLBACK, DSQL_ROLLED_BACK | DSQL_CLIENT_SIDE,
               "answered COMMIT with ROLLBACK");
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
  client_exec(c, "begin");
  assert_fails(dsql_query(c, "select 1/0", DSQL_NO_PARAMS, NULL), DSQL_ESERVER, 0, "division");
  assert_fails(dsql_exec(c, " /* the end */ end work", NULL), DSQL_EROLLBACK, DSQL_ROLLED_BACK | DSQL_CLIENT_SIDE,
               "answered COMMIT with ROLLBACK");
  client_exec(c, "begin");
  client_exec(c, "rollback");
}

/* INSERT 0 1 was said already when the constraint is checked, at the Sync. */
Test(query, success_only_at_ReadyForQuery) {
  dsql_future *f;
  const dsql_error *e;
  client_exec(c, "create temp table d (a int unique deferrable initially deferred); insert into d values (1)");
  f = dsql_query(c, "insert into d values (1)", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER, "%s", client_error_text(f));
  e = dsql_future_error(f);
  cr_assert_str_eq(e->sqlstate, "23505");
  cr_assert_eq(e->flags, DSQL_ROLLED_BACK);
  cr_assert_eq(e->cause_index, -1);
  dsql_future_destroy(f);
  cr_assert_str_eq(client_value(c, "select count(*) from d"), "1");
}

/* ---- streaming ---- */

struct sum {
  int64_t total;
  size_t rows;
  int stop_at, stop_code;
  bool pause, paused;
};

static int add_row(const dsql_result *row, void *arg) {
  struct sum *s = arg;
  int64_t v;
  cr_assert_eq(dsql_result_rows(row), 1);
  cr_assert_eq(dsql_get_int8(row, 0, 0, &v), 0);
  cr_assert_eq(dsql_get_int8(row, 1, 0, &v), DSQL_EINVAL);
  s->total += v;
  s->rows++;
  if (s->stop_at && s->rows == (size_t)s->stop_at) return s->stop_code;
  if (s->pause) {
    s->paused = true;
    return DSQL_ROW_PAUSE;
  }
  return 0;
}

Test(query, rows_are_streamed) {
  struct sum s = {0};
  dsql_future *f =
      dsql_query_each(c, "select g::int4 from generate_series(1, 100000) g", DSQL_NO_PARAMS, add_row, &s, NULL);
  const dsql_result *r = client_rows(f);
  cr_assert_eq(s.total, INT64_C(100000) * 100001 / 2);
  cr_assert_eq(s.rows, 100000);
  cr_assert_eq(dsql_result_rows(r), 0);
  cr_assert(str_has(dsql_result_tag(r), "SELECT 100000"));
  dsql_future_destroy(f);
}

Test(query, a_row_callback_stops_its_query) {
  struct sum s = {.stop_at = 3, .stop_code = 77};
  dsql_future *f = dsql_query_each(c, "select generate_series(1, 1000000)", DSQL_NO_PARAMS, add_row, &s, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_EABORT);
  cr_assert_eq(dsql_future_error(f)->app_code, 77);
  cr_assert_eq(s.rows, 3);
  dsql_future_destroy(f);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_eq(s.rows, 3);
}

struct eager {
  dsql_future *f;
  size_t rows;
};

/* Who is told to wait was done already. */
static int resume_and_pause(const dsql_result *row, void *arg) {
  struct eager *e = arg;
  (void)row;
  e->rows++;
  dsql_resume(e->f);
  return DSQL_ROW_PAUSE;
}

Test(query, a_resumption_ahead_of_the_pause_counts, .timeout = 10) {
  struct eager e = {0};

  e.f = dsql_query_each(c, "select generate_series(1, 300)", DSQL_NO_PARAMS, resume_and_pause, &e, NULL);
  cr_assert_eq(dsql_future_run(e.f), 0);
  cr_assert_eq(e.rows, 300);
  dsql_future_destroy(e.f);
}

Test(query, pause_and_resume_at_every_row) {
  struct sum s = {.pause = true};
  dsql_future *f = dsql_query_each(c, "select generate_series(1, 300)", DSQL_NO_PARAMS, add_row, &s, NULL);
  while (!dsql_future_ready(f)) {
    if (s.paused) {
      s.paused = false;
      dsql_resume(f);
    }
    client_turn(&x);
  }
  cr_assert_eq(dsql_future_code(f), 0);
  cr_assert_eq(s.rows, 300);
  dsql_future_destroy(f);
}

static int destroy_own(const dsql_result *row, void *arg) {
  dsql_future **f = arg;
  (void)row;
  cr_assert_not_null(*f, "a row came after destroy");
  dsql_future_destroy(*f);
  *f = NULL;
  return 0;
}

Test(query, a_row_callback_may_destroy_its_future) {
  dsql_future *f = dsql_query_each(c, "select generate_series(1, 10000)", DSQL_NO_PARAMS, destroy_own, &f, NULL);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_null(f);
}

static int close_conn(const dsql_result *row, void *arg) {
  (void)row;
  (void)arg;
  cr_assert_not_null(c, "a row came after close");
  dsql_conn_close(c);
  c = NULL;
  return 0;
}

Test(query, a_row_callback_may_close_its_connection) {
  dsql_future *f = dsql_query_each(c, "select generate_series(1, 10000)", DSQL_NO_PARAMS, close_conn, NULL, NULL);
  assert_fails(f, DSQL_ECLOSED, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "closed by its owner");
}

static int start_more(const dsql_result *row, void *arg) {
  (void)row;
  if (!*(dsql_future **)arg) *(dsql_future **)arg = dsql_query(c, "select 42", DSQL_NO_PARAMS, NULL);
  return 0;
}

Test(query, a_row_callback_may_start_work) {
  dsql_future *more = NULL;
  int64_t v;
  cr_assert_eq(
      client_settle(dsql_query_each(c, "select generate_series(1, 3)", DSQL_NO_PARAMS, start_more, &more, NULL)), 0);
  cr_assert(dsql_get_int8(client_rows(more), 0, 0, &v) == 0 && v == 42);
  dsql_future_destroy(more);
}

/* ---- limits ---- */

Test(query, a_result_over_its_limit_keeps_the_connection) {
  dsql_call o;
  dsql_call_init(&o);
  o.result_bytes_max = 100000;
  assert_fails(dsql_query(c, "select repeat('x', 1000) from generate_series(1, 10000)", DSQL_NO_PARAMS, &o),
               DSQL_ETOOBIG, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "result_bytes_max");
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
}

Test(query, a_call_has_its_own_timeout) {
  dsql_call o;
  dsql_call_init(&o);
  o.timeout_ms = 50;
  o.read_only = true;
  assert_fails(dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, &o), DSQL_ETIMEDOUT, DSQL_CLIENT_SIDE,
               "timeout passed");
  cr_assert_str_eq(client_value(c, "select 1"), "1");
}

Test(query, queues_are_bounded) {
  dsql_config config;
  dsql_conn *small;
  dsql_future *f[4];
  dsql_config_init(&config);
  config.target = server_conninfo(server_default());
  config.queue_ops_max = 3;
  small = client_connect_config(&x, &config);
  for (size_t i = 0; i < COUNT(f); i++) f[i] = dsql_query(small, "select 1", DSQL_NO_PARAMS, NULL);
  assert_fails(f[3], DSQL_EBUSY, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "queue_ops_max");
  for (size_t i = 0; i < 3; i++) cr_assert_eq(client_settle(f[i]), 0);
  dsql_conn_close(small);
}

Test(query, more_parameters_than_the_protocol_has) {
  static dsql_param v[65536];
  for (size_t i = 0; i < COUNT(v); i++) v[i] = dsql_int4(1);
  assert_fails(dsql_query(c, "select 1", (dsql_params){v, COUNT(v)}, NULL), DSQL_ETOOBIG,
               DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "65,535");
  assert_fails(dsql_query(c, NULL, DSQL_NO_PARAMS, NULL), DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "NULL");
  assert_fails(dsql_query(c, "select $1", DSQL_PARAMS(dsql_numeric_scaled(1, 19)), NULL), DSQL_EINVAL,
               DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "parameter");
  cr_assert_str_eq(client_value(c, "select 1"), "1");
}

/* ---- what a connection tells ---- */

static int notices;
static void on_notice(dsql_conn *conn, const dsql_error *notice, void *arg) {
  cr_assert_eq(conn, c);
  cr_assert_str_eq(notice->sqlstate, "00000");
  cr_assert(str_has(notice->message, arg));
  cr_assert(str_has(dsql_error_field(notice, 'V'), "NOTICE"));
  notices++;
}

Test(query, notices) {
  static char text[] = "hello";
  dsql_conn_on_notice(c, on_notice, text);
  client_exec(c, "do $$ begin raise notice 'hello'; raise notice 'hello again'; end $$");
  cr_assert_eq(notices, 2);
  dsql_conn_on_notice(c, NULL, NULL);
  client_exec(c, "do $$ begin raise notice 'hello'; end $$");
  cr_assert_eq(notices, 2);
}

Test(query, the_servers_parameters_pid_and_version) {
  char pid[16];
  dsql_conn_stats stats;
  (void)snprintf(pid, sizeof pid, "%d", dsql_conn_backend_pid(c));
  cr_assert_str_eq(client_value(c, "select pg_backend_pid()"), pid);
  cr_assert(str_has(dsql_conn_parameter(c, "client_encoding"), "UTF8"));
  cr_assert_eq(dsql_conn_parameter(c, "no such").len, 0);
  client_exec(c, "set application_name = 'changed'");
  cr_assert(str_has(dsql_conn_parameter(c, "application_name"), "changed"));
  cr_assert_eq((int)(dsql_conn_server_version(c) / 10000), server_default()->major);
  cr_assert_not(dsql_conn_tls(c));
  cr_assert_null(dsql_conn_error(c));
  dsql_conn_set_user_data(c, &notices);
  cr_assert_eq(dsql_conn_user_data(c), &notices);
  cr_assert_eq(dsql_conn_rt(c), x.rt);
  dsql_conn_stats_get(c, &stats, sizeof stats);
  cr_assert(stats.bytes_sent > 100 && stats.bytes_received > 100 && stats.writes >= 2 &&
            stats.connect_round_trips == 2);
}

struct trace {
  char text[8192];
  size_t len;
};

static void on_trace(const char *line, size_t len, void *arg) {
  struct trace *t = arg;
  cr_assert_lt(t->len + len + 2, sizeof t->text);
  memcpy(t->text + t->len, line, len);
  t->len += len;
  t->text[t->len++] = '\n';
  t->text[t->len] = '\0';
}

Test(query, the_trace_shows_every_message) {
  static struct trace t;
  const char *at = t.text;
  static const char *const order[] = {"F\t",
                                      "\tParse\t",
                                      "\tBind\t",
                                      "\tDescribe\t",
                                      "\tExecute\t",
                                      "\tSync",
                                      "\tParseComplete",
                                      "\tBindComplete",
                                      "\tRowDescription\t",
                                      "\tDataRow\t",
                                      "\tCommandComplete\t",
                                      "\tReadyForQuery\t"};
  dsql_conn_on_trace(c, on_trace, &t);
  cr_assert_str_eq(client_value(c, "select 1 as one"), "1");
  dsql_conn_on_trace(c, NULL, NULL);
  cr_assert_str_eq(client_value(c, "select 2"), "2");
  for (size_t i = 0; i < COUNT(order); i++) {
    at = strstr(at, order[i]);
    cr_assert_not_null(at, "%s is missing in:\n%s", order[i], t.text);
  }
  cr_assert_null(strstr(t.text, "select 2"));
}

Test(query, text_results_on_demand) {
  dsql_call o;
  dsql_stmt *s;
  dsql_call_init(&o);
  o.text_results = true;
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select 7::int4", NULL, 0), 0);
  for (int i = 0; i < 3; i++) {
    dsql_future *f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, &o);
    dsql_str raw;
    int format;
    cr_assert_eq(dsql_get_raw(client_rows(f), 0, 0, &raw, &format), 0);
    cr_assert(format == 0 && raw.len == 1 && raw.ptr[0] == '7');
    dsql_future_destroy(f);
  }
  dsql_stmt_free(s);
}

Test(query, calls_made_at_once_leave_in_one_write) {
  dsql_conn_stats before, after;
  dsql_future *f[50];
  dsql_conn_stats_get(c, &before, sizeof before);
  for (size_t i = 0; i < COUNT(f); i++) f[i] = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  for (size_t i = 0; i < COUNT(f); i++) cr_assert_eq(client_settle(f[i]), 0);
  dsql_conn_stats_get(c, &after, sizeof after);
  cr_assert_eq(after.writes - before.writes, 1);
}
