/* Opening, closing and losing connections, alone and by the hundred, and the runtime's end in the middle of everything. */
#include <stdio.h>
#include <sys/resource.h>

#include "client.h"

static struct client x;

static void open_all(void) { client_open(&x); }
static void close_all(void) { client_close(&x); }

TestSuite(lifecycle, .init = open_all, .fini = close_all, .timeout = 60);

static dsql_conn *connect_default(void) { return client_connect(&x, "%s", server_conninfo(server_default())); }

Test(lifecycle, usable_at_once) {
  dsql_conn *c = client_dial(&x, "%s", server_conninfo(server_default()));
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_CONNECTING);
  cr_assert_str_eq(client_value(c, "select 42"), "42");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
  cr_assert_eq(client_settle(dsql_conn_ready(c)), 0, "ready afterwards is ready");
  dsql_conn_close(c);
}

Test(lifecycle, what_is_pending_ends_with_ECLOSED) {
  dsql_conn *c = connect_default();
  dsql_future *f[4];
  f[0] = dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
  f[1] = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  f[2] = dsql_query(c, "select 2", DSQL_NO_PARAMS, NULL); /* not written any more */
  f[3] = dsql_exec(c, "begin; commit", NULL);
  dsql_conn_close(c);
  assert_fails(f[0], DSQL_ECLOSED, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "closed by its owner");
  assert_fails(f[1], DSQL_ECLOSED, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "closed by its owner");
  assert_fails(f[2], DSQL_ECLOSED, DSQL_CONN_LOST | DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "closed by its owner");
  assert_fails(f[3], DSQL_ECLOSED, DSQL_CONN_LOST | DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "closed by its owner");
}

Test(lifecycle, closed_while_connecting) {
  dsql_conn *c = client_dial(&x, "%s", server_conninfo(server_default()));
  dsql_future *ready = dsql_conn_ready(c), *f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  dsql_conn_close(c);
  cr_assert_eq(client_settle(ready), DSQL_ECLOSED);
  cr_assert_eq(client_settle(f), DSQL_ECLOSED);
  for (int turns = 1; turns < 30; turns++) { /* at every later point, too */
    c = client_dial(&x, "%s", server_conninfo(server_default()));
    f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
    for (int i = 0; i < turns; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
    dsql_conn_close(c);
    dsql_future_destroy(f);
  }
}

/* ---- lost ---- */

Test(lifecycle, a_server_that_ends_the_session_says_why) {
  dsql_conn *c = connect_default(), *killer = connect_default();
  char sql[80];
  dsql_future *f;
  const dsql_error *e;

  (void)snprintf(sql, sizeof sql, "select pg_terminate_backend(%d)", dsql_conn_backend_pid(c));
  f = dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
  (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  cr_assert_str_eq(client_value(killer, sql), "t");
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER, "%s", client_error_text(f));
  e = dsql_future_error(f);
  cr_assert_str_eq(e->sqlstate, "57P01");
  cr_assert_eq(e->flags & DSQL_CONN_LOST, DSQL_CONN_LOST, "%s", client_error_text(f));
  cr_assert_eq(e->flags & DSQL_IN_DOUBT, 0, "its ErrorResponse came before the commit point: %s", client_error_text(f));
  dsql_future_destroy(f);
  while (dsql_conn_status(c) != DSQL_CONN_FAILED) client_turn(&x);
  cr_assert_str_eq(dsql_conn_error(c)->sqlstate, "57P01");
  assert_fails(dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL), DSQL_ECLOSED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
               "terminating connection");
  dsql_conn_close(c);
  dsql_conn_close(killer);
}

/* Nothing is pending: the loop is not kept alive, but when it turns the end is seen. */
Test(lifecycle, an_idle_connection_notices_its_end) {
  dsql_conn *c = connect_default(), *killer = connect_default();
  char sql[80];
  (void)snprintf(sql, sizeof sql, "select pg_terminate_backend(%d, 5000)", dsql_conn_backend_pid(c));
  cr_assert_str_eq(client_value(killer, sql), "t");
  for (int i = 0; i < 100 && dsql_conn_status(c) != DSQL_CONN_FAILED; i++)
    cr_assert_str_eq(client_value(killer, "select 1"), "1");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
  cr_assert_str_eq(dsql_conn_error(c)->sqlstate, "57P01");
  dsql_conn_close(c);
  dsql_conn_close(killer);
}

