/* Portals in a transaction's body: on PostgreSQL, and on `dsql local` with conflicts and closes injected (run_copy). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dsql/portal.h"
#include "one_pool.h"

enum { ROWS = 1000, CHUNK = 90 };

struct scratch {
  dsql_portal *a, *b;
  int64_t sum_a, sum_b;
  unsigned chunks;
};

static void open_all(void) { open_pool(1, 50, sizeof(struct scratch)); }

TestSuite(tx_portals, .init = open_all, .fini = close_pool, .timeout = 100);

static const char *const series = "select i::int8 from generate_series(1, 1000) i";

/* What the statement of this index in the step before has brought. */
static size_t add(const dsql_tx *tx, int index, int64_t *sum) {
  const dsql_result *r = dsql_tx_result(tx, index);
  cr_assert_not_null(r);
  for (size_t i = 0; i < dsql_result_rows(r); i++) {
    int64_t v = 0;
    cr_assert_eq(dsql_get_int8(r, i, 0, &v), 0);
    *sum += v;
  }
  return dsql_result_rows(r);
}

/* The connection as the next borrower finds it. */
static void pool_is_clean(void) {
  dsql_future *f;
  int64_t n = -1;
  if (is_local()) return;
  f = dsql_pool_query(pool, "select count(*) from pg_cursors where name <> ''", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_get_int8(client_rows(f), 0, 0, &n), 0);
  cr_assert_eq(n, 0);
  dsql_future_destroy(f);
}

static const struct scratch *succeeds(dsql_future *f) {
  const void *out = NULL;
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_output(f, &out), 0);
  return out;
}

/* ---- by steps ---- */

static void is_index(int index, int rc) { cr_assert(rc == index || rc == DSQL_ENOMEM, "%d", rc); }

static dsql_step two_portals(dsql_tx *tx, const void *in, void *scratch) {
  struct scratch *s = scratch;
  (void)in;
  if (dsql_tx_step(tx) == 0) {
    is_index(0, dsql_tx_query_fetch(tx, series, DSQL_NO_PARAMS, CHUNK, &s->a));
    is_index(1, dsql_tx_query_fetch(tx, series, DSQL_NO_PARAMS, 2 * CHUNK, &s->b));
  } else {
    (void)add(tx, 0, &s->sum_a);
    (void)add(tx, 1, &s->sum_b);
    s->chunks++;
    if (dsql_portal_done(s->a) && dsql_portal_done(s->b)) return DSQL_COMMIT;
    is_index(0, dsql_tx_portal_fetch(tx, s->a, CHUNK));
    is_index(1, dsql_tx_portal_fetch(tx, s->b, 2 * CHUNK));
  }
  is_index(2, dsql_tx_query(tx, "select 1", DSQL_NO_PARAMS));
  return DSQL_WAIT;
}

Test(tx_portals, two_at_once_with_statements_between) {
  dsql_future *f = dsql_run_transaction(pool, two_portals, NULL, NULL);
  const struct scratch *s = succeeds(f);
  cr_assert_eq(s->sum_a, ROWS * (ROWS + 1) / 2);
  cr_assert_eq(s->sum_b, ROWS * (ROWS + 1) / 2);
  cr_assert_eq(s->chunks, ROWS / CHUNK + 1);
  dsql_future_destroy(f);
  pool_is_clean();
}

static dsql_step left_early(dsql_tx *tx, const void *in, void *scratch) {
  struct scratch *s = scratch;
  const bool *close = in;

  if (dsql_tx_step(tx) == 0) {
    (void)dsql_tx_query_fetch(tx, series, DSQL_NO_PARAMS, CHUNK, &s->a);
    return DSQL_WAIT;
  }
  cr_assert_eq(add(tx, 0, &s->sum_a), CHUNK);
  if (*close && dsql_tx_step(tx) == 1) {
    (void)dsql_tx_query(tx, "select 1", DSQL_NO_PARAMS);
    dsql_portal_close(s->a);                                         /* travels with it */
    (void)dsql_tx_query_fetch(tx, series, DSQL_NO_PARAMS, 1, &s->b); /* the COMMIT ends that one */
  }
  return DSQL_COMMIT;
}

Test(tx_portals, left_or_closed_before_the_end) {
  for (int i = 0; i < 2; i++) {
    bool close = i;
    dsql_future *f = dsql_run_transaction(pool, left_early, &close, NULL);
    (void)succeeds(f);
    dsql_future_destroy(f);
    pool_is_clean();
  }
}

