/* Who gets a connection, in which order, and when nobody does. */
#include <poll.h>
#include <stdio.h>

#include "pooled.h"

static struct pooled p;

static void open_all(void) { pooled_open(&p); }
static void close_all(void) { pooled_close(&p); }

TestSuite(lending, .init = open_all, .fini = close_all, .timeout = 60);

Test(lending, one_connection_is_used_again) {
  dsql_pool_stats s;
  int32_t pid;
  dsql_conn *c;

  pooled_make(&p);
  c = pooled_acquire(&p);
  pid = dsql_conn_backend_pid(c);
  cr_assert_str_eq(client_value(c, "select 42"), "42");
  dsql_pool_release(p.pool, c);
  c = pooled_acquire(&p);
  cr_assert_eq(dsql_conn_backend_pid(c), pid);
  dsql_pool_release(p.pool, c);
  s = pooled_stats(&p);
  cr_assert(s.connects == 1 && s.acquires == 2 && s.waits == 1 && s.idle == 1 && s.conns_max == 10);
  cr_assert(s.connect_time.count == 1 && s.connect_time.sum_us > 0 && s.connect_time.max_us == s.connect_time.sum_us);
  cr_assert(s.acquire_time.count == 2 && s.acquire_time.buckets[0] == 1, "the second was served at once");
}

Test(lending, an_idle_one_is_ready_inside_the_call) {
  dsql_future *f;
  dsql_conn *c;

  pooled_make(&p);
  dsql_pool_release(p.pool, pooled_acquire(&p));
  f = dsql_pool_acquire(p.pool);
  cr_assert(dsql_future_ready(f));
  cr_assert_eq(dsql_future_take_conn(f, &c), 0);
  cr_assert_eq(dsql_future_take_conn(f, &c), DSQL_EINVAL, "once");
  cr_assert_null(c);
  dsql_future_destroy(f);
  cr_assert_eq(pooled_stats(&p).in_use, 1);
  cr_assert_eq(client_settle(dsql_pool_close(p.pool, 0)), 0);
  p.pool = NULL; /* the one that is out was not released: it goes with the runtime */
}

Test(lending, untaken_it_is_given_back) {
  dsql_future *f;

  pooled_make(&p);
  f = dsql_pool_acquire(p.pool);
  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(pooled_stats(&p).in_use, 1);
  dsql_future_destroy(f);
  cr_assert_eq(pooled_stats(&p).idle, 1);
}

Test(lending, of_the_wrong_kind) {
  dsql_conn *c, *other;
  dsql_future *f;

  pooled_make(&p);
  c = pooled_acquire(&p);
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_take_conn(f, &other), DSQL_ENOTREADY);
  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(dsql_future_take_conn(f, &other), DSQL_ETYPE);
  cr_assert_eq(dsql_future_take_conn(NULL, &other), DSQL_ENOMEM);
  cr_assert_null(dsql_pool_acquire(NULL));
  dsql_future_destroy(f);
  dsql_pool_release(p.pool, c);
}

struct turn {
  dsql_future *f;
  int number;
};
static int order[64], served;

static void on_turn(dsql_future *f, void *arg) {
  dsql_conn *c;
  order[served++] = ((struct turn *)arg)->number;
  cr_assert_eq(dsql_future_take_conn(f, &c), 0, "%s", client_error_text(f));
  dsql_pool_release(p.pool, c);
}

Test(lending, first_come_first_served) {
  struct turn turns[64];

  p.config.conns_max = 1;
  pooled_make(&p);
  for (int i = 0; i < 64; i++) {
    turns[i] = (struct turn){dsql_pool_acquire(p.pool), i};
    if (i % 3 != 1) cr_assert_eq(dsql_future_on_ready(turns[i].f, on_turn, &turns[i]), 0);
  }
  for (int i = 1; i < 64; i += 3) {
    dsql_future_cancel(turns[i].f);
    assert_fails(turns[i].f, DSQL_ECANCELED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "canceled");
    turns[i].f = NULL;
  }
  for (int i = 0; i < 64; i++)
    if (turns[i].f) cr_assert_eq(dsql_future_run(turns[i].f), 0);
  pooled_until_idle(&p, 1);
  cr_assert_eq(served, 43);
  for (int i = 1; i < served; i++) cr_assert_lt(order[i - 1], order[i]);
  for (int i = 0; i < 64; i++) dsql_future_destroy(turns[i].f);
}

