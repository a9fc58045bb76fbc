/* bench_client.c - a loop with a runtime and a target, for programs that end at the first failure. */
#include "bench_dsql.h"
#include "measure.h"

void check(int code) {
  if (code) die("dsql: %s", dsql_error_name(code));
}

void client_open(struct client *c, const char *target) {
  const dsql_error *error;
  dsql_config config;

  check(uv_loop_init(&c->loop));
  check(dsql_rt_new(&c->rt, &c->loop, NULL));
  dsql_config_init(&config);
  config.target = target;
  if (dsql_target_new(&c->target, c->rt, &config, &error))
    die("dsql: %.*s", (int)error->message.len, error->message.ptr);
}

void client_close(struct client *c) {
  dsql_target_free(c->target);
  dsql_rt_close(c->rt, NULL, NULL);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  check(uv_loop_close(&c->loop));
}

dsql_conn *open_connection(struct client *c) {
  dsql_conn *conn;
  check(dsql_conn_open(&conn, c->rt, c->target));
  return conn;
}

const dsql_result *must_result(dsql_future *f) {
  const dsql_result *r;
  int code = dsql_future_result(f, &r);
  const dsql_error *e = dsql_future_error(f);
  if (e) die("dsql: %s: %s: %.*s", dsql_error_name(e->code), e->sqlstate, (int)e->message.len, e->message.ptr);
  check(code);
  return r;
}

/* The getters check row and column, NULL, type and width. */
int64_t one_value(const dsql_result *r) {
  int64_t v;
  if (dsql_result_rows(r) != 1) die("dsql: unexpected number of rows");
  check(dsql_get_int8(r, 0, 0, &v));
  return v;
}

void must_succeed(dsql_future *f) {
  int code = dsql_future_run(f);
  const dsql_error *e = dsql_future_error(f);
  if (code) die("dsql: %s: %.*s", dsql_error_name(code), e ? (int)e->message.len : 0, e ? e->message.ptr : "");
  dsql_future_destroy(f);
}

static void on_timer(uv_timer_t *t) { uv_close((uv_handle_t *)t, NULL); }

void idle_for(struct client *c, uint64_t ms) {
  uv_timer_t timer;
  uv_timer_init(&c->loop, &timer);
  uv_timer_start(&timer, on_timer, ms, 0);
  uv_run(&c->loop, UV_RUN_DEFAULT);
}
