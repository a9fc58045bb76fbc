#include "conn/target_object.h"

static int resolve(dsql_target **out, dsql_rt *rt, const dsql_config *c, struct fault *f) {
  struct target *resolved;
  int rc = target_resolve(&resolved, rt_alloc(rt), NULL, c, f);

  if (rc == 0) {
    rc = target_object_new(out, rt, resolved, f);
    if (rc) target_unref(resolved);
  }
  return rc;
}

int dsql_target_new(dsql_target **out, dsql_rt *rt, const dsql_config *c, const dsql_error **error) {
  struct fault f = {0};
  int rc;

  if (!out || !rt || !c) return DSQL_EINVAL;
  *out = NULL;
  if (error) *error = NULL;
  rc = resolve(out, rt, c, &f);
  if (rc && error) *error = rc == DSQL_ENOMEM ? &error_nomem.pub : &rt_set_error(rt, &f)->pub;
  return rc;
}
