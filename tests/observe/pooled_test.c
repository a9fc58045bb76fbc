/* Pools, transactions and connections on a real server, or on `dsql local` (DSQL_OBSERVE_TARGET, see run_local). */
#include <stdio.h>
#include <stdlib.h>

#include "dsql/copy.h"
#include "dsql/listen.h"
#include "dsql/portal.h"
#include "spy.h"

static struct client x;
static struct spy spy;
static dsql_pool *pool;
static dsql_target *target;
static dsql_pool_config config;

static void open_runtime(void) {
  const char *given = getenv("DSQL_OBSERVE_TARGET");

  client_open(&x);
  spy_init(&spy);
  target = client_target(&x, "%s", given ? given : server_conninfo(server_default()));
  dsql_pool_config_init(&config);
  config.conns_max = 2;
}

static void make_pool(void) { cr_assert_eq(dsql_pool_new(&pool, x.rt, target, &config), 0); }

static void close_runtime(void) {
  dsql_target_free(target);
  target = NULL;
  client_close(&x);
  spy_settled(&spy);
}

static void close_all(void) {
  cr_assert_eq(client_settle(dsql_pool_close(pool, 1000)), 0);
  close_runtime();
}

static void open_all(void) {
  open_runtime();
  spy_on(&spy, x.rt);
  make_pool();
}

TestSuite(pooled, .init = open_all, .fini = close_all, .timeout = 60);

static dsql_future *call(const char *sql) { return dsql_pool_query(pool, sql, DSQL_NO_PARAMS, NULL); }
static void run_sql(const char *sql) {
  dsql_future *f = dsql_retry_statement(pool, sql, DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  dsql_future_destroy(f);
}

/* ---- who is whose ---- */

Test(pooled, a_call_is_a_part_of_the_acquire_that_lent_its_connection) {
  const struct spied *acquire, *query;

  cr_assert_eq(client_settle(call("select 1")), 0);
  acquire = spy_end(&spy, DSQL_SPAN_ACQUIRE, 0);
  query = spy_end(&spy, DSQL_SPAN_QUERY, 0);
  cr_assert(acquire->code == 0 && query->code == 0 && query->end.rows == 1);
  cr_assert_eq(query->start.parent_id, acquire->start.id);
  cr_assert_eq(acquire->start.parent_id, 0);
  cr_assert_eq(client_settle(call("select 2")), 0); /* served at once */
  cr_assert_eq(spy_ends(&spy, DSQL_SPAN_ACQUIRE), 2);
  cr_assert_eq(spy_ends(&spy, DSQL_SPAN_CONNECT), 1);
  cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, 1)->start.parent_id, spy_end(&spy, DSQL_SPAN_ACQUIRE, 1)->start.id);
  cr_assert_gt(acquire->start.host.len, 0);
}

static dsql_step two_steps(dsql_tx *tx, const void *in, void *scratch) {
  (void)in, (void)scratch;
  (void)dsql_tx_query(tx, dsql_tx_step(tx) ? "select 2" : "select 1", DSQL_NO_PARAMS);
  return dsql_tx_step(tx) ? DSQL_COMMIT : DSQL_WAIT;
}

Test(pooled, a_transaction_has_an_attempt_and_the_attempt_its_calls) {
  static const char *const verbs[] = {"BEGIN", "SELECT", "SELECT", "COMMIT"};
  const struct spied *attempt;

  cr_assert_eq(client_settle(dsql_run_transaction(pool, two_steps, NULL, NULL)), 0);
  attempt = spy_end(&spy, DSQL_SPAN_ATTEMPT, 0);
  cr_assert(attempt->code == 0 && attempt->start.attempt == 1 && !attempt->end.will_retry);
  cr_assert_eq(attempt->start.parent_id, spy_end(&spy, DSQL_SPAN_ACQUIRE, 0)->start.id);
  cr_assert_eq(spy_ends(&spy, DSQL_SPAN_QUERY), 4);
  for (size_t i = 0; i < 4; i++) {
    cr_assert_str_eq(spy_end(&spy, DSQL_SPAN_QUERY, i)->operation, verbs[i]);
    cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, i)->start.parent_id, attempt->start.id);
  }
  cr_assert_gt(attempt->end.bytes_received, 0);
  cr_assert_eq(client_settle(call("select 3")), 0);
  cr_assert_neq(spy_end(&spy, DSQL_SPAN_QUERY, 4)->start.parent_id, attempt->start.id, "it is not its any more");
}

