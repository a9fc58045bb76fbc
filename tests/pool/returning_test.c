/* In what state a connection comes back, and what becomes of it. */
#include <stdio.h>

#include "pooled.h"

static struct pooled p;

static void open_all(void) {
  pooled_open(&p);
  p.config.conns_max = 2;
}
static void close_all(void) { pooled_close(&p); }

TestSuite(returning, .init = open_all, .fini = close_all, .timeout = 60);

static const char *status_of_next(void) {
  dsql_conn *c = pooled_acquire(&p);
  const char *v = client_value(c, "select pg_current_xact_id_if_assigned() is null");
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
  dsql_pool_release(p.pool, c);
  return v;
}

Test(returning, an_open_transaction_is_rolled_back) {
  dsql_conn *c;
  int32_t pid;

  pooled_make(&p);
  c = pooled_acquire(&p);
  pid = dsql_conn_backend_pid(c);
  client_exec(c, "create temp table t (a int)");
  client_exec(c, "begin; insert into t values (1)");
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_OPEN);
  dsql_pool_release(p.pool, c);
  cr_assert_eq(pooled_stats(&p).returning, 1);
  pooled_until_idle(&p, 1);
  cr_assert_str_eq(status_of_next(), "t");
  c = pooled_acquire(&p);
  cr_assert_eq(dsql_conn_backend_pid(c), pid, "it was kept");
  cr_assert_str_eq(client_value(c, "select count(*) from t"), "0");
  dsql_pool_release(p.pool, c);
  cr_assert_eq(pooled_stats(&p).rollbacks, 1);
}

Test(returning, so_is_a_failed_one) {
  dsql_conn *c;

  pooled_make(&p);
  c = pooled_acquire(&p);
  client_exec(c, "begin");
  cr_assert_eq(client_settle(dsql_query(c, "select 1/0", DSQL_NO_PARAMS, NULL)), DSQL_ESERVER);
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_FAILED);
  dsql_pool_release(p.pool, c);
  pooled_until_idle(&p, 1);
  cr_assert_str_eq(status_of_next(), "t");
  cr_assert_eq(pooled_stats(&p).connects, 1);
}

Test(returning, what_is_under_way_is_finished_first) {
  dsql_future *f;
  dsql_conn *c;

  p.config.conns_max = 1;
  pooled_make(&p);
  c = pooled_acquire(&p);
  f = dsql_query(c, "select pg_sleep(0.05), 7", DSQL_NO_PARAMS, NULL);
  dsql_pool_release(p.pool, c);
  cr_assert_eq(pooled_stats(&p).returning, 1);
  c = pooled_acquire(&p);
  cr_assert(dsql_future_ready(f), "nobody else had it before");
  cr_assert_eq(client_settle(f), 0);
  dsql_pool_release(p.pool, c);
  cr_assert_eq(pooled_stats(&p).connects, 1);
}

/* It ends without an answer of the server, which would tell the pool. */
Test(returning, what_is_given_up_before_it_is_sent_is_not_waited_for) {
  dsql_future *f;
  dsql_conn *c;

  p.config.conns_max = 1;
  pooled_make(&p);
  c = pooled_acquire(&p);
  f = dsql_query(c, "select 7", DSQL_NO_PARAMS, NULL);
  dsql_pool_release(p.pool, c);
  cr_assert_eq(pooled_stats(&p).returning, 1);
  dsql_future_destroy(f);
  c = pooled_acquire(&p);
  cr_assert_str_eq(client_value(c, "select 5"), "5");
  dsql_pool_release(p.pool, c);
  cr_assert_eq(pooled_stats(&p).connects, 1);
}

Test(returning, a_canceled_query_is_drained_first) {
  dsql_future *f;
  dsql_conn *c;
  int32_t pid;

  p.config.conns_max = 1;
  pooled_make(&p);
  c = pooled_acquire(&p);
  pid = dsql_conn_backend_pid(c);
  f = dsql_query(c, "begin", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(client_settle(f), 0);
  f = dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
  (void)uv_run(&p.x.loop, UV_RUN_NOWAIT);
  dsql_future_destroy(f);
  dsql_pool_release(p.pool, c);
  c = pooled_acquire(&p);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE, "and rolled back behind it");
  cr_assert_eq(dsql_conn_backend_pid(c), pid);
  cr_assert_str_eq(client_value(c, "select 5"), "5");
  dsql_pool_release(p.pool, c);
}

