/* Transactions of a pool on a real server: conflicts that really happen, and how often the body runs. */
#include <stdlib.h>

#include "client.h"

static struct client x;
static dsql_pool *pool;
static unsigned conflicts;

static void observe(const dsql_tx_event *e, void *arg) {
  (void)arg;
  if (e->conflict) conflicts++;
}

static void drain(dsql_future *f) {
  int rc = dsql_future_run(f);
  cr_assert_eq(rc, 0, "%s", client_error_text(f));
  dsql_future_destroy(f);
}

static void run_sql(const char *sql) { drain(dsql_retry_statement(pool, sql, DSQL_NO_PARAMS, NULL)); }

/* DSQL_TX_TARGET: `dsql local`, in place of PostgreSQL. */
static bool is_local(void) { return getenv("DSQL_TX_TARGET") != NULL; }

static void open_all(void) {
  const char *given = getenv("DSQL_TX_TARGET");
  dsql_pool_config c;
  dsql_tx_options o;
  dsql_target *t;
  client_open(&x);
  t = client_target(&x, "%s", given ? given : server_conninfo(server_default()));
  dsql_pool_config_init(&c);
  dsql_tx_options_init(&o);
  o.observer = observe;
  c.conns_max = 8;
  c.tx = &o;
  cr_assert_eq(dsql_pool_new(&pool, x.rt, t, &c), 0);
  dsql_target_free(t);
  conflicts = 0;
  run_sql("drop table if exists counter");
  run_sql("create table counter(id int primary key, n bigint not null)");
  run_sql("insert into counter values (1, 0), (2, 0)");
}

static void close_all(void) {
  run_sql("drop table counter");
  drain(dsql_pool_close(pool, 1000));
  client_close(&x);
}

TestSuite(conflicts, .init = open_all, .fini = close_all);

static int64_t counter(int id) {
  dsql_future *f = dsql_pool_query(pool, "select n from counter where id = $1", DSQL_PARAMS(dsql_int4(id)), NULL);
  int64_t n = -1;
  cr_assert_eq(dsql_get_int8(client_rows(f), 0, 0, &n), 0);
  dsql_future_destroy(f);
  return n;
}

/* ---- the caller's conflict: T1 reads, T2 commits the same row, T1 writes ---- */

struct output {
  int64_t before, after;
};

static unsigned bodies;
static dsql_future *intruder;

static dsql_step add(dsql_tx *tx, const void *in, void *scratch) {
  const int *by = in;
  struct output *out = scratch;

  if (dsql_tx_step(tx) == 0) {
    bodies++;
    cr_expect(out->before == 0 && out->after == 0);
    (void)dsql_tx_query(tx, "select n from counter where id = 1", DSQL_NO_PARAMS);
    return DSQL_WAIT;
  }
  if (dsql_tx_step(tx) == 1) {
    if (dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, &out->before)) return dsql_tx_abort(tx, 1);
    if (dsql_tx_attempt(tx) == 1 && intruder == NULL) {
      intruder = dsql_retry_statement(pool, "update counter set n = n + 100 where id = 1", DSQL_NO_PARAMS, NULL);
      (void)dsql_tx_await(tx, intruder);
      return DSQL_WAIT;
    }
  }
  out->after = out->before + *by;
  (void)dsql_tx_query(tx, "update counter set n = $1 where id = 1", DSQL_PARAMS(dsql_int8(out->after)));
  return DSQL_COMMIT;
}

Test(conflicts, the_second_attempt_sees_what_the_first_one_lost_to) {
  static const int five = 5;
  dsql_tx_options o;
  dsql_future *f;
  const void *output;
  const struct output *out;

  bodies = 0;
  intruder = NULL;
  dsql_tx_options_init(&o);
  o.scratch_size = sizeof(struct output);
  f = dsql_run_transaction(pool, add, &five, &o);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_output(f, &output), 0);
  out = output;
  cr_expect_eq(bodies, 2);
  cr_expect_eq(conflicts, 1);
  cr_expect_eq(out->before, 100);
  cr_expect_eq(out->after, 105);
  cr_expect_eq(counter(1), 105);
  dsql_future_destroy(f);
}

/* ---- another error ---- */

static dsql_step duplicate(dsql_tx *tx, const void *in, void *scratch) {
  (void)in;
  (void)scratch;
  bodies++;
  (void)dsql_tx_query(tx, "update counter set n = 77", DSQL_NO_PARAMS);
  (void)dsql_tx_query(tx, "insert into counter values (1, 1)", DSQL_NO_PARAMS);
  return DSQL_COMMIT;
}

Test(conflicts, another_error_runs_the_body_once_and_rolls_back) {
  dsql_future *f;
  bodies = 0;
  f = dsql_run_transaction(pool, duplicate, NULL, NULL);
  cr_expect_eq(dsql_future_run(f), DSQL_ESERVER);
  cr_expect_str_eq(dsql_future_error(f)->sqlstate, "23505");
  cr_expect_eq(dsql_future_error(f)->attempts, 1);
  cr_expect_eq(bodies, 1);
  dsql_future_destroy(f);
  cr_expect_eq(counter(1), 0);
}

