/* bench_dsql.c - the works of work.h through libdsql, and two of its own:
 *
 *   stall COUNT    (COUNT is not used) the longest pause of the loop during the process's first connect and query
 *   observed COUNT sync_each, with hooks that do nothing */
#include "bench_dsql.h"

#include <dsql/types.h>
#include <stdio.h>

#include "dsql/observe.h"
#include "measure.h"
#include "work.h"

/* ---- works ---- */

struct work {
  const char *name, *sql;
  void (*start)(struct client *c);
  int64_t (*decode)(const dsql_result *r);
  uint64_t warm_up;
  bool observed;
};

static struct {
  const struct work *work;
  dsql_conn *conn;
  dsql_stmt *stmt;
  uint64_t count, sent, answered;
  int64_t sum;
} state;

static void on_answer(dsql_future *f, void *arg) {
  struct client *c = arg;
  state.sum += state.work->decode(must_result(f));
  dsql_future_destroy(f);
  state.answered++;
  if (state.answered == state.sent && state.sent < state.count) state.work->start(c);
}

static void send_one(struct client *c, int64_t v) {
  dsql_future *f = dsql_query_stmt(state.conn, state.stmt, DSQL_PARAMS(dsql_int8(v)), NULL);
  check(dsql_future_on_ready(f, on_answer, c));
  state.sent++;
}

static void start_one(struct client *c) { send_one(c, (int64_t)state.sent); }

static void start_batch(struct client *c) {
  uint64_t left = state.count - state.sent;
  for (uint64_t n = left < DEPTH ? left : DEPTH; n > 0; n--) send_one(c, (int64_t)state.sent);
}

static void start_group(struct client *c) {
  check(dsql_pipeline_begin(state.conn));
  start_batch(c);
  check(dsql_pipeline_end(state.conn));
}

/* The one query of so many rows; then nothing is left to start. */
static void start_rows(struct client *c) {
  send_one(c, (int64_t)state.count);
  state.count = 1;
}

static int64_t decode_int4(const dsql_result *r) {
  size_t rows = dsql_result_rows(r);
  int64_t sum = 0;
  for (size_t row = 0; row < rows; row++) {
    int32_t v;
    check(dsql_get_int4(r, row, 0, &v));
    sum += v;
  }
  return sum;
}

static int64_t decode_six(const dsql_result *r) {
  size_t rows = dsql_result_rows(r);
  int64_t sum = 0;
  for (size_t row = 0; row < rows; row++) {
    int32_t i4;
    int64_t i8, at_us;
    double f8;
    dsql_str text;
    bool odd;
    check(dsql_get_int4(r, row, 0, &i4));
    check(dsql_get_int8(r, row, 1, &i8));
    check(dsql_get_float8(r, row, 2, &f8));
    check(dsql_get_text(r, row, 3, &text));
    check(dsql_get_timestamptz(r, row, 4, &at_us));
    check(dsql_get_bool(r, row, 5, &odd));
    sum += i4 + i8 + (int64_t)f8 + text_sum(text.ptr, text.len) + at_us / 1000000 + odd;
  }
  return sum;
}

static int64_t decode_array(const dsql_result *r) {
  size_t rows = dsql_result_rows(r);
  int64_t sum = 0;
  for (size_t row = 0; row < rows; row++) {
    int32_t elements[ARRAY_ELEMENTS];
    dsql_value v;
    size_t n;
    check(dsql_get_value(r, row, 0, &v));
    check(dsql_value_int4_array(&v, elements, ARRAY_ELEMENTS, &n));
    for (size_t i = 0; i < n; i++) sum += elements[i];
  }
  return sum;
}

static const struct work works[] = {{"sequential", SQL_INT8, start_one, one_value, WARM_UP, false},
                                    {"sync_each", SQL_INT8, start_batch, one_value, WARM_UP, false},
                                    {"observed", SQL_INT8, start_batch, one_value, WARM_UP, true},
                                    {"grouped", SQL_INT8, start_group, one_value, WARM_UP, false},
                                    {"rows_int4", SQL_ROWS_INT4, start_rows, decode_int4, WARM_UP_ROWS, false},
                                    {"rows_six", SQL_ROWS_SIX, start_rows, decode_six, WARM_UP_ROWS, false},
                                    {"rows_array", SQL_ROWS_ARRAY, start_rows, decode_array, WARM_UP_ROWS, false}};

static int64_t run_once(struct client *c, const struct work *w, uint64_t count) {
  state.work = w;
  state.count = count;
  state.sent = state.answered = 0;
  state.sum = 0;
  w->start(c);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  if (state.answered != state.count) die("dsql: %d answers are missing", (int)(state.count - state.answered));
  return state.sum;
}

static void *on_start(const dsql_span *s, void *arg) {
  (void)s;
  return arg;
}

static void on_end(const dsql_span *s, void *data, void *arg) { (void)s, (void)data, (void)arg; }

static void observe(struct client *c) {
  dsql_hooks h;
  dsql_hooks_init(&h);
  h.start = on_start;
  h.end = on_end;
  check(dsql_rt_observe(c->rt, &h));
}

static void run_work(struct client *c, const struct work *w, uint64_t count) {
  struct sample begin, end;
  int64_t sum;

  if (w->observed) observe(c);
  state.conn = open_connection(c);
  check(dsql_stmt_new(&state.stmt, c->rt, w->sql, NULL, 0));
  (void)run_once(c, w, 1); /* the first execution describes the statement; from then on its results are binary */
  (void)run_once(c, w, w->warm_up);
  measure_sample(&begin);
  sum = run_once(c, w, count);
  measure_sample(&end);
  report_work(&begin, &end, count, sum);
  dsql_stmt_free(state.stmt);
  dsql_conn_close(state.conn);
}

static void run(struct client *c, const char *name, uint64_t count) {
  if (strcmp(name, "connect") == 0) {
    run_connect(c, count);
    return;
  }
  if (strcmp(name, "insert") == 0) {
    run_insert(c, count);
    return;
  }
  if (strcmp(name, "idle") == 0) {
    run_idle(c, count);
    return;
  }
  if (strcmp(name, "stall") == 0) {
    run_stall(c);
    return;
  }
  for (size_t i = 0; i < sizeof works / sizeof *works; i++)
    if (strcmp(name, works[i].name) == 0) {
      run_work(c, &works[i], count);
      return;
    }
  if (!run_copy(c, name, count) && !run_pool(c, name, count) && !run_trips(c, name, count))
    die("unknown work %s", name);
}

int main(int argc, char **argv) {
  struct client c;
  uint64_t count;

  if (argc != 4) die("usage: bench_dsql WORK COUNT TARGET");
  count = parse_count(argv[2]);
  client_open(&c, argv[3]);
  run(&c, argv[1], count);
  client_close(&c);
  return 0;
}
