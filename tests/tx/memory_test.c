/* Each allocation of a transaction failing in turn, on a real server: it ends, nothing leaks, and what it has reported is
 * what has happened. */
#include <stdlib.h>

#include "client.h"

static struct client x;
static dsql_pool *pool;
static dsql_conn *witness;

enum { STATEMENTS = 20, SCRATCH = 6000 };

static dsql_step many(dsql_tx *tx, const void *in, void *scratch) {
  unsigned char *bytes = scratch;
  (void)in;
  for (size_t i = 0; i < SCRATCH; i++) cr_assert_eq(bytes[i], dsql_tx_step(tx) ? 7 : 0);
  memset(bytes, 7, SCRATCH);
  if (dsql_tx_step(tx) == 0) {
    for (int i = 0; i < STATEMENTS; i++) (void)dsql_tx_query(tx, "select repeat('x', 500)", DSQL_NO_PARAMS);
    (void)dsql_tx_await(tx, dsql_all(x.rt, NULL, 0));
    return DSQL_WAIT;
  }
  for (int i = 0; i < STATEMENTS; i++) cr_assert_eq(dsql_result_rows(dsql_tx_result(tx, i)), 1);
  (void)dsql_tx_query(tx, "update memory set n = n + 1", DSQL_NO_PARAMS);
  return DSQL_COMMIT;
}

static dsql_future *body(void) {
  dsql_tx_options o;
  dsql_tx_options_init(&o);
  o.scratch_size = SCRATCH;
  o.deadline_ms = 1000;
  return dsql_run_transaction(pool, many, NULL, &o);
}

static dsql_future *batch(void) {
  dsql_tx_options o;
  dsql_batch *b = NULL;
  dsql_future *f;
  int rc = dsql_batch_new(&b, x.rt);
  dsql_tx_options_init(&o);
  o.deadline_ms = 1000;
  for (int i = 0; rc == 0 && i < STATEMENTS; i++)
    rc = dsql_batch_add(b, "select $1", DSQL_PARAMS(dsql_text("some text that is copied")), -1, 0);
  if (rc == 0) rc = dsql_batch_add(b, "update memory set n = n + 1", DSQL_NO_PARAMS, 1, 1);
  f = rc ? NULL : dsql_run_batch(pool, b, &o);
  dsql_batch_free(b);
  return f;
}

static dsql_future *single(void) {
  dsql_tx_options o;
  dsql_tx_options_init(&o);
  o.deadline_ms = 1000;
  return dsql_retry_statement(pool, "update memory set n = n + 1", DSQL_NO_PARAMS, &o);
}

static int number(void) { return (int)strtol(client_value(witness, "select n from memory"), NULL, 10); }

static void open_pool(void) {
  dsql_pool_config c;
  dsql_target *t;
  client_open(&x);
  dsql_pool_config_init(&c);
  c.conns_max = 1;
  t = client_target(&x, "%s", server_conninfo(server_default()));
  cr_assert_eq(dsql_pool_new(&pool, x.rt, t, &c), 0);
  dsql_target_free(t);
  witness = client_connect(&x, "%s", server_conninfo(server_default()));
}

static void close_pool(void) {
  cr_assert_eq(client_settle(dsql_pool_close(pool, 0)), 0);
  dsql_conn_close(witness);
  client_close(&x);
}

/* False: the nth allocation is not reached any more. */
static bool one_run(dsql_future *(*start)(void), size_t n) {
  int before, code;
  unsigned flags;
  bool fired;
  dsql_future *f;

  open_pool();
  before = number();
  test_alloc_arm(&x.heap, n, false);
  f = start();
  code = dsql_future_run(f);
  flags = f ? dsql_future_error(f) ? dsql_future_error(f)->flags : 0 : 0;
  fired = test_alloc_fired(&x.heap);
  test_alloc_arm(&x.heap, 0, false);
  if (!(flags & DSQL_IN_DOUBT)) cr_expect_eq(number() - before, code == 0, "%zu: %s", n, client_error_text(f));
  if (!fired) cr_expect_eq(code, 0, "%s", client_error_text(f));
  dsql_future_destroy(f);
  close_pool();
  return fired;
}

static void sweep(dsql_future *(*start)(void)) {
  size_t n = 1;
  while (one_run(start, n)) n++;
  cr_expect_gt(n, 5, "only %zu allocations", n);
}

static void make_table(void) {
  open_pool();
  client_exec(witness, "drop table if exists memory; create table memory(n int); insert into memory values (0)");
  close_pool();
}

TestSuite(memory, .init = make_table);

Test(memory, a_body) { sweep(body); }
Test(memory, a_batch) { sweep(batch); }
Test(memory, a_single_statement) { sweep(single); }
