/* bench_dsql_copy.c - the works copy_in and copy_out of work.h. */
#include <dsql/copy.h>
#include <stdio.h>

#include "bench_dsql.h"
#include "measure.h"
#include "work.h"

enum { ROWS_PER_CALL = 128 };

static struct {
  dsql_conn *conn;
  uint64_t left;
  int64_t sum;
} state;

static dsql_copy_next lines(dsql_copy *copy, void *arg) {
  (void)arg;
  for (int i = 0; i < ROWS_PER_CALL && state.left > 0; i++, state.left--)
    (void)dsql_copy_write(copy, COPY_LINE, sizeof COPY_LINE - 1);
  return state.left > 0 ? DSQL_COPY_MORE : DSQL_COPY_END;
}

static dsql_copy_next values(dsql_copy *copy, void *arg) {
  (void)arg;
  for (int i = 0; i < ROWS_PER_CALL && state.left > 0; i++, state.left--)
    (void)dsql_copy_row(copy,
                        DSQL_PARAMS(dsql_int4(INSERT_A), dsql_int4(INSERT_B), dsql_int4(INSERT_C), dsql_text(INSERT_D),
                                    dsql_float8(INSERT_E), dsql_int4(INSERT_F), dsql_text(INSERT_G)));
  return state.left > 0 ? DSQL_COPY_MORE : DSQL_COPY_END;
}

static int look(const void *data, size_t n, void *arg) {
  (void)arg;
  state.sum += text_sum(data, n);
  return 0;
}

static int64_t finish(dsql_future *f) {
  int64_t rows;
  if (dsql_future_run(f)) (void)must_result(f);
  rows = dsql_result_affected(must_result(f));
  dsql_future_destroy(f);
  return rows;
}

static int64_t run_once(const struct copy_work *w, uint64_t count) {
  char sql[sizeof SQL_COPY_OUT + 32];

  state.left = count;
  state.sum = 0;
  if (w->in)
    return finish(dsql_copy_in(state.conn, w->binary ? SQL_COPY_IN_BINARY : SQL_COPY_IN_TEXT,
                               w->binary ? values : lines, NULL, NULL));
  (void)snprintf(sql, sizeof sql, SQL_COPY_OUT, (unsigned long long)count, w->binary ? "binary" : "text");
  return finish(dsql_copy_out(state.conn, sql, look, NULL, NULL)) + state.sum;
}

static void execute(const char *sql) {
  dsql_future *f = dsql_query(state.conn, sql, DSQL_NO_PARAMS, NULL);
  must_succeed(f);
}

static int64_t server_sum(void) {
  dsql_future *f = dsql_query(state.conn, SQL_COPIED_SUM, DSQL_NO_PARAMS, NULL);
  int64_t sum;
  if (dsql_future_run(f)) (void)must_result(f);
  sum = one_value(must_result(f));
  dsql_future_destroy(f);
  return sum;
}

bool run_copy(struct client *c, const char *name, uint64_t count) {
  const struct copy_work *w = copy_work_find(name);
  struct sample begin, end;
  int64_t sum;
  long idle_kb;

  if (!w) return false;
  state.conn = open_connection(c);
  execute(SQL_INSERT_TABLE);
  (void)run_once(w, WARM_UP_ROWS);
  execute(SQL_COPY_TRUNCATE);
  idle_kb = measure_rss_kb();
  measure_sample(&begin);
  sum = run_once(w, count);
  measure_sample(&end);
  report("peak_rss_kb", measure_peak_rss_kb() - idle_kb);
  report_work(&begin, &end, count, sum + server_sum());
  dsql_conn_close(state.conn);
  return true;
}
