#include "bench/txn.h"

#include <stdio.h>
#include <stdlib.h>

#include "diagnostics.h"
#include "query.h"
#include "tool.h"

enum { TOO_POOR = 1, AMOUNT_MAX = 10 }; /* TOO_POOR: the app_code of a transfer that the balance does not allow */
enum { COUNT_REFUSED, COUNT_RETRIES, COUNT_DATA, COUNT_SCHEMA, COUNT_IN_DOUBT, COUNTS };

static const struct bench_name counters[COUNTS] = {{"refused", "refused: balance too low"},
                                                   {"retries", "retries"},
                                                   {"conflicts_data", "conflicts, data"},
                                                   {"conflicts_schema", "conflicts, schema"},
                                                   {"in_doubt", "in doubt"}};

static uint64_t *counts(struct txn_bench *t) { return t->bench->report.variants[0].counters; }

/* ---- a transfer as a step function: read, check, write ---- */

static dsql_step read_both(dsql_tx *tx, const struct transfer *m) {
  (void)dsql_tx_query_stmt(tx, m->owner->read, DSQL_PARAMS(dsql_int8(m->from)));
  (void)dsql_tx_query_stmt(tx, m->owner->read, DSQL_PARAMS(dsql_int8(m->to)));
  return DSQL_WAIT;
}

static void write_one(dsql_tx *tx, const struct transfer *m, int64_t id, int64_t balance) {
  (void)dsql_tx_query_stmt(tx, m->owner->write, DSQL_PARAMS(dsql_int8(id), dsql_int8(balance)));
}

/* The lower account first: transfers that lock in one order do not wait for each other in a circle. */
static dsql_step write_both(dsql_tx *tx, const struct transfer *m, int64_t from, int64_t to) {
  bool from_first = m->from < m->to;

  if (from < m->amount) return dsql_tx_abort(tx, TOO_POOR);
  if (from_first) write_one(tx, m, m->from, from - m->amount);
  write_one(tx, m, m->to, to + m->amount);
  if (!from_first) write_one(tx, m, m->from, from - m->amount);
  return DSQL_COMMIT;
}

static dsql_step step(dsql_tx *tx, const void *in, void *scratch) {
  const struct transfer *m = in;
  int64_t from, to;

  (void)scratch;
  if (dsql_tx_step(tx) == 0) return read_both(tx, m);
  if (dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, &from) || dsql_get_int8(dsql_tx_result(tx, 1), 0, 0, &to))
    return dsql_tx_abort(tx, TOO_POOR + 1);
  return write_both(tx, m, from, to);
}

/* ---- a transfer as a batch ---- */

static dsql_future *run_batch(struct transfer *m) {
  struct txn_bench *t = m->owner;
  bool from_first = m->from < m->to;
  dsql_params debit = DSQL_PARAMS(dsql_int8(m->from), dsql_int8(m->amount));
  dsql_params credit = DSQL_PARAMS(dsql_int8(m->to), dsql_int8(m->amount));
  int code = dsql_batch_new(&m->batch, t->bench->rt);

  if (code == 0 && from_first) code = dsql_batch_add(m->batch, t->debit, debit, 1, TOO_POOR);
  if (code == 0) code = dsql_batch_add(m->batch, t->credit, credit, 1, TOO_POOR + 1);
  if (code == 0 && !from_first) code = dsql_batch_add(m->batch, t->debit, debit, 1, TOO_POOR);
  return code ? NULL : dsql_run_batch(t->pool, m->batch, NULL);
}

/* ---- one transfer ---- */

static void on_attempt_failed(const dsql_tx_event *e, void *arg) {
  struct txn_bench *t = arg;

  counts(t)[COUNT_RETRIES] += e->will_retry;
  counts(t)[COUNT_DATA] += e->conflict == DSQL_CONFLICT_DATA;
  counts(t)[COUNT_SCHEMA] += e->conflict == DSQL_CONFLICT_SCHEMA;
}

static void on_done(dsql_future *f, void *arg) {
  struct transfer *m = arg;
  struct txn_bench *t = m->owner;
  struct variant *v = &t->bench->report.variants[0];
  const dsql_error *e = dsql_future_error(f);
  int code = dsql_future_code(f);
  bool refused = e && e->code == DSQL_EABORT && e->app_code == TOO_POOR;

  if (refused)
    counts(t)[COUNT_REFUSED]++;
  else if (code == 0)
    bench_succeeded(t->bench, v, m->due_ns, uv_hrtime());
  else
    bench_failed(t->bench, v, code, e);
  if (e && e->flags & DSQL_IN_DOUBT) counts(t)[COUNT_IN_DOUBT]++;
  m->future = NULL;
  dsql_future_destroy(f);
  dsql_batch_free(m->batch);
  m->batch = NULL;
  runner_done(&t->bench->runner, (size_t)(m - t->transfers), code == 0 || refused);
}