Test(lifecycle, an_idle_connection_does_not_keep_the_loop_alive) {
  dsql_conn *c = connect_default();
  cr_assert_eq(uv_run(&x.loop, UV_RUN_DEFAULT), 0);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_eq(uv_run(&x.loop, UV_RUN_DEFAULT), 0);
  dsql_conn_close(c);
}

/* ---- connecting that fails ---- */

static void refused(int code, const char *part, const char *format, const char *value) {
  char conninfo[512];
  dsql_conn *c;
  dsql_future *f;
  (void)snprintf(conninfo, sizeof conninfo, format, value);
  c = client_dial(&x, "%s %s", server_conninfo(server_default()), conninfo);
  f = dsql_conn_ready(c);
  cr_assert_eq(dsql_future_run(f), code, "%s: %s", conninfo, client_error_text(f));
  cr_assert(str_has(dsql_future_error(f)->message, part), "want \"%s\" in %s", part, client_error_text(f));
  cr_assert_not(str_has(dsql_future_error(f)->message, "wrong-secret"));
  cr_assert(dsql_future_error(f)->flags & DSQL_CONN_LOST);
  dsql_future_destroy(f);
  assert_fails(dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL), DSQL_ECLOSED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, part);
  dsql_conn_close(c);
}

Test(lifecycle, refusals_are_told) {
  refused(DSQL_EAUTH, "password authentication failed", "user=scram_user password=%s", "wrong-secret");
  refused(DSQL_EAUTH, "none was given", "user=scram_user passfile=%s", "/dev/null");
  refused(DSQL_ESERVER, "database \"nowhere\" does not exist", "dbname=%s", "nowhere");
  refused(DSQL_EAUTH, "no pg_hba.conf entry", "user=%s", "nobody_at_all");
  refused(DSQL_EIO, "connection refused", "port=%s", "1");
  refused(DSQL_EIO, "no such file or directory", "host=%s hostaddr=''", "/nonexistent");
  refused(DSQL_EIO, "no-such-host.invalid", "hostaddr='' host=%s", "no-such-host.invalid");
}

