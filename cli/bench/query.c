/* query.c - `dsql bench query`: one statement over and over, on some connections, some deep. */
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "diagnostics.h"
#include "tool.h"

enum { OPENED_AT_A_TIME = 50 };

struct query_bench;

struct lane { /* one place in a connection's pipeline */
  struct query_bench *owner;
  dsql_future *future;
  uint64_t due_ns;
};

struct query_bench {
  struct bench *bench;
  dsql_target *target;
  dsql_stmt *stmt; /* NULL: --unnamed */
  dsql_conn **conns;
  size_t conns_n;
  struct lane
      *lanes; /* conns_n * pipeline: those of a connection are conns_n apart, so that depth comes after breadth */
  size_t lanes_n;
};

/* ---- connections ---- */

static int wait_ready(struct query_bench *q, size_t begin, size_t end) {
  int code = EXIT_OK;

  for (size_t i = begin; i < end && !code; i++) code = bench_must(q->bench, dsql_conn_ready(q->conns[i]), NULL);
  return code;
}

static void on_second(uv_timer_t *h) { uv_stop(h->loop); }
static void on_closed(uv_handle_t *h) { h->data = NULL; }

/* DSQL accepts 100 connections per second: the next fifty wait for half of one. */
static void wait_for_rate(struct query_bench *q) {
  struct bench *b = q->bench;
  uv_timer_t timer;

  if (!bench_target_is_dsql(q->target)) return;
  uv_timer_init(&b->loop, &timer);
  timer.data = b;
  (void)uv_timer_start(&timer, on_second, OPENED_AT_A_TIME * 1000 / BENCH_DSQL_CONNECTS_PER_S, 0);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&timer, on_closed);
  while (timer.data) uv_run(&b->loop, UV_RUN_ONCE);
}

static int open_all(struct query_bench *q) {
  int code = EXIT_OK;

  for (size_t i = 0; i < q->conns_n && !code; i++) {
    int rc = dsql_conn_open(&q->conns[i], q->bench->rt, q->target);
    if (rc) return tool_failed(rc, NULL);
    if (i + 1 < q->conns_n && (i + 1) % OPENED_AT_A_TIME) continue;
    code = wait_ready(q, i - i % OPENED_AT_A_TIME, i + 1);
    if (!code && i + 1 < q->conns_n) wait_for_rate(q);
    if (q->bench->interrupted) return EXIT_FAILED;
  }
  return code;
}

/* A connection that was lost is opened anew when it is needed next: its queries wait for it, and that is measured. */
static dsql_conn *usable(struct query_bench *q, size_t i) {
  if (dsql_conn_status(q->conns[i]) == DSQL_CONN_FAILED) {
    dsql_conn *fresh;
    if (dsql_conn_open(&fresh, q->bench->rt, q->target) == 0) {
      dsql_conn_close(q->conns[i]);
      q->conns[i] = fresh;
    }
  }
  return q->conns[i];
}

/* ---- one query ---- */

static void on_done(dsql_future *f, void *arg) {
  struct lane *l = arg;
  struct query_bench *q = l->owner;
  struct variant *v = &q->bench->report.variants[0];
  const dsql_result *result;
  int code = dsql_future_result(f, &result);

  if (code) {
    bench_failed(q->bench, v, code, dsql_future_error(f));
  } else {
    bench_succeeded(q->bench, v, l->due_ns, uv_hrtime());
    v->counters[0] += dsql_result_rows(result);
  }
  l->future = NULL;
  dsql_future_destroy(f);
  runner_done(&q->bench->runner, (size_t)(l - q->lanes), code == 0);
}