Test(lending, never_more_than_conns_max) {
  dsql_conn *c[3];
  dsql_future *f;

  p.config.conns_max = 3;
  pooled_make(&p);
  for (int i = 0; i < 3; i++) c[i] = pooled_acquire(&p);
  f = dsql_pool_acquire(p.pool);
  pooled_turn_ms(&p, 50);
  cr_assert(!dsql_future_ready(f));
  cr_assert_eq(pooled_stats(&p).in_use, 3);
  cr_assert_eq(pooled_stats(&p).connecting, 0);
  dsql_pool_release(p.pool, c[1]);
  cr_assert_eq(dsql_future_run(f), 0);
  dsql_future_destroy(f);
  dsql_pool_release(p.pool, c[0]);
  dsql_pool_release(p.pool, c[2]);
  pooled_until_idle(&p, 3);
}

Test(lending, a_deadline_says_who_has_them) {
  dsql_conn *c;

  p.config.conns_max = 1;
  p.config.acquire_timeout_ms = 30;
  pooled_make(&p);
  c = pooled_acquire(&p);
  assert_fails(dsql_pool_acquire(p.pool), DSQL_ETIMEDOUT, DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
               "of at most 1 (conns_max), 1 are lent out");
  assert_fails(dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, NULL), DSQL_ETIMEDOUT,
               DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "lent out");
  cr_assert_eq(pooled_stats(&p).acquire_timeouts, 2);
  dsql_pool_release(p.pool, c);
}

static dsql_future *late;
static void ask_late(dsql_future *f, void *arg) {
  (void)arg;
  dsql_future_destroy(f);
  (void)poll(NULL, 0, 300);
  late = dsql_pool_acquire(p.pool);
}

/* What a callback does before it asks is not part of the time that it waits. */
Test(lending, a_deadline_runs_from_the_call_in_a_callback_too) {
  dsql_future *f;
  dsql_conn *c;

  p.config.conns_max = 1;
  p.config.acquire_timeout_ms = 250;
  pooled_make(&p);
  c = pooled_acquire(&p);
  f = dsql_conn_ready(c);
  cr_assert_eq(dsql_future_on_ready(f, ask_late, NULL), 0);
  while (!late) client_turn(&p.x);
  pooled_turn_ms(&p, 10);
  dsql_pool_release(p.pool, c);
  cr_assert_eq(dsql_future_run(late), 0, "%s", client_error_text(late));
  dsql_future_destroy(late);
}

Test(lending, too_many_wait) {
  dsql_future *f;
  dsql_conn *c;

  p.config.conns_max = 1;
  p.config.waiters_max = 1;
  pooled_make(&p);
  c = pooled_acquire(&p);
  f = dsql_pool_acquire(p.pool);
  assert_fails(dsql_pool_acquire(p.pool), DSQL_EBUSY, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "waiters_max");
  dsql_future_destroy(f);
  dsql_pool_release(p.pool, c);
  cr_assert_eq(pooled_stats(&p).acquire_refusals, 1);
  cr_assert_eq(pooled_stats(&p).acquire_cancels, 1);
}

/* ---- bodies that wait for themselves ---- */

enum nested { NESTED_ACQUIRE, NESTED_QUERY, NESTED_TRANSACTION, NESTED_KINDS };
static const enum nested nested_kinds[] = {NESTED_ACQUIRE, NESTED_QUERY, NESTED_TRANSACTION};

static dsql_step nothing(dsql_tx *tx, const void *in, void *scratch) {
  (void)tx;
  (void)in;
  (void)scratch;
  return DSQL_COMMIT;
}

/* Awaits something of the pool that its own connection comes from. */
static dsql_step wants_another(dsql_tx *tx, const void *in, void *scratch) {
  (void)scratch;
  if (dsql_tx_step(tx) == 1) {
    switch (*(const enum nested *)in) {
      case NESTED_ACQUIRE: (void)dsql_tx_await(tx, dsql_pool_acquire(p.pool)); break;
      case NESTED_QUERY: (void)dsql_tx_await(tx, dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, NULL)); break;
      default: (void)dsql_tx_await(tx, dsql_run_transaction(p.pool, nothing, NULL, NULL)); break;
    }
    return DSQL_WAIT;
  }
  (void)dsql_tx_query(tx, "select 1", DSQL_NO_PARAMS);
  return dsql_tx_step(tx) ? DSQL_COMMIT : DSQL_WAIT;
}

