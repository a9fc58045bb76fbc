/* A day of an hour's connections, compressed: dsql local ends connections after 3 s (run_day), the pool replaces them
 * after at most 2.5 s, and nobody who works on it notices. */
#include "pooled.h"

enum { DAY_MS = 9000, LIFETIME_MS = 2500, CONNECTIONS = 4, WORKERS = 6 };

static struct pooled p;
static unsigned done, running;
static bool evening;

static void open_all(void) {
  pooled_open(&p);
  p.config.conns_max = p.config.conns_min = CONNECTIONS;
  p.config.lifetime_ms = LIFETIME_MS;
  pooled_make(&p);
}

static void close_all(void) { pooled_close(&p); }

TestSuite(day, .init = open_all, .fini = close_all, .timeout = 60);

static dsql_step two_flights(dsql_tx *tx, const void *in, void *scratch) {
  (void)in;
  (void)scratch;
  (void)dsql_tx_query(tx, "select 1", DSQL_NO_PARAMS);
  return dsql_tx_step(tx) == 0 ? DSQL_WAIT : DSQL_COMMIT;
}

static void work(void);

static void again(dsql_future *f, void *arg) {
  (void)arg;
  cr_assert_eq(dsql_future_code(f), 0, "%s", client_error_text(f));
  dsql_future_destroy(f);
  done++;
  running--;
  if (!evening) work();
}

/* Transactions that nothing is retried for, and statements in turn. */
static void work(void) {
  dsql_tx_options o;
  dsql_future *f;

  dsql_tx_options_init(&o);
  o.retries_max = DSQL_NO_RETRY;
  f = done % 2 ? dsql_run_transaction(p.pool, two_flights, NULL, &o)
               : dsql_pool_query(p.pool, "select 1", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_on_ready(f, again, NULL), 0);
  running++;
}

Test(day, connections_go_before_they_are_ended) {
  dsql_pool_stats s;

  for (int i = 0; i < WORKERS; i++) work();
  pooled_turn_ms(&p, DAY_MS);
  evening = true;
  while (running) pooled_turn_ms(&p, 10);
  s = pooled_stats(&p);
  cr_expect_gt(done, 100);
  cr_expect_geq(s.gone[DSQL_GONE_LIFETIME], (DAY_MS / LIFETIME_MS - 1) * CONNECTIONS);
  cr_expect_eq(s.gone[DSQL_GONE_LOST] + s.gone[DSQL_GONE_DIRTY] + s.connect_failures, 0);
}