Test(lifecycle, every_address_that_failed_is_named) {
  dsql_conn *c = client_dial(&x,
                             "host=a,b,%s hostaddr=127.0.0.1,::1,127.0.0.1 port=1,2,%d user=trust_user "
                             "dbname=postgres sslmode=disable",
                             "c", 3);
  dsql_future *f = dsql_conn_ready(c);
  cr_assert_eq(dsql_future_run(f), DSQL_EIO);
  cr_assert(str_has(dsql_future_error(f)->message, "127.0.0.1:1") &&
                str_has(dsql_future_error(f)->message, "[::1]:2") &&
                str_has(dsql_future_error(f)->message, "127.0.0.1:3"),
            "%s", client_error_text(f));
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

Test(lifecycle, the_next_host_is_tried) {
  const struct server *s = server_default();
  dsql_conn *c = client_connect(&x,
                                "host=a,localhost hostaddr=127.0.0.1,127.0.0.1 port=1,%d user=trust_user "
                                "dbname=postgres sslmode=disable",
                                s->port);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  dsql_conn_close(c);
}

Test(lifecycle, target_session_attrs) {
  const char *base = server_conninfo(server_default());
  static const char *const fit[] = {"any", "read-write", "primary", "prefer-standby"}, *const unfit[] = {"read-only",
                                                                                                         "standby"};
  for (size_t i = 0; i < COUNT(fit); i++)
    dsql_conn_close(client_connect(&x, "%s target_session_attrs=%s", base, fit[i]));
  for (size_t i = 0; i < COUNT(unfit); i++) {
    dsql_conn *c = client_dial(&x, "%s target_session_attrs=%s", base, unfit[i]);
    cr_assert_eq(client_settle(dsql_conn_ready(c)), DSQL_EIO);
    dsql_conn_close(c);
  }
}

/* ---- many ---- */

Test(lifecycle, a_hundred_connections) {
  enum { N = 100, ROUNDS = 5 };
  dsql_conn *c[N];
  dsql_future *f[N];
  int64_t v;
  for (int i = 0; i < N; i++) {
    c[i] = client_dial(&x, "%s", server_conninfo(server_default()));
    f[i] = dsql_query(c[i], "select $1::int4", DSQL_PARAMS(dsql_int4(i)), NULL);
  }
  for (int round = 0; round < ROUNDS; round++)
    for (int i = 0; i < N; i++) {
      cr_assert(dsql_get_int8(client_rows(f[i]), 0, 0, &v) == 0 && v == i);
      dsql_future_destroy(f[i]);
      f[i] = dsql_query(c[i], "select $1::int4", DSQL_PARAMS(dsql_int4(i)), NULL);
    }
  for (int i = 0; i < N; i++) {
    dsql_conn_close(c[i]);
    dsql_future_destroy(f[i]);
  }
}

Test(lifecycle, dsql_all_over_connections) {
  dsql_conn *a = connect_default(), *b = connect_default();
  dsql_future *f[3], *all;
  f[0] = dsql_query(a, "select 1", DSQL_NO_PARAMS, NULL);
  f[1] = dsql_query(b, "select 2", DSQL_NO_PARAMS, NULL);
  f[2] = dsql_query(a, "select 3", DSQL_NO_PARAMS, NULL);
  all = dsql_all(x.rt, f, 3);
  cr_assert_eq(dsql_future_run(all), 0);
  cr_assert_eq(dsql_result_rows(client_rows(f[1])), 1);
  dsql_future_destroy(all);
  f[0] = dsql_query(a, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
  f[1] = dsql_query(b, "select 1/0", DSQL_NO_PARAMS, NULL);
  all = dsql_all(x.rt, f, 2);
  assert_fails(all, DSQL_ESERVER, 0, "division");
  cr_assert_str_eq(client_value(a, "select 1"), "1");
  dsql_conn_close(a);
  dsql_conn_close(b);
}

/* ---- the runtime's end ---- */

static int pause_row(const dsql_result *row, void *arg) {
  (void)row;
  (void)arg;
  return DSQL_ROW_PAUSE;
}

/* Whatever is under way when the runtime closes, after any number of turns, ends; nothing leaks. */
Test(lifecycle, the_runtime_closes_in_the_middle_of_everything) {
  for (int turns = 0; turns < 40; turns++) {
    struct client y;
    dsql_conn *connecting, *busy, *canceling, *pausing, *sleeping;
    dsql_stmt *s;
    dsql_future *f[8];
    size_t n = 0;

    client_open(&y);
    busy = client_dial(&y, "%s", server_conninfo(server_default()));
    canceling = client_dial(&y, "%s", server_conninfo(server_default()));
    pausing = client_dial(&y, "%s", server_conninfo(server_default()));
    sleeping = client_dial(&y, "%s", server_conninfo(server_default()));
    connecting = client_dial(&y, "%s sslmode=verify-full sslrootcert=%s", server_conninfo(server_default()),
                             server_default()->ca);
    cr_assert_eq(dsql_stmt_new(&s, y.rt, "select $1::int4", NULL, 0), 0);
    f[n++] = dsql_query_stmt(busy, s, DSQL_PARAMS(dsql_int4(1)), NULL);
    cr_assert_eq(dsql_pipeline_begin(busy), 0);
    f[n++] = dsql_query(busy, "select 1", DSQL_NO_PARAMS, NULL);
    if (turns % 2) cr_assert_eq(dsql_pipeline_end(busy), 0);
    f[n++] = dsql_query(canceling, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
    f[n++] = dsql_query_each(pausing, "select generate_series(1, 1000)", DSQL_NO_PARAMS, pause_row, NULL, NULL);
    f[n++] = dsql_query(sleeping, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
    f[n++] = dsql_conn_ready(connecting);
    for (int i = 0; i < turns; i++) (void)uv_run(&y.loop, UV_RUN_NOWAIT);
    dsql_future_cancel(f[2]);
    if (turns % 3 == 0) (void)uv_run(&y.loop, UV_RUN_NOWAIT);
    dsql_stmt_free(s);
    client_begin_close(&y);
    if (turns % 2)
      for (size_t i = 0; i < n; i++) dsql_future_destroy(f[i]); /* else they are freed with the runtime */
    client_finish(&y);
  }
}

static void close_runtime(dsql_future *f, void *arg) {
  (void)f;
  dsql_rt_close(arg, NULL, NULL);
}

Test(lifecycle, the_runtime_closes_in_a_callback) {
  struct client y;
  dsql_conn *c;
  client_open(&y);
  c = client_connect(&y, "%s", server_conninfo(server_default()));
  cr_assert_eq(dsql_future_on_ready(dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL), close_runtime, y.rt), 0);
  uv_run(&y.loop, UV_RUN_DEFAULT);
  test_alloc_assert_empty(&y.heap);
  cr_assert_eq(uv_loop_close(&y.loop), 0);
}
