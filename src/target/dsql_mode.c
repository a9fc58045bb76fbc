/* dsql_mode.c - whether a target is an Aurora DSQL cluster, and what follows from it. The mode only makes things stricter,
 * so that a host from PGHOST may turn it on; nothing else of the environment can, and nothing turns it off. */
#include <string.h>

#include "target/endpoint_name.h"
#include "target/internal.h"
#include "target/values.h"

static bool any_endpoint(const char *list) {
  while (list && *list) {
    dsql_str s = {list, strcspn(list, ",")};
    if (endpoint_is_cluster_id(s) || endpoint_is_dsql_host(s, NULL)) return true;
    list += s.len + (list[s.len] == ',');
  }
  return false;
}

int mode_decide(struct resolver *r) {
  static const char *const words[] = {"iam", "password", NULL};
  const char *host = conninfo_get(r->info, KEYWORD_host);
  unsigned auth = 1;
  int rc = value_choice(r->info, KEYWORD_auth, words, &auth, r->fault);

  if (!host) host = conninfo_get(r->info, KEYWORD_sign_host);
  r->t->dsql = r->info->dsql_scheme || auth == 0 || any_endpoint(host);
  return rc;
}

/* These would have no effect, which somebody who set them should know. */
static int refuse_without_mode(struct resolver *r) {
  static const enum keyword keywords[] = {KEYWORD_region, KEYWORD_profile, KEYWORD_token_duration_secs,
                                          KEYWORD_sign_host, KEYWORD_connect_host};

  for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
    if (conninfo_text(r->info, keywords[i]))
      return fault_set(r->fault, DSQL_EINVAL,
                       "%s (%s) needs DSQL mode: set auth=iam, or use dsql:// or the host name of a DSQL cluster",
                       keyword_table[keywords[i]].name, conninfo_from(r->info, keywords[i]));
  return 0;
}

int mode_finish(struct resolver *r) {
  const char *host;
  int rc = mode_decide(r);

  if (rc == 0 && !r->t->dsql && !conninfo_get(r->info, KEYWORD_host)) {
    host = r->env->getenv(r->env->ctx, "PGHOST");
    r->t->dsql = any_endpoint(host);
    if (r->t->dsql)
      rc = conninfo_set_from(r->info, KEYWORD_host, host, CONNINFO_ENV, r->fault, "environment variable PGHOST");
  }
  return rc || r->t->dsql ? rc : refuse_without_mode(r);
}

/* A password is that of this server only when somebody has asked for one. */
static bool honours_password(const struct resolver *r) {
  const char *auth = conninfo_get(r->info, KEYWORD_auth);
  return auth && strcmp(auth, "password") == 0;
}

bool mode_honours_env(const struct resolver *r, enum keyword k) {
  static const enum keyword keywords[] = {KEYWORD_user, KEYWORD_dbname, KEYWORD_options, KEYWORD_application_name,
                                          KEYWORD_connect_timeout};

  if (r->t->dsql && k == KEYWORD_password) return honours_password(r);
  for (size_t i = 0; r->t->dsql && i < sizeof keywords / sizeof keywords[0]; i++)
    if (keywords[i] == k) return true;
  return !r->t->dsql;
}

const char *mode_default(const struct resolver *r, enum keyword k) {
  static const struct {
    enum keyword keyword;
    const char *value;
  } values[] = {{KEYWORD_user, "admin"},
                {KEYWORD_dbname, "postgres"},
                {KEYWORD_sslmode, "verify-full"},
                {KEYWORD_sslnegotiation, "direct"},
                {KEYWORD_token_duration_secs, "900"}};

  if (!r->t->dsql) return NULL;
  if (k == KEYWORD_auth) return conninfo_text(r->info, KEYWORD_password) || r->config->auth ? "password" : "iam";
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    if (values[i].keyword == k) return values[i].value;
  return NULL;
}

int mode_auth(struct resolver *r) {
  struct target *t = r->t;
  bool iam = strcmp(conninfo_get(r->info, KEYWORD_auth), "iam") == 0;

  if (!t->dsql) return 0;
  t->iam = iam && !conninfo_text(r->info, KEYWORD_password) && !r->config->auth;
  if (t->iam && conninfo_text(r->info, KEYWORD_passfile))
    return fault_set(r->fault, DSQL_EINVAL,
                     "passfile (%s) is not read when an IAM token is used: remove it, or set "
                     "auth=password",
                     conninfo_from(r->info, KEYWORD_passfile));
  return 0;
}

static int refuse(struct resolver *r, enum keyword k, const char *reason) {
  const char *value = conninfo_get(r->info, k);
  bool hidden = conninfo_hidden(r->info, k) || !value;

  return fault_set(r->fault, DSQL_EUNSUPPORTED, "%s%s%s (%s): %s", keyword_table[k].name, hidden ? "" : "=",
                   hidden ? "" : show_text(value, strlen(value)).text, conninfo_from(r->info, k), reason);
}

int mode_refuse(struct resolver *r) {
  const struct target *t = r->t;

  if (!t->dsql) return 0;
  if (t->channel_binding == TARGET_CHANNEL_REQUIRE)
    return refuse(r, KEYWORD_channel_binding, "Aurora DSQL asks for a token, and has no channel binding");
  if (t->session_attrs != TARGET_SESSION_ANY)
    return refuse(r, KEYWORD_target_session_attrs, "an Aurora DSQL cluster has no standbys; use any");
  if (!t->sslsni) return refuse(r, KEYWORD_sslsni, "Aurora DSQL finds the cluster by the name in SNI");
  return 0;
}