/* ---- exhaustion ---- */

static dsql_step always_loses(dsql_tx *tx, const void *in, void *scratch) {
  (void)in;
  (void)scratch;
  switch (dsql_tx_step(tx)) {
    case 0:
      bodies++;
      (void)dsql_tx_query(tx, "select n from counter where id = 1", DSQL_NO_PARAMS);
      return DSQL_WAIT;
    case 1:
      (void)dsql_tx_await(
          tx, dsql_retry_statement(pool, "update counter set n = n + 1 where id = 1", DSQL_NO_PARAMS, NULL));
      return DSQL_WAIT;
    default: (void)dsql_tx_query(tx, "update counter set n = 0 where id = 1", DSQL_NO_PARAMS); return DSQL_COMMIT;
  }
}

Test(conflicts, used_up_it_has_tried_once_more_than_it_may_retry) {
  dsql_tx_options o;
  dsql_future *f;
  bodies = 0;
  dsql_tx_options_init(&o);
  o.retries_max = 4;
  f = dsql_run_transaction(pool, always_loses, NULL, &o);
  cr_expect_eq(dsql_future_run(f), DSQL_ESERVER);
  cr_expect_str_eq(dsql_future_error(f)->sqlstate, "40001");
  cr_expect_eq(dsql_future_error(f)->flags, DSQL_RETRYABLE);
  cr_expect_eq(dsql_future_error(f)->attempts, 5);
  cr_expect_eq(bodies, 5);
  cr_expect_eq(conflicts, 5);
  dsql_future_destroy(f);
  cr_expect_eq(counter(1), 5);
}

/* ---- many at a time ---- */

static dsql_step increment(dsql_tx *tx, const void *in, void *scratch) {
  const int *id = in;
  int64_t n;
  (void)scratch;
  if (dsql_tx_step(tx) == 0) {
    (void)dsql_tx_query(tx, "select n from counter where id = $1", DSQL_PARAMS(dsql_int4(*id)));
    return DSQL_WAIT;
  }
  if (dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, &n)) return dsql_tx_abort(tx, 1);
  (void)dsql_tx_query(tx, "update counter set n = $1 where id = $2", DSQL_PARAMS(dsql_int8(n + 1), dsql_int4(*id)));
  return DSQL_COMMIT;
}

static void increments(size_t count, const dsql_tx_options *o) {
  static const int two = 2;
  dsql_future *fs[64];
  int64_t before = counter(2);
  cr_assert_leq(count, COUNT(fs));
  for (size_t i = 0; i < count; i++) fs[i] = dsql_run_transaction(pool, increment, &two, o);
  drain(dsql_all(x.rt, fs, count));
  cr_expect_eq(counter(2) - before, (int64_t)count);
}

Test(conflicts, two_increments_at_a_time_with_default_options) {
  for (int i = 0; i < 20; i++) increments(2, NULL);
}

Test(conflicts, sixty_four_increments_over_eight_connections) {
  dsql_tx_options o;
  dsql_tx_options_init(&o);
  o.retries_max = 100;
  o.backoff = DSQL_BACKOFF_FULL_JITTER;
  o.base_delay_ms = 2;
  o.max_delay_ms = 50;
  increments(64, &o);
  cr_expect_gt(conflicts, 0, "they did not meet");
}

/* ---- statements prepared once, results of a batch, savepoints ---- */

static dsql_stmt *stmt;
static dsql_step prepared(dsql_tx *tx, const void *in, void *scratch) {
  int64_t *n = scratch;
  (void)in;
  if (dsql_tx_step(tx) == 0) {
    bodies++;
    (void)dsql_tx_query_stmt(tx, stmt, DSQL_NO_PARAMS);
    return DSQL_WAIT;
  }
  return dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, n) ? dsql_tx_abort(tx, 1) : DSQL_COMMIT;
}

static void four_at_a_time(const dsql_tx_options *o) {
  dsql_future *fs[4];
  bodies = 0;
  for (size_t i = 0; i < COUNT(fs); i++) fs[i] = dsql_run_transaction(pool, prepared, NULL, o);
  drain(dsql_all(x.rt, fs, COUNT(fs)));
  if (!is_local()) cr_expect_eq(bodies, 4);
}

/* One transaction finds out; the others prepare anew beforehand. */
Test(conflicts, a_prepared_statement_whose_result_changes) {
  dsql_tx_options o;
  const void *out;
  /* Slow, so that each of four is on a connection of its own. */
  cr_assert_eq(dsql_stmt_new(&stmt, x.rt,
                             is_local() ? "select * from counter where id = 1"
                                        : "select c.* from counter c, (select pg_sleep(0.1)) s where id = 1",
                             NULL, 0),
               0);
  dsql_tx_options_init(&o);
  o.scratch_size = sizeof(int64_t);
  /* dsql local has a conflict about the schema besides, which is counted. */
  o.retries_max = is_local() ? 3 : DSQL_NO_RETRY;
  for (int i = 0; i < 3; i++) {
    dsql_future *f;
    if (i == 1) four_at_a_time(&o);
    bodies = 0;
    if (i == 2) run_sql("alter table counter add column more int");
    f = dsql_run_transaction(pool, prepared, NULL, &o);
    cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
    cr_assert_eq(dsql_future_output(f, &out), 0);
    cr_expect_eq(*(const int64_t *)out, 1);
    if (!is_local()) cr_expect_eq(bodies, i == 2 ? 2 : 1);
    dsql_future_destroy(f);
  }
  four_at_a_time(&o);
  dsql_stmt_free(stmt);
}

