// The C++17 twin of consumer.c: parameters come from a braced list.
#include <cstdio>
#include <dsql/dsql.hpp>
#include <dsql/scalars.h>
#include <uv.h>

static int failing_query(dsql_rt *rt) {
  dsql_config config;
  dsql_config_init(&config);
  config.target = "host=127.0.0.1 port=1 user=nobody dbname=nothing";
  config.sslmode = DSQL_SSL_DISABLE;
  config.connect_timeout_ms = 5000;

  dsql_target *target = nullptr;
  const dsql_error *error = nullptr;
  if (dsql_target_new(&target, rt, &config, &error)) return 1;
  dsql_conn *conn = nullptr;
  if (dsql_conn_open(&conn, rt, target)) return 1;

  dsql_future *f = dsql_query(conn, "select $1::int8 + $2", dsql::params{dsql_int8(40), dsql_text("2")}, nullptr);
  int code = dsql_future_run(f);
  if ((error = dsql_future_error(f)) != nullptr) {
    std::printf("%s: %.*s\n", dsql_error_name(code), static_cast<int>(error->message.len), error->message.ptr);
  }
  dsql_future_destroy(f);
  dsql_conn_close(conn);
  dsql_target_free(target);
  return code == 0 || code == DSQL_ENOTREADY;
}

int main() {
  uv_loop_t loop;
  dsql_rt *rt = nullptr;
  bool done = false;

  if (uv_loop_init(&loop) || dsql_rt_new(&rt, &loop, nullptr)) return 1;
  int failed = failing_query(rt);
  dsql_rt_close(
      rt, [](void *arg) { *static_cast<bool *>(arg) = true; }, &done);
  uv_run(&loop, UV_RUN_DEFAULT);
  return failed || !done || uv_loop_close(&loop);
}