/* splitmix64 */
static uint64_t random_below(struct txn_bench *t, uint64_t n) {
  uint64_t z = (t->random += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return (z ^ (z >> 31)) % n;
}

static void start(void *owner, size_t slot, uint64_t due_ns) {
  struct txn_bench *t = owner;
  struct transfer *m = &t->transfers[slot];
  uint64_t accounts = t->bench->args->accounts;

  m->due_ns = due_ns;
  m->from = (int64_t)random_below(t, accounts);
  m->to = (int64_t)random_below(t, accounts - 1);
  if (m->to >= m->from) m->to++;
  m->amount = 1 + (int64_t)random_below(t, AMOUNT_MAX);
  m->future = t->bench->args->style == STYLE_BATCH ? run_batch(m) : dsql_run_transaction(t->pool, step, m, NULL);
  if (dsql_future_on_ready(m->future, on_done, m) == 0) return;
  bench_failed(t->bench, &t->bench->report.variants[0], DSQL_ENOMEM, NULL);
  dsql_future_destroy(m->future);
  dsql_batch_free(m->batch);
  m->future = NULL;
  m->batch = NULL;
  runner_done(&t->bench->runner, slot, false);
}

static void cancel(void *owner) {
  struct txn_bench *t = owner;
  for (size_t i = 0; i < t->workers; i++)
    if (t->transfers[i].future) dsql_future_cancel(t->transfers[i].future);
}

static void tick(void *owner, uint64_t elapsed_ns) {
  struct txn_bench *t = owner;
  progress_show(t->bench, elapsed_ns);
}

static const struct runner_work work = {start, cancel, tick};

/* ---- all of it ---- */

static int make_pool(struct txn_bench *t) {
  dsql_tx_options options;
  dsql_pool_config config;
  int code;

  dsql_tx_options_init(&options);
  options.observer = on_attempt_failed;
  options.observer_arg = t;
  dsql_pool_config_init(&config);
  config.conns_max = (uint32_t)t->workers;
  config.tx = &options;
  code = dsql_pool_new(&t->pool, t->bench->rt, t->target, &config);
  return code ? tool_failed(code, NULL) : EXIT_OK;
}

/* As many connections as there are workers, so that connecting is not what is measured. */
static int open_connections(struct txn_bench *t) {
  dsql_future **acquires = calloc(t->workers, sizeof(dsql_future *));
  int code = EXIT_OK;

  if (!acquires) return tool_failed(DSQL_ENOMEM, NULL);
  for (size_t i = 0; i < t->workers; i++) acquires[i] = dsql_pool_acquire(t->pool);
  for (size_t i = 0; i < t->workers && !code; i++) {
    int rc = bench_wait(t->bench, acquires[i]);
    if (rc) code = tool_failed(rc, dsql_future_error(acquires[i]));
  }
  for (size_t i = 0; i < t->workers; i++) dsql_future_destroy(acquires[i]); /* gives the connection back */
  free(acquires);
  return code;
}

static int prepare(struct txn_bench *t) {
  char sql[TXN_SQL_SIZE];
  int code;

  t->random = uv_hrtime();
  t->transfers = calloc(t->workers, sizeof *t->transfers);
  if (!t->transfers) return tool_failed(DSQL_ENOMEM, NULL);
  for (size_t i = 0; i < t->workers; i++) t->transfers[i].owner = t;
  (void)snprintf(t->debit, sizeof t->debit, "update %s set balance = balance - $2 where id = $1 and balance >= $2",
                 t->table);
  (void)snprintf(t->credit, sizeof t->credit, "update %s set balance = balance + $2 where id = $1", t->table);
  (void)snprintf(sql, sizeof sql, "select balance from %s where id = $1", t->table);
  code = dsql_stmt_new(&t->read, t->bench->rt, sql, NULL, 0);
  (void)snprintf(sql, sizeof sql, "update %s set balance = $2 where id = $1", t->table);
  if (code == 0) code = dsql_stmt_new(&t->write, t->bench->rt, sql, NULL, 0);
  return code ? tool_failed(code, NULL) : EXIT_OK;
}

static void tell_work(struct bench *b) {
  const struct bench_args *a = b->args;
  bool batch = a->style == STYLE_BATCH;

  (void)snprintf(b->report.variants[0].name, sizeof b->report.variants[0].name, "%s", batch ? "batch" : "step");
  report_fact(&b->report, "method", "transfers between %llu accounts, %llu workers, %s",
              (unsigned long long)a->accounts, (unsigned long long)a->concurrency,
              batch ? "as a declared batch" : "read, check, write");
}

static int run_transfers(struct txn_bench *t) {
  int code = open_connections(t), checked;

  if (!code) code = prepare(t);
  if (!code) code = bench_run(t->bench, &work, t, t->workers);
  checked = txn_table_check(t);
  return code ? code : checked;
}

static int run_txn(struct txn_bench *t) {
  int code = bench_target(t->bench, NULL, true, false, &t->target);

  if (code) return code;
  bench_tell_target(t->bench, t->target);
  tell_work(t->bench);
  code = make_pool(t);
  if (!code) code = txn_table_make(t);
  if (!code) code = run_transfers(t);
  if (t->made && !t->bench->args->keep) {
    int dropped = txn_table_drop(t);
    if (!code) code = dropped;
  }
  return code;
}

static void close_pool(struct txn_bench *t) {
  dsql_future *f;
  int ignored;

  if (!t->pool) return;
  f = dsql_pool_close(t->pool, 0);
  ignored = dsql_future_run(f);
  (void)ignored;
  dsql_future_destroy(f);
}

int bench_txn(struct bench *b) {
  struct txn_bench t = {.bench = b, .workers = b->args->concurrency};
  int code;

  if (!report_init(&b->report, 1)) return tool_failed(DSQL_ENOMEM, NULL);
  b->report.work = "txn";
  b->report.units = "transactions";
  b->report.counters = counters;
  b->report.counters_n = COUNTS;
  code = run_txn(&t);
  close_pool(&t);
  dsql_stmt_free(t.read);
  dsql_stmt_free(t.write);
  dsql_target_free(t.target);
  free(t.transfers);
  return code;
}
