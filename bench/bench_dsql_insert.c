/* bench_dsql_insert.c - the work insert: rows without COPY. */
#include "bench_dsql.h"
#include "measure.h"
#include "work.h"

static struct {
  dsql_conn *conn;
  dsql_stmt *stmt;
  uint64_t count, sent, answered;
  int64_t sum;
} state;

static void start_group(struct client *c);

static void on_answer(dsql_future *f, void *arg) {
  const dsql_result *r = must_result(f);
  state.sum += dsql_result_affected(r);
  dsql_future_destroy(f);
  state.answered++;
  if (state.answered == state.sent && state.sent < state.count) start_group(arg);
}

static void start_group(struct client *c) {
  uint64_t left = state.count - state.sent;

  check(dsql_pipeline_begin(state.conn));
  for (uint64_t n = left < INSERT_GROUP ? left : INSERT_GROUP; n > 0; n--) {
    dsql_params row = DSQL_PARAMS(dsql_int4(INSERT_A), dsql_int4(INSERT_B), dsql_int4(INSERT_C), dsql_text(INSERT_D),
                                  dsql_float8(INSERT_E), dsql_int4(INSERT_F), dsql_text(INSERT_G));
    dsql_future *f = dsql_query_stmt(state.conn, state.stmt, row, NULL);
    check(dsql_future_on_ready(f, on_answer, c));
    state.sent++;
  }
  check(dsql_pipeline_end(state.conn));
}

static int64_t run_once(struct client *c, uint64_t count) {
  state.count = count;
  state.sent = state.answered = 0;
  state.sum = 0;
  start_group(c);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  if (state.answered != count) die("dsql: %d answers are missing", (int)(count - state.answered));
  return state.sum;
}

void run_insert(struct client *c, uint64_t count) {
  struct sample begin, end;
  dsql_future *table;
  int64_t sum;

  state.conn = open_connection(c);
  table = dsql_query(state.conn, SQL_INSERT_TABLE, DSQL_NO_PARAMS, NULL);
  if (dsql_future_run(table)) (void)must_result(table);
  dsql_future_destroy(table);
  check(dsql_stmt_new(&state.stmt, c->rt, SQL_INSERT, NULL, 0));
  (void)run_once(c, 1);
  (void)run_once(c, 2 * INSERT_GROUP);
  measure_sample(&begin);
  sum = run_once(c, count);
  measure_sample(&end);
  report_work(&begin, &end, count, sum);
  dsql_stmt_free(state.stmt);
  dsql_conn_close(state.conn);
}
