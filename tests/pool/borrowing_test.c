/* dsql_pool_query() and its kin: one statement on a connection of somebody else's choice. */
#include <stdio.h>

#include "pooled.h"

static struct pooled p;

static void open_all(void) { pooled_open(&p); }
static void close_all(void) { pooled_close(&p); }

TestSuite(borrowing, .init = open_all, .fini = close_all, .timeout = 60);

static int64_t number(dsql_future *f) {
  int64_t v = -1;
  cr_assert_eq(dsql_get_int8(client_rows(f), 0, 0, &v), 0);
  dsql_future_destroy(f);
  return v;
}

/* Inputs live until the call returns, whether it has to wait or not. */
static dsql_future *ask_with_short_lived_inputs(int i) {
  char sql[64], text[32];
  dsql_param params[2];
  dsql_future *f;

  (void)snprintf(sql, sizeof sql, "select $1::int8 + length($2) + %d", 1000);
  (void)snprintf(text, sizeof text, "%05d", i);
  params[0] = dsql_int8(i);
  params[1] = dsql_text(text);
  f = dsql_pool_query(p.pool, sql, (dsql_params){params, 2}, NULL);
  memset(sql, 'x', sizeof sql);
  memset(text, 'x', sizeof text);
  memset(params, 'x', sizeof params);
  return f;
}

Test(borrowing, many_over_few) {
  dsql_future *f[100];
  dsql_pool_stats s;

  p.config.conns_max = 3;
  pooled_make(&p);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 100; i++) f[i] = ask_with_short_lived_inputs(i);
    for (int i = 0; i < 100; i++) cr_assert_eq(number(f[i]), 1005 + i);
  }
  s = pooled_stats(&p);
  cr_assert_leq(s.connects, 3);
  cr_assert_eq(s.acquires, 200);
  pooled_until_idle(&p, (uint32_t)s.connects);
}

Test(borrowing, large_inputs_that_wait) {
  enum { N = 100 * 1000 };
  static char text[N + 1];
  dsql_future *f;

  memset(text, 'a', N);
  pooled_make(&p);
  f = dsql_pool_query(p.pool, "select length($1)::int8", DSQL_PARAMS(dsql_text(text)), NULL);
  memset(text, 0, N);
  cr_assert_eq(number(f), N);
}

static int64_t sum;
static int add(const dsql_result *row, void *arg) {
  int64_t v;
  cr_assert(arg == &p && dsql_get_int8(row, 0, 0, &v) == 0);
  sum += v;
  return v == 50 ? DSQL_ROW_PAUSE : 0;
}

Test(borrowing, rows_one_by_one_and_paused) {
  dsql_future *f;

  pooled_make(&p);
  f = dsql_pool_query_each(p.pool, "select generate_series(1, 100)::int8", DSQL_NO_PARAMS, add, &p, NULL);
  for (int i = 0; i < 1000 && sum < 1275; i++) pooled_turn_ms(&p, 1);
  pooled_turn_ms(&p, 5);
  cr_assert_eq(sum, 1275);
  dsql_resume(f);
  cr_assert_eq(client_settle(f), 0);
  cr_assert_eq(sum, 5050);
}

Test(borrowing, scripts_and_statements) {
  static const uint32_t oid = DSQL_INT8;
  dsql_stmt *s;
  dsql_future *f;

  pooled_make(&p);
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select $1 * 2", &oid, 1), 0);
  f = dsql_pool_query_stmt(p.pool, s, DSQL_PARAMS(dsql_int8(21)), NULL); /* it waits for a connection */
  dsql_stmt_free(s);
  cr_assert_eq(number(f), 42);
  cr_assert_eq(client_settle(dsql_pool_exec(p.pool, "begin; select 1; select 2", NULL)), 0);
  pooled_until_idle(&p, 1);
  cr_assert_eq(pooled_stats(&p).rollbacks, 1, "the script left a transaction open");
}

