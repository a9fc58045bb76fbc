/* One connection, one query: postgres://user:password@host/database as the only argument. */
#include <dsql/dsql.h>
#include <stdio.h>
#include <uv.h>

int main(int argc, char **argv) {
  dsql_rt *rt;
  dsql_config config;
  dsql_target *target;
  dsql_conn *conn;
  const dsql_error *error = NULL;

  dsql_config_init(&config);
  config.target = argc > 1 ? argv[1] : NULL;
  if (dsql_rt_new(&rt, uv_default_loop(), NULL)) return 1;
  if (dsql_target_new(&target, rt, &config, &error) || dsql_conn_open(&conn, rt, target)) {
    if (error) fprintf(stderr, "%.*s\n", (int)error->message.len, error->message.ptr);
    return 1;
  }
  dsql_future *sum = dsql_query(conn, "SELECT $1 + $2", DSQL_PARAMS(dsql_int8(40), dsql_int8(2)), NULL);
  int rc = dsql_future_run(sum); /* a server registers dsql_future_on_ready() and goes on instead */
  const dsql_result *result;
  int64_t value;
  if (rc == 0 && dsql_future_result(sum, &result) == 0 && dsql_get_int8(result, 0, 0, &value) == 0)
    printf("40 + 2 = %lld\n", (long long)value);
  else if ((error = dsql_future_error(sum)) != NULL)
    fprintf(stderr, "%.*s\n", (int)error->message.len, error->message.ptr);
  dsql_future_destroy(sum);
  dsql_conn_close(conn);
  dsql_target_free(target);
  dsql_rt_close(rt, NULL, NULL);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return rc != 0;
}
