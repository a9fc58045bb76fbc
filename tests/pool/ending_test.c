/* Closing a pool, or the runtime under it, whatever it is doing. And without memory. */
#include <stdio.h>

#include "pooled.h"

static struct pooled p;

static void open_all(void) { pooled_open(&p); }
static void close_all(void) { pooled_close(&p); }

TestSuite(ending, .init = open_all, .fini = close_all, .timeout = 60);

static int close_pool(uint32_t drain_ms) {
  dsql_pool *pool = p.pool;
  p.pool = NULL;
  return client_settle(dsql_pool_close(pool, drain_ms));
}

Test(ending, an_unused_one) {
  pooled_make(&p);
  cr_assert_eq(close_pool(1000), 0);
}

Test(ending, idle_and_connecting_ones) {
  p.config.conns_min = 2;
  pooled_make(&p);
  pooled_until_idle(&p, 2);
  cr_assert_eq(dsql_pool_resize(p.pool, 8, 8), 0);
  pooled_turn_ms(&p, 1);
  cr_assert_eq(close_pool(1000), 0);
}

Test(ending, those_that_wait_are_told) {
  dsql_future *f[2], *closing;
  dsql_conn *c;

  p.config.conns_max = 1;
  pooled_make(&p);
  c = pooled_acquire(&p);
  f[0] = dsql_pool_acquire(p.pool);
  f[1] = dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, NULL);
  closing = dsql_pool_close(p.pool, 5000);
  assert_fails(f[0], DSQL_ECLOSED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "the pool is closed");
  assert_fails(f[1], DSQL_ECLOSED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "the pool is closed");
  assert_fails(dsql_pool_acquire(p.pool), DSQL_ECLOSED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "the pool is closed");
  assert_fails(dsql_pool_close(p.pool, 0), DSQL_EINVAL, DSQL_CLIENT_SIDE, "already");
  cr_assert_eq(dsql_pool_resize(p.pool, 1, 1), DSQL_EINVAL);
  cr_assert_str_eq(client_value(c, "select 4"), "4", "what is lent out is waited for");
  cr_assert(!dsql_future_ready(closing));
  dsql_pool_release(p.pool, c);
  cr_assert_eq(client_settle(closing), 0);
  p.pool = NULL;
}

Test(ending, the_deadline_cuts_off_what_is_lent) {
  dsql_future *f, *closing;
  dsql_conn *c;
  uint64_t began;

  pooled_make(&p);
  c = pooled_acquire(&p);
  f = dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
  pooled_turn_ms(&p, 10);
  began = uv_now(&p.x.loop);
  closing = dsql_pool_close(p.pool, 100);
  cr_assert_eq(client_settle(closing), 0);
  cr_assert_geq(uv_now(&p.x.loop) - began, 90);
  cr_assert_lt(uv_now(&p.x.loop) - began, 5000);
  assert_fails(f, DSQL_ECLOSED, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "not released in time");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED, "valid until it is released");
  dsql_pool_release(p.pool, c);
  p.pool = NULL;
}

Test(ending, the_deadline_ends_a_drain) {
  dsql_future *f;
  dsql_conn *c;

  pooled_make(&p);
  c = pooled_acquire(&p);
  f = dsql_query(c, "select pg_sleep(30)", DSQL_NO_PARAMS, NULL);
  pooled_turn_ms(&p, 10);
  dsql_pool_release(p.pool, c);
  cr_assert_eq(close_pool(20), 0);
  cr_assert_eq(client_settle(f), DSQL_ECLOSED);
}

static void close_it(dsql_future *f, void *arg) {
  (void)arg;
  dsql_future_destroy(dsql_pool_close(p.pool, 0));
  p.pool = NULL;
  dsql_future_destroy(f);
}

Test(ending, closed_by_a_callback_of_its_own_and_not_waited_for) {
  pooled_make(&p);
  cr_assert_eq(dsql_future_on_ready(dsql_pool_acquire(p.pool), close_it, NULL), 0);
  (void)uv_run(&p.x.loop, UV_RUN_DEFAULT);
  cr_assert_null(p.pool);
}

/* ---- the runtime ---- */