Test(borrowing, errors_are_the_statements_own) {
  dsql_future *f;

  pooled_make(&p);
  for (int i = 0; i < 2; i++) {
    f = dsql_pool_query(p.pool, "select 1/0", DSQL_NO_PARAMS, NULL);
    cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
    cr_assert_str_eq(dsql_future_error(f)->sqlstate, "22012");
    dsql_future_destroy(f);
    assert_fails(dsql_pool_query(p.pool, NULL, DSQL_NO_PARAMS, NULL), DSQL_EINVAL, DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
                 "no SQL");
    f = dsql_pool_query(p.pool, "select 1", (dsql_params){NULL, 1}, NULL);
    cr_assert_eq(client_settle(f), DSQL_EINVAL);
    f = dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, &(dsql_call){.size = 1});
    cr_assert_eq(client_settle(f), DSQL_EINVAL);
  }
  cr_assert_null(dsql_pool_query(NULL, "select 1", DSQL_NO_PARAMS, NULL));
  cr_assert_eq(pooled_stats(&p).connects, 1);
}

Test(borrowing, the_timeout_includes_the_wait) {
  dsql_call call;
  dsql_conn *c;

  p.config.conns_max = 1;
  pooled_make(&p);
  c = pooled_acquire(&p);
  dsql_call_init(&call);
  call.timeout_ms = 30;
  assert_fails(dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, &call), DSQL_ETIMEDOUT,
               DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "no connection within");
  dsql_pool_release(p.pool, c);
  assert_fails(dsql_pool_query(p.pool, "select pg_sleep(30)", DSQL_NO_PARAMS, &call), DSQL_ETIMEDOUT,
               DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "timeout");
  cr_assert_eq(number(dsql_pool_query(p.pool, "select 3::int8", DSQL_NO_PARAMS, NULL)), 3);
  cr_assert_eq(pooled_stats(&p).connects, 1, "it was drained and lent again");
}

Test(borrowing, canceled_in_every_state) {
  for (int turns = 0; turns < 12; turns++) {
    dsql_future *f[3];
    if (!p.pool) {
      p.config.conns_max = 1;
      pooled_make(&p);
    }
    for (int i = 0; i < 3; i++) f[i] = dsql_pool_query(p.pool, "select pg_sleep(5)", DSQL_NO_PARAMS, NULL);
    for (int i = 0; i < turns; i++) (void)uv_run(&p.x.loop, UV_RUN_NOWAIT);
    dsql_future_cancel(f[1]);
    assert_fails(f[1], DSQL_ECANCELED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "canceled");
    dsql_future_cancel(f[0]);
    cr_assert_eq(client_settle(f[0]), DSQL_ECANCELED);
    dsql_future_destroy(f[2]);
    cr_assert_eq(number(dsql_pool_query(p.pool, "select 9::int8", DSQL_NO_PARAMS, NULL)), 9);
  }
  pooled_until_idle(&p, 1);
}

static dsql_future *victim;
static int destroy_it(const dsql_result *row, void *arg) {
  (void)row;
  (void)arg;
  dsql_future_destroy(victim);
  return 0;
}

Test(borrowing, destroyed_by_its_own_row) {
  pooled_make(&p);
  victim = dsql_pool_query_each(p.pool, "select generate_series(1, 3)", DSQL_NO_PARAMS, destroy_it, NULL, NULL);
  pooled_turn_ms(&p, 50);
  pooled_until_idle(&p, 1);
}

Test(borrowing, warm_it_takes_no_memory) {
  size_t calls = 0;

  pooled_make(&p);
  for (int i = 0; i < 50; i++) {
    if (i == 10) calls = p.x.heap.calls;
    cr_assert_eq(number(dsql_pool_query(p.pool, "select $1::int8", DSQL_PARAMS(dsql_int8(i)), NULL)), i);
  }
  cr_assert_eq(p.x.heap.calls, calls);
}
