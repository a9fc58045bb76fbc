/* bench_backoff.c - what a back-off is worth: workers that all read and write the same row, each as soon as its last
 * transaction has ended.
 *
 *   bench_backoff exponential|full-jitter WORKERS RETRIES TRANSACTIONS TARGET
 *
 * RETRIES is retries_max; the delays are the defaults. Each worker has a connection. Prints the transactions that were
 * committed and that failed, the attempts of all, and the time. The row has to agree with the commits. */
#include <string.h>

#include "bench_dsql.h"
#include "measure.h"

enum { WORKERS_MAX = 64 };

static struct {
  struct client client;
  dsql_pool *pool;
  uint64_t left, running, commits, failures, attempts;
} bench;

static dsql_future *start_sql(const char *sql) { return dsql_retry_statement(bench.pool, sql, DSQL_NO_PARAMS, NULL); }

static int64_t row_value(void) {
  dsql_future *f = start_sql("select n from hot_row");
  int64_t n;
  if (dsql_future_run(f) == DSQL_ENOTREADY) die("dsql: the loop ended before the answer came");
  n = one_value(must_result(f));
  dsql_future_destroy(f);
  return n;
}

static void make_row(void) {
  must_succeed(start_sql("create table if not exists hot_row(n bigint not null)"));
  must_succeed(start_sql("delete from hot_row"));
  must_succeed(start_sql("insert into hot_row values (0)"));
}

static dsql_step increment(dsql_tx *tx, const void *in, void *scratch) {
  int64_t n;

  (void)in;
  (void)scratch;
  if (dsql_tx_step(tx) == 0) {
    bench.attempts++;
    (void)dsql_tx_query(tx, "select n from hot_row", DSQL_NO_PARAMS);
    return DSQL_WAIT;
  }
  if (dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, &n)) return dsql_tx_abort(tx, 1);
  (void)dsql_tx_query(tx, "update hot_row set n = $1", DSQL_PARAMS(dsql_int8(n + 1)));
  return DSQL_COMMIT;
}

static void work(void);

static void on_end(dsql_future *f, void *arg) {
  const dsql_error *e = dsql_future_error(f);

  (void)arg;
  if (e && !dsql_error_conflict(e)) die("dsql: %s: %.*s", e->sqlstate, (int)e->message.len, e->message.ptr);
  if (e)
    bench.failures++;
  else
    bench.commits++;
  dsql_future_destroy(f);
  bench.running--;
  work();
}

static void work(void) {
  if (bench.left == 0) return;
  bench.left--;
  bench.running++;
  check(dsql_future_on_ready(dsql_run_transaction(bench.pool, increment, NULL, NULL), on_end, NULL));
}

static void open_pool(const char *backoff, uint64_t workers, uint64_t retries) {
  dsql_pool_config c;
  dsql_tx_options o;

  dsql_pool_config_init(&c);
  dsql_tx_options_init(&o);
  o.retries_max = (int)retries;
  if (strcmp(backoff, "full-jitter") == 0)
    o.backoff = DSQL_BACKOFF_FULL_JITTER;
  else if (strcmp(backoff, "exponential") == 0)
    o.backoff = DSQL_BACKOFF_EXPONENTIAL;
  else
    die("the back-off is exponential or full-jitter, not %s", backoff);
  c.conns_max = c.conns_min = (uint32_t)workers;
  c.connects_max = WORKERS_MAX;
  c.tx = &o;
  check(dsql_pool_new(&bench.pool, bench.client.rt, bench.client.target, &c));
}

static void await_connections(uint64_t workers) {
  dsql_pool_stats s = {0};
  while (s.idle < workers) {
    uv_run(&bench.client.loop, UV_RUN_ONCE);
    dsql_pool_stats_get(bench.pool, &s, sizeof s);
  }
}

int main(int argc, char **argv) {
  struct sample begin, end;
  uint64_t workers;
  int64_t n;

  if (argc != 6) die("usage: bench_backoff exponential|full-jitter WORKERS RETRIES TRANSACTIONS TARGET");
  workers = parse_count(argv[2]);
  if (workers > WORKERS_MAX) die("at most %d workers", WORKERS_MAX);
  client_open(&bench.client, argv[5]);
  open_pool(argv[1], workers, parse_count(argv[3]));
  make_row();
  await_connections(workers);
  bench.left = parse_count(argv[4]);
  measure_sample(&begin);
  for (uint64_t i = 0; i < workers; i++) work();
  while (bench.running) uv_run(&bench.client.loop, UV_RUN_ONCE);
  measure_sample(&end);
  n = row_value();
  if (n != (int64_t)bench.commits) die("the row says %d, %d were committed", (int)n, (int)bench.commits);
  report("commits", n);
  report("failures", (int64_t)bench.failures);
  report("attempts", (int64_t)bench.attempts);
  report("wall_us", (end.wall_ns - begin.wall_ns) / 1000);
  must_succeed(dsql_pool_close(bench.pool, 1000));
  client_close(&bench.client);
  return 0;
}
