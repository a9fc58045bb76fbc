/* bench_dsql_pool.c - works of a pool that has its connection:
 *
 *   acquire       COUNT times dsql_pool_acquire(), which need not wait, and dsql_pool_release(), in a callback, where
 *                 the time of the loop's turn is known
 *   transaction   COUNT times dsql_run_transaction() of two flights: BEGIN and a query; then a query and COMMIT */
#include "bench_dsql.h"
#include "measure.h"
#include "work.h"

static dsql_pool *pool;
static uv_loop_t *loop;
static int64_t sum;

static void acquire_once(void) {
  dsql_future *f = dsql_pool_acquire(pool);
  dsql_conn *conn = NULL;

  check(dsql_future_take_conn(f, &conn));
  dsql_future_destroy(f);
  dsql_pool_release(pool, conn);
  sum++;
}

static void acquire(uint64_t count) {
  for (uint64_t i = 0; i < count; i++) acquire_once();
}

static void on_answer(dsql_future *f, void *arg) {
  acquire(*(const uint64_t *)arg);
  dsql_future_destroy(f);
}

static void acquire_in_callback(uint64_t count) {
  dsql_future *f = dsql_pool_query(pool, SQL_INT8, DSQL_PARAMS(dsql_int8(1)), NULL);
  check(dsql_future_on_ready(f, on_answer, &count));
  while (sum < (int64_t)count) uv_run(loop, UV_RUN_ONCE);
}

static dsql_step two_flights(dsql_tx *tx, const void *in, void *scratch) {
  (void)in;
  (void)scratch;
  if (dsql_tx_step(tx) > 0) sum += one_value(dsql_tx_result(tx, 0));
  (void)dsql_tx_query(tx, SQL_INT8, DSQL_PARAMS(dsql_int8(1)));
  return dsql_tx_step(tx) > 0 ? DSQL_COMMIT : DSQL_WAIT;
}

static void transact(uint64_t count) {
  for (uint64_t i = 0; i < count; i++) must_succeed(dsql_run_transaction(pool, two_flights, NULL, NULL));
}

bool run_pool(struct client *c, const char *name, uint64_t count) {
  void (*work)(uint64_t) = strcmp(name, "acquire") == 0       ? acquire_in_callback
                           : strcmp(name, "transaction") == 0 ? transact
                                                              : NULL;
  struct sample begin, end;
  dsql_pool_config config;

  if (!work) return false;
  loop = &c->loop;
  dsql_pool_config_init(&config);
  config.conns_max = 1;
  check(dsql_pool_new(&pool, c->rt, c->target, &config));
  must_succeed(dsql_pool_query(pool, SQL_INT8, DSQL_PARAMS(dsql_int8(1)), NULL));
  work(WARM_UP);
  sum = 0;
  measure_sample(&begin);
  work(count);
  measure_sample(&end);
  report_work(&begin, &end, count, sum);
  must_succeed(dsql_pool_close(pool, 1000));
  return true;
}