static void start(void *owner, size_t slot, uint64_t due_ns) {
  struct query_bench *q = owner;
  struct lane *l = &q->lanes[slot];
  dsql_conn *c = usable(q, slot % q->conns_n);

  l->due_ns = due_ns;
  l->future = q->stmt ? dsql_query_stmt(c, q->stmt, DSQL_NO_PARAMS, NULL)
                      : dsql_query(c, q->bench->args->sql, DSQL_NO_PARAMS, NULL);
  if (dsql_future_on_ready(l->future, on_done, l) == 0) return;
  bench_failed(q->bench, &q->bench->report.variants[0], DSQL_ENOMEM, NULL);
  dsql_future_destroy(l->future);
  l->future = NULL;
  runner_done(&q->bench->runner, slot, false);
}

static void cancel(void *owner) {
  struct query_bench *q = owner;
  for (size_t i = 0; i < q->lanes_n; i++)
    if (q->lanes[i].future) dsql_future_cancel(q->lanes[i].future);
}

static void tick(void *owner, uint64_t elapsed_ns) {
  struct query_bench *q = owner;
  progress_show(q->bench, elapsed_ns);
}

static const struct runner_work work = {start, cancel, tick};

/* ---- all of it ---- */

static int prepare(struct query_bench *q) {
  const struct bench_args *a = q->bench->args;
  int code;

  q->conns_n = a->concurrency;
  q->lanes_n = q->conns_n * a->pipeline;
  q->conns = calloc(q->conns_n, sizeof(dsql_conn *));
  q->lanes = calloc(q->lanes_n, sizeof *q->lanes);
  if (!q->conns || !q->lanes) return tool_failed(DSQL_ENOMEM, NULL);
  for (size_t i = 0; i < q->lanes_n; i++) q->lanes[i].owner = q;
  code = a->unnamed ? 0 : dsql_stmt_new(&q->stmt, q->bench->rt, a->sql, NULL, 0);
  return code ? tool_failed(code, NULL) : EXIT_OK;
}

/* Once before the measuring: tells what is wrong with the statement, and prepares it on every connection. */
static int warm_up(struct query_bench *q) {
  const char *sql = q->bench->args->sql;
  int code = EXIT_OK;

  for (size_t i = 0; i < q->conns_n && !code; i++)
    code = bench_must(q->bench,
                      q->stmt ? dsql_query_stmt(q->conns[i], q->stmt, DSQL_NO_PARAMS, NULL)
                              : dsql_query(q->conns[i], sql, DSQL_NO_PARAMS, NULL),
                      sql);
  return code;
}

static void tell_work(struct bench *b) {
  const struct bench_args *a = b->args;

  (void)snprintf(b->report.variants[0].name, sizeof b->report.variants[0].name, "%s",
                 a->unnamed ? "unnamed" : "prepared");
  report_fact(&b->report, "method", "connections: %llu, queries in flight on each: %llu, %s: %.120s",
              (unsigned long long)a->concurrency, (unsigned long long)a->pipeline,
              a->unnamed ? "parsed anew each time" : "prepared", a->sql);
}

static int run_query(struct query_bench *q) {
  int code = bench_target(q->bench, NULL, true, false, &q->target);

  if (code) return code;
  bench_tell_target(q->bench, q->target);
  tell_work(q->bench);
  code = prepare(q);
  if (!code) code = open_all(q);
  if (!code) code = warm_up(q);
  return code ? code : bench_run(q->bench, &work, q, q->lanes_n);
}

int bench_query(struct bench *b) {
  static const struct bench_name counters[] = {{"rows", "rows"}};
  struct query_bench q = {.bench = b};
  int code;

  if (!report_init(&b->report, 1)) return tool_failed(DSQL_ENOMEM, NULL);
  b->report.work = "query";
  b->report.units = "queries";
  b->report.counters = counters;
  b->report.counters_n = 1;
  code = run_query(&q);
  for (size_t i = 0; q.conns && i < q.conns_n; i++)
    if (q.conns[i]) dsql_conn_close(q.conns[i]);
  dsql_stmt_free(q.stmt);
  dsql_target_free(q.target);
  free(q.conns);
  free(q.lanes);
  return code;
}