Test(returning, half_a_pipeline_is_not_lent_again) {
  dsql_conn *c;

  pooled_make(&p);
  c = pooled_acquire(&p);
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  dsql_pool_release(p.pool, c);
  cr_assert_str_eq(status_of_next(), "t");
  cr_assert_eq(pooled_stats(&p).gone[DSQL_GONE_DIRTY], 1);
}

static void kill_pid(int32_t pid) {
  dsql_conn *killer = client_connect(&p.x, "%s", server_conninfo(server_default()));
  char sql[80];
  (void)snprintf(sql, sizeof sql, "select pg_terminate_backend(%d, 5000)", pid);
  cr_assert_str_eq(client_value(killer, sql), "t");
  dsql_conn_close(killer);
}

Test(returning, lost_while_lent) {
  dsql_conn *c;

  pooled_make(&p);
  c = pooled_acquire(&p);
  kill_pid(dsql_conn_backend_pid(c));
  pooled_turn_ms(&p, 20);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED, "it stays valid until it is released");
  dsql_pool_release(p.pool, c);
  cr_assert_str_eq(status_of_next(), "t");
  cr_assert_eq(pooled_stats(&p).gone[DSQL_GONE_LOST], 1);
}

Test(returning, lost_while_idle_is_seen_at_once) {
  dsql_conn *c;
  int32_t pid;

  pooled_make(&p);
  c = pooled_acquire(&p);
  pid = dsql_conn_backend_pid(c);
  dsql_pool_release(p.pool, c);
  kill_pid(pid);
  pooled_until_idle(&p, 0);
  cr_assert_eq(pooled_stats(&p).gone[DSQL_GONE_LOST], 1);
  cr_assert_str_eq(status_of_next(), "t");
}

Test(returning, lost_while_it_is_rolled_back) {
  dsql_conn *c;
  int32_t pid;

  pooled_make(&p);
  c = pooled_acquire(&p);
  pid = dsql_conn_backend_pid(c);
  client_exec(c, "begin");
  kill_pid(pid);
  dsql_pool_release(p.pool, c); /* the end of stream was not read yet, perhaps */
  pooled_until_idle(&p, 0);
  cr_assert_eq(pooled_stats(&p).gone[DSQL_GONE_LOST], 1);
}

Test(returning, nothing_of_the_borrower_is_left) {
  dsql_conn *c;

  pooled_make(&p);
  c = pooled_acquire(&p);
  dsql_conn_set_user_data(c, &p);
  dsql_pool_release(p.pool, c);
  c = pooled_acquire(&p);
  cr_assert_null(dsql_conn_user_data(c));
  dsql_pool_release(p.pool, c);
}

/* ---- reset_sql ---- */

Test(returning, reset_ahead_of_the_next_borrower) {
  dsql_conn_stats before, after;
  dsql_conn *c;

  p.config.reset_sql = "RESET ALL";
  pooled_make(&p);
  c = pooled_acquire(&p);
  client_exec(c, "set work_mem = '1234kB'");
  dsql_pool_release(p.pool, c);
  c = pooled_acquire(&p);
  dsql_conn_stats_get(c, &before, sizeof before);
  cr_assert_str_neq(client_value(c, "show work_mem"), "1234kB");
  dsql_conn_stats_get(c, &after, sizeof after);
  cr_assert_eq(after.writes - before.writes, 1, "both leave in one write");
  dsql_pool_release(p.pool, c);
  pooled_until_idle(&p, 1);
  cr_assert_eq(pooled_stats(&p).connects, 1);
}

Test(returning, a_reset_that_fails_costs_the_connection) {
  p.config.reset_sql = "RESET nonsense";
  pooled_make(&p);
  dsql_pool_release(p.pool, pooled_acquire(&p));
  cr_assert_str_eq(status_of_next(), "t");
  pooled_until_idle(&p, 0);
  cr_assert_eq(pooled_stats(&p).gone[DSQL_GONE_DIRTY], 1);
}

/* ---- on_release ---- */

static bool keep;
static unsigned asked;
static bool on_release(dsql_pool *pool, dsql_conn *c, void *arg) {
  cr_assert(pool == p.pool && arg == &p);
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
  asked++;
  return keep;
}

Test(returning, on_release_decides) {
  p.config.on_release = on_release;
  p.config.on_release_arg = &p;
  pooled_make(&p);
  keep = true;
  dsql_pool_release(p.pool, pooled_acquire(&p));
  pooled_until_idle(&p, 1);
  keep = false;
  dsql_pool_release(p.pool, pooled_acquire(&p));
  pooled_until_idle(&p, 0);
  cr_assert_eq(asked, 2);
  cr_assert_eq(pooled_stats(&p).gone[DSQL_GONE_REFUSED], 1);
}
