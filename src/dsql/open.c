/* Opening connections. */
#include "conn/conn.h"

int dsql_conn_open(dsql_conn **out, dsql_rt *rt, const dsql_target *t) {
  struct dsql_target *target = (struct dsql_target *)(uintptr_t)t; /* its reference count is not the caller's business */

  if (!out || !rt || !t) return DSQL_EINVAL;
  *out = NULL;
  return conn_open(out, rt, target, target->password_source);
}
