/* Targets: resolved, and given their source of passwords. */
#include "auth/require_auth.h"
#include "conn/target_object.h"
#include "dsql/identity.h"

/* What the struct of an older caller does not have is zero. */
static dsql_config whole(const dsql_config *c) {
  dsql_config full = {0};
  memcpy(&full, c, c->size < sizeof full ? c->size : sizeof full);
  return full;
}

/* The layer that resolves targets knows no authentication methods. */
static int check_methods(const struct target *t, struct fault *f) {
  uint32_t ignored;

  if (!t->require_auth) return 0;
  return require_auth_parse((dsql_str){t->require_auth, strlen(t->require_auth)}, &ignored, f);
}

static int build(dsql_target **out, dsql_rt *rt, const dsql_config *c, struct fault *f) {
  dsql_config full;
  struct password_source *source;
  struct target *resolved;
  int rc = target_resolve(&resolved, rt_alloc(rt), NULL, c, f);

  if (rc) return rc;
  full = whole(c);
  rc = check_methods(resolved, f);
  if (rc == 0) rc = identity_source(&source, rt, resolved, full.auth, full.credentials, f);
  if (rc == 0) {
    rc = target_object_new(out, rt, resolved, f);
    if (rc) password_source_unref(source);
  }
  if (rc) {
    target_unref(resolved);
    return rc;
  }
  (*out)->password_source = source;
  (*out)->after_connect = full.after_connect;
  (*out)->after_connect_arg = full.after_connect_arg;
  return 0;
}

int dsql_target_new(dsql_target **out, dsql_rt *rt, const dsql_config *c, const dsql_error **error) {
  struct fault f = {0};
  int rc;

  if (!out || !rt || !c) return DSQL_EINVAL;
  *out = NULL;
  if (error) *error = NULL;
  rc = rt_closing(rt) ? fault_set(&f, DSQL_ECLOSED, "the runtime is closing") : build(out, rt, c, &f);
  if (rc && error) *error = rc == DSQL_ENOMEM ? &error_nomem.pub : &rt_set_error(rt, &f)->pub;
  return rc;
}

bool dsql_target_setting(const dsql_target *t, size_t index, dsql_setting *out) {
  return t && out && target_setting(t->target, index, out);
}

const char *dsql_target_notice(const dsql_target *t, size_t index) {
  return t ? target_notice(t->target, index) : NULL;
}