/* As many bodies as connections: the last one that asks is refused at once, and its end serves the others. */
Test(lending, bodies_that_wait_for_each_other) {
  p.config.conns_max = 2;
  pooled_make(&p);
  for (int kind = 0; kind < NESTED_KINDS; kind++) {
    dsql_future *f[2];
    int codes[2];

    for (int i = 0; i < 2; i++) f[i] = dsql_run_transaction(p.pool, wants_another, &nested_kinds[kind], NULL);
    for (int i = 0; i < 2; i++) {
      codes[i] = dsql_future_run(f[i]);
      if (codes[i] == DSQL_EBUSY)
        cr_expect(str_has(dsql_future_error(f[i])->message, "all 2 connections (conns_max) are held by transactions"),
                  "%s", client_error_text(f[i]));
      dsql_future_destroy(f[i]);
    }
    cr_expect((codes[0] == 0 && codes[1] == DSQL_EBUSY) || (codes[1] == 0 && codes[0] == DSQL_EBUSY), "%d: %s %s", kind,
              dsql_error_name(codes[0]), dsql_error_name(codes[1]));
    cr_expect_eq(pooled_stats(&p).acquire_refusals, (uint64_t)kind + 1);
    pooled_until_idle(&p, 2);
  }
}

Test(lending, a_body_that_waits_for_itself) {
  p.config.conns_max = 1;
  pooled_make(&p);
  for (int kind = 0; kind < NESTED_KINDS; kind++)
    assert_fails(dsql_run_transaction(p.pool, wants_another, &nested_kinds[kind], NULL), DSQL_EBUSY,
                 DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "would never end");
  pooled_until_idle(&p, 1);
}

Test(lending, kept_open_in_the_background) {
  p.config.conns_min = 3;
  pooled_make(&p);
  pooled_until_idle(&p, 3);
}

Test(lending, idle_ones_go) {
  dsql_conn *c[3];

  p.config.idle_ms = 30;
  p.config.conns_min = 1;
  pooled_make(&p);
  for (int i = 0; i < 3; i++) c[i] = pooled_acquire(&p);
  for (int i = 0; i < 3; i++) dsql_pool_release(p.pool, c[i]);
  pooled_until_idle(&p, 1);
  cr_assert_eq(pooled_stats(&p).gone[DSQL_GONE_IDLE], 2);
}

Test(lending, an_hour_in_a_second) {
  dsql_pool_stats s;

  p.config.lifetime_ms = 200;
  p.config.conns_max = 4;
  pooled_make(&p);
  for (int i = 0; i < 200; i++) {
    dsql_future *f[4];
    for (int k = 0; k < 4; k++) f[k] = dsql_pool_query(p.pool, "select pg_sleep(0.004)", DSQL_NO_PARAMS, NULL);
    for (int k = 0; k < 4; k++) cr_assert_eq(client_settle(f[k]), 0);
  }
  s = pooled_stats(&p);
  cr_assert_geq(s.gone[DSQL_GONE_LIFETIME], 8);
  cr_assert_eq(s.gone[DSQL_GONE_LOST] + s.gone[DSQL_GONE_DIRTY] + s.connect_failures, 0);
}

Test(lending, resized) {
  dsql_conn *c[4];

  p.config.conns_max = 4;
  pooled_make(&p);
  for (int i = 0; i < 4; i++) c[i] = pooled_acquire(&p);
  dsql_pool_release(p.pool, c[0]);
  cr_assert_eq(dsql_pool_resize(p.pool, 2, 0), 0);
  dsql_pool_release(p.pool, c[1]);
  dsql_pool_release(p.pool, c[2]);
  dsql_pool_release(p.pool, c[3]);
  pooled_until_idle(&p, 2);
  cr_assert_eq(pooled_stats(&p).gone[DSQL_GONE_SURPLUS], 2);
  cr_assert_eq(dsql_pool_resize(p.pool, 5, 5), 0);
  pooled_until_idle(&p, 5);
  cr_assert_eq(dsql_pool_resize(p.pool, 0, 0), DSQL_EINVAL);
  cr_assert_eq(dsql_pool_resize(p.pool, 2, 3), DSQL_EINVAL);
}

Test(lending, expired) {
  dsql_conn *lent;
  int32_t pid;

  pooled_make(&p);
  lent = pooled_acquire(&p);
  pid = dsql_conn_backend_pid(lent);
  dsql_pool_release(p.pool, pooled_acquire(&p));
  dsql_pool_expire_all(p.pool);
  pooled_turn_ms(&p, 20);
  cr_assert_eq(pooled_stats(&p).idle, 0);
  cr_assert_str_eq(client_value(lent, "select 1"), "1");
  dsql_pool_release(p.pool, lent);
  lent = pooled_acquire(&p);
  cr_assert_neq(dsql_conn_backend_pid(lent), pid);
  dsql_pool_release(p.pool, lent);
  cr_assert_eq(pooled_stats(&p).gone[DSQL_GONE_EXPIRED], 2);
}