static dsql_step commits_at_once(dsql_tx *tx, const void *in, void *scratch) {
  struct scratch *s = scratch;
  (void)in;
  (void)dsql_tx_query_fetch(tx, series, DSQL_NO_PARAMS, CHUNK, &s->a);
  (void)dsql_tx_portal_fetch(tx, s->a, CHUNK);
  return DSQL_COMMIT;
}

Test(tx_portals, with_the_commit_behind_it) {
  dsql_future *f = dsql_run_transaction(pool, commits_at_once, NULL, NULL);
  (void)succeeds(f);
  dsql_future_destroy(f);
  pool_is_clean();
}

/* Past its end it gives empty chunks without a round trip; a step may consist of them. */
static dsql_step past_the_end(dsql_tx *tx, const void *in, void *scratch) {
  struct scratch *s = scratch;
  (void)in;
  if (dsql_tx_step(tx) == 0) {
    (void)dsql_tx_query_fetch(tx, "select 1::int8", DSQL_NO_PARAMS, 2, &s->a);
    return DSQL_WAIT;
  }
  cr_assert_eq(add(tx, 0, &s->sum_a), dsql_tx_step(tx) == 1);
  cr_assert(dsql_portal_done(s->a));
  if (dsql_tx_step(tx) == 3) return DSQL_COMMIT;
  cr_assert_eq(dsql_tx_portal_fetch(tx, s->a, 2), 0);
  return DSQL_WAIT;
}

Test(tx_portals, past_its_end) {
  dsql_future *f = dsql_run_transaction(pool, past_the_end, NULL, NULL);
  cr_assert_eq(succeeds(f)->sum_a, 1);
  dsql_future_destroy(f);
}

static dsql_step of_a_statement(dsql_tx *tx, const void *in, void *scratch) {
  struct scratch *s = scratch;
  if (dsql_tx_step(tx) == 0)
    (void)dsql_tx_query_stmt_fetch(tx, (dsql_stmt *)(uintptr_t)in, DSQL_NO_PARAMS, CHUNK, &s->a);
  else if (add(tx, 0, &s->sum_a) < CHUNK)
    return DSQL_COMMIT;
  else
    (void)dsql_tx_portal_fetch(tx, s->a, CHUNK);
  return DSQL_WAIT;
}

Test(tx_portals, of_a_prepared_statement) {
  dsql_stmt *stmt;
  cr_assert_eq(dsql_stmt_new(&stmt, x.rt, series, NULL, 0), 0);
  for (int i = 0; i < 2; i++) {
    dsql_future *f = dsql_run_transaction(pool, of_a_statement, stmt, NULL);
    cr_assert_eq(succeeds(f)->sum_a, ROWS * (ROWS + 1) / 2);
    dsql_future_destroy(f);
  }
  dsql_stmt_free(stmt);
}

/* ---- failures ---- */

static dsql_step conflicts_once(dsql_tx *tx, const void *in, void *scratch) {
  struct scratch *s = scratch;
  (void)in;
  if (dsql_tx_step(tx) == 0) {
    cr_assert_null(s->a);
    (void)dsql_tx_query_fetch(tx, series, DSQL_NO_PARAMS, CHUNK, &s->a);
    return DSQL_WAIT;
  }
  cr_assert_eq(add(tx, 0, &s->sum_a), CHUNK);
  if (dsql_tx_step(tx) == 2) return DSQL_COMMIT;
  if (dsql_tx_attempt(tx) == 1)
    (void)dsql_tx_query(tx, "do $$ begin raise exception using errcode = '40001'; end $$", DSQL_NO_PARAMS);
  (void)dsql_tx_portal_fetch(tx, s->a, CHUNK);
  return DSQL_WAIT;
}

Test(tx_portals, an_attempt_ends_with_its_portals) {
  dsql_future *f;
  if (is_local()) return;
  f = dsql_run_transaction(pool, conflicts_once, NULL, NULL);
  cr_assert_eq(succeeds(f)->sum_a, 2 * CHUNK * (2 * CHUNK + 1) / 2);
  cr_assert_eq(failed_attempts, 1);
  dsql_future_destroy(f);
  pool_is_clean();
}

enum mistake { NO_ROWS, NO_SQL, NO_PORTAL, FOREIGN, CONTROL, FAILS, MISTAKES };