Test(pooled, a_batch_tells_its_size) {
  dsql_batch *b = NULL;

  cr_assert_eq(dsql_batch_new(&b, x.rt), 0);
  for (int i = 0; i < 3; i++) cr_assert_eq(dsql_batch_add(b, "select 1", DSQL_NO_PARAMS, -1, 0), 0);
  cr_assert_eq(client_settle(dsql_run_batch(pool, b, NULL)), 0);
  dsql_batch_free(b);
  cr_assert_eq(spy_end(&spy, DSQL_SPAN_ATTEMPT, 0)->start.batch_size, 3);
}

/* ---- conflicts ---- */

static dsql_future *intruder;

static dsql_step lose_once(dsql_tx *tx, const void *in, void *scratch) {
  (void)in, (void)scratch;
  if (dsql_tx_step(tx) == 0) {
    (void)dsql_tx_query(tx, "select n from observed where id = 1", DSQL_NO_PARAMS);
    return DSQL_WAIT;
  }
  if (dsql_tx_step(tx) == 1 && dsql_tx_attempt(tx) == 1) {
    intruder = dsql_retry_statement(pool, "update observed set n = n + 100 where id = 1", DSQL_NO_PARAMS, NULL);
    (void)dsql_tx_await(tx, intruder);
    return DSQL_WAIT;
  }
  (void)dsql_tx_query(tx, "update observed set n = n + 1 where id = 1", DSQL_NO_PARAMS);
  return DSQL_COMMIT;
}

Test(pooled, a_conflict_is_two_attempts) {
  const struct spied *lost = NULL, *won = NULL;
  dsql_pool_stats stats;
  size_t before, attempts;

  run_sql("drop table if exists observed");
  run_sql("create table observed(id int primary key, n bigint not null)");
  run_sql("insert into observed values (1, 0)");
  before = spy_ends(&spy, DSQL_SPAN_ATTEMPT);
  cr_assert_eq(client_settle(dsql_run_transaction(pool, lose_once, NULL, NULL)), 0);
  attempts = spy_ends(&spy, DSQL_SPAN_ATTEMPT) - before;
  cr_assert_eq(attempts, 3, "its two, and the one of the other");
  lost = spy_end(&spy, DSQL_SPAN_ATTEMPT, before + 1);
  won = spy_end(&spy, DSQL_SPAN_ATTEMPT, before + 2);
  cr_assert(lost->start.attempt == 1 && lost->code == DSQL_ESERVER && lost->end.will_retry);
  cr_assert_str_eq(lost->sqlstate, "40001");
  cr_assert_eq(lost->end.conflict, DSQL_CONFLICT_DATA);
  cr_assert(won->start.attempt == 2 && won->code == 0 && !won->end.conflict);
  dsql_pool_stats_get(pool, &stats, sizeof stats);
  cr_assert(stats.conflicts_data == 1 && stats.retries == 1);
  cr_assert_eq(stats.attempts, spy_ends(&spy, DSQL_SPAN_ATTEMPT));
  run_sql("drop table observed");
}

/* ---- ends from outside ---- */

static dsql_step sleeper(dsql_tx *tx, const void *in, void *scratch) {
  (void)in, (void)scratch;
  (void)dsql_tx_query(tx, "select pg_sleep(20)", DSQL_NO_PARAMS);
  return DSQL_COMMIT;
}

enum { WAY_CANCEL, WAY_DESTROY, WAY_POOL, WAY_RUNTIME, WAYS };