Test(lending, a_loop_with_nothing_but_an_idle_pool_ends) {
  p.config.conns_min = 2;
  pooled_make(&p);
  pooled_until_idle(&p, 2);
  cr_assert_eq(uv_run(&p.x.loop, UV_RUN_DEFAULT), 0);
}

/* ---- refused connects ---- */

Test(lending, a_wrong_password_is_told_at_once) {
  char conninfo[300];
  (void)snprintf(conninfo, sizeof conninfo,
                 "hostaddr=127.0.0.1 host=localhost port=%d dbname=postgres user=scram_user password=wrong "
                 "sslmode=disable",
                 server_default()->port);
  pooled_target(&p, conninfo);
  pooled_make(&p);
  for (int i = 0; i < 2; i++) {
    dsql_future *f = dsql_pool_acquire(p.pool);
    cr_assert_neq(dsql_future_run(f), 0);
    cr_assert_str_eq(dsql_future_error(f)->sqlstate, "28P01", "%s", client_error_text(f));
    cr_assert(dsql_future_error(f)->flags & DSQL_NOT_SENT);
    dsql_future_destroy(f);
  }
  cr_assert_eq(pooled_stats(&p).connect_failures, 2);
}

Test(lending, nobody_there) {
  pooled_target(&p, "hostaddr=127.0.0.1 host=localhost port=1 dbname=postgres user=x sslmode=disable");
  pooled_make(&p);
  assert_fails(dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, NULL), DSQL_EIO,
               DSQL_CONN_LOST | DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "connection refused");
}

/* ---- configs ---- */

Test(lending, configs_that_make_no_sense) {
  static const struct { uint32_t max, min; } rows[] = {{3, 4}, {100001, 0}, {0, 11}};
  dsql_pool *none;

  for (size_t i = 0; i < COUNT(rows); i++) {
    dsql_pool_config_init(&p.config);
    p.config.conns_max = rows[i].max;
    p.config.conns_min = rows[i].min;
    cr_assert_eq(dsql_pool_new(&none, p.x.rt, p.target, &p.config), DSQL_EINVAL, "row %zu", i);
    cr_assert_null(none);
  }
  cr_assert_eq(dsql_pool_new(&none, p.x.rt, NULL, NULL), DSQL_EINVAL);
  cr_assert_eq(dsql_pool_new(&p.pool, p.x.rt, p.target, NULL), 0, "no config at all is the default one");
}

static int hook_calls, hook_answer;
static dsql_target *hook_target;
static int before(dsql_pool *pool, const dsql_target **t, void *arg) {
  cr_assert(pool == p.pool && arg == &p);
  hook_calls++;
  if (hook_target) *t = hook_target;
  return hook_answer;
}

Test(lending, before_connect_may_refuse_or_choose) {
  dsql_future *f;
  dsql_str v;

  p.config.before_connect = before;
  p.config.before_connect_arg = &p;
  pooled_make(&p);
  hook_answer = 77;
  assert_fails(dsql_pool_acquire(p.pool), DSQL_EABORT, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "77");
  hook_answer = 0;
  hook_target = client_target(&p.x, "%s application_name=chosen", server_conninfo(server_default()));
  f = dsql_pool_query(p.pool, "show application_name", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_get_text(client_rows(f), 0, 0, &v), 0);
  cr_assert(str_has(v, "chosen"));
  dsql_future_destroy(f);
  dsql_target_free(hook_target);
  cr_assert_eq(hook_calls, 2);
}

/* ---- memory ---- */

Test(lending, without_waiting_it_takes_no_memory) {
  dsql_future *f;
  dsql_conn *c;
  size_t calls;

  pooled_make(&p);
  dsql_pool_release(p.pool, pooled_acquire(&p));
  calls = p.x.heap.calls;
  for (int i = 0; i < 1000; i++) {
    f = dsql_pool_acquire(p.pool);
    cr_assert_eq(dsql_future_take_conn(f, &c), 0);
    dsql_future_destroy(f);
    dsql_pool_release(p.pool, c);
  }
  cr_assert_eq(p.x.heap.calls, calls);
}
