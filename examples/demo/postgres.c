/* What scripts/demo shows: a verified direct-TLS connect, a parameterised query riding along with it, a pipeline that is
 * one transaction, one that fails as a whole, and a million rows streamed with a pause, all on one loop. */
#include <dsql/dsql.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static void fail(const char *what, const dsql_error *e) {
  fprintf(stderr, "%s failed: %s: %.*s\n", what, e ? dsql_error_name(e->code) : "?", e ? (int)e->message.len : 0,
          e ? e->message.ptr : "");
  exit(1);
}

static dsql_future *wait_for(const char *what, dsql_future *f) {
  if (dsql_future_run(f)) fail(what, dsql_future_error(f));
  return f;
}

static double milliseconds(uint64_t since_ns) { return (double)(uv_hrtime() - since_ns) / 1e6; }

/* ---- 1: connect, with the first query behind the last authentication message ---- */

static void show_connect(dsql_conn *conn) {
  uint64_t start = uv_hrtime();
  dsql_conn_stats stats;
  const dsql_result *r;
  dsql_str version;
  int32_t answer;
  dsql_future *f = dsql_query(conn, "SELECT $1::int4 + 1, version()", DSQL_PARAMS(dsql_int4(41)), NULL);

  wait_for("the first query", f);
  dsql_conn_stats_get(conn, &stats, sizeof stats);
  if (dsql_future_result(f, &r) || dsql_get_int4(r, 0, 0, &answer) || dsql_get_text(r, 0, 1, &version)) exit(1);
  printf("1. connected, %s, backend %d: %u round trips for TCP, TLS and SCRAM; the first query rode along\n",
         dsql_conn_tls(conn) ? "direct TLS, certificate verified" : "no TLS", (int)dsql_conn_backend_pid(conn),
         stats.connect_round_trips);
  printf("   41 + 1 = %d on %.*s, %.1f ms after the start, %" PRIu64 " writes and %" PRIu64 " reads\n", (int)answer, 15,
         version.ptr, milliseconds(start), stats.writes, stats.reads);
  dsql_future_destroy(f);
}

/* ---- 2: pipelines: one flight, one transaction ---- */

enum { MEMBERS = 5 };

static void show_pipeline(dsql_conn *conn) {
  dsql_future *f[MEMBERS],
      *setup = dsql_exec(conn, "CREATE TEMP TABLE account(id int PRIMARY KEY, balance int8)", NULL);
  dsql_conn_stats before, after;

  wait_for("CREATE TABLE", setup);
  dsql_future_destroy(setup);
  dsql_conn_stats_get(conn, &before, sizeof before);
  if (dsql_pipeline_begin(conn)) exit(1);
  for (int32_t i = 0; i < MEMBERS; i++)
    f[i] = dsql_query(conn, "INSERT INTO account VALUES ($1, $2)", DSQL_PARAMS(dsql_int4(i), dsql_int8(100)), NULL);
  if (dsql_pipeline_end(conn)) exit(1);
  dsql_future *all = wait_for("the pipeline", dsql_all(dsql_conn_rt(conn), f, MEMBERS));
  dsql_conn_stats_get(conn, &after, sizeof after);
  printf("2. a pipeline of %d INSERTs: one transaction, %" PRIu64 " write, 1 round trip\n", MEMBERS,
         after.writes - before.writes);
  dsql_future_destroy(all);
}

static void show_failing_pipeline(dsql_conn *conn) {
  static const int32_t ids[] = {10, 0, 11}; /* 0 is there already */
  dsql_future *f[3];

  if (dsql_pipeline_begin(conn)) exit(1);
  for (int i = 0; i < 3; i++)
    f[i] = dsql_query(conn, "INSERT INTO account VALUES ($1, 0)", DSQL_PARAMS(dsql_int4(ids[i])), NULL);
  if (dsql_pipeline_end(conn)) exit(1);
  printf("3. a pipeline whose second of three INSERTs fails:\n");
  for (int i = 0; i < 3; i++) {
    if (dsql_future_run(f[i]) == 0) fail("the failing pipeline", NULL);
    const dsql_error *e = dsql_future_error(f[i]);
    printf("   [%d] %s%s%s: %.*s\n", i, dsql_error_name(e->code), e->sqlstate[0] ? " " : "", e->sqlstate,
           (int)e->message.len, e->message.ptr);
    dsql_future_destroy(f[i]);
  }
}

/* ---- 4: streaming, in constant memory ---- */

enum { ROWS = 1000000, PAUSE_AT = 500000 };

struct stream {
  dsql_future *future;
  int64_t rows, sum;
  uv_timer_t timer;
};

static void on_pause_over(uv_timer_t *timer) {
  struct stream *s = timer->data;
  dsql_resume(s->future);
}

static int on_row(const dsql_result *row, void *arg) {
  struct stream *s = arg;
  int32_t value;

  if (dsql_get_int4(row, 0, 0, &value)) return -1;
  s->sum += value;
  if (++s->rows != PAUSE_AT) return 0;
  uv_timer_start(&s->timer, on_pause_over, 50, 0); /* a slow consumer: the server is held back by TCP */
  return DSQL_ROW_PAUSE;
}

static void show_stream(dsql_conn *conn) {
  struct stream s = {0};
  uint64_t start = uv_hrtime();

  uv_timer_init(uv_default_loop(), &s.timer);
  s.timer.data = &s;
  s.future = dsql_query_each(conn, "SELECT generate_series(1, $1)", DSQL_PARAMS(dsql_int4(ROWS)), on_row, &s, NULL);
  wait_for("the stream", s.future);
  printf("4. streamed %" PRId64 " rows in %.0f ms, with a pause of 50 ms half way; their sum is %" PRId64 "\n", s.rows,
         milliseconds(start), s.sum);
  dsql_future_destroy(s.future);
  uv_close((uv_handle_t *)&s.timer, NULL);
  uv_run(uv_default_loop(), UV_RUN_NOWAIT);
  if (s.rows != ROWS || s.sum != (int64_t)ROWS * (ROWS + 1) / 2) exit(1);
}

int main(int argc, char **argv) {
  dsql_rt *rt;
  dsql_config config;
  dsql_target *target;
  dsql_conn *conn;
  const dsql_error *error = NULL;

  dsql_config_init(&config);
  config.target = argc > 1 ? argv[1] : "";
  config.application_name = "dsql-demo";
  if (dsql_rt_new(&rt, uv_default_loop(), NULL)) return 1;
  if (dsql_target_new(&target, rt, &config, &error)) fail("the target", error);
  if (dsql_conn_open(&conn, rt, target)) return 1;
  show_connect(conn);
  show_pipeline(conn);
  show_failing_pipeline(conn);
  show_stream(conn);
  dsql_conn_close(conn);
  dsql_target_free(target);
  dsql_rt_close(rt, NULL, NULL);
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
