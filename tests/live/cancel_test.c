/* Canceling: the next query is never hit by it. */
#include "client.h"

enum { CANCELS = 1500 };

static struct client x;

static void open_all(void) { client_open(&x); }
static void close_all(void) { client_close(&x); }

TestSuite(cancel, .init = open_all, .fini = close_all, .timeout = 100);

struct tally {
  size_t canceled, finished, strays;
};

/* One cancel, at once followed by a query; sometimes the server has begun, sometimes it has ended, sometimes it has not
 * even read it. */
static void cancel_one(dsql_conn *c, int i, struct tally *t) {
  static const char *const sql[] = {"select pg_sleep(10)", "select 1", "select count(*) from generate_series(1, 3000)"};
  dsql_future *f = dsql_query(c, sql[i % 3], DSQL_NO_PARAMS, NULL), *next;
  int turns = i / 3 % 4, rc;

  while (turns-- > 0 && !dsql_future_ready(f)) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  dsql_future_cancel(f);
  next = dsql_query(c, "select count(*) from generate_series(1, 100)", DSQL_NO_PARAMS, NULL);
  rc = dsql_future_run(f);
  cr_assert(rc == 0 || rc == DSQL_ECANCELED, "cancel %d: %s", i, client_error_text(f));
  t->canceled += rc == DSQL_ECANCELED;
  t->finished += rc == 0;
  rc = dsql_future_run(next);
  if (rc && strcmp(dsql_future_error(next)->sqlstate, "57014") == 0)
    t->strays++;
  else
    cr_assert_eq(rc, 0, "query behind cancel %d: %s", i, client_error_text(next));
  dsql_future_destroy(f);
  dsql_future_destroy(next);
}

static void storm(const char *version, const char *more) {
  struct server s;
  struct tally t = {0};
  dsql_conn *c;

  cr_assert(server_find(version, &s), "PostgreSQL %s is not running", version);
  c = client_connect(&x, "%s %s", server_conninfo(&s), more);
  for (int i = 0; i < CANCELS; i++) cancel_one(c, i, &t);
  cr_log_info("PostgreSQL %s: %d cancels, %zu in time, %zu too late, %zu strays", s.version, CANCELS, t.canceled,
              t.finished, t.strays);
  cr_assert_eq(t.strays, 0);
  cr_assert_eq(t.canceled + t.finished, CANCELS);
  cr_assert_gt(t.canceled, CANCELS / 3);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
  dsql_conn_close(c);
}

Test(cancel, never_hits_the_next_query_on_18) { storm("18", ""); }
Test(cancel, never_hits_the_next_query_on_15) { storm("debian15", ""); }

Test(cancel, over_tls_the_request_is_encrypted_too) {
  struct server s;
  dsql_conn *c;
  struct tally t = {0};
  cr_assert(server_find("18", &s));
  c = client_connect(&x, "%s sslmode=verify-full sslrootcert=%s", server_conninfo(&s), s.ca);
  for (int i = 0; i < 60; i++) cancel_one(c, i, &t);
  cr_assert_eq(t.strays, 0);
  dsql_conn_close(c);
  c = client_connect(&x, "%s sslmode=verify-full sslnegotiation=direct sslrootcert=%s", server_conninfo(&s), s.ca);
  for (int i = 0; i < 60; i++) cancel_one(c, i, &t);
  cr_assert_eq(t.strays, 0);
  dsql_conn_close(c);
}

/* A long query really ends: the server is idle again at once. */
Test(cancel, stops_the_work_on_the_server) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));
  uint64_t begin_ms;
  dsql_future *f = dsql_query(c, "select pg_sleep(60)", DSQL_NO_PARAMS, NULL);
  for (int i = 0; i < 5; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  uv_update_time(&x.loop);
  begin_ms = uv_now(&x.loop);
  dsql_future_destroy(f); /* cancels */
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_DRAINING);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
  cr_assert_lt(uv_now(&x.loop) - begin_ms, 1900, "only the drain timeout ended it");
  dsql_conn_close(c);
}

/* Many in flight: only what stands at the head may be asked to stop; the others are swallowed. */
Test(cancel, one_of_many) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));
  dsql_future *f[10];
  for (int i = 0; i < 10; i++) f[i] = dsql_query(c, "select pg_sleep(0.01)", DSQL_NO_PARAMS, NULL);
  (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  dsql_future_cancel(f[5]);
  dsql_future_destroy(f[7]);
  for (int i = 0; i < 10; i++) {
    if (i == 7) continue;
    cr_assert_eq(dsql_future_run(f[i]), i == 5 ? DSQL_ECANCELED : 0, "%d: %s", i, client_error_text(f[i]));
    dsql_future_destroy(f[i]);
  }
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  dsql_conn_close(c);
}

/* The drain timeout does not count while the server works on a query that is still wanted. */
Test(cancel, behind_a_long_query_that_is_wanted) {
  dsql_config config;
  dsql_conn *c;
  dsql_future *wanted, *canceled, *behind;
  dsql_config_init(&config);
  config.target = server_conninfo(server_default());
  config.drain_timeout_ms = 50;
  c = client_connect_config(&x, &config);
  wanted = dsql_query(c, "select pg_sleep(0.3)", DSQL_NO_PARAMS, NULL);
  canceled = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  dsql_future_cancel(canceled);
  behind = dsql_query(c, "select 2", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(canceled), DSQL_ECANCELED);
  cr_assert_eq(dsql_future_run(wanted), 0, "%s", client_error_text(wanted));
  cr_assert_eq(dsql_future_run(behind), 0, "%s", client_error_text(behind));
  dsql_future_destroy(wanted);
  dsql_future_destroy(canceled);
  dsql_future_destroy(behind);
  dsql_conn_close(c);
}

Test(cancel, before_it_left) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));
  dsql_future *f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  dsql_future_cancel(f);
  assert_fails(f, DSQL_ECANCELED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "canceled by the caller");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  dsql_conn_close(c);
}

Test(cancel, detached_work_finishes) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));
  client_exec(c, "create temp table t (a int)");
  dsql_future_detach(dsql_query(c, "insert into t values (1)", DSQL_NO_PARAMS, NULL));
  cr_assert_str_eq(client_value(c, "select count(*) from t"), "1");
  dsql_conn_close(c);
}
