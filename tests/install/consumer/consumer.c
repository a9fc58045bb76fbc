/* Uses what a first program uses. Nothing listens where it connects: the failure must come through the future. */
#define _POSIX_C_SOURCE 200809L /* what uv.h needs beside C11 */
#include <dsql/dsql.h>
#include <stdio.h>
#include <uv.h>

static void closed(void *arg) { *(bool *)arg = true; }

static int failing_query(dsql_rt *rt) {
  dsql_config config;
  dsql_call call;
  dsql_target *target;
  dsql_conn *conn;
  dsql_future *f;
  const dsql_error *error;
  int code;

  dsql_config_init(&config);
  config.target = "host=127.0.0.1 port=1 user=nobody dbname=nothing";
  config.sslmode = DSQL_SSL_DISABLE;
  config.connect_timeout_ms = 5000;
  if (dsql_target_new(&target, rt, &config, &error)) {
    fprintf(stderr, "%.*s\n", (int)error->message.len, error->message.ptr);
    return 1;
  }
  if (dsql_conn_open(&conn, rt, target)) return 1;
  dsql_call_init(&call);
  call.read_only = true;
  f = dsql_query(conn, "select $1::int8 + $2", DSQL_PARAMS(dsql_int8(40), dsql_text("2")), &call);
  code = dsql_future_run(f);
  error = dsql_future_error(f);
  if (error) printf("%s: %.*s\n", dsql_error_name(code), (int)error->message.len, error->message.ptr);
  dsql_future_destroy(f);
  dsql_conn_close(conn);
  dsql_target_free(target);
  return code == 0 || code == DSQL_ENOTREADY;
}

int main(void) {
  uv_loop_t loop;
  dsql_rt *rt;
  bool done = false;
  int failed;

  printf("dsql %s, header %s\n", dsql_version(), DSQL_VERSION_STRING);
  if (uv_loop_init(&loop) || dsql_rt_new(&rt, &loop, NULL)) return 1;
  failed = failing_query(rt);
  dsql_rt_close(rt, closed, &done);
  uv_run(&loop, UV_RUN_DEFAULT);
  return failed || !done || uv_loop_close(&loop);
}
