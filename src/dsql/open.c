/* Opening connections, with what may differ from the target. */
#include <assert.h>

#include "conn/conn.h"
#include "dsql/identity.h"

/* Its reference count is not the caller's business. */
static struct dsql_target *counted(const dsql_target *t) { return (struct dsql_target *)(uintptr_t)t; }

int dsql_conn_open(dsql_conn **out, dsql_rt *rt, const dsql_target *t) {
  if (!out || !rt || !t) return DSQL_EINVAL;
  *out = NULL;
  return conn_open(out, rt, counted(t), t->password_source);
}

void dsql_conn_options_init_sized(dsql_conn_options *o, size_t size) {
  assert(o && size >= sizeof size);
  memset(o, 0, size);
  memcpy(o, &size, sizeof size);
}

int dsql_conn_open_with(dsql_conn **out, dsql_rt *rt, const dsql_target *t, const dsql_conn_options *o) {
  dsql_conn_options full = {0};
  struct password_source *source;
  struct fault f = {0};
  int rc;

  if (!out || !rt || !t) return DSQL_EINVAL;
  *out = NULL;
  if (o) memcpy(&full, o, o->size < sizeof full ? o->size : sizeof full);
  if (!full.auth && !full.credentials) return conn_open(out, rt, counted(t), t->password_source);
  rc = identity_source(&source, rt, t->target, full.auth, full.credentials, &f);
  if (rc) return rc;
  rc = conn_open(out, rt, counted(t), source);
  password_source_unref(source);
  return rc;
}