Test(ending, with_the_runtime_at_every_point) {
  for (int turns = 0; turns < 40; turns++) {
    dsql_future *f[6];
    dsql_conn *c = NULL;
    p.config.conns_max = 2;
    pooled_make(&p);
    f[0] = dsql_pool_acquire(p.pool);
    f[1] = dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, NULL);
    f[2] = dsql_pool_acquire(p.pool);
    f[3] = dsql_pool_query(p.pool, "begin", DSQL_NO_PARAMS, NULL);
    f[4] = turns % 2 ? NULL : dsql_pool_acquire(p.pool);
    f[5] = turns % 3 ? NULL : dsql_pool_close(p.pool, 1000);
    for (int i = 0; i < turns; i++) (void)uv_run(&p.x.loop, UV_RUN_NOWAIT);
    if (turns % 5) cr_assert(dsql_future_take_conn(f[0], &c) != 0 || c);
    dsql_target_free(p.target);
    client_begin_close(&p.x);
    if (c && turns % 4 == 0) dsql_pool_release(p.pool, c);
    if (turns % 7 == 0) (void)uv_run(&p.x.loop, UV_RUN_NOWAIT);
    if (turns % 7 == 0 && !p.x.closed)
      for (size_t i = 0; i < COUNT(f); i++) dsql_future_destroy(f[i]);
    client_finish(&p.x);
    p.pool = NULL;
    pooled_open(&p);
  }
}

Test(ending, released_behind_the_runtimes_close) {
  dsql_conn *c;

  pooled_make(&p);
  c = pooled_acquire(&p);
  dsql_target_free(p.target);
  client_begin_close(&p.x);
  (void)uv_run(&p.x.loop, UV_RUN_NOWAIT);
  if (!p.x.closed) dsql_pool_release(p.pool, c);
  client_finish(&p.x);
  pooled_open(&p);
}

/* Their connections are there, so that what they wrap is older than what holds them all. */
Test(ending, statements_that_are_held_together_and_left_to_the_runtime) {
  dsql_future *f[2], *all;

  p.config.conns_min = 2;
  pooled_make(&p);
  pooled_until_idle(&p, 2);
  for (size_t i = 0; i < COUNT(f); i++) f[i] = dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, NULL);
  all = dsql_all(p.x.rt, f, COUNT(f));
  cr_assert_eq(dsql_future_run(all), 0);
  dsql_target_free(p.target);
  client_close(&p.x);
  p.pool = NULL;
  pooled_open(&p);
}

/* ---- without memory ---- */

static int work(void) {
  dsql_future *f[4];
  dsql_conn *c;
  int rc = dsql_pool_new(&p.pool, p.x.rt, p.target, &p.config);

  if (rc) return rc;
  f[0] = dsql_pool_acquire(p.pool);
  f[1] = dsql_pool_query(p.pool, "select $1::int8", DSQL_PARAMS(dsql_int8(1)), NULL);
  f[2] = dsql_pool_exec(p.pool, "begin", NULL);
  if (f[0]) rc = dsql_future_run(f[0]);
  if (f[0] && !rc && dsql_future_take_conn(f[0], &c) == 0) dsql_pool_release(p.pool, c);
  for (int i = 1; i < 3; i++)
    if (f[i]) rc |= dsql_future_run(f[i]);
  for (int i = 0; i < 3; i++) dsql_future_destroy(f[i]);
  f[3] = dsql_pool_close(p.pool, 100);
  cr_assert_not_null(f[3], "closing needs no memory");
  cr_assert_eq(dsql_future_run(f[3]), 0);
  dsql_future_destroy(f[3]);
  p.pool = NULL;
  return rc;
}

Test(ending, every_allocation_fails_in_turn) {
  p.config.reset_sql = "RESET ALL";
  p.config.conns_max = 2;
  p.config.acquire_timeout_ms = 1000;
  for (size_t n = 1;; n++) {
    test_alloc_arm(&p.x.heap, n, false);
    (void)work();
    if (!test_alloc_fired(&p.x.heap)) break;
  }
  test_alloc_arm(&p.x.heap, 0, false);
  cr_assert_eq(work(), 0);
}