/* A call, a transaction and two acquires; the last one waits. When: before anything, or while they run. */
static void end_all(int way, bool running) {
  dsql_future *f[4];

  open_all();
  if (running) cr_assert_eq(client_settle(call("select 1")), 0);
  f[0] = call("select pg_sleep(20)");
  f[1] = dsql_run_transaction(pool, sleeper, NULL, NULL);
  f[2] = dsql_pool_acquire(pool);
  f[3] = call("select 2");
  for (int i = 0; running && i < 20; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  if (way == WAY_CANCEL)
    for (int i = 0; i < 4; i++) dsql_future_cancel(f[i]);
  if (way == WAY_POOL) cr_assert_eq(client_settle(dsql_pool_close(pool, 0)), 0);
  for (int i = 0; way != WAY_RUNTIME && i < 4; i++) {
    if (way != WAY_DESTROY) cr_assert(dsql_future_run(f[i]) < 0);
    dsql_future_destroy(f[i]);
  }
  if (way == WAY_CANCEL || way == WAY_DESTROY) cr_assert_eq(client_settle(dsql_pool_close(pool, 0)), 0);
  close_runtime();
  cr_assert_geq(spy_ends(&spy, DSQL_SPAN_ACQUIRE), 4u + running);
}

Test(ways, every_span_ends_whoever_ends_the_work, .timeout = 60) {
  for (int way = 0; way < WAYS; way++)
    for (int running = 0; running < 2; running++) end_all(way, running);
}

Test(pooled, who_waits_in_vain) {
  dsql_future *f[3];
  const struct spied *s;

  for (int i = 0; i < 2; i++) {
    f[i] = dsql_pool_acquire(pool);
    cr_assert_eq(dsql_future_run(f[i]), 0);
  }
  dsql_call o;
  dsql_call_init(&o);
  o.timeout_ms = 10;
  f[2] = dsql_pool_query(pool, "select 1", DSQL_NO_PARAMS, &o);
  cr_assert_eq(dsql_future_run(f[2]), DSQL_ETIMEDOUT);
  s = spy_end(&spy, DSQL_SPAN_ACQUIRE, 2);
  cr_assert(s->code == DSQL_ETIMEDOUT && s->flags & DSQL_NOT_SENT && s->end.duration_us >= 9000);
  cr_assert_eq(spy_ends(&spy, DSQL_SPAN_QUERY), 0);
  for (int i = 0; i < 3; i++) dsql_future_destroy(f[i]);
}

/* ---- a hook may only look ---- */

static dsql_conn *held;
static bool tried;

static void misbehave(const dsql_span *s) {
  dsql_pool *p2 = NULL;
  dsql_future *f[5];

  if (tried || s->kind != DSQL_SPAN_ATTEMPT) return;
  tried = true;
  f[0] = call("select 1");
  f[1] = dsql_pool_acquire(pool);
  f[2] = dsql_run_transaction(pool, two_steps, NULL, NULL);
  f[3] = dsql_pool_close(pool, 0);
  f[4] = dsql_retry_statement(pool, "select 1", DSQL_NO_PARAMS, NULL);
  for (int i = 0; i < 5; i++) {
    cr_assert_eq(dsql_future_code(f[i]), DSQL_EINVAL);
    cr_assert(str_has(dsql_future_error(f[i])->message, "inside a hook"));
    dsql_future_destroy(f[i]);
  }
  cr_assert_eq(dsql_pool_new(&p2, x.rt, target, NULL), DSQL_EINVAL);
  cr_assert_eq(dsql_pool_resize(pool, 1, 0), DSQL_EINVAL);
  dsql_pool_expire_all(pool);
  dsql_pool_release(pool, held);
}

Test(pooled, what_is_called_from_a_hook_is_refused) {
  dsql_future *f = dsql_pool_acquire(pool);
  dsql_pool_stats stats;

  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(dsql_future_take_conn(f, &held), 0);
  dsql_future_destroy(f);
  for (int at_end = 0; at_end < 2; at_end++) {
    tried = false;
    spy.at_start = at_end ? NULL : misbehave;
    spy.at_end = at_end ? misbehave : NULL;
    cr_assert_eq(client_settle(dsql_run_transaction(pool, two_steps, NULL, NULL)), 0);
    cr_assert(tried);
  }
  spy.at_end = NULL;
  dsql_pool_stats_get(pool, &stats, sizeof stats);
  cr_assert_eq(stats.in_use, 1, "the connection that a hook gave back is still out");
  dsql_pool_release(pool, held);
}

/* ---- other kinds of calls ---- */

static void on_event(dsql_listener *l, const dsql_listen_event *e, void *arg) {
  (void)l;
  if (e->what == DSQL_LISTEN_STARTED) *(bool *)arg = true;
}

static int swallow(const void *data, size_t n, void *arg) {
  (void)data, (void)n, (void)arg;
  return 0;
}

Test(others, listeners_copies_and_prepared_statements, .init = open_all, .fini = close_all, .timeout = 60) {
  const dsql_error *error = NULL;
  dsql_listener *l = NULL;
  dsql_stmt *s = NULL;
  bool ready = false;

  cr_assert_eq(dsql_listen(&l, x.rt, target, "news", on_event, &ready, NULL, &error), 0);
  while (!ready) client_turn(&x);
  cr_assert_str_eq(spy_end(&spy, DSQL_SPAN_QUERY, 0)->operation, "LISTEN");
  dsql_listener_close(l);
  cr_assert_eq(
      client_settle(dsql_pool_copy_out(pool, "copy (select generate_series(1, 10)) to stdout", swallow, NULL, NULL)),
      0);
  cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, 1)->end.rows_affected, 10);
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select $1::int", NULL, 0), 0);
  for (int i = 0; i < 3; i++)
    cr_assert_eq(client_settle(dsql_pool_query_stmt(pool, s, DSQL_PARAMS(dsql_int4(7)), NULL)), 0);
  dsql_stmt_free(s);
  for (size_t i = 2; i < 5; i++) {
    cr_assert_str_eq(spy_end(&spy, DSQL_SPAN_QUERY, i)->sql, "select $1::int");
    cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, i)->end.rows, 1);
  }
}