static dsql_step with_savepoint(dsql_tx *tx, const void *in, void *scratch) {
  (void)in;
  (void)scratch;
  (void)dsql_tx_query(tx, "update counter set n = 1 where id = 1", DSQL_NO_PARAMS);
  (void)dsql_tx_savepoint(tx, "here");
  (void)dsql_tx_query(tx, "update counter set n = 2 where id = 1", DSQL_NO_PARAMS);
  (void)dsql_tx_rollback_to(tx, "here");
  (void)dsql_tx_release(tx, "here");
  return DSQL_COMMIT;
}

Test(conflicts, savepoints) {
  dsql_future *f = dsql_run_transaction(pool, with_savepoint, NULL, NULL);
  if (is_local()) {
    cr_expect_eq(dsql_future_run(f), DSQL_EUNSUPPORTED);
    dsql_future_destroy(f);
    return;
  }
  drain(f);
  cr_expect_eq(counter(1), 1);
}

Test(conflicts, a_batch) {
  dsql_batch *b = NULL;
  dsql_future *f;
  const dsql_result *result;
  cr_assert_eq(dsql_batch_new(&b, x.rt), 0);
  cr_assert_eq(dsql_batch_add(b, "update counter set n = n + $1 where id = 1", DSQL_PARAMS(dsql_int4(3)), 1, 9), 0);
  cr_assert_eq(dsql_batch_add(b, "select n from counter where id = $1", DSQL_PARAMS(dsql_text("1")), -1, 0), 0);
  f = dsql_run_batch(pool, b, NULL);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_batch_result(f, 1, &result), 0);
  cr_expect_eq(dsql_result_rows(result), 1);
  dsql_future_destroy(f);
  cr_assert_eq(dsql_batch_add(b, "update counter set n = 0 where id = 99", DSQL_NO_PARAMS, 1, 10), 0);
  f = dsql_run_batch(pool, b, NULL);
  cr_expect_eq(dsql_future_run(f), DSQL_EABORT);
  cr_expect_eq(dsql_future_error(f)->app_code, 10);
  dsql_future_destroy(f);
  dsql_batch_free(b);
  cr_expect_eq(counter(1), 3, "the second one was rolled back");
}

/* ---- a body with a loop, by <dsql/co.h> ---- */

#include "dsql/co.h"

struct loop {
  int64_t sum;
  int i;
};

static dsql_step looping(dsql_tx *tx, const void *in, void *scratch) {
  struct loop *s = scratch;
  int64_t n;
  (void)in;
  DSQL_TX_BEGIN(tx);
  for (s->i = 1; s->i <= 3; s->i++) {
    (void)dsql_tx_query(tx, "update counter set n = n + $1 where id = 1 returning n", DSQL_PARAMS(dsql_int8(s->i)));
    DSQL_TX_AWAIT(tx);
    if (dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, &n)) return dsql_tx_abort(tx, 1);
    s->sum += n;
  }
  DSQL_TX_END(tx);
}

Test(conflicts, a_body_with_a_loop) {
  dsql_tx_options o;
  dsql_future *f;
  const void *out;
  dsql_tx_options_init(&o);
  o.scratch_size = sizeof(struct loop);
  f = dsql_run_transaction(pool, looping, NULL, &o);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_output(f, &out), 0);
  cr_expect_eq(((const struct loop *)out)->sum, 1 + 3 + 6);
  dsql_future_destroy(f);
  cr_expect_eq(counter(1), 6);
}

/* A procedure may have committed before it fails: to run it again is not ours to decide. */
Test(conflicts, what_commits_in_parts_is_not_run_again) {
  dsql_tx_options o;

  if (is_local()) return;
  run_sql("create or replace procedure count_and_fail() language plpgsql as $$ begin "
          "update counter set n = n + 1 where id = 1; commit; "
          "raise exception 'too late' using errcode = '40001'; end $$");
  assert_fails(dsql_retry_statement(pool, "call count_and_fail()", DSQL_NO_PARAMS, NULL), DSQL_ESERVER,
               DSQL_IN_DOUBT | DSQL_RETRYABLE, "too late");
  cr_assert_eq(counter(1), 1);
  dsql_tx_options_init(&o);
  o.idempotent = true;
  o.retries_max = 2;
  assert_fails(dsql_retry_statement(pool, "call count_and_fail()", DSQL_NO_PARAMS, &o), DSQL_ESERVER,
               DSQL_IN_DOUBT | DSQL_RETRYABLE, "too late");
  cr_assert_eq(counter(1), 4);
  run_sql("drop procedure count_and_fail");
}
