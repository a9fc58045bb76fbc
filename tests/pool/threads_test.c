/* Two runtimes in two threads, each with a loop, a pool and transactions of its own, on the same rows. What they share is
 * inside the library and below it; ThreadSanitizer looks on where it is built in. */
#include <pthread.h>
#include <stdio.h>

#include "client.h"

enum { THREADS = 2, CONNS = 4, TRANSACTIONS = 60 };

struct thread {
  pthread_t id;
  char conninfo[512];
  uv_loop_t loop;
  struct test_alloc heap;
  dsql_rt *rt;
  dsql_pool *pool;
  unsigned committed, failed, pending;
  bool closed;
  char why[200];
};

static const char INCREMENT[] = "update threads_counter set n = n + 1";

static dsql_step increment(dsql_tx *tx, const void *in, void *scratch) {
  (void)in, (void)scratch;
  if (dsql_tx_step(tx) == 0) {
    (void)dsql_tx_query(tx, "select n from threads_counter", DSQL_NO_PARAMS);
    return DSQL_WAIT;
  }
  (void)dsql_tx_query(tx, INCREMENT, DSQL_NO_PARAMS);
  return DSQL_COMMIT;
}

static void on_closed(void *arg) { ((struct thread *)arg)->closed = true; }

static void on_pool_closed(dsql_future *f, void *arg) {
  struct thread *t = arg;
  dsql_future_destroy(f);
  dsql_rt_close(t->rt, on_closed, t);
}

static void on_done(dsql_future *f, void *arg) {
  struct thread *t = arg;

  if (dsql_future_code(f) == 0)
    t->committed++;
  else if (t->failed++ == 0)
    (void)snprintf(t->why, sizeof t->why, "%s", client_error_text(f));
  dsql_future_destroy(f);
  if (--t->pending) return;
  if (dsql_future_on_ready(dsql_pool_close(t->pool, 1000), on_pool_closed, t)) t->failed++;
}

static bool start(struct thread *t) {
  dsql_pool_config config;
  dsql_tx_options options;
  dsql_target *target;
  dsql_config c;
  int rc;

  dsql_config_init(&c);
  dsql_pool_config_init(&config);
  dsql_tx_options_init(&options);
  c.target = t->conninfo;
  config.conns_max = CONNS;
  config.tx = &options;
  options.retries_max = 100;
  if (dsql_target_new(&target, t->rt, &c, NULL)) return false;
  rc = dsql_pool_new(&t->pool, t->rt, target, &config);
  dsql_target_free(target);
  for (int i = 0; rc == 0 && i < TRANSACTIONS; i++) {
    t->pending++;
    rc = dsql_future_on_ready(dsql_run_transaction(t->pool, increment, NULL, NULL), on_done, t);
  }
  return rc == 0;
}

static void *run(void *arg) {
  struct thread *t = arg;

  test_alloc_init(&t->heap);
  if (uv_loop_init(&t->loop) || dsql_rt_new(&t->rt, &t->loop, &t->heap.hook) || !start(t)) {
    t->failed++;
    return NULL;
  }
  (void)uv_run(&t->loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&t->loop)) t->failed++;
  return NULL;
}

Test(threads, two_runtimes_in_two_threads_with_pool_and_transactions, .timeout = 60) {
  static struct thread threads[THREADS];
  char expected[16];
  struct client x;
  dsql_conn *c;

  client_open(&x);
  c = client_connect(&x, "%s", server_conninfo(server_default()));
  client_exec(c, "drop table if exists threads_counter; create table threads_counter(n int);"
                 "insert into threads_counter values (0)");
  for (int i = 0; i < THREADS; i++) {
    (void)snprintf(threads[i].conninfo, sizeof threads[i].conninfo, "%s", server_conninfo(server_default()));
    cr_assert_eq(pthread_create(&threads[i].id, NULL, run, &threads[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    cr_assert_eq(pthread_join(threads[i].id, NULL), 0);
    cr_assert_eq(threads[i].failed, 0, "%s", threads[i].why);
    cr_assert_eq(threads[i].committed, TRANSACTIONS);
    cr_assert(threads[i].closed);
    test_alloc_assert_empty(&threads[i].heap);
  }
  (void)snprintf(expected, sizeof expected, "%d", THREADS * TRANSACTIONS);
  cr_assert_str_eq(client_value(c, "select n from threads_counter"), expected);
  client_exec(c, "drop table threads_counter");
  dsql_conn_close(c);
  client_close(&x);
}
