/* One connection and no pool: for a tool that does its work and ends. The library makes and renews the IAM token. */
#include "../../common.h"

static int run(dsql_conn *c, const char *sql, dsql_params params) {
  return finish(sql, dsql_query(c, sql, params, NULL));
}

/* Create, read, update, delete. DDL and DML do not mix in a transaction on Aurora DSQL; here each statement is its own. */
static int crud(dsql_conn *c) {
  dsql_future *f;
  const dsql_result *r;
  dsql_str name, city;
  int code = run(c,
                 "CREATE TABLE IF NOT EXISTS owner (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), "
                 "name varchar(30) NOT NULL, city varchar(80) NOT NULL, telephone varchar(20))",
                 DSQL_NO_PARAMS);

  if (code == 0)
    code = run(c, "INSERT INTO owner (name, city, telephone) VALUES ($1, $2, $3)",
               DSQL_PARAMS(dsql_text("John Doe"), dsql_text("Anytown"), dsql_text("555-555-0150")));
  if (code == 0)
    code =
        run(c, "UPDATE owner SET city = $1 WHERE name = $2", DSQL_PARAMS(dsql_text("Anycity"), dsql_text("John Doe")));
  if (code) return code;

  f = dsql_query(c, "SELECT name, city FROM owner WHERE name = $1", DSQL_PARAMS(dsql_text("John Doe")), NULL);
  code = dsql_future_run(f);
  if (code) failed("SELECT", code, dsql_future_error(f));
  if (code == 0) code = dsql_future_result(f, &r);
  for (size_t row = 0; code == 0 && row < dsql_result_rows(r); row++) {
    code = dsql_get_text(r, row, 0, &name);
    if (code == 0) code = dsql_get_text(r, row, 1, &city);
    if (code == 0) printf("%.*s lives in %.*s\n", (int)name.len, name.ptr, (int)city.len, city.ptr);
  }
  dsql_future_destroy(f);
  return code ? code : run(c, "DELETE FROM owner WHERE name = $1", DSQL_PARAMS(dsql_text("John Doe")));
}

int main(void) {
  dsql_rt *rt;
  dsql_target *target;
  dsql_conn *conn;
  int code = DSQL_EINVAL;

  if (dsql_rt_new(&rt, uv_default_loop(), NULL)) return 1;
  target = cluster_target(rt);
  if (target) {
    code = dsql_conn_open(&conn, rt, target); /* usable at once: the first statement travels along */
    if (code) failed("dsql_conn_open", code, NULL);
    if (code == 0) {
      code = crud(conn);
      dsql_conn_close(conn);
    }
    dsql_target_free(target);
  }
  dsql_rt_close(rt, NULL, NULL);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return code != 0;
}