static dsql_portal *foreign;

static dsql_step mistaken(dsql_tx *tx, const void *in, void *scratch) {
  struct scratch *s = scratch;
  int rc = 0;

  switch (*(const enum mistake *)in) {
    case NO_ROWS: rc = dsql_tx_query_fetch(tx, series, DSQL_NO_PARAMS, 0, &s->a); break;
    case NO_SQL: rc = dsql_tx_query_fetch(tx, NULL, DSQL_NO_PARAMS, 1, &s->a); break;
    case NO_PORTAL: rc = dsql_tx_portal_fetch(tx, NULL, 1); break;
    case FOREIGN: rc = dsql_tx_portal_fetch(tx, foreign, 1); break;
    case CONTROL: rc = dsql_tx_query_fetch(tx, "commit", DSQL_NO_PARAMS, 1, &s->a); break;
    default: cr_assert_eq(dsql_tx_query_fetch(tx, "select 1 / 0", DSQL_NO_PARAMS, 1, &s->a), 0); return DSQL_COMMIT;
  }
  cr_assert_eq(rc, DSQL_EINVAL);
  return DSQL_COMMIT;
}

Test(tx_portals, mistakes_end_the_transaction) {
  dsql_conn *c;
  dsql_future *f;

  if (is_local()) return;
  c = client_connect(&x, "%s", server_conninfo(server_default()));
  f = dsql_query_fetch(c, series, DSQL_NO_PARAMS, 1, NULL, &foreign);
  for (enum mistake m = NO_ROWS; m < MISTAKES; m++) {
    dsql_future *t = dsql_run_transaction(pool, mistaken, &m, NULL);
    cr_assert_eq(dsql_future_run(t), m == FAILS ? DSQL_ESERVER : DSQL_EINVAL, "%d: %s", (int)m, client_error_text(t));
    dsql_future_destroy(t);
    pool_is_clean();
  }
  dsql_future_destroy(f);
  dsql_portal_close(foreign);
  dsql_conn_close(c);
}

static dsql_step slow(dsql_tx *tx, const void *in, void *scratch) {
  struct scratch *s = scratch;
  (void)in;
  if (dsql_tx_step(tx) == 0) {
    (void)dsql_tx_query_fetch(
        tx, "select i::int8, pg_sleep(case when i > 1 then 30 else 0 end) from generate_series(1, 3) i", DSQL_NO_PARAMS,
        1, &s->a);
    return DSQL_WAIT;
  }
  (void)dsql_tx_portal_fetch(tx, s->a, 1);
  s->chunks++;
  return DSQL_WAIT;
}

Test(tx_portals, given_up_in_a_fetch) {
  if (is_local()) return;
  for (int how = 0; how < 3; how++) {
    dsql_tx_options o = options;
    dsql_future *f;
    if (how == 2) o.deadline_ms = 60;
    f = dsql_run_transaction(pool, slow, NULL, &o);
    for (int i = 0; i < 20; i++) {
      usleep(2000);
      (void)uv_run(&x.loop, UV_RUN_NOWAIT);
    }
    cr_assert_not(dsql_future_ready(f), "%s", client_error_text(f));
    if (how == 0) dsql_future_cancel(f);
    if (how == 1)
      dsql_future_destroy(f);
    else
      cr_assert_eq(client_settle(f), how == 0 ? DSQL_ECANCELED : DSQL_ETIMEDOUT);
    pool_is_clean();
  }
}

/* ---- each allocation failing in turn ---- */

/* False: the nth is not reached any more. */
static bool without_memory(size_t n) {
  dsql_future *f;
  bool fired;
  int code;

  open_all();
  options.deadline_ms = 2000;
  test_alloc_arm(&x.heap, n, false);
  f = dsql_run_transaction(pool, two_portals, NULL, &options);
  code = dsql_future_run(f);
  fired = test_alloc_fired(&x.heap);
  test_alloc_arm(&x.heap, 0, false);
  cr_assert(fired || code == 0, "%s", client_error_text(f));
  dsql_future_destroy(f);
  pool_is_clean();
  close_pool();
  return fired;
}

Test(tx_portals_memory, each_allocation_fails_in_turn, .timeout = 100) {
  size_t n = 1;
  if (is_local()) return;
  while (without_memory(n)) n++;
  printf("%zu allocations\n", n - 1);
  cr_assert_gt(n, 10);
}
