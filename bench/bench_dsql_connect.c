/* bench_dsql_connect.c - the works that are about connections: connect, idle, stall. */
#include <stdlib.h>

#include "bench_dsql.h"
#include "measure.h"
#include "work.h"

static int64_t first_row(dsql_conn *conn, int64_t v) {
  dsql_future *f = dsql_query(conn, SQL_INT8, DSQL_PARAMS(dsql_int8(v)), NULL);
  int64_t value;

  if (dsql_future_run(f) == DSQL_ENOTREADY) die("dsql: the loop ended before the answer came");
  value = one_value(must_result(f));
  dsql_future_destroy(f);
  return value;
}

static int64_t connects(struct client *c, uint64_t count) {
  int64_t sum = 0;
  for (uint64_t i = 0; i < count; i++) {
    dsql_conn *conn = open_connection(c);
    sum += first_row(conn, (int64_t)i);
    dsql_conn_close(conn);
  }
  return sum;
}

void run_connect(struct client *c, uint64_t count) {
  struct sample start, first, begin, end;
  int64_t sum;

  measure_sample(&start);
  (void)connects(c, 1);
  measure_sample(&first);
  (void)connects(c, WARM_UP_CONNECTS - 1);
  measure_sample(&begin);
  sum = connects(c, count);
  measure_sample(&end);
  report("first_cpu_us", first.cpu_us - start.cpu_us);
  report("first_wall_us", (first.wall_ns - start.wall_ns) / 1000);
  report_work(&begin, &end, count, sum);
}

/* ---- idle ---- */

void run_idle(struct client *c, uint64_t count) {
  long first_kb = 0;
  int64_t sum = 0;
  dsql_conn **connections = calloc(count, sizeof(dsql_conn *));

  if (!connections || count <= IDLE_BATCH) die("idle: COUNT is more than %d", IDLE_BATCH);
  for (uint64_t i = 0; i < count; i++) {
    connections[i] = open_connection(c);
    sum += first_row(connections[i], (int64_t)i);
    if ((i + 1) % IDLE_BATCH == 0 || i + 1 == count) idle_for(c, IDLE_WAIT_MS);
    if (i + 1 == IDLE_BATCH) first_kb = measure_rss_kb();
  }
  report("count", (int64_t)(count - IDLE_BATCH));
  report("rss_kb", measure_rss_kb() - first_kb);
  report("sum", sum);
  for (uint64_t i = 0; i < count; i++) dsql_conn_close(connections[i]);
  free(connections);
}

/* ---- stall ---- */

static struct {
  int64_t last_wall_ns, last_cpu_ns, longest_wall_ns, longest_cpu_ns;
  uint64_t ticks;
} clock_state;

static void on_tick(uv_timer_t *handle) {
  int64_t wall = measure_wall_ns(), cpu = measure_thread_cpu_ns();

  (void)handle;
  if (clock_state.ticks++ > 0) {
    int64_t wall_gap = wall - clock_state.last_wall_ns, cpu_gap = cpu - clock_state.last_cpu_ns;
    if (wall_gap > clock_state.longest_wall_ns) clock_state.longest_wall_ns = wall_gap;
    if (cpu_gap > clock_state.longest_cpu_ns) clock_state.longest_cpu_ns = cpu_gap;
  }
  clock_state.last_wall_ns = wall;
  clock_state.last_cpu_ns = cpu;
}

/* A timer of a millisecond tells how long the loop was away. Wall clock is what counts; on a busy machine it also has
 * the time that other processes were given, so the loop thread's CPU time is told beside it. */
void run_stall(struct client *c) {
  uv_timer_t timer;
  dsql_conn *conn;

  uv_timer_init(&c->loop, &timer);
  uv_timer_start(&timer, on_tick, 0, 1);
  uv_run(&c->loop, UV_RUN_NOWAIT); /* the first tick, so that what dsql_conn_open() itself takes is seen too */
  conn = open_connection(c);
  report("sum", first_row(conn, 1));
  uv_run(&c->loop, UV_RUN_ONCE);
  report("ticks", (int64_t)clock_state.ticks);
  report("longest_wall_us", clock_state.longest_wall_ns / 1000);
  report("longest_cpu_us", clock_state.longest_cpu_ns / 1000);
  dsql_conn_close(conn);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&c->loop, UV_RUN_NOWAIT);
}