Test(others, portals, .init = open_all, .fini = close_all, .timeout = 60) {
  dsql_portal *portal = NULL;
  dsql_future *f = dsql_pool_acquire(pool);
  dsql_conn *c = NULL;

  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(dsql_future_take_conn(f, &c), 0);
  dsql_future_destroy(f);
  for (int in_block = 0; in_block < 2; in_block++) {
    if (in_block) client_exec(c, "begin");
    f = dsql_query_fetch(c, "select generate_series(1, 5)", DSQL_NO_PARAMS, 2, NULL, &portal);
    cr_assert_eq(client_settle(f), 0);
    cr_assert_eq(client_settle(dsql_portal_fetch(portal, 2, NULL)), 0);
    dsql_portal_close(portal);
    if (in_block) client_exec(c, "rollback");
  }
  cr_assert_str_eq(spy_end(&spy, DSQL_SPAN_QUERY, 0)->sql, "select generate_series(1, 5)");
  dsql_pool_release(pool, c);
}

/* ---- without memory ---- */

static bool one_run(size_t n, bool transaction) {
  dsql_future *f;
  bool fired;

  open_runtime();
  spy_on(&spy, x.rt);
  config.acquire_timeout_ms = 1000;
  make_pool();
  test_alloc_arm(&x.heap, n, false);
  f = transaction ? dsql_run_transaction(pool, two_steps, NULL, NULL) : call("select 1");
  cr_assert_neq(dsql_future_run(f), DSQL_ENOTREADY);
  dsql_future_destroy(f);
  fired = test_alloc_fired(&x.heap);
  test_alloc_arm(&x.heap, 0, false);
  close_all();
  return fired;
}

Test(nomem, each_allocation_failing_in_turn, .timeout = 60) {
  for (int transaction = 0; transaction < 2; transaction++) {
    size_t n = 1;
    while (one_run(n, transaction)) n++;
    cr_assert_gt(n, 5);
  }
}

/* ---- secrets ---- */

Test(secrets, no_password_is_told_whatever_fails, .timeout = 60) {
  dsql_future *f;
  char wrong[512];

  open_runtime();
  spy.secret = "correct-horse-battery";
  spy.hooks.slow_query_ms = 1;
  spy_on(&spy, x.rt);
  (void)snprintf(wrong, sizeof wrong,
                 "hostaddr=127.0.0.1 host=localhost port=%d dbname=postgres user=scram_user sslmode=disable "
                 "password=correct-horse-battery",
                 server_default()->port);
  dsql_target_free(target);
  target = client_target(&x, "%s", wrong);
  make_pool();
  f = call("select pg_sleep(0.01)");
  cr_assert(dsql_future_run(f) < 0, "it is the wrong password");
  dsql_future_destroy(f);
  cr_assert_neq(spy_end(&spy, DSQL_SPAN_CONNECT, 0)->code, 0);
  close_all();
}
